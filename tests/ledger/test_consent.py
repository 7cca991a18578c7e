"""Whose consent holds: the person's own, by certificate and by SSH key, logged, and not revoked. Attacks by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from countermark_ledger import consent, countersignature, dsse
from countermark_ledger.bundle import Bundle, content_name
from countermark_ledger.collection import Collection, bundle_path
from countermark_ledger.consent import Consents, Question, Said
from countermark_ledger.errors import (
    BadSignature,
    LedgerError,
    Malformed,
    Revoked,
    StatusExpired,
    TooLarge,
    WrongIdentity,
)
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.predicates.approval import Approval
from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_ledger.predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation

if TYPE_CHECKING:
    from conftest import SimulatedAuthority, SshKey

    from countermark_ledger.authority.issuing import Signed
    from countermark_ledger.countersignature import Consent

KeyOf = Callable[[str], "SshKey"]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIP, HEAD, OLD = "7" * 40, "8" * 40, "6" * 40
LISTING, FINDING = "a" * 64, "f" * 64
AGENT = Identity("forge.example", Kind.AGENT, "builder")
ANNA, BERT = (Identity("forge.example", Kind.PERSON, name) for name in ("anna", "bert"))


def approval(person: Identity = BERT, **other: object) -> Approval:
    facts = {"repository_id": "repository-1", "protected_ref": "refs/heads/main", "tip": TIP, "head": HEAD}
    return Approval(**{"person": person, "listing_sha256": LISTING, **facts, **other})


def request(simulated: SimulatedAuthority, **other: object) -> WaiverRequest:
    facts = {
        "repository_id": "repository-1",
        "path": "a.py",
        "finding": FINDING,
        "mode": None,
        "sha256": None,
        "agent": AGENT,
        "requester": ANNA,
        "reason": "false alarm",
        "log_size": simulated.log.head.size,
        "not_before": None,
        "expires": simulated.clock.now + timedelta(days=30),
        "uses": 1,
    }
    return WaiverRequest(**{**facts, **other})


def name_of(asked: WaiverRequest) -> str:
    return dsse.name_of(asked.statement().encode())


def log(simulated: SimulatedAuthority, *said: Consent) -> list[Signed]:
    """Sign each statement as the person it names."""
    return [simulated.sign(one.person, one.statement())[0] for one in said]


def ask(simulated: SimulatedAuthority, *signed: Signed, status: Signed | None = None, **other: object) -> Consents:
    facts = {"repository_id": "repository-1", "paths": None, "commits": {TIP, HEAD}, **other}
    current = simulated.current(status or simulated.status())
    return consent.judge(simulated.collection(*signed).candidates.values(), Question(**facts), current, simulated.trust)


def refusal(found: Consents) -> LedgerError:
    assert (found.approvals, found.requests, found.waiver_approvals) == ([], {}, {})
    assert len(found.refusals) == 1
    return found.refusals[0].error


# --- what holds -------------------------------------------------------------------------------------


def test_an_approval_by_its_person_holds(simulated: SimulatedAuthority) -> None:
    signed = log(simulated, approval())
    found = ask(simulated, *signed)
    assert [one.what for one in found.approvals] == [approval()]
    said = found.approvals[0]
    assert (said.log_index, said.signed, said.key) == (0, simulated.clock.now, None)
    assert said.name == dsse.name_of(approval().statement().encode())


def test_the_three_statements_of_a_waiver_are_found_under_the_name_of_its_request(
    simulated: SimulatedAuthority,
) -> None:
    asked = request(simulated)
    name = name_of(asked)
    signed = log(simulated, asked, WaiverApproval(name, BERT), WaiverRevocation(name, ANNA, "fixed"))
    found = ask(simulated, *signed, paths={"a.py"})
    assert found.requests[name].what == asked
    assert [one.what.approver for one in found.waiver_approvals[name]] == [BERT]
    assert [one.what.person for one in found.waiver_revocations[name]] == [ANNA]
    assert found.refusals == []


def test_the_same_words_logged_twice_say_nothing_new(simulated: SimulatedAuthority) -> None:
    asked = request(simulated)
    said = [approval(), asked, WaiverApproval(name_of(asked), BERT)]
    first = log(simulated, *said)
    simulated.clock.step(minutes=1)
    again = log(simulated, *said)
    found = ask(simulated, *again, *first)
    assert sorted(found.judged) == sorted(one.name for one in (*first, *again))
    assert [found.heads[one.name].size for one in found.approvals] == [1]
    assert [one.log_index for one in found.approvals] == [0]
    assert found.requests[name_of(asked)].log_index == 1
    assert [one.log_index for one in found.waiver_approvals[name_of(asked)]] == [2]


# --- what is not looked at --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"repository_id": "repository-2"}, id="of-another-repository"),
        pytest.param({"tip": OLD, "head": OLD}, id="of-another-change"),
    ],
)
def test_an_approval_of_something_else_is_not_looked_at(simulated: SimulatedAuthority, other: dict[str, str]) -> None:
    found = ask(simulated, *log(simulated, approval(**other)))
    assert (found.approvals, found.refusals) == ([], [])


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"repository_id": "repository-2"}, id="waiver-of-another-repository"),
        pytest.param({"path": "b.py"}, id="waiver-of-a-path-that-does-not-change"),
    ],
)
def test_a_waiver_of_something_else_is_not_looked_at(simulated: SimulatedAuthority, other: dict[str, str]) -> None:
    asked = request(simulated, **other)
    signed = log(simulated, asked, WaiverApproval(name_of(asked), BERT), WaiverRevocation(name_of(asked), BERT, "x"))
    found = ask(simulated, *signed, paths={"a.py"})
    assert (found.requests, found.waiver_approvals, found.waiver_revocations, found.refusals) == ({}, {}, {}, [])


@pytest.mark.parametrize(
    "expires",
    [pytest.param("9999-99-99", id="no-time"), pytest.param(None, id="missing"), pytest.param("", id="empty")],
)
def test_an_unparsable_expiry_never_extends(simulated: SimulatedAuthority, expires: str | None) -> None:
    honest = request(simulated).statement()
    statement = honest._replace(predicate={**honest.predicate, "expires": expires})
    name = dsse.name_of(statement.encode())
    signed = [simulated.sign(ANNA, statement)[0], *log(simulated, WaiverApproval(name, BERT))]
    found = ask(simulated, *signed)
    assert (found.requests, found.waiver_approvals) == ({}, {})


def test_junk_waivers_that_the_log_never_took_in_cost_nothing(
    simulated: SimulatedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent, "MAX_JUDGED", 1)
    good = log(simulated, approval())[0]
    bundle = Bundle.parse(good.raw)
    junk = []
    for number in range(5):
        payload = approval(head=f"{number:040}").statement().encode()
        raw = bundle._replace(envelope=bundle.envelope._replace(payload=payload)).encode()
        junk.append((bundle_path(content_name(raw)), raw))
    collection = Collection.of([*simulated.files([good]), *junk])
    assert len(collection.candidates) == 6
    current = simulated.current(simulated.status())
    found = consent.judge(
        collection.candidates.values(), Question("repository-1", None, {TIP}), current, simulated.trust
    )
    assert (len(found.approvals), found.refusals) == (1, [])


def test_more_logged_statements_than_are_looked_at_are_no_answer(
    simulated: SimulatedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent, "MAX_JUDGED", 1)
    with pytest.raises(TooLarge):
        ask(simulated, *log(simulated, approval(ANNA), approval(BERT)))


# --- who did not say it -----------------------------------------------------------------------------


def statements(simulated: SimulatedAuthority) -> dict[str, Consent]:
    asked = request(simulated)
    return {"approval": approval(), "request": asked, "waiver-approval": WaiverApproval(name_of(asked), BERT)}


KINDS = ["approval", "request", "waiver-approval"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signer", [AGENT, Identity("forge.example", Kind.PERSON, "mallory")])
def test_nobody_consents_in_the_name_of_another(simulated: SimulatedAuthority, kind: str, signer: Identity) -> None:
    said = statements(simulated)
    others = log(simulated, said["request"]) if kind == "waiver-approval" else []
    forged = simulated.sign(signer, said[kind].statement())[0]
    found = ask(simulated, *others, forged)
    assert [type(one.error) for one in found.refusals] == [WrongIdentity]
    assert (found.approvals, found.waiver_approvals) == ([], {})


def test_an_agent_does_not_consent_under_its_own_name(simulated: SimulatedAuthority) -> None:
    said = approval(AGENT)
    assert isinstance(refusal(ask(simulated, simulated.sign(AGENT, said.statement())[0])), WrongIdentity)


def test_a_logged_statement_without_its_certificate_proof_is_refused(simulated: SimulatedAuthority) -> None:
    signed = log(simulated, approval())[0]
    current = simulated.current(simulated.status())
    bare = Collection.of([(bundle_path(signed.name), signed.raw)])
    found = consent.judge(bare.candidates.values(), Question("repository-1", None, {TIP}), current, simulated.trust)
    assert "certificate proof" in refusal(found).message


# --- the key that only the person has ---------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_persons_own_key_beside_the_certificate_is_named(
    simulated: SimulatedAuthority, ssh_key_of: KeyOf, kind: str
) -> None:
    said, key = statements(simulated)[kind], ssh_key_of("own")
    others = [] if kind != "waiver-approval" else log(simulated, statements(simulated)["request"])
    signed = log(simulated, countersignature.countersigned(said, key.sign(said)))
    found = ask(simulated, *others, *signed)
    assert found.refusals == []
    held = [*found.approvals, *(one for many in found.waiver_approvals.values() for one in many)]
    kept = held or list(found.requests.values())
    assert [one.key for one in kept] == [key.public.fingerprint]


OWN, OTHER = "SHA256:own", "SHA256:other"


@pytest.mark.parametrize(
    ("key", "people", "why"),
    [
        pytest.param(None, {BERT: set()}, None, id="certificate-alone-where-the-policy-lists-no-key"),
        pytest.param(OWN, {BERT: set()}, None, id="a-key-that-nobody-asked-for"),
        pytest.param(OWN, {BERT: {OTHER, OWN}}, None, id="one-of-the-persons-keys"),
        pytest.param(None, {BERT: {OWN}}, "no SSH key", id="certificate-alone-where-the-policy-lists-a-key"),
        pytest.param(OTHER, {BERT: {OWN}, ANNA: {OTHER}}, "no SSH key", id="the-key-of-somebody-else"),
        pytest.param(OWN, {ANNA: {OWN}}, "is not named", id="a-person-whom-the-policy-does-not-name"),
        pytest.param(OWN, {}, "is not named", id="a-policy-that-names-nobody"),
    ],
)
def test_a_person_stands_for_it_with_a_key_that_the_policy_lists(
    key: str | None, people: consent.People, why: str | None
) -> None:
    objection = consent.stands_for(Said("0" * 64, approval(), NOW, 1, key), people)
    assert (objection is None) == (why is None)
    assert why is None or why in str(objection)


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(lambda said, key: key.sign(replace(said, tip=OLD)), id="signature-of-another-approval"),
        pytest.param(lambda said, key: key.sign(said, "git"), id="signature-made-for-a-commit"),
        pytest.param(lambda said, key: key.sign(WaiverApproval(LISTING, said.person)), id="of-another-kind"),
        pytest.param(lambda _said, _key: "junk", id="junk"),
        pytest.param(lambda _said, _key: "\u0000\u2028", id="no-armor"),
    ],
)
def test_a_signature_that_is_none_of_this_is_refused(
    simulated: SimulatedAuthority, ssh_key_of: KeyOf, attack: Callable[..., str]
) -> None:
    said, key = approval(), ssh_key_of("own")
    signed = log(simulated, countersignature.countersigned(said, attack(said, key)))
    assert isinstance(refusal(ask(simulated, *signed)), BadSignature | Malformed)


# --- revocation -------------------------------------------------------------------------------------


def revoked(simulated: SimulatedAuthority, kind: RevokedKind, value: str) -> Signed:
    simulated.clock.step(days=1)
    entry = Revocation(kind, value, simulated.clock.now, simulated.log.head.size, "left")
    return simulated.status(entry, number=2)


@pytest.mark.parametrize("kind", KINDS)
def test_an_approver_who_is_revoked_later_has_consented_to_nothing(simulated: SimulatedAuthority, kind: str) -> None:
    said = statements(simulated)[kind]
    others = [] if kind != "waiver-approval" else log(simulated, statements(simulated)["request"])
    signed = log(simulated, said)
    found = ask(simulated, *others, *signed, status=revoked(simulated, RevokedKind.IDENTITY, str(said.person)))
    assert [type(one.error) for one in found.refusals] == [Revoked]
    assert (found.approvals, found.waiver_approvals) == ([], {})


def test_a_revoked_ssh_key_consents_to_nothing(simulated: SimulatedAuthority, ssh_key_of: KeyOf) -> None:
    key = ssh_key_of("own")
    signed = log(simulated, countersignature.countersigned(approval(), key.sign(approval())))
    status = revoked(simulated, RevokedKind.KEY, key.public.fingerprint)
    assert isinstance(refusal(ask(simulated, *signed, status=status)), Revoked)


def test_consent_that_is_newer_than_the_status_is_refused(simulated: SimulatedAuthority) -> None:
    status = simulated.status()
    assert isinstance(refusal(ask(simulated, *log(simulated, approval()), status=status)), StatusExpired)


def test_what_ends_a_waiver_needs_neither_a_key_nor_a_status_that_knows_it(
    simulated: SimulatedAuthority, ssh_key_of: KeyOf
) -> None:
    asked, key = request(simulated), ssh_key_of("own")
    first = log(simulated, countersignature.countersigned(asked, key.sign(asked)))
    name = name_of(countersignature.countersigned(asked, key.sign(asked)))
    status = simulated.status()
    ended = log(simulated, WaiverRevocation(name, ANNA, "fixed"))
    found = ask(simulated, *first, *ended, status=status)
    assert [one.what.reason for one in found.waiver_revocations[name]] == ["fixed"]
