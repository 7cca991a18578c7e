"""Waivers through the whole gate: who may let a finding through, which one, how often, and until when."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from countermark_ledger import dsse
from countermark_ledger.authority.issuing import Request
from countermark_ledger.bundle import Bundle
from countermark_ledger.errors import StoreFailed
from countermark_ledger.git.change import LandingChange
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity
from countermark_ledger.log.rows import EntryIndex
from countermark_ledger.predicates import VERDICT
from countermark_ledger.predicates.status import RevokedKind
from countermark_ledger.predicates.verdict import Verdict
from countermark_ledger.predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from countermark_ledger.statement import Statement
from countermark_scanners.finding import Confidence, Finding, Severity
from countermark_scanners.report import NotCovered
from countermark_scanners.result import CoverageRow, ScanResult
from countermark_scanners.score import Gap, score
from countermark_service.checkout import Checkout
from countermark_service.sources import LedgerSource
from countermark_service.store.records import Query

from .conftest import CLEAN, Scene, ssh_key
from .people import Team, name_of, said

FLAW, WORSE = "call(shell=True)\n", "eval(input())\n"
FINDING = hashlib.sha256(FLAW.encode()).hexdigest()
CRITICAL = hashlib.sha256(WORSE.encode()).hexdigest()


def scanned(repository: Repository, change: LandingChange, _names: object) -> ScanResult:
    """A scanner that knows two flaws by their line alone, reads no `.odd` file, and knows no `.bin` file."""
    rows = {row.path: row.after for row in repository.diff(change.tip, change.tree) if row.after is not None}
    blobs = dict(repository.blobs({entry.blob for entry in rows.values()}))
    texts = {path: blob for path, entry in rows.items() if not isinstance(blob := blobs[entry.blob], Oversized)}
    found = [flaw for path in sorted(texts) for flaw in _flaws(path, texts[path].decode("utf-8", "replace"))]
    digests = {path: hashlib.sha256(text).hexdigest() for path, text in texts.items()}
    gaps = tuple(Gap(path, digest, "it is odd") for path, digest in digests.items() if path.endswith(".odd"))
    unknown = tuple(
        CoverageRow(path, digest, "binary", 1, (), NotCovered("binary"), new=True)
        for path, digest in digests.items()
        if path.endswith(".bin")
    )
    return replace(CLEAN, coverage=unknown, new_findings=tuple(found), gaps=gaps, score=score(found, gaps=gaps))


def _flaws(path: str, text: str) -> list[Finding]:
    levels = {FLAW: Severity.HIGH, WORSE: Severity.CRITICAL}
    return [
        Finding(
            hashlib.sha256(line.encode()).hexdigest(),
            "B602",
            78,
            levels[line],
            Confidence.HIGH,
            path,
            number,
            "a shell",
            "use a list",
            "bandit",
        )
        for number, line in enumerate(text.splitlines(keepends=True), start=1)
        if line in levels
    ]


@pytest.fixture
def team(scene: Scene, tmp_path: Path, ssh_keygen: str, monkeypatch: pytest.MonkeyPatch) -> Team:
    """A scene whose scanners see, with a change of the agent's that holds one flaw."""
    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", lambda *_: scanned)
    team = Team.of(scene, tmp_path / "keys", lambda _policy: None)
    scene.change({"run.py": FLAW})
    return team


def propose(team: Team, name: str = "bert", path: str = "run.py", *words: str) -> str:
    """Let somebody ask for a waiver of the flaw; return its name."""
    what = () if any(word in {"--finding", "--file"} for word in words) else ("--finding", FINDING)
    spoken = [word for word in words if word != "--file"]
    document = team.waiver("propose", name, path, *what, "--agent", "coder", "--reason", "a constant", *spoken)
    return str(document["name"])


def waived(team: Team, path: str = "run.py", *words: str) -> str:
    """Have Bert ask and Carl approve; return the waiver's name."""
    name = propose(team, "bert", path, *words)
    team.waiver("approve", "carl", name)
    return name


def request(team: Team, **other: object) -> WaiverRequest:
    """What Bert's command would ask for, to be changed and signed by whoever holds the authority's keys."""
    with team.ledger() as embedded:
        facts = {
            "repository_id": embedded.config.repository_id,
            "path": "run.py",
            "finding": FINDING,
            "mode": None,
            "sha256": None,
            "agent": team.agent(),
            "requester": team.ids["bert"],
            "reason": "a constant",
            "log_size": embedded.log.head.size,
            "not_before": None,
            "expires": embedded.clock().replace(microsecond=0) + timedelta(days=7),
            "uses": None,
        }
    return WaiverRequest(**{**facts, **other})


def log_both(team: Team, asked: WaiverRequest, approver: str = "carl") -> str:
    """Log a request and an approval of it, each under its person's own SSH key."""
    names = {identity: name for name, identity in team.ids.items()}
    signed = team.countersigned(asked, names.get(asked.requester, "bert"))
    team.log(signed)
    team.log(team.countersigned(WaiverApproval(name_of(signed), team.ids[approver]), approver))
    return name_of(signed)


def state(team: Team, name: str) -> str:
    found = {one["name"]: one["says"] for one in json.loads(team.scene.must("waiver", "list", "--json"))}
    return str(found[name])


def rules(document: dict[str, Any]) -> list[str]:
    return sorted({reason["rule"] for reason in document["reasons"]})


# --- what is let through ----------------------------------------------------------------------------


def test_a_finding_that_two_others_waived_lands_and_the_raw_score_stays(team: Team) -> None:
    before = team.scene.gate()
    assert (before["exitCode"], before["score"], rules(before)) == (10, 55, ["score"])
    name = propose(team)
    assert state(team, name) == "proposed: nobody has approved it"
    assert team.scene.code() == 10
    team.waiver("approve", "carl", name)
    assert state(team, name).startswith("active until")
    after = team.scene.gate()
    assert (after["exitCode"], after["score"], after["rawScore"]) == (0, 100, 55)
    assert after["waivers"][0]["waived"] == [FINDING]


def test_the_verdict_names_the_waiver_that_it_rests_on(team: Team) -> None:
    name, unused = waived(team), waived(team, "run.py", "--finding", "0" * 64)
    assert team.scene.code("--record", "required") == 0
    verdict = newest_verdict(team)
    assert verdict.waivers == (name,)
    assert unused not in verdict.waivers
    assert verdict.score == 100


def newest_verdict(team: Team) -> Verdict:
    with team.ledger() as embedded:
        newest = embedded.store.newest(embedded.log.origin, VERDICT)
        assert newest is not None
        raw = embedded.store.blob(newest.bundle_sha256).data
    return Verdict.parse(Statement.parse(Bundle.parse(raw).envelope.payload))


@pytest.mark.parametrize(("path", "rule"), [("tool.odd", ["gaps", "score"]), ("tool.bin", ["inert-types"])])
def test_a_file_that_nobody_read_is_waived_by_its_bytes(team: Team, path: str, rule: list[str]) -> None:
    waived(team)
    team.scene.change({path: "one"})
    assert rules(team.scene.gate()) == rule
    waived(team, path, "--file")
    assert team.scene.code() == 0
    team.scene.change({path: "two"})
    assert rules(team.scene.gate()) == rule


def test_the_same_bytes_as_a_program_are_another_file(team: Team) -> None:
    waived(team)
    team.scene.change({"tool.bin": "one"})
    waived(team, "tool.bin", "--file")
    assert team.scene.code() == 0
    (team.scene.root / "tool.bin").chmod(0o755)
    team.scene.change({})
    assert rules(team.scene.gate()) == ["inert-types"]


def test_a_report_says_which_waiver_is_used_unused_and_ends_soon(team: Team, tmp_path: Path) -> None:
    name = waived(team, "run.py", "--days", "2")
    propose(team, "carl", "run.py", "--finding", "0" * 64)
    sarif = tmp_path / "gate.sarif"
    team.scene.capsys.readouterr()
    assert team.scene.run("gate", "--output", f"sarif={sarif}") == 0
    shown = team.scene.capsys.readouterr().out
    assert "score      100 of 100 (55 without waivers, policy asks for 85)" in shown
    assert f"waived {FINDING}" in shown
    assert f"waiver     {name[:16]} for run.py is used, and ends soon; active until" in shown
    assert "is unused: it names nothing that this change adds; proposed: nobody has approved it" in shown
    (result,) = json.loads(sarif.read_text())["runs"][0]["results"]
    assert result["suppressions"] == [{"kind": "external", "status": "accepted", "justification": f"waiver {name}"}]


def test_a_refusal_names_the_finding_as_a_waiver_does_and_the_command_that_mends_it(team: Team) -> None:
    team.scene.capsys.readouterr()
    assert team.scene.run("gate") == 10
    shown = team.scene.capsys.readouterr().out
    assert f"finding {FINDING}" in shown
    assert "hint:        mend the findings above, then countermark record --agent NAME --commit MESSAGE -- CMD" in shown


# --- which finding ----------------------------------------------------------------------------------


def test_a_fingerprint_that_moved_to_another_path_is_not_waived(team: Team) -> None:
    waived(team)
    team.scene.change({"run.py": "fine = 1\n", "src/auth.py": FLAW})
    assert rules(team.scene.gate()) == ["score"]


def test_a_second_flaw_beside_the_waived_one_is_not(team: Team) -> None:
    waived(team)
    team.scene.change({"other.py": FLAW})
    assert rules(team.scene.gate()) == ["score"]


def test_what_another_agent_wrote_is_not_waived(team: Team) -> None:
    waived(team)
    assert team.scene.code() == 0
    team.scene.must("agent", "add", "other")
    team.scene.change({"run.py": f"{FLAW}more = 1\n"}, agent="other")
    assert rules(team.scene.gate()) == ["score"]


def test_what_a_person_signed_is_not_waived(team: Team) -> None:
    waived(team)
    team.scene.write({"run.py": f"{FLAW}more = 1\n"})
    team.scene.must("claim")
    team.scene.commit()
    assert rules(team.scene.gate()) == ["score"]


def test_what_nobody_signed_is_not_waived(team: Team) -> None:
    waived(team)
    team.scene.write({"run.py": f"{FLAW}more = 1\n"})
    team.scene.commit()
    assert rules(team.scene.gate()) == ["coverage", "score"]


def test_a_critical_finding_is_waived_only_where_the_policy_says_so(team: Team) -> None:
    team.scene.change({"run.py": WORSE})
    waived(team, "run.py", "--finding", CRITICAL)
    assert rules(team.scene.gate()) == ["score"]
    team.land_policy(lambda policy: policy.update(waivers={"maxDays": 90, "critical": True}))
    team.scene.change({"run.py": WORSE})
    assert team.scene.code() == 0


def test_a_waiver_of_another_repository_waives_nothing(team: Team) -> None:
    log_both(team, request(team, repository_id="elsewhere"))
    assert team.scene.code() == 10
    log_both(team, request(team))
    assert team.scene.code() == 0


# --- by whom ----------------------------------------------------------------------------------------


def test_who_asked_for_it_does_not_approve_it(team: Team) -> None:
    name = propose(team)
    assert team.scene.run("waiver", "approve", name, "--person", "bert", "--ssh-key", team.key("bert")) == 2
    team.log(team.countersigned(WaiverApproval(name, team.ids["bert"]), "bert"))
    assert "asked for it and approved it" in state(team, name)
    assert team.scene.code() == 10


def test_who_runs_the_agent_neither_asks_nor_approves(team: Team) -> None:
    asked = request(team, requester=team.ids["me"])
    team.log(asked)
    team.log(team.countersigned(WaiverApproval(name_of(asked), team.ids["carl"]), "carl"))
    assert "is behind agent" in state(team, name_of(asked))
    name = propose(team)
    assert team.scene.run("waiver", "approve", name) == 2
    team.log(WaiverApproval(name, team.ids["me"]))
    assert "is behind agent" in state(team, name)
    assert team.scene.code() == 10


def asked_in_vain(team: Team, *words: str) -> str:
    """What the command says that asks for what can never hold; nothing of it was logged."""
    team.scene.capsys.readouterr()
    asking = ("waiver", "propose", "run.py", "--finding", FINDING, "--agent", "coder", "--reason", "a constant")
    assert team.scene.run(*asking, *words) == 2
    said = team.scene.capsys.readouterr().err
    assert json.loads(team.scene.must("waiver", "list", "--json")) == []
    return said


def test_who_owns_the_agent_is_refused_when_they_ask_and_told_what_to_do(team: Team) -> None:
    said = asked_in_vain(team)
    logged = request(team, requester=team.ids["me"])
    team.log(logged)
    later = state(team, name_of(logged)).removeprefix("refused: ")
    assert said == (
        f"countermark: {later}: no approval could put it in force, so another person must ask for it\n"
        "hint: countermark person list\n"
    )


def test_who_set_the_agent_to_work_on_the_file_is_refused_when_they_ask(team: Team) -> None:
    propose(team, "bert")
    with team.ledger() as embedded:
        config = embedded.config
    home = Checkout.find(team.scene.root).home()
    home.write_config(replace(config, person=str(team.ids["bert"])))
    team.scene.change({"run.py": FLAW + FLAW})
    name = log_both(team, request(team))
    (worth,) = [one["state"] for one in team.scene.gate()["waivers"] if one["name"] == name]
    assert worth == "refused"
    words = ("--person", "bert", "--ssh-key", team.key("bert"), "--finding", FINDING, "--agent", "coder")
    team.scene.capsys.readouterr()
    assert team.scene.run("waiver", "propose", "run.py", *words, "--reason", "a constant") == 2
    assert f"{team.ids['bert']} asked for it and is behind agent" in team.scene.capsys.readouterr().err


def test_what_nobody_could_approve_is_refused_when_it_is_taken_in(team: Team, tmp_path: Path) -> None:
    asked = request(team, agent=replace(team.agent(), name="nobody"))
    (tmp_path / "request").write_bytes(team.countersigned(asked, "bert").statement().encode())
    team.scene.capsys.readouterr()
    assert team.scene.run("waiver", "take", str(tmp_path / "request")) == 2
    assert "who is behind agent" in team.scene.capsys.readouterr().err


def test_who_holds_the_ledgers_keys_asks_and_approves_in_nobodys_name(team: Team) -> None:
    asked = request(team)
    team.log(asked)
    team.log(WaiverApproval(name_of(asked), team.ids["carl"]))
    assert team.scene.code() == 10
    assert "no SSH key that the policy lists" in state(team, name_of(asked))
    honest = propose(team)
    team.log(WaiverApproval(honest, team.ids["carl"]))
    assert "no SSH key that the policy lists" in state(team, honest)
    assert team.scene.code() == 10


def test_a_waiver_that_an_agent_signed_is_none(team: Team) -> None:
    name, agent = propose(team), team.agent()
    team.log(team.countersigned(WaiverApproval(name, team.ids["carl"]), "carl"), signer=agent)
    team.log(WaiverApproval(name, agent), signer=agent)
    assert team.scene.code() == 10
    team.log(request(team), signer=agent)
    assert len(json.loads(team.scene.must("waiver", "list", "--json"))) == 1


def test_a_policy_that_the_change_brings_along_names_no_approver(team: Team) -> None:
    key = str(ssh_key(team.keys / "mallory"))
    added = json.loads(team.scene.must("person", "add", "mallory", "--ssh-key", key, "--json"))
    team.scene.must("claim")
    team.scene.commit("name mallory")
    name = propose(team)
    mallory = Identity.parse(added["id"])
    team.log(team.countersigned(WaiverApproval(name, mallory), "mallory"))
    assert "is not named by the policy at the tip" in state(team, name)
    assert team.scene.code() == 10


def test_an_approver_who_is_revoked_later_waives_nothing_from_then_on(team: Team) -> None:
    waived(team)
    assert team.scene.code() == 0
    team.revoke(RevokedKind.IDENTITY, str(team.ids["carl"]))
    assert team.scene.code() == 10


# --- until when -------------------------------------------------------------------------------------


def test_a_waiver_that_expired_a_second_ago_waives_nothing(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    log_both(team, request(team, expires=ends))
    at(monkeypatch, ends - timedelta(seconds=1))
    assert team.scene.code() == 0
    at(monkeypatch, ends)
    assert team.scene.code() == 10


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr("countermark_service.cli.deciding.utc_now", lambda: moment)


def test_a_clock_that_was_turned_back_extends_no_waiver(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    name = log_both(team, request(team, expires=ends))
    while datetime.now(UTC) <= ends + timedelta(seconds=1):
        continue
    team.scene.must("status", "renew")
    at(monkeypatch, ends - timedelta(seconds=30))
    assert team.scene.code() == 10
    assert state(team, name).startswith("expired")


@pytest.mark.parametrize("expires", ["9999-99-99", "9999-99-99T00:00:00Z", "never", "", None])
def test_an_unparsable_expiry_never_extends(team: Team, expires: str | None) -> None:
    honest = team.countersigned(request(team), "bert").statement()
    statement = honest._replace(predicate={**honest.predicate, "expires": expires})
    with team.ledger() as embedded:
        embedded.sign([Request(team.ids["bert"], statement)])
    name = dsse.name_of(statement.encode())
    team.log(team.countersigned(WaiverApproval(name, team.ids["carl"]), "carl"))
    assert team.scene.code() == 10
    assert json.loads(team.scene.must("waiver", "list", "--json")) == []
    given = str(expires)
    assert team.scene.run("waiver", "propose", "run.py", "--agent", "coder", "--reason", "x", "--expires", given) == 2


def test_a_waiver_for_longer_than_the_policy_allows_is_none(team: Team) -> None:
    far = request(team, expires=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    name = log_both(team, far)
    assert "the policy allows 90" in state(team, name)
    assert team.scene.code() == 10
    for days in ("91", "0", str(10**12)):
        words = ("run.py", "--finding", FINDING, "--agent", "coder", "--reason", "x", "--days", days)
        assert team.scene.run("waiver", "propose", *words) == 2


def test_a_waiver_that_begins_later_waives_nothing_now(team: Team) -> None:
    begins = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    name = log_both(team, request(team, not_before=begins))
    assert state(team, name).startswith("approved by")
    assert team.scene.code() == 10


def test_one_person_ends_a_waiver_alone_and_leaving_the_statement_out_does_not_bring_it_back(
    team: Team, tmp_path: Path
) -> None:
    name = waived(team)
    assert team.scene.code() == 0
    team.waiver("revoke", "bert", name[:12], "--reason", "fixed")
    assert state(team, name).startswith("revoked: by the status")
    assert team.scene.code() == 10
    folder = tmp_path / "export"
    team.scene.must("log", "export", str(folder))
    remove(folder, entries(team, "https://countermark.dev/waiver-revocation/v1"))
    assert team.scene.code(*without_a_ledger(team, tmp_path), "--bundles", str(folder)) == 10


def entries(team: Team, predicate_type: str) -> list[EntryIndex]:
    with team.ledger() as embedded:
        return embedded.store.find(Query(embedded.log.origin, predicate_type=predicate_type))


def remove(folder: Path, gone: list[EntryIndex]) -> None:
    assert gone
    for entry in gone:
        next(folder.rglob(f"{entry.bundle_sha256}.sigstore.json")).unlink()


def without_a_ledger(team: Team, tmp_path: Path) -> tuple[str, ...]:
    """Pins for a job in a clone of its own, which no private folder knows."""
    with team.ledger() as embedded:
        config = embedded.config
    place = tmp_path / "clone"
    if not place.exists():
        shutil.copytree(team.scene.root, place)
    pins = ("--repository", str(place), "--repository-id", config.repository_id, "--trust-root", config.trust_root)
    return (*pins, "--protected-ref", "refs/heads/main", "--head", "refs/heads/work", "--record", "never")


def test_a_waiver_that_was_ended_is_ended_again_and_stays_so(team: Team) -> None:
    name = waived(team)
    for _ in range(2):
        team.waiver("revoke", "carl", name)
    assert state(team, name).startswith("revoked: by the status")


def test_who_did_not_ask_for_it_and_is_not_named_does_not_end_it(team: Team) -> None:
    name = waived(team)
    agent = team.agent()
    team.log(WaiverRevocation(name, agent, "spite"), signer=agent)
    assert team.scene.code() == 0
    team.log(WaiverRevocation(name, team.ids["me"], "enough"))
    assert state(team, name).startswith(f"revoked: by {team.ids['me']}")


# --- how often --------------------------------------------------------------------------------------


def land_another(team: Team, number: int) -> int:
    """Bring the same flaw back on a branch of its own, and gate it with a recorded verdict."""
    team.scene.branch(f"again{number}", "main")
    team.scene.change({"run.py": FLAW, f"n{number}.py": f"n = {number}\n"})
    code = team.scene.gate("--record", "required")["exitCode"]
    team.scene.git("checkout", "-q", "work")
    return int(str(code))


def test_a_waiver_is_used_on_as_many_trees_as_were_asked_for(team: Team) -> None:
    name = waived(team, "run.py", "--uses", "2")
    assert state(team, name).startswith("active until")
    assert "for 2 more landings" in state(team, name)
    assert [land_another(team, 1), land_another(team, 2)] == [0, 0]
    assert state(team, name) == "exhausted: used 2 times"
    assert land_another(team, 3) == 10


def test_the_same_tree_decided_again_is_no_further_use(team: Team) -> None:
    waived(team, "run.py", "--uses", "1")
    for _ in range(3):
        assert team.scene.gate("--record", "required")["exitCode"] == 0
    assert land_another(team, 1) == 10


def test_a_withheld_verdict_makes_the_uses_unknown_and_the_answer_inconclusive(team: Team, tmp_path: Path) -> None:
    waived(team, "run.py", "--uses", "1")
    assert land_another(team, 1) == 0
    folder = tmp_path / "export"
    team.scene.must("log", "export", str(folder))
    words = (*without_a_ledger(team, tmp_path), "--bundles", str(folder))
    assert team.scene.code(*words) == 10
    remove(folder, entries(team, VERDICT)[-1:])
    answer = team.scene.gate(*words)
    assert (answer["exitCode"], answer["verdict"]) == (20, "INCONCLUSIVE")
    assert "is not at hand" in said(answer, "waivers")[0]


@pytest.mark.parametrize("fault", [StoreFailed("the disk is gone"), OSError(5, "input/output error"), RuntimeError()])
def test_a_log_that_fails_while_uses_are_counted_is_no_pass(
    team: Team, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    waived(team, "run.py", "--uses", "1")
    assert team.scene.code() == 0

    def fails(_source: LedgerSource, _index: int) -> None:
        raise fault

    monkeypatch.setattr(LedgerSource, "since", fails)
    assert team.scene.run("gate") != 0


def test_requesting_the_same_waiver_again_does_not_begin_a_new_count(team: Team) -> None:
    asked = team.countersigned(request(team, uses=1), "bert")
    assent = team.countersigned(WaiverApproval(name_of(asked), team.ids["carl"]), "carl")
    for one in (asked, assent):
        team.log(one)
    assert land_another(team, 1) == 0
    for one in (asked, assent):
        team.log(one)
    assert land_another(team, 2) == 10


def test_a_request_that_says_the_log_was_longer_is_refused(team: Team) -> None:
    name = log_both(team, request(team, uses=1, log_size=10_000))
    assert state(team, name).startswith("refused: it says that the log had 10000 entries")
    assert team.scene.code() == 10


# --- on another machine -----------------------------------------------------------------------------


def test_a_waiver_is_asked_for_approved_and_ended_on_other_machines(team: Team, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("request", "approval", "end")]
    words = ("run.py", "--finding", FINDING, "--agent", "coder", "--reason", "a constant")
    taken = team.waiver("propose", "bert", *words, "--sign-only", str(files[0]))
    assert json.loads(team.scene.must("waiver", "list", "--json")) == []
    team.scene.must("waiver", "take", str(files[0]))
    team.waiver("approve", "carl", taken["name"], "--sign-only", str(files[1]))
    assert team.scene.code() == 10
    team.scene.must("waiver", "take", str(files[1]))
    assert team.scene.code() == 0
    team.waiver("revoke", "carl", taken["name"], "--sign-only", str(files[2]))
    assert team.scene.code() == 0
    team.scene.must("waiver", "take", str(files[2]))
    assert team.scene.code() == 10
    assert team.scene.run("approve", "--take", str(files[0])) == 2


def test_a_waiver_for_another_repository_is_not_taken_in(team: Team, tmp_path: Path) -> None:
    other = team.countersigned(request(team, repository_id="elsewhere"), "bert")
    (tmp_path / "request").write_bytes(other.statement().encode())
    assert team.scene.run("waiver", "take", str(tmp_path / "request")) == 2


# --- what people are told ---------------------------------------------------------------------------


def test_a_list_says_what_each_waiver_is_for_and_worth(team: Team) -> None:
    name = waived(team)
    again = propose(team, "bert", "run.py", "--uses", "3")
    words = ("--person", "carl", "--ssh-key", team.key("carl"))
    assert "asked for by" in team.scene.must("waiver", "approve", again, *words)
    shown = team.scene.must("waiver", "list")
    assert f"{name[:16]}  run.py  finding {FINDING[:12]} by {team.agent()}" in shown
    assert "active until" in shown
    assert f"asked for by {team.ids['bert']}: a constant" in shown


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("waiver", "approve", "ffff0000ffff"), id="a-waiver-that-nobody-asked-for"),
        pytest.param(("waiver", "revoke", "x"), id="no-name"),
        pytest.param(("waiver", "propose", "gone.bin", "--agent", "coder", "--reason", "x"), id="a-file-not-there"),
        pytest.param(
            ("waiver", "propose", "run.py", "--finding", "abc", "--agent", "coder", "--reason", "x"),
            id="no-fingerprint",
        ),
        pytest.param(("waiver", "propose", "run.py", "--agent", "A B", "--reason", "x"), id="no-agent"),
        pytest.param(("waiver", "propose", "run.py", "--agent", "a", "--reason", "x", "--uses", "0"), id="no-use"),
        pytest.param(
            ("waiver", "propose", "run.py", "--agent", "a", "--reason", "x", "--expires", "2001-01-01T00:00:00Z"),
            id="over-before-it-began",
        ),
        pytest.param(
            ("waiver", "propose", "run.py", "--agent", "a", "--reason", "x", "--expires", "9999-12-31T23:59:59Z"),
            id="longer-than-the-policy-allows",
        ),
    ],
)
def test_what_can_never_be_is_refused_with_a_hint(team: Team, words: tuple[str, ...]) -> None:
    team.scene.capsys.readouterr()
    assert team.scene.run(*words) == 2
    assert "hint: " in team.scene.capsys.readouterr().err
