"""Every landing without a verdict is a row. Each fixture is a real repository, made by what its test is named for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from countermark_ledger import predicates
from countermark_ledger.bundle import Bundle
from countermark_ledger.canonical import Json
from countermark_ledger.chain import Edge
from countermark_ledger.coverage import Answer, Row
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_ledger.statement import Statement
from countermark_scanners.finding import Confidence, Finding, Severity
from countermark_scanners.result import ScanResult
from countermark_scanners.score import score
from countermark_service import auditing
from countermark_service.checkout import Checkout
from countermark_service.embedded import opened
from countermark_service.gate import scanning
from countermark_service.gate.costs import points_of

from .conftest import CLEAN, Scene


@pytest.fixture
def kept(scene: Scene) -> Scene:
    """A scene from whose start on everything must have a verdict."""
    scene.git("tag", "start", "main")
    return scene


def audit(scene: Scene, *words: str, since: str | None = "start") -> dict[str, Json]:
    """Audit as a program does; the exit code must be the one that the document names."""
    scene.capsys.readouterr()
    code = scene.run("audit", "--json", *(["--since", since] if since else []), *words)
    said = scene.capsys.readouterr()
    assert said.out, said.err
    document: dict[str, Json] = json.loads(said.out)
    assert document["exitCode"] == code
    return document


def kinds(document: dict[str, Json]) -> list[str]:
    """The kinds of landings, newest first."""
    return [row["kind"] for row in document["landings"]]


def passed(scene: Scene, branch: str, files: dict[str, str | None], start: str = "main") -> str:
    """Let a signed change pass the gate and land as a platform merges it; return the landing."""
    scene.branch(branch, start)
    scene.change(files)
    assert scene.code() == 0
    scene.land(branch)
    return scene.git("rev-parse", "HEAD")


# --- what there is nothing to say against -----------------------------------------------------------


def test_what_passed_and_landed_is_let_be(kept: Scene) -> None:
    first = passed(kept, "one", {"app.py": "two = 2\n"})
    second = passed(kept, "two", {"app.py": "three = 3\n"})
    document = audit(kept)
    assert (kinds(document), document["exitCode"]) == (["passed", "passed"], 0)
    assert [row["commit"] for row in document["landings"]] == [second, first]
    assert {len(row["verdictBundle"]) for row in document["landings"]} == {64}


@pytest.mark.parametrize("method", ["squash", "fast-forward"])
def test_how_a_change_that_passed_was_merged_makes_no_difference(kept: Scene, method: str) -> None:
    kept.branch("topic")
    kept.change({"app.py": "two = 2\n"})
    assert kept.code() == 0
    kept.git("checkout", "-q", "main")
    if method == "squash":
        kept.git("merge", "-q", "--squash", "topic")
        kept.commit("squashed")
    else:
        kept.git("merge", "-q", "--ff-only", "topic")
    assert kinds(audit(kept)) == ["passed"]


def test_a_push_of_several_commits_that_passed_is_one_landing_with_steps_within(kept: Scene) -> None:
    kept.branch("topic")
    kept.change({"app.py": "two = 2\n"})
    kept.change({"app.py": "three = 3\n"})
    before = kept.git("rev-parse", "main")
    kept.git("checkout", "-q", "main")
    kept.git("merge", "-q", "--ff-only", "topic")
    assert kinds(audit(kept)) == ["gap", "gap"]
    assert kept.code("--tip", before, "--landed", head="main") == 0
    document = audit(kept)
    assert (kinds(document), document["exitCode"]) == (["passed", "within"], 0)


def test_a_commit_that_changes_nothing_lands_nothing(kept: Scene) -> None:
    kept.git("checkout", "-q", "main")
    kept.commit("empty")
    passed(kept, "one", {"app.py": "two = 2\n"})
    assert kinds(audit(kept)) == ["passed", "unchanged"]


def test_history_from_before_the_policy_is_said_to_be_that(kept: Scene) -> None:
    passed(kept, "one", {"app.py": "two = 2\n"})
    document = audit(kept, since=None)
    assert (kinds(document), document["exitCode"]) == (["passed", "before-policy", "before-policy"], 0)
    assert document["landings"][-1]["parent"] is None


def test_what_landed_while_the_policy_observed_is_said_to_be_that(kept: Scene) -> None:
    kept.git("checkout", "-q", "main")
    policy = kept.root / ".countermark/policy.json"
    policy.write_text(policy.read_text().replace('"mode": "enforce"', '"mode": "observe"'))
    kept.commit("observe")
    start = kept.git("rev-parse", "HEAD")
    kept.branch("topic")
    kept.write({"app.py": "two = 2\n"})
    kept.commit()
    assert kept.code() == 0
    kept.land("topic")
    document = audit(kept, since=start)
    assert (kinds(document), document["exitCode"]) == (["observed"], 0)
    assert "no signed statement" in document["landings"][0]["reason"]


def test_an_audit_of_nothing_says_that_nothing_landed(kept: Scene) -> None:
    document = audit(kept, since="main")
    assert (kinds(document), document["exitCode"], sum(document["counts"].values())) == ([], 0, 0)


# --- attacks: each is a row -------------------------------------------------------------------------


def test_what_was_pushed_past_the_gate_is_a_gap_and_the_hint_shows_what_it_is(kept: Scene) -> None:
    kept.git("checkout", "-q", "main")
    kept.write({"app.py": "evil = 1\n"})
    kept.commit("hotfix")
    document = audit(kept)
    assert (kinds(document), document["exitCode"]) == (["gap"], 11)
    hint = document["landings"][0]["hint"]
    assert kept.run(*hint.split()[1:]) == 11
    assert kinds(audit(kept)) == ["refused"]


def test_a_gap_that_was_accounted_for_all_along_is_mended_by_its_hint(kept: Scene) -> None:
    kept.branch("topic")
    kept.change({"app.py": "two = 2\n"})
    kept.land("topic")
    document = audit(kept)
    assert kinds(document) == ["gap"]
    kept.must(*document["landings"][0]["hint"].split()[1:])
    assert (kinds(audit(kept)), audit(kept)["exitCode"]) == (["passed"], 0)


def test_a_person_may_answer_for_what_was_pushed_past_the_gate_and_then_it_is_decided(kept: Scene) -> None:
    kept.git("checkout", "-q", "main")
    before = kept.git("rev-parse", "HEAD")
    kept.write({"app.py": "hotfix = 1\n"})
    kept.commit("hotfix")
    kept.must("claim", "--base", before)
    kept.must(*audit(kept)["landings"][0]["hint"].split()[1:])
    assert kinds(audit(kept)) == ["passed"]


def test_a_change_that_was_refused_and_landed_is_a_row(kept: Scene) -> None:
    kept.branch("topic")
    kept.write({"app.py": "evil = 1\n"})
    kept.commit()
    assert kept.code() == 11
    kept.land("topic")
    document = audit(kept)
    assert (kinds(document), document["exitCode"]) == (["refused"], 11)
    assert "no signed statement accounts for it" in document["landings"][0]["reason"]


def test_an_old_tree_that_passed_once_is_no_landing_again(kept: Scene) -> None:
    old = passed(kept, "one", {"app.py": "two = 2\n"})
    passed(kept, "two", {"app.py": "three = 3\n"})
    kept.git("checkout", "-q", "main")
    kept.git("read-tree", "-u", "--reset", old)
    kept.git("commit", "-q", "-m", "reset onto the old tree")
    assert kept.git("rev-parse", "HEAD^{tree}") == kept.git("rev-parse", f"{old}^{{tree}}")
    assert kinds(audit(kept)) == ["gap", "passed", "passed"]


def test_a_change_that_landed_was_reverted_and_landed_again_is_a_gap(kept: Scene) -> None:
    landing = passed(kept, "one", {"app.py": "two = 2\n"})
    kept.git("revert", "-m", "1", "--no-edit", "HEAD")
    kept.git("read-tree", "-u", "--reset", landing)
    kept.git("commit", "-q", "-m", "again")
    assert kinds(audit(kept)) == ["gap", "gap", "passed"]


def test_a_force_push_back_to_an_old_landing_is_not_on_the_history_that_was_asked_for(kept: Scene) -> None:
    first = passed(kept, "one", {"app.py": "two = 2\n"})
    newest = passed(kept, "two", {"app.py": "three = 3\n"})
    kept.git("reset", "-q", "--hard", first)
    assert kept.run("audit", "--since", newest) == 11
    assert "history was rewritten" in kept.capsys.readouterr().err


def test_what_passed_for_one_base_and_landed_on_another_is_a_gap(kept: Scene) -> None:
    """A merge queue that built on the wrong base landed 2,092 changes that nobody had judged together."""
    kept.branch("topic")
    kept.change({"app.py": "two = 2\n"})
    assert kept.code() == 0
    passed(kept, "other", {"guard.py": "g = 1\n"})
    kept.land("topic")
    assert kinds(audit(kept)) == ["gap", "passed"]


def test_scan_one_merge_another_is_a_gap(kept: Scene) -> None:
    kept.branch("topic")
    kept.change({"app.py": "two = 2\n"})
    assert kept.code() == 0
    kept.git("checkout", "-q", "main")
    kept.git("merge", "-q", "--no-ff", "--no-commit", "topic")
    kept.write({"app.py": "two = 2\nevil = 1\n"})
    kept.commit("Merge topic")
    assert kinds(audit(kept)) == ["gap"]


def test_a_landing_that_was_slipped_in_beside_another_base_is_no_ones(kept: Scene) -> None:
    """The base was retargeted after the verdict: it was decided for a branch, and landed on another."""
    kept.git("branch", "release", "main")
    kept.branch("topic")
    kept.change({"app.py": "two = 2\n"})
    assert kept.code("--protected-ref", "refs/heads/release") in (0, 11)
    kept.land("topic")
    assert kinds(audit(kept)) == ["gap"]


def test_taking_the_policy_away_does_not_put_what_follows_before_the_policy(kept: Scene) -> None:
    kept.git("checkout", "-q", "main")
    saved = (kept.root / ".countermark/policy.json").read_text()
    kept.write({".countermark/policy.json": None})
    kept.commit("no more policy")
    kept.write({"app.py": "evil = 1\n"})
    kept.commit("unseen")
    kept.write({".countermark/policy.json": saved})
    kept.commit("nothing happened")
    document = audit(kept, since=None)
    assert kinds(document) == ["gap", "gap", "gap", "before-policy", "before-policy"]
    assert document["exitCode"] == 11


def test_a_verdict_under_a_policy_that_was_not_in_force_does_not_count(kept: Scene) -> None:
    before = kept.git("rev-parse", "main")
    kept.branch("topic")
    kept.change({"app.py": "two = 2\n"})
    kept.git("checkout", "-q", "main")
    policy = kept.root / ".countermark/policy.json"
    policy.write_text(policy.read_text().replace('"threshold": 85', '"threshold": 1'))
    kept.commit("loosened")
    loosened = kept.git("rev-parse", "HEAD")
    kept.git("checkout", "-q", "topic")
    assert kept.code() == 0
    kept.land("topic")
    document = audit(kept, since=loosened)
    assert (kinds(document), document["exitCode"]) == (["passed"], 0)
    assert kinds(audit(kept, since=before)) == ["passed", "gap"]


def test_a_gate_that_the_policy_of_then_does_not_name_decides_nothing(kept: Scene) -> None:
    passed(kept, "one", {"app.py": "two = 2\n"})
    assert kinds(audit(kept)) == ["passed"]
    kept.git("checkout", "-q", "-b", "other", "start")
    policy = kept.root / ".countermark/policy.json"
    text = json.loads(policy.read_text())
    policy.write_text(json.dumps(text | {"gates": []}))
    kept.commit("no gate")
    kept.git("tag", "later")
    kept.branch("topic", "other")
    kept.change({"app.py": "two = 2\n"})
    assert kept.run("gate", "--record", "required", "--protected-ref", "refs/heads/other") == 2
    kept.git("checkout", "-q", "other")
    kept.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
    assert kinds(audit(kept, "refs/heads/other", since="later")) == ["gap"]


def test_a_landing_whose_agent_was_revoked_since_is_suspect(kept: Scene) -> None:
    landing = passed(kept, "one", {"app.py": "two = 2\n"})
    kept.must("agent", "add", "other")
    kept.must("agent", "revoke", "other", "--since", "2020-01-01T00:00:00Z")
    assert kinds(audit(kept)) == ["passed"]
    kept.must("agent", "revoke", "coder", "--since", "2020-01-01T00:00:00Z", "--reason", "key copied")
    document = audit(kept)
    assert (kinds(document), document["exitCode"]) == (["suspect"], 13)
    assert "key copied" in document["landings"][0]["reason"]
    assert document["landings"][0]["hint"] == f"countermark rollback --commit {landing}"


@pytest.fixture
def elsewhere(kept: Scene, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Export the evidence and go where there is nothing else; gives the words that pin this repository."""

    def go() -> list[str]:
        trust = json.loads(kept.must("trust-root"))
        digest = kept.must("trust-root", "--format", "digest").strip()
        kept.must("log", "export", "../evidence")
        monkeypatch.setenv("XDG_DATA_HOME", str(kept.root.parent / "ci"))
        return ["main", "--bundles", "../evidence", "--repository-id", trust["repositoryId"], "--trust-root", digest]

    return go


def bundles(scene: Scene, predicate: str) -> list[Path]:
    """Find the exported bundles of a kind."""
    found = (scene.root.parent / "evidence").glob("*/*.sigstore.json")
    return [
        one
        for one in found
        if Statement.parse(Bundle.parse(one.read_bytes()).envelope.payload).predicate_type == predicate
    ]


def test_an_audit_needs_no_key_and_no_private_folder(kept: Scene, elsewhere: Callable[[], list[str]]) -> None:
    passed(kept, "one", {"app.py": "two = 2\n"})
    assert kinds(audit(kept, *elsewhere())) == ["passed"]


def test_an_altered_verdict_is_forged_evidence_and_not_merely_a_gap(
    kept: Scene, elsewhere: Callable[[], list[str]]
) -> None:
    passed(kept, "one", {"app.py": "two = 2\n"})
    words = elsewhere()
    (verdict,) = bundles(kept, predicates.VERDICT)
    verdict.write_bytes(verdict.read_bytes().replace(b'"signedTimestamp":"M', b'"signedTimestamp":"N', 1))
    document = audit(kept, *words)
    assert (kinds(document), document["exitCode"]) == (["forged"], 12)


def test_without_the_evidence_that_a_revocation_may_be_about_nobody_knows(
    kept: Scene, elsewhere: Callable[[], list[str]]
) -> None:
    passed(kept, "one", {"app.py": "two = 2\n"})
    kept.must("agent", "revoke", "coder", "--since", "2020-01-01T00:00:00Z")
    words = elsewhere()
    assert kinds(audit(kept, *words)) == ["suspect"]
    for statement in bundles(kept, predicates.GENERATION):
        statement.unlink()
    document = audit(kept, *words)
    assert (kinds(document), document["exitCode"]) == (["inconclusive"], 20)


def test_without_a_status_there_is_no_answer(kept: Scene, elsewhere: Callable[[], list[str]]) -> None:
    passed(kept, "one", {"app.py": "two = 2\n"})
    words = elsewhere()
    for statement in bundles(kept, predicates.STATUS):
        statement.unlink()
    assert kept.run("audit", *words) == 20


def test_a_revoked_gate_makes_what_it_let_land_suspect(kept: Scene) -> None:
    passed(kept, "one", {"app.py": "two = 2\n"})
    with opened(Checkout.find(kept.root).home()) as ledger:
        gate = ledger.identity(Kind.GATE, "local")
        entry = Revocation(
            RevokedKind.IDENTITY, str(gate), datetime(2020, 1, 1, tzinfo=UTC), 0, "runner was taken over"
        )
        ledger.sign([], revoke=lambda earlier, _size: (*earlier, entry))
    document = audit(kept)
    assert (kinds(document), document["exitCode"]) == (["suspect"], 13)
    assert "taken over" in document["landings"][0]["reason"]


def test_a_shallow_clone_is_refused_with_the_command_that_fetches(
    kept: Scene, elsewhere: Callable[[], list[str]]
) -> None:
    for number in range(3):
        passed(kept, f"topic{number}", {"app.py": f"n = {number}\n"})
    words = elsewhere()
    shallow = kept.root.parent / "shallow"
    kept.git("clone", "-q", "--depth", "2", f"file://{kept.root}", str(shallow))
    kept.capsys.readouterr()
    assert kept.run("audit", *words, "--repository", str(shallow)) == 20
    assert "git fetch --unshallow" in kept.capsys.readouterr().err
    assert kinds(audit(kept, *words, "--repository", str(shallow), since="main~1")) == ["passed"]


# --- findings that are split over many small changes ------------------------------------------------


def finding(number: int, path: str = "app.py") -> Finding:
    weight = (Severity.MEDIUM, Confidence.MEDIUM)
    return Finding(f"{number:064x}", "a-flaw", None, *weight, path, 1, "a flaw", "mend it", "bandit")


@pytest.fixture
def flawed(kept: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Scanners that find one more flaw, always another one, in each change of app.py."""
    numbers = count(1)

    def port(*_: object) -> scanning.Scan:
        return lambda _repository, _change, _names: scanned([finding(next(numbers))])

    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", port)
    return kept


def scanned(findings: list[Finding]) -> ScanResult:
    return replace(CLEAN, new_findings=tuple(findings), score=score(findings))


def test_findings_that_are_split_over_many_small_changes_add_up_for_whoever_looks(flawed: Scene) -> None:
    flawed.must("agent", "add", "other")
    for number in range(3):
        passed(flawed, f"topic{number}", {"app.py": f"n = {number}\n"})
    flawed.branch("others")
    flawed.change({"app.py": "theirs = 1\n"}, agent="other")
    document = flawed.gate()
    assert (document["score"], document["exitCode"]) == (95, 0)
    (coder, other) = (f"spiffe://{_domain(flawed)}/agent/{name}" for name in ("coder", "other"))
    assert (document["points"], document["earlierPoints"]) == ([{"signer": other, "points": 5}], [])
    flawed.land("others")
    assert audit(flawed)["points"] == [
        {"signer": coder, "points": 15, "landings": 3},
        {"signer": other, "points": 5, "landings": 1},
    ]
    flawed.branch("more")
    flawed.change({"app.py": "n = 4\n"})
    assert flawed.gate()["earlierPoints"] == [{"signer": coder, "points": 15, "landings": 3}]
    flawed.capsys.readouterr()
    assert flawed.run("gate", "--record", "never") == 0
    assert f"points     15 lost by {coder} in 3 changes that landed before" in flawed.capsys.readouterr().out
    assert flawed.run("audit", "--since", "start") == 0
    assert f"15 lost by {coder} over 3 landings" in flawed.capsys.readouterr().out


def _domain(scene: Scene) -> str:
    return Checkout.find(scene.root).home().config().trust_domain


def test_a_change_that_did_not_land_costs_nothing_later(flawed: Scene) -> None:
    flawed.branch("abandoned")
    flawed.change({"app.py": "n = 1\n"})
    assert flawed.code() == 0
    flawed.branch("topic")
    flawed.change({"app.py": "n = 2\n"})
    assert flawed.gate()["earlierPoints"] == []


def test_points_are_those_of_the_table_and_not_what_a_cap_left_of_them() -> None:
    row = Row("app.py", Answer.COVERED, (Edge(None, None, Identity("d", Kind.AGENT, "a"), "s", "b", 1),))
    low = [replace(finding(number), severity=Severity.LOW) for number in range(40)]
    assert score(low).value == 90
    assert points_of([row], [*low, *low]) == (("spiffe://d/agent/a", 40),)
    assert points_of([row], [replace(low[0], path="elsewhere.py")]) == ()


# --- how it is asked and told -----------------------------------------------------------------------


def test_a_date_bounds_what_is_looked_at_and_a_lie_in_between_hides_nothing(
    kept: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.git("checkout", "-q", "main")
    for number, day in enumerate(("2030-01-01", "2001-01-01", "2030-01-03"), 1):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"{day}T00:00:00Z")
        kept.write({"app.py": f"n = {number}\n"})
        kept.commit(f"landing {number}")
    assert kinds(audit(kept, since="2030-01-01")) == ["gap", "gap", "gap"]
    assert kinds(audit(kept, since="2030-01-02")) == ["gap"]
    assert kinds(audit(kept, since="2030-01-03T00:00:01Z")) == []


@pytest.mark.parametrize("since", ["2030-13-01", "2030-01-01T00:00", "nowhere", ""])
def test_what_is_neither_a_day_nor_a_revision_is_usage(kept: Scene, since: str) -> None:
    assert kept.run("audit", f"--since={since}") == 2


def test_text_names_what_is_wrong_first_and_everything_when_asked(kept: Scene) -> None:
    landing = passed(kept, "one", {"app.py": "two = 2\n"})
    kept.git("checkout", "-q", "main")
    kept.write({"app.py": "evil = 1\n"})
    pushed = kept.commit("hotfix\x1b[31m")
    kept.capsys.readouterr()
    assert kept.run("audit", "--since", "start") == 11
    said = kept.capsys.readouterr().out
    assert pushed[:12] in said
    assert "passed" not in said.split("2 landings on")[0]
    assert "\x1b" not in said
    assert "2 landings on refs/heads/main" in said
    assert "1 passed, 1 gap" in said
    assert kept.run("audit", "--since", "start", "--all") == 11
    assert f"passed        {landing[:12]}" in kept.capsys.readouterr().out


def test_comma_separated_values_have_a_row_for_every_landing(kept: Scene) -> None:
    passed(kept, "one", {"app.py": "two = 2\n"})
    kept.git("checkout", "-q", "main")
    kept.write({"app.py": "evil = 1\n"})
    kept.commit("hotfix")
    kept.capsys.readouterr()
    assert kept.run("audit", "--since", "start", "--csv") == 11
    rows = [*csv.DictReader(io.StringIO(kept.capsys.readouterr().out))]
    assert [(row["kind"], row["exitCode"]) for row in rows] == [("gap", "11"), ("passed", "0")]
    assert kept.run("audit", "--csv", "--json") == 2


def test_long_histories_are_read_in_parts(kept: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "CHUNK", 2)
    for number in range(5):
        passed(kept, f"topic{number}", {"app.py": f"n = {number}\n"})
    assert kinds(audit(kept)) == ["passed"] * 5


def test_junk_that_claims_to_be_a_verdict_is_no_pass_and_spoils_none(kept: Scene, tmp_path: Path) -> None:
    landing = passed(kept, "one", {"app.py": "two = 2\n"})
    kept.must("log", "export", "../evidence")
    bundle = next(row["verdictBundle"] for row in audit(kept)["landings"] if row["commit"] == landing)
    raw = (kept.root.parent / "evidence" / bundle[:2] / f"{bundle}.sigstore.json").read_bytes()
    junk = tmp_path / "junk" / bundle[:2] / f"{bundle}.sigstore.json"
    junk.parent.mkdir(parents=True)
    junk.write_bytes(raw.replace(b'"signedTimestamp":"', b'"signedTimestamp":"AAAA', 1))
    assert kinds(audit(kept, "--bundles", str(tmp_path / "junk"))) == ["passed"]
