"""Withdrawing: what was signed and is not meant to land any more, taken back for good.

An agent's statement is withdrawn with its whole session; a claim, and whatever else has no session, with the other
parts of its change. The status names it from its first log index on, so that every copy of it is refused.

Trust: the ledger is this machine's own, and only who holds its keys can renew the status.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from countermark_ledger import dsse
from countermark_ledger.bundle import Bundle
from countermark_ledger.log.rows import EntryIndex
from countermark_ledger.predicates import claim, generation
from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_service.embedded import Embedded
from countermark_service.exits import UsageError
from countermark_service.sources import pages
from countermark_service.store.query import Query

MIN_PREFIX = 8
_KINDS = (generation.PREDICATE_TYPE, claim.PREDICATE_TYPE)
HINT = "countermark blame PATH"


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What the status names now, of how many statements, from which log index on."""

    names: tuple[str, ...]
    statements: int
    from_log_index: int


def withdraw_statement(embedded: Embedded, name: str, reason: str) -> Withdrawn:
    """Withdraw what a statement belongs to; its name is its bundle's or its own, or how one of these begins."""
    found = _named(embedded, name)
    session = _label(embedded, found, "session")
    if session is not None:
        return withdraw_session(embedded, session, reason)
    change = _label(embedded, found, "change") or ""
    parts = [one for one in _labelled(embedded, "change", change) if one.identity == found.identity]
    return _withdraw(embedded, [_own_name(embedded, one) for one in parts], parts, reason)


def withdraw_session(embedded: Embedded, session: str, reason: str) -> Withdrawn:
    """Withdraw all that was signed in a session."""
    found = _labelled(embedded, "session", session)
    if not found:
        raise UsageError(f"session {session}: expected statements of it in the ledger, found none", hint=HINT)
    return _withdraw(embedded, [session], found, reason)


def _withdraw(embedded: Embedded, names: Sequence[str], entries: Sequence[EntryIndex], reason: str) -> Withdrawn:
    """Name it in the status from its first entry on; what was named before stays named as it was."""
    first = min(entries, key=lambda entry: entry.index)
    begins = datetime.fromtimestamp(first.time_ms // 1000, UTC)
    new = [Revocation(RevokedKind.SESSION, name, begins, first.index, reason) for name in names]

    def revise(earlier: tuple[Revocation, ...], _size: int) -> tuple[Revocation, ...]:
        known = {(one.kind, one.value) for one in earlier}
        return (*earlier, *(one for one in new if (one.kind, one.value) not in known))

    embedded.sign([], revoke=revise)
    return Withdrawn(tuple(names), len(entries), first.index)


def _named(embedded: Embedded, name: str) -> EntryIndex:
    """Find the one statement of a name; other kinds than those that answer for files can't be withdrawn."""
    if len(name) < MIN_PREFIX:
        raise UsageError(f"{name}: expected {MIN_PREFIX} digits of a statement's name at least", hint=HINT)
    entries = [entry for kind in _KINDS for entry in pages(embedded, Query(embedded.log.origin, predicate_type=kind))]
    found = [entry for entry in entries if entry.bundle_sha256.startswith(name)]
    found = found or [entry for entry in entries if _own_name(embedded, entry).startswith(name)]
    if len(found) != 1:
        raise UsageError(f"{name}: expected one statement about files of this name, found {len(found)}", hint=HINT)
    return found[0]


def _own_name(embedded: Embedded, entry: EntryIndex) -> str:
    return dsse.name_of(Bundle.parse(embedded.store.blob(entry.bundle_sha256).data).envelope.payload)


def _label(embedded: Embedded, entry: EntryIndex, name: str) -> str | None:
    labels: Iterable[str] = (one.value for one in embedded.store.labels(entry.origin, entry.index) if one.name == name)
    return next(iter(labels), None)


def _labelled(embedded: Embedded, name: str, value: str) -> list[EntryIndex]:
    return list(pages(embedded, Query(embedded.log.origin, labels=((name, value),))))
