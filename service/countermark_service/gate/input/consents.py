"""How people's consent is spelled in the input, and read back.

Trust: as strict as any format of ours; what is read back is compared with its own spelling by the caller.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import TypeAlias, assert_never

from countermark_ledger import dsse, shape
from countermark_ledger.canonical import Json
from countermark_ledger.consent import Consents, Refused, Said
from countermark_ledger.countersignature import READERS, Consent
from countermark_ledger.errors import LedgerError, Malformed
from countermark_ledger.identity import Identity
from countermark_ledger.predicates.approval import Approval
from countermark_ledger.predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from countermark_ledger.statement import Statement
from countermark_ledger.uses import Count, Counted, Uncounted
from countermark_service.gate.consents import ConsentSeen
from countermark_service.gate.input import spelling

AnySaid: TypeAlias = Said[Approval] | Said[WaiverRequest] | Said[WaiverApproval] | Said[WaiverRevocation]


def spell(seen: ConsentSeen) -> Json:
    """Spell it: every statement as it was signed, with what was verified of it."""
    return {
        "statements": [_spell_said(said) for said in _everything(seen.consents)],
        "refused": [_spell_refused(one) for one in seen.consents.refusals],
        "owners": [_spell_owned(agent, seen.owners[agent]) for agent in sorted(seen.owners, key=str)],
        "uses": {name: _spell_count(count) for name, count in seen.uses.items()},
        "revokedWaivers": {name: spelling.spell(why) for name, why in seen.revoked.items()},
    }


def read(value: Json) -> ConsentSeen:
    """Read it back."""
    consents = Consents(refusals=[*shape.items(shape.member(value, "refused"), "refused", _read_refused)])
    for statement in shape.items(shape.member(value, "statements"), "statements", lambda item: item):
        _keep(consents, statement)
    return ConsentSeen(
        consents,
        dict(shape.items(shape.member(value, "owners"), "owners", _read_owned)),
        {name: _read_count(count) for name, count in _object(value, "uses").items()},
        {name: spelling.read(why, "revokedWaivers") for name, why in _object(value, "revokedWaivers").items()},
    )


def _everything(consents: Consents) -> Iterable[AnySaid]:
    return chain(
        consents.approvals,
        consents.requests.values(),
        *consents.waiver_approvals.values(),
        *consents.waiver_revocations.values(),
    )


def _spell_said(said: AnySaid) -> Json:
    return {
        "statement": _spell_statement(said.what),
        "signed": shape.spell_time(said.signed),
        "logIndex": said.log_index,
        "sshKey": said.key,
    }


def _spell_statement(what: Consent) -> Json:
    return spelling.spell(what.statement().encode().decode("utf-8"))


def _keep(consents: Consents, value: Json) -> None:
    what = _read_statement(shape.member(value, "statement"))
    name = dsse.name_of(what.statement().encode())
    signed = shape.time(shape.member(value, "signed"), "signed")
    place = shape.integer(shape.member(value, "logIndex"), "logIndex")
    key = shape.optional_text(shape.member(value, "sshKey"), "sshKey")
    match what:
        case Approval():
            consents.approvals.append(Said(name, what, signed, place, key))
        case WaiverRequest():
            consents.requests[name] = Said(name, what, signed, place, key)
        case WaiverApproval():
            consents.waiver_approvals.setdefault(what.request, []).append(Said(name, what, signed, place, key))
        case WaiverRevocation():
            consents.waiver_revocations.setdefault(what.request, []).append(Said(name, what, signed, place, key))
        case _:
            assert_never(what)


def _read_statement(value: Json) -> Consent:
    statement = Statement.parse(spelling.read(value, "statement").encode("utf-8", "surrogateescape"))
    reader = READERS.get(statement.predicate_type)
    if reader is None:
        raise Malformed(f"consent: expected an approval or a waiver, found {statement.predicate_type!r:.80}")
    return reader(statement)


def _spell_refused(one: Refused) -> Json:
    error = {"message": spelling.spell(one.error.message), "hint": spelling.spell_optional(one.error.hint)}
    return {"statement": _spell_statement(one.what), **error}


def _read_refused(value: Json) -> Refused:
    what = _read_statement(shape.member(value, "statement"))
    hint = spelling.read_optional(shape.member(value, "hint"), "hint")
    error = LedgerError(spelling.read(shape.member(value, "message"), "message"), hint=hint)
    return Refused(dsse.name_of(what.statement().encode()), what, error)


def _spell_count(count: Count) -> Json:
    match count:
        case Counted(trees):
            return {"trees": [*sorted(trees)]}
        case Uncounted(reason):
            return {"unknown": spelling.spell(reason)}
        case _:
            assert_never(count)


def _read_count(value: Json) -> Count:
    unknown = shape.member(value, "unknown")
    if unknown is not None:
        return Uncounted(spelling.read(unknown, "uses"))
    return Counted(frozenset(shape.texts(shape.member(value, "trees"), "uses")))


def _spell_owned(agent: Identity, people: AbstractSet[Identity]) -> Json:
    return {"agent": str(agent), "people": [*sorted(map(str, people))]}


def _read_owned(value: Json) -> tuple[Identity, frozenset[Identity]]:
    people = shape.items(shape.member(value, "people"), "people", Identity.parse)
    return Identity.parse(shape.member(value, "agent")), frozenset(people)


def _object(value: Json, name: str) -> dict[str, Json]:
    found = shape.member(value, name)
    if not isinstance(found, dict):
        raise Malformed(f"{name}: expected an object, found {type(found).__name__}")
    return found
