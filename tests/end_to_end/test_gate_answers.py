"""The gate's answers, from a real repository to an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from countermark_scanners.finding import Confidence, Finding, Severity
from countermark_scanners.report import NotCovered
from countermark_scanners.result import CoverageRow, ScanResult
from countermark_scanners.score import score

from .conftest import CLEAN, Scene

HIGH = Finding("f" * 64, "rule", 78, Severity.HIGH, Confidence.HIGH, "app.py", 1, "bad", "mend it", "ruff")


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> Callable[[ScanResult], None]:
    """Let the scanners answer this."""

    def answer(result: ScanResult) -> None:
        monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", lambda *_: lambda *_: result)

    return answer


def reasons(document: dict) -> list[tuple[int, str | None]]:
    return [(reason["code"], reason["path"]) for reason in document["reasons"]]


def test_a_change_that_an_enrolled_agent_signed_is_accepted(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n", "new/mod.py": "x = 1\n"})
    assert scene.gate()["verdict"] == "PASSED"


def test_the_verdict_is_signed_and_logged_where_a_gate_identity_is_at_hand(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    document = scene.gate()
    assert document["verdictBundle"]
    assert document["preliminary"] is False


def test_without_recording_the_verdict_is_preliminary_and_the_code_the_same(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    document = scene.gate("--record", "never")
    assert (document["preliminary"], document["exitCode"]) == (True, 0)


def test_an_empty_change_is_accepted(scene: Scene) -> None:
    assert scene.gate()["coverage"] == {"covered": 0, "rows": 0}


def test_a_byte_that_nobody_signed_is_not_accounted_for(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    scene.write({"app.py": "two = 2\nthree = 3\n"})
    scene.commit()
    assert reasons(scene.gate()) == [(11, "app.py")]


def test_every_refusal_says_what_to_do_next(scene: Scene) -> None:
    scene.write({"extra.py": "x = 1\n"})
    scene.commit()
    assert all(reason["hint"] for reason in scene.gate()["reasons"])


def test_a_person_may_claim_what_no_agent_signed(scene: Scene) -> None:
    scene.write({"extra.py": "x = 1\n"})
    scene.must("claim", "extra.py")
    scene.commit()
    assert scene.code() == 0


def test_a_person_whom_the_policy_at_the_tip_does_not_name_can_not_answer(scene: Scene) -> None:
    scene.git("checkout", "-q", "main")
    path = scene.root / ".countermark/policy.json"
    policy = json.loads(path.read_text())
    path.write_text(json.dumps({**policy, "people": []}))
    scene.commit("nobody")
    scene.branch("claimed")
    scene.write({"extra.py": "x = 1\n"})
    scene.must("claim", "extra.py")
    scene.commit()
    assert reasons(scene.gate()) == [(10, "extra.py")]


def test_a_clock_that_was_turned_back_revives_no_status(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.change({"app.py": "two = 2\n"})
    yesterday = datetime.now(UTC) - timedelta(days=1)
    monkeypatch.setattr("countermark_service.cli.deciding.utc_now", lambda: yesterday)
    assert scene.code("--record", "never") == 20


def test_a_status_past_its_due_date_is_inconclusive(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.change({"app.py": "two = 2\n"})
    later = datetime.now(UTC) + timedelta(days=8)
    monkeypatch.setattr("countermark_service.cli.deciding.utc_now", lambda: later)
    document = scene.gate("--record", "never")
    assert document["exitCode"] == 20
    assert document["reasons"][0]["hint"] == "countermark status renew"


def test_a_low_score_is_refused_with_10(scene: Scene, scanned: Callable[[ScanResult], None]) -> None:
    scanned(replace(CLEAN, new_findings=(HIGH,), score=score((HIGH,))))
    scene.change({"app.py": "two = 2\n"})
    assert reasons(scene.gate()) == [(10, None)]


def test_a_scanner_that_did_not_run_is_inconclusive(scene: Scene, scanned: Callable[[ScanResult], None]) -> None:
    scanned(replace(CLEAN, score=score((), missing=("ruff",)), error="ruff: timed out"))
    scene.change({"app.py": "two = 2\n"})
    document = scene.gate()
    assert (document["verdict"], document["exitCode"], document["score"]) == ("INCONCLUSIVE", 20, 0)


def test_a_file_type_that_no_scanner_knows_is_refused_unless_the_policy_accepts_it(
    scene: Scene, scanned: Callable[[ScanResult], None]
) -> None:
    rows = tuple(
        CoverageRow(path, "0" * 64, kind, 1, (), NotCovered(kind), new=True)
        for path, kind in (("a.png", "image/png"), ("b.bin", "binary"))
    )
    scanned(replace(CLEAN, coverage=rows))
    scene.change({"app.py": "two = 2\n"})
    assert reasons(scene.gate()) == [(10, "b.bin")]


def test_evidence_weaker_than_the_policy_asks_for_is_refused_with_10(scene: Scene) -> None:
    scene.git("checkout", "-q", "main")
    policy = scene.root / ".countermark/policy.json"
    policy.write_text(policy.read_text().replace('"minimum": "asserted"', '"minimum": "observed"'))
    scene.commit("ask for more")
    scene.branch("stricter")
    scene.change({"app.py": "two = 2\n"})
    document = scene.gate()
    assert reasons(document) == [(10, "app.py")]
    assert "asserted" in document["reasons"][0]["message"]


def test_an_agent_that_the_policy_does_not_list_is_refused_with_10(scene: Scene) -> None:
    scene.git("checkout", "-q", "main")
    path = scene.root / ".countermark/policy.json"
    policy = json.loads(path.read_text())
    path.write_text(json.dumps({**policy, "agents": []}))
    scene.commit("no agents")
    scene.branch("listed")
    scene.change({"app.py": "two = 2\n"})
    assert reasons(scene.gate()) == [(10, "app.py")]


def test_a_revoked_agent_is_refused_with_13(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    scene.must("agent", "revoke", "coder", "--since", "2020-01-01T00:00:00Z")
    assert reasons(scene.gate()) == [(13, "app.py")]


def test_what_an_agent_signed_before_its_revocation_stays_valid(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    scene.must("agent", "revoke", "coder", "--since", "2099-01-01T00:00:00Z")
    assert scene.code() == 0


def test_after_a_revocation_a_person_can_answer_for_the_rows(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    scene.must("agent", "revoke", "coder", "--since", "2020-01-01T00:00:00Z")
    scene.must("claim", "app.py")
    assert scene.code() == 0


def test_observe_mode_decides_the_same_way_exits_0_and_says_so(scene: Scene) -> None:
    scene.git("checkout", "-q", "main")
    policy = scene.root / ".countermark/policy.json"
    policy.write_text(policy.read_text().replace('"mode": "enforce"', '"mode": "observe"'))
    scene.commit("observe")
    scene.branch("watched")
    scene.write({"extra.py": "x = 1\n"})
    scene.commit()
    document = scene.gate()
    assert (document["code"], document["exitCode"], document["enforcing"]) == (11, 0, False)
    scene.capsys.readouterr()
    assert scene.run("gate") == 0
    assert "NOT ENFORCING" in scene.capsys.readouterr().out


def test_strict_policy_refuses_an_unprotected_split_view(scene: Scene) -> None:
    scene.git("checkout", "-q", "main")
    policy = scene.root / ".countermark/policy.json"
    policy.write_text(policy.read_text().replace('"splitView": "report"', '"splitView": "refuse"'))
    scene.commit("strict")
    scene.branch("witnessed")
    scene.change({"app.py": "two = 2\n"})
    assert scene.code() == 12


def test_a_conflict_with_the_tip_is_refused_with_11(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    scene.git("checkout", "-q", "main")
    scene.write({"app.py": "other = 3\n"})
    scene.commit("meanwhile")
    assert scene.code(head="work") == 11


def test_without_a_policy_at_the_tip_the_gate_exits_2_and_says_how_to_begin(scene: Scene) -> None:
    scene.git("branch", "bare", "main~1")
    assert scene.run("gate", "--protected-ref", "bare") == 2
    assert "hint: countermark init" in scene.capsys.readouterr().err


def test_a_protected_ref_that_does_not_exist_is_usage(scene: Scene) -> None:
    assert scene.run("gate", "--protected-ref", "nowhere") == 2


def test_the_first_policy_lands_with_a_digest_that_the_operator_vouches_for(scene: Scene) -> None:
    digest = json.loads(scene.must("init", "--json"))["bootstrap"]
    assert scene.code("--tip", "main~1", "--bootstrap", digest, head="main") == 0


def test_a_bootstrap_digest_of_another_policy_is_refused(scene: Scene) -> None:
    assert scene.run("gate", "--tip", "main~1", "--bootstrap", f"sha256:{'0' * 64}") == 12


def test_a_trust_root_that_is_not_the_pinned_one_is_refused(scene: Scene) -> None:
    assert scene.run("gate", "--trust-root", f"sha256:{'0' * 64}") == 12


def test_a_ci_machine_needs_all_three_pins(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(scene.root.parent / "nobody"))
    assert scene.run("gate", "--protected-ref", "main") == 2


def test_recording_that_is_required_and_impossible_is_a_refusal(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    trust = json.loads(scene.must("trust-root"))
    digest = scene.must("trust-root", "--format", "digest").strip()
    monkeypatch.setenv("XDG_DATA_HOME", str(scene.root.parent / "nobody"))
    pins = ["--protected-ref", "main", "--repository-id", trust["repositoryId"], "--trust-root", digest]
    assert scene.run("gate", *pins, "--record", "required") == 2
