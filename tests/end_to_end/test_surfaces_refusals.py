"""Every kind of refusal, as a new user meets it: the file, its lines, what was signed of it last, and a command."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from countermark_ledger.display import safe
from countermark_scanners.finding import Confidence, Finding, Severity
from countermark_scanners.score import score
from countermark_service.cli.parsing import build_parser
from countermark_service.embedded import utc_now

from .conftest import CLEAN, Scene

COMMAND = re.compile(r"\b(countermark|git) ([a-z-]+)([^\n]*)")


def never_signed(scene: Scene) -> None:
    scene.write({"app.py": "one = 1\ntwo = 2\n"})
    scene.commit()


def edited_after_signing(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    scene.write({"app.py": "three = 3\n"})
    scene.commit()


def deleted(scene: Scene) -> None:
    scene.write({"app.py": None})
    scene.commit()


def made_executable(scene: Scene) -> None:
    (scene.root / "app.py").chmod(0o755)
    scene.commit()


def a_protected_file(scene: Scene) -> None:
    scene.write({".github/workflows/ci.yml": "on: push\n"})
    scene.must("sign", "--agent", "coder")
    scene.commit()


def a_name_that_lies(scene: Scene) -> None:
    scene.write({"\u202egpj.py": "x = 1\n"})
    scene.commit()


def work_of_a_revoked_agent(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    scene.must("agent", "revoke", "coder", "--reason", "key copied", "--since", "2026-01-01T00:00:00Z")


def a_conflict(scene: Scene) -> None:
    scene.change({"app.py": "mine = 1\n"})
    scene.git("checkout", "-q", "main")
    scene.write({"app.py": "theirs = 1\n"})
    scene.commit()
    scene.git("checkout", "-q", "work")


def an_unreadable_policy(scene: Scene) -> None:
    scene.write({".countermark/policy.json": "{"})
    scene.commit()


REFUSALS: dict[Callable[[Scene], None], tuple[int, str | None]] = {
    never_signed: (11, "app.py"),
    edited_after_signing: (11, "app.py"),
    deleted: (11, "app.py"),
    made_executable: (11, "app.py"),
    a_protected_file: (11, ".github/workflows/ci.yml"),
    a_name_that_lies: (11, "\u202egpj.py"),
    work_of_a_revoked_agent: (13, "app.py"),
    a_conflict: (11, "app.py"),
    an_unreadable_policy: (11, ".countermark/policy.json"),
}


def has_a_command(hint: str) -> bool:
    """Tell whether a hint has a command of git's, or one of ours that the parser takes."""
    for program, word, rest in COMMAND.findall(hint):
        if program == "countermark":
            words = shlex.split(word + rest.split("   ")[0])
            assert build_parser(words[0]).parse_args(words).command == words[0]
        return True
    return False


@pytest.mark.parametrize("make", REFUSALS, ids=lambda make: make.__name__)
def test_a_refusal_says_where_what_was_signed_and_what_to_do(make: Callable[[Scene], None], scene: Scene) -> None:
    code, path = REFUSALS[make]
    make(scene)
    found = scene.gate("--record", "never")
    assert found["exitCode"] == code
    reasons: list[dict[str, Any]] = [one for one in found["reasons"] if one["code"] == code]  # type: ignore[union-attr]  # Json is a union
    at_path = [one for one in reasons if one["path"] == (path and safe(path))]
    assert at_path, reasons
    assert [one for one in reasons if not has_a_command(one["hint"] or "")] == []
    assert [one for one in reasons if "   or   " in one["hint"]] == []
    if make is not a_conflict:
        assert [one for one in at_path if not (one["lines"] or one["extent"])] == []
    scene.capsys.readouterr()
    scene.run("gate", "--record", "never")
    text = scene.capsys.readouterr().out
    assert re.search(rf"because    .*{re.escape(safe(path or ''))}", text)
    assert text.count("  hint:  ") >= 1
    if make in (never_signed, edited_after_signing, deleted, made_executable):
        assert "  last signed  " in text


def test_work_merged_with_a_newer_tip_but_signed_against_an_older_one_is_mended_by_the_command_that_is_named(
    scene: Scene,
) -> None:
    """A developer's own copy of the branch lags behind the server's: without a base nothing is left to sign."""
    older = scene.git("rev-parse", "main")
    scene.change({"app.py": "mine = 1\n"})
    scene.git("checkout", "-q", "main")
    scene.write({"app.py": "theirs = 1\n"})
    tip = scene.commit()
    scene.git("checkout", "-q", "work")
    scene.git("merge", "-q", "-s", "ours", "-m", "Merge the tip", tip)
    scene.git("update-ref", "refs/heads/main", older)
    scene.write({"app.py": "theirs = 1\nmine = 1\n"})
    scene.must("sign", "--agent", "coder")
    scene.commit()
    refused = scene.gate("--record", "never", "--tip", tip)
    (reason,) = refused["reasons"]  # type: ignore[misc]  # Json is a union
    assert (refused["exitCode"], "on top of something else" in reason["message"]) == (11, True)
    scene.must(*shlex.split(reason["hint"])[1:])
    assert scene.code("--record", "never", "--tip", tip) == 0


def test_a_score_names_the_lines_and_how_to_mend_them(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.change({"app.py": "eval(input())\n"})
    found = Finding("1" * 64, "B307", 95, Severity.HIGH, Confidence.HIGH, "app.py", 1, "eval", "use ast", "bandit")
    result = replace(CLEAN, new_findings=(found,), score=score((found,)))
    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", lambda *_: lambda *_: result)
    scene.capsys.readouterr()
    assert scene.run("gate", "--record", "never") == 10
    said = scene.capsys.readouterr().out
    assert "high     app.py:1 CWE-95 eval" in said
    assert "fix: use ast" in said
    assert "then countermark record --agent NAME --commit MESSAGE -- CMD" in said


def test_a_status_that_is_due_says_who_renews_it_and_how(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.change({"app.py": "two = 2\n"})
    later = utc_now() + timedelta(days=8)
    monkeypatch.setattr("countermark_service.cli.deciding.utc_now", lambda: later)
    (reason,) = scene.gate("--record", "never")["reasons"]  # type: ignore[misc]  # Json is a union
    assert (reason["code"], "countermark status renew" in reason["hint"]) == (20, True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--repository-id", "other"), 12),
        (("--trust-root", f"sha256:{'0' * 64}"), 12),
        (("--protected-ref", "refs/heads/nowhere"), 2),
        (("--bundles", "nowhere"), 2),
        (("--head", "nowhere"), 2),
        (("--seen-status", "999999"), 20),
    ],
)
def test_what_is_refused_before_anything_is_decided_has_a_command_too(
    words: tuple[str, ...], code: int, scene: Scene
) -> None:
    scene.capsys.readouterr()
    assert scene.run("gate", "--record", "never", *words) == code
    said = scene.capsys.readouterr()
    hints = re.findall(r"^(?:hint:|  hint:) +(.*)$", said.out + said.err, re.MULTILINE)
    assert hints
    assert [hint for hint in hints if not has_a_command(hint)] == []


def test_only_where_the_ledger_is_not_at_hand_a_refusal_says_that_evidence_must_be_pushed(scene: Scene) -> None:
    """A job sees what was pushed: to sign and push the commit alone is the usual mistake."""
    never_signed(scene)
    said = {}
    for record in ("never", "required"):
        scene.capsys.readouterr()
        assert scene.run("gate", "--record", record) == 11
        said[record] = "countermark bundles push" in scene.capsys.readouterr().out
    assert said == {"never": True, "required": False}


@pytest.mark.parametrize("name", ["\u202egpj.py", "a\x1b[31m'b.py", "-rf\u200b.py", ":!\u200b*.py", "##[x]\n\\.py"])
def test_the_command_that_a_name_that_lies_gets_takes_it_out_of_the_change(scene: Scene, name: str) -> None:
    scene.write({"rest.py": "x = 1\n"})
    scene.must("claim")
    scene.write({name: "x = 1\n"})
    scene.commit()
    (reason,) = scene.gate("--record", "never")["reasons"]  # type: ignore[misc]  # Json is a union
    hint = reason["hint"]  # type: ignore[index,call-overload]  # Json is a union
    assert safe(hint) == hint
    subprocess.run(["bash", "-c", hint], cwd=scene.root, capture_output=True, check=True)
    scene.git("commit", "-q", "-m", "without it")
    assert scene.code("--record", "never") == 0
    assert (scene.root / name).exists()


def test_a_conflict_has_nothing_to_push_yet(scene: Scene) -> None:
    a_conflict(scene)
    scene.capsys.readouterr()
    assert scene.run("gate", "--record", "never") == 11
    said = scene.capsys.readouterr().out
    assert ("found paths changed on both sides" in said, "afterwards" in said) == (True, False)


def test_the_command_that_a_conflict_names_works_in_a_clone_that_has_not_seen_the_tip(
    scene: Scene, tmp_path: Path
) -> None:
    scene.change({"app.py": "mine = 1\n"})
    clone = str(tmp_path / "clone")
    scene.git("clone", "-q", str(scene.root), clone)
    scene.git("checkout", "-q", "main")
    scene.write({"app.py": "theirs = 1\n"})
    tip = scene.commit()
    scene.git("checkout", "-q", "work")
    (reason,) = scene.gate("--record", "never")["reasons"]  # type: ignore[misc]  # Json is a union
    done = subprocess.run(["sh", "-c", reason["hint"]], cwd=clone, capture_output=True, text=True, check=False)  # type: ignore[index,call-overload]  # Json is a union
    assert "CONFLICT (content): Merge conflict in app.py" in done.stdout
    assert scene.git("-C", clone, "rev-parse", "MERGE_HEAD") == tip


def test_work_of_a_revoked_agent_is_named_as_what_was_signed_last(scene: Scene) -> None:
    """As long as nobody who counts signed later: then that is the last signed content, and nobody was revoked."""
    work_of_a_revoked_agent(scene)
    (reason,) = scene.gate("--record", "never")["reasons"]  # type: ignore[misc]  # Json is a union
    last = reason["lastSigned"]  # type: ignore[index,call-overload]  # Json is a union
    assert (last["signer"][-12:], last["revoked"]) == ("/agent/coder", True)  # type: ignore[index,call-overload]  # Json is a union
    scene.capsys.readouterr()
    scene.run("gate", "--record", "never")
    said = scene.capsys.readouterr().out
    assert re.search(r"  last signed  sha256 [0-9a-f]{12} by \S+/agent/coder at \S+Z, revoked\n", said)
    scene.must("claim")
    scene.write({"app.py": "four = 4\n"})
    scene.commit()
    found = scene.gate("--record", "never")["reasons"][0]["lastSigned"]  # type: ignore[index,call-overload]  # Json is a union
    assert ("/person/" in found["signer"], found["revoked"]) == (True, False)  # type: ignore[index,call-overload]  # Json is a union


def test_json_says_the_same_as_the_text(scene: Scene) -> None:
    never_signed(scene)
    document = scene.gate("--record", "never")
    (reason,) = document["reasons"]  # type: ignore[misc]  # Json is a union
    scene.capsys.readouterr()
    scene.run("gate", "--record", "never")
    said = scene.capsys.readouterr().out
    first, last = reason["lines"][0]
    assert f"app.py:{first}" in said
    assert (first, last) == (2, 2)
    assert json.dumps(reason["hint"])[1:-1] in said
