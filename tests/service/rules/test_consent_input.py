"""Consent in the input: read back as it was seen, and nothing else is taken for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from countermark_ledger import dsse
from countermark_ledger.canonical import Json
from countermark_ledger.consent import Consents, Refused, Said
from countermark_ledger.errors import LedgerError, Malformed
from countermark_ledger.identity import Identity
from countermark_ledger.node import Mode
from countermark_ledger.predicates.approval import Approval
from countermark_ledger.predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from countermark_ledger.uses import Counted, Uncounted
from countermark_service.gate.consents import ConsentSeen
from countermark_service.gate.input import consents
from countermark_service.gate.policy import Policy
from countermark_service.gate.rules import RULES

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AGENT = Identity.parse("spiffe://example.com/agent/coder")
ANNA, BERT = (Identity.parse(f"spiffe://example.com/person/{name}") for name in ("anna", "bert"))
ASKED = WaiverRequest(
    "r", "odd\u202ename.bin", None, Mode.FILE, "0" * 64, AGENT, ANNA, "why", 3, None, NOW, 1, "signature"
)
NAME = dsse.name_of(ASKED.statement().encode())


def said(what: Any, index: int, key: str | None = None) -> Said[Any]:
    return Said(dsse.name_of(what.statement().encode()), what, NOW, index, key)


def seen() -> ConsentSeen:
    approval = Approval(BERT, "r", "refs/heads/main", "7" * 40, "8" * 40, "a" * 64)
    found = Consents(
        approvals=[said(approval, 1, "SHA256:key")],
        requests={NAME: said(ASKED, 2)},
        waiver_approvals={NAME: [said(WaiverApproval(NAME, BERT), 3)]},
        waiver_revocations={NAME: [said(WaiverRevocation(NAME, ANNA, "fixed"), 4)]},
    )
    uses = {NAME: Counted(frozenset({"f" * 40})), "1" * 64: Uncounted("entry 7 is not at hand")}
    return ConsentSeen(found, {AGENT: frozenset({ANNA})}, uses, {NAME: "by the status"})


def test_consent_reads_back_as_it_was_seen() -> None:
    document = consents.spell(seen())
    assert consents.read(json.loads(json.dumps(document))) == seen()
    assert json.dumps(document, ensure_ascii=False).isprintable()


def test_a_refused_statement_reads_back_with_its_reason() -> None:
    refused = Refused(NAME, ASKED, LedgerError("no\x1b[2Jgood", hint="ask again"))
    document = consents.spell(seen()._replace(consents=Consents(refusals=[refused])))
    (again,) = consents.read(document).consents.refusals
    assert (again.name, again.what) == (NAME, ASKED)
    assert (again.error.message, again.error.hint) == ("no\x1b[2Jgood", "ask again")


def changed(**other: Json) -> dict[str, Json]:
    document = consents.spell(seen())
    assert isinstance(document, dict)
    return {**document, **other}


def statement(text: str) -> list[Json]:
    return [{"statement": text, "signed": "2026-11-20T12:00:00Z", "logIndex": 1, "sshKey": None}]


OTHER_KIND = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "predicate": {},
        "predicateType": "https://example.com/x",
        "subject": [{"digest": {"sha256": "0"}, "name": "a"}],
    },
    separators=(",", ":"),
)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"statements": statement("{}")}, id="no-statement"),
        pytest.param({"statements": statement(OTHER_KIND)}, id="statement-of-another-kind"),
        pytest.param({"statements": [None]}, id="nothing-said"),
        pytest.param({"owners": [{"agent": "coder", "people": []}]}, id="owner-of-nobody-known"),
        pytest.param({"owners": {}}, id="owners-as-an-object"),
        pytest.param({"uses": []}, id="uses-as-a-list"),
        pytest.param({"uses": {NAME: 1}}, id="uses-as-a-number"),
        pytest.param({"revokedWaivers": {NAME: 1}}, id="end-without-a-reason"),
    ],
)
def test_what_no_gate_saw_is_not_read_as_consent(wrong: dict[str, Json]) -> None:
    with pytest.raises(Malformed):
        consents.read(changed(**wrong))


@pytest.mark.parametrize(("minimum", "says"), [(0, "Nobody needs to approve"), (2, "2 people named here")])
def test_the_rule_says_how_many_people_are_asked(minimum: int, says: str) -> None:
    rule = next(rule for rule in RULES if rule.id == "approvals")
    policy = Policy.parse(json.dumps({"version": 1, "approvals": {"minimum": minimum}}).encode())
    assert rule.explain(policy).startswith(says)
