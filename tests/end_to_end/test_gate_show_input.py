"""What the rules saw can be printed, and whoever has it can judge it again: the same policy, the same answer.

A policy is read at the protected tip and nowhere else; a file is for trying one out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from countermark_scanners.finding import Confidence, Finding, Severity
from countermark_scanners.score import score
from countermark_service.cli import main
from countermark_service.gate.policy import POLICY_PATH

from .conftest import CLEAN, Scene


def seen(scene: Scene, *words: str) -> tuple[int, dict[str, Any]]:
    scene.capsys.readouterr()
    code = main(["gate", "--record", "never", "--show-input", *words])
    found = json.loads(scene.capsys.readouterr().out)
    assert isinstance(found, dict)
    return code, found


def judged(scene: Scene, document: object, policy: Path | None = None) -> tuple[int, dict[str, Any]]:
    """Let `policy check` judge a printed input, under the policy at the tip or another."""
    place = scene.root.parent / "input.json"
    place.write_text(json.dumps(document))
    code = main(["policy", "check", *([str(policy)] if policy else []), "--input", str(place), "--json"])
    found = json.loads(scene.capsys.readouterr().out)["judged"]
    assert found.pop("exitCode") == code
    return code, found


def another_policy(scene: Scene, **other: object) -> Path:
    """Write the tip's policy with other fields to a file outside of the repository."""
    value = json.loads(scene.git("show", f"main:{POLICY_PATH}"))
    place = scene.root.parent / "policy.json"
    place.write_text(json.dumps({**value, **other}))
    return place


def change_policy(scene: Scene, **other: object) -> None:
    """Change the policy on the protected branch, as its people would, and begin to work from there."""
    scene.git("checkout", "-q", "main")
    (scene.root / POLICY_PATH).write_bytes(another_policy(scene, **other).read_bytes())
    scene.commit("another policy")
    scene.branch("onwards")


def test_what_the_rules_saw_gives_the_same_reasons_again(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    scene.write({"extra.py": "x = 1\n", "CODEOWNERS": "* @ann\n"})
    scene.commit()
    code, document = seen(scene)
    assert (code, [reason["rule"] for reason in document["reasons"]]) == (11, ["coverage", "protected-paths"])
    assert judged(scene, document) == (code, document)


def test_a_change_that_passes_shows_who_answers_for_each_file(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    code, document = seen(scene)
    assert (code, document["reasons"], document["coverage"]["percent"]) == (0, [], 100)
    (file,) = document["files"]
    (by,) = file["answeredBy"]
    assert (file["path"], file["answer"], file["protected"]) == ("app.py", "covered", False)
    assert by["signer"].endswith("/agent/coder")
    assert (by["evidence"], by["ageDays"], by["behindTip"]) == ("asserted", 0, 0)
    assert document["policySha256"] == hashlib.sha256(scene.git("show", f"main:{POLICY_PATH}").encode()).hexdigest()


@pytest.mark.parametrize(
    ("other", "rule", "code"),
    [
        ({"evidence": {"minimum": "boxed"}}, "evidence-level", 10),
        ({"agents": []}, "agents", 10),
        ({"models": ["m-1"]}, "models", 10),
        ({"images": ["sha256:0"]}, "images", 10),
        ({"score": {"scanners": ["bandit", "ruff", "semgrep", "other"]}}, "scanners", 20),
        ({"score": {"rules": {"ruff": "1" * 64}}}, "scanner-rules", 20),
        ({"splitView": "refuse"}, "split-view", 12),
        ({"witnesses": {"minimum": 1}}, "witnesses", 20),
        ({"paths": [{"match": ["*.py"], "evidence": "observed"}]}, "evidence-level", 10),
        ({"protected": {"paths": ["app.py"]}}, "protected-paths", 11),
    ],
)
def test_a_stricter_policy_can_be_tried_on_what_was_seen(
    scene: Scene, other: dict[str, object], rule: str, code: int
) -> None:
    scene.change({"app.py": "two = 2\n"})
    _, document = seen(scene)
    found = judged(scene, document, another_policy(scene, **{"evidence": {"minimum": "asserted"}, **other}))
    assert (found[0], {reason["rule"] for reason in found[1]["reasons"]}) == (code, {rule})


def test_another_policy_that_only_observes_says_the_same_and_exits_0(scene: Scene) -> None:
    scene.write({"extra.py": "x = 1\n"})
    scene.commit()
    _, document = seen(scene)
    observing = another_policy(scene, mode="observe")
    code, found = judged(scene, document, observing)
    assert (code, [reason["code"] for reason in found["reasons"]]) == (0, [11])
    scene.capsys.readouterr()
    assert main(["policy", "check", str(observing), "--input", str(scene.root.parent / "input.json")]) == 0
    assert "NOT ENFORCING" in scene.capsys.readouterr().out


def test_the_same_facts_have_the_same_bytes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.change({"app.py": "two = 2\n", "b.py": "x = 1\n"})
    now = datetime.now(UTC)
    monkeypatch.setattr("countermark_service.cli.deciding.utc_now", lambda: now)
    scene.capsys.readouterr()
    printed = []
    for _ in range(2):
        assert main(["gate", "--record", "never", "--show-input"]) == 0
        printed.append(scene.capsys.readouterr().out)
    place = scene.root.parent / "out.json"
    assert main(["gate", "--record", "never", "--output", f"input={place}"]) == 0
    assert printed == [place.read_text()] * 2


def test_a_refusal_before_there_are_facts_shows_none(scene: Scene) -> None:
    scene.capsys.readouterr()
    place = scene.root.parent / "out.json"
    assert main(["gate", "--show-input", "--protected-ref", "nowhere", "--output", f"input={place}"]) == 2
    assert scene.capsys.readouterr().out == ""
    assert [reason["code"] for reason in json.loads(place.read_text())["reasons"]] == [2]


def test_a_name_that_a_terminal_would_obey_is_spelled_out_and_read_back(scene: Scene) -> None:
    scene.write({"a\x1b[2J.py": "x = 1\n", "b\u202e.py": "y = 1\n"})
    scene.commit()
    code, document = seen(scene)
    assert [reason["rule"] for reason in document["reasons"]] == ["unsafe-paths"] * 2
    assert "\x1b" not in json.dumps(document, ensure_ascii=False)
    assert "\u202e" not in json.dumps(document, ensure_ascii=False)
    assert judged(scene, document) == (code, document)


# --- a share of the files ---------------------------------------------------------------------------


def test_a_policy_may_let_files_pass_that_nobody_answers_for_and_every_output_counts_them(scene: Scene) -> None:
    change_policy(scene, coverage={"minimum": 50})
    scene.change({"app.py": "two = 2\n"})
    scene.write({"extra.py": "x = 1\n"})
    scene.commit()
    code, document = seen(scene)
    assert code == 0
    assert document["coverage"] == {"covered": 1, "files": 2, "letPass": 1, "percent": 50, "unanswered": 1}
    assert scene.gate()["unansweredFiles"] == 1
    files = {name: scene.root.parent / name for name in ("text", "summary", "comment")}
    outputs = [word for name, place in files.items() for word in ("--output", f"{name}={place}")]
    assert scene.run("gate", *outputs) == 0
    assert ["1 that nobody answers for" in place.read_text() for place in files.values()] == [True] * 3
    scene.write({"another.py": "y = 1\n"})
    scene.commit()
    assert [reason["path"] for reason in seen(scene)[1]["reasons"]] == ["another.py", "extra.py"]


@pytest.mark.parametrize("path", ["CODEOWNERS", "b\u202e.py"])
def test_no_share_is_enough_for_what_people_must_answer_for_or_nobody_can(scene: Scene, path: str) -> None:
    change_policy(scene, coverage={"minimum": 1})
    scene.change({"app.py": "two = 2\n"})
    scene.write({path: "x\n"})
    scene.commit()
    assert scene.code() == 11


def test_no_share_is_enough_for_what_the_policy_objects_to(scene: Scene) -> None:
    change_policy(scene, coverage={"minimum": 1}, agents=[])
    scene.change({"app.py": "two = 2\n"})
    scene.write({"mine.py": "x\n"})
    scene.must("claim", "mine.py")
    scene.commit()
    assert scene.code() == 10


# --- where a policy is read -------------------------------------------------------------------------

LAX = {"mode": "observe", "coverage": {"minimum": 1}, "evidence": {"minimum": "asserted"}}


def test_the_gate_reads_its_policy_at_the_protected_tip_and_nowhere_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_tip = scene.git("show", f"main:{POLICY_PATH}").encode()
    lax = another_policy(scene, **LAX).read_bytes()
    for place in (scene.root, scene.root / "sub", scene.root.parent, scene.root / ".git"):
        (place / ".countermark").mkdir(parents=True, exist_ok=True)
        (place / POLICY_PATH).write_bytes(lax)
        (place / "policy.json").write_bytes(lax)
    scene.git("add", "-A")
    scene.commit("an easier policy")
    monkeypatch.setenv("COUNTERMARK_POLICY", str(scene.root / POLICY_PATH))
    scene.git("config", "countermark.policy", str(scene.root / POLICY_PATH))
    monkeypatch.chdir(scene.root / "sub")
    code, document = seen(scene)
    assert (code, document["policySha256"]) == (11, hashlib.sha256(at_tip).hexdigest())


def test_policy_check_and_explain_read_it_there_too_unless_a_file_is_named(scene: Scene) -> None:
    at_tip = hashlib.sha256(scene.git("show", f"main:{POLICY_PATH}").encode()).hexdigest()
    lax = another_policy(scene, **LAX).read_bytes()
    (scene.root / POLICY_PATH).write_bytes(lax)
    scene.commit("an easier policy")
    for action in ("check", "explain"):
        told = json.loads(scene.must("policy", action, "--json"))
        assert (told["policy"], told["policySha256"]) == ("refs/heads/main", at_tip)
        named = json.loads(scene.must("policy", action, POLICY_PATH, "--json"))
        assert (named["policy"], named["policySha256"]) == (POLICY_PATH, hashlib.sha256(lax).hexdigest())


def test_a_policy_knows_which_witnesses_its_trust_root_pins(scene: Scene) -> None:
    asking = another_policy(scene, witnesses={"minimum": 1}, splitView="refuse")
    told = json.loads(scene.must("policy", "check", str(asking), "--json"))
    assert {"splitView", "witnesses.minimum"} <= {one["field"] for one in told["warnings"]}
    assert "splitView" not in {one["field"] for one in json.loads(scene.must("policy", "check", "--json"))["warnings"]}


# --- other values for some paths ---------------------------------------------------------------------


def test_the_highest_threshold_of_any_changed_file_holds_for_the_change(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    flaw = ("f" * 64, "B1", 78, Severity.MEDIUM, Confidence.HIGH, "app.py", 1, "a flaw", "mend it", "bandit")
    result = replace(CLEAN, new_findings=(Finding(*flaw),), score=score((Finding(*flaw),)))
    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", lambda *_: lambda *_: result)
    change_policy(scene, paths=[{"match": ["pay/*"], "threshold": 95}, {"match": ["*.txt"], "threshold": 50}])
    scene.change({"app.py": "two = 2\n", "notes.txt": "x\n"})
    assert result.score.value == 92
    assert scene.code() == 0
    scene.change({"pay/card.py": "x = 1\n"})
    scene.capsys.readouterr()
    assert scene.run("gate") == 10
    said = scene.capsys.readouterr().out
    assert "score 92 of 100, the policy asks for 95" in said
    assert "policy asks for 95)" in said


def test_an_override_asks_for_more_of_its_paths_alone(scene: Scene) -> None:
    change_policy(scene, paths=[{"match": ["pay/*"], "evidence": "boxed"}, {"match": ["pay/docs/*"], "agents": []}])
    scene.change({"app.py": "two = 2\n"})
    assert scene.code() == 0
    scene.change({"pay/card.py": "x = 1\n", "pay/docs/card.py": "y = 1\n"})
    reasons = {(reason["rule"], reason["path"]) for reason in seen(scene)[1]["reasons"]}
    assert reasons == {
        ("evidence-level", "pay/card.py"),
        ("evidence-level", "pay/docs/card.py"),
        ("agents", "pay/docs/card.py"),
    }
