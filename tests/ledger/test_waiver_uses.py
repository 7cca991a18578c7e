"""How often a waiver was used: counted over the whole log since it was asked for, or not known. Attacks by name."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from countermark_ledger import uses
from countermark_ledger.bundle import Bundle, content_name
from countermark_ledger.collection import Collection, bundle_path
from countermark_ledger.consent import Said
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_ledger.predicates.verdict import Binding, Outcome, Verdict
from countermark_ledger.predicates.waiver import WaiverRequest
from countermark_ledger.statement import Statement, Subject
from countermark_ledger.uses import Count, Counted, Entries, Question, Uncounted

if TYPE_CHECKING:
    from conftest import SimulatedAuthority

    from countermark_ledger.authority.issuing import Signed

GATE, LAPTOP = (Identity("forge.example", Kind.GATE, name) for name in ("ci", "laptop"))
AGENT = Identity("forge.example", Kind.AGENT, "builder")
ANNA = Identity("forge.example", Kind.PERSON, "anna")
NAME = "f" * 64


def waiver(simulated: SimulatedAuthority, since: int = 0) -> Said[WaiverRequest]:
    now = simulated.clock.now
    asked = WaiverRequest(
        "repository-1", "a.py", NAME, None, None, AGENT, ANNA, "why", since, None, now + timedelta(days=9), 1
    )
    return Said(NAME, asked, now, since, None)


def verdict(simulated: SimulatedAuthority, tree: str, **other: object) -> Signed:
    repository = other.pop("repository_id", "repository-1")
    signer = other.pop("signer", GATE)
    binding = Binding(repository, "refs/heads/main", "7" * 40, "8" * 40, tree * 40, "0" * 64, "merge", ())
    facts = {
        "gate": GATE,
        "tool_version": "1",
        "evaluated": simulated.clock.now,
        "outcome": Outcome.PASSED,
        "exit_code": 0,
        "score": 90,
        "reasons": (),
        "policy_sha256": "0" * 64,
        "inputs": (),
        "binding": binding,
        "waivers": (NAME,),
    }
    return simulated.sign(signer, Verdict(**{**facts, **other}).statement())[0]


def count(
    simulated: SimulatedAuthority, *offered: Signed, since: int = 0, size: int = 0, status: Signed | None = None
) -> Count:
    """Count with a status that comes last and is offered too, unless one is given."""
    status = status or simulated.status()
    return counted(simulated, simulated.collection(*offered, status), status, since=since, size=size)


def counted(
    simulated: SimulatedAuthority, collection: Collection, status: Signed, *, since: int = 0, size: int = 0
) -> Count:
    entries = Entries.of(collection.candidates.values(), simulated.trust)
    question = Question("repository-1", frozenset({str(GATE)}), simulated.current(status), simulated.trust)
    return uses.count(waiver(simulated, since), entries, size, question)


def reason(found: Count) -> str:
    assert isinstance(found, Uncounted), found
    return found.reason


def test_a_use_is_a_landing_tree_however_often_it_was_decided(simulated: SimulatedAuthority) -> None:
    used = [verdict(simulated, tree) for tree in "aab"]
    assert count(simulated, *used) == Counted(frozenset({"a" * 40, "b" * 40}))


def test_a_waiver_that_nobody_used_was_used_on_no_tree(simulated: SimulatedAuthority) -> None:
    assert count(simulated, verdict(simulated, "a", waivers=("0" * 64,))) == Counted(frozenset())


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"outcome": Outcome.FAILED, "exit_code": 10}, id="verdict-that-did-not-pass"),
        pytest.param({"repository_id": "repository-2"}, id="verdict-about-another-repository"),
        pytest.param({"gate": LAPTOP, "signer": LAPTOP}, id="gate-that-the-policy-does-not-name"),
        pytest.param({"signer": LAPTOP}, id="verdict-in-the-name-of-another-gate"),
    ],
)
def test_what_is_no_verdict_of_a_gate_of_the_policy_is_no_use(
    simulated: SimulatedAuthority, other: dict[str, object]
) -> None:
    assert count(simulated, verdict(simulated, "a", **other)) == Counted(frozenset())


def test_another_tools_verdict_is_no_use(simulated: SimulatedAuthority) -> None:
    odd = Statement((Subject("a", {"sha256": NAME}),), "https://slsa.dev/verification_summary/v1", {"waivers": [NAME]})
    assert count(simulated, simulated.sign(GATE, odd)[0]) == Counted(frozenset())


def test_uses_from_before_it_was_asked_for_are_none(simulated: SimulatedAuthority) -> None:
    early, late, status = verdict(simulated, "a"), verdict(simulated, "b"), simulated.status()
    assert count(simulated, early, late, status=status, since=1) == Counted(frozenset({"b" * 40}))
    assert count(simulated, late, status=status, since=1) == Counted(frozenset({"b" * 40}))


# --- what is not known is not zero ------------------------------------------------------------------


def test_a_withheld_verdict_makes_the_uses_unknown(simulated: SimulatedAuthority) -> None:
    shown, _withheld = verdict(simulated, "a"), verdict(simulated, "b")
    assert reason(count(simulated, shown)) == "entry 1 of 3 in the log is not at hand"


def test_a_verdict_withheld_at_the_end_is_missed_by_whoever_knows_the_logs_size(
    simulated: SimulatedAuthority,
) -> None:
    shown, status = verdict(simulated, "a"), simulated.status()
    assert count(simulated, shown, status=status) == Counted(frozenset({"a" * 40}))
    verdict(simulated, "b")
    newest = simulated.log.head.size
    assert reason(count(simulated, shown, status=status, size=newest)) == "entry 2 of 3 in the log is not at hand"


def test_a_verdict_withheld_at_the_end_is_missed_when_a_later_checkpoint_is_shown(
    simulated: SimulatedAuthority,
) -> None:
    shown = verdict(simulated, "a")
    simulated.sign(AGENT, waiver(simulated).what.statement())
    later = simulated.sign(AGENT, waiver(simulated).what.statement())[0]
    assert "not at hand" in reason(count(simulated, shown, later))


def test_a_verdict_whose_certificate_proof_was_withheld_makes_the_uses_unknown(
    simulated: SimulatedAuthority,
) -> None:
    bare, status = verdict(simulated, "a"), simulated.status()
    collection = simulated.collection(status, more=[(bundle_path(bare.name), bare.raw)])
    said = reason(counted(simulated, collection, status))
    assert said.startswith("the verdict at log index 0 can't be verified: ")


def test_a_damaged_copy_beside_the_true_verdict_changes_nothing(simulated: SimulatedAuthority) -> None:
    true, status = verdict(simulated, "a"), simulated.status()
    damaged = Bundle.parse(true.raw)._replace(timestamp_der=b"junk").encode()
    wrong = [(bundle_path("0" * 64), true.raw), (bundle_path("1" * 64), b'{"dsseEnvelope":{}}')]
    more = [(bundle_path(content_name(damaged)), damaged), *wrong]
    collection = simulated.collection(true, status, more=more)
    assert counted(simulated, collection, status) == Counted(frozenset({"a" * 40}))


def test_a_bundle_that_is_not_in_the_log_fills_no_gap(simulated: SimulatedAuthority) -> None:
    true, status = verdict(simulated, "a"), simulated.status()
    bundle = Bundle.parse(true.raw)
    other = bundle._replace(envelope=bundle.envelope._replace(payload=b"{}")).encode()
    payload = Statement((Subject("a", {"sha256": NAME}),), "https://example.com/x", {}).encode()
    forged = bundle._replace(envelope=bundle.envelope._replace(payload=payload)).encode()
    files = [(bundle_path(content_name(raw)), raw) for raw in (other, forged)]
    assert "entry 0" in reason(counted(simulated, simulated.collection(status, more=files), status))


def test_a_log_too_long_to_be_looked_through_was_not_counted(
    simulated: SimulatedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uses, "MAX_COUNTED", 2)
    used = [verdict(simulated, tree) for tree in "ab"]
    assert "3 entries since" in reason(count(simulated, *used))


# --- whose verdicts ---------------------------------------------------------------------------------


def test_a_verdict_after_its_gate_was_revoked_is_no_use(simulated: SimulatedAuthority) -> None:
    before = verdict(simulated, "a")
    simulated.clock.step(minutes=1)
    entry = Revocation(RevokedKind.IDENTITY, str(GATE), simulated.clock.now, simulated.log.head.size, "stolen")
    after = verdict(simulated, "b")
    status = simulated.status(entry)
    assert count(simulated, before, after, status=status) == Counted(frozenset({"a" * 40}))


def test_a_verdict_that_is_newer_than_the_status_is_a_use(simulated: SimulatedAuthority) -> None:
    status = simulated.status()
    assert count(simulated, verdict(simulated, "a"), status=status) == Counted(frozenset({"a" * 40}))
