"""Index rows: what an entry can be found by, all of it copied from its bundle and rebuildable from it.

Layer: ledger core. Does no I/O and reads no clock.
Trust: index rows answer questions; no verdict rests on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from .. import dsse, predicates
from ..errors import Malformed
from ..identity import Identity
from ..predicates import approval, claim, generation, verdict
from ..predicates.approval import Approval
from ..predicates.claim import Claim
from ..predicates.generation import Generation
from ..predicates.rows import Part
from ..predicates.verdict import Verdict
from ..predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from ..statement import Statement
from .rows import EntryIndex, EntryLabel, EntryPath, IndexRow


def index_rows(
    origin: str, index: int, *, bundle: str, signer: Identity, signed: datetime, statement: Statement
) -> list[IndexRow]:
    """Return the rows of one entry: who, what kind, when, which paths, and labels by kind of statement."""
    entry = EntryIndex(origin, index, bundle, str(signer), statement.predicate_type, int(signed.timestamp() * 1000))
    labels = [EntryLabel(origin, index, name, value) for name, value in sorted(set(_labels(statement)))]
    return [entry, *_paths(origin, index, statement), *labels]


def _paths(origin: str, index: int, statement: Statement) -> list[EntryPath]:
    part, asked = _part(statement), _asked(statement)
    if asked is not None:
        return [EntryPath(origin, index, asked.path, None, asked.sha256)]
    return [
        EntryPath(
            origin,
            index,
            row.path,
            row.before.sha256 if row.before else None,
            row.after.sha256 if row.after else None,
        )
        for row in (part.rows.transitions if part else ())
    ]


def _part(statement: Statement) -> Part | None:
    try:
        if statement.predicate_type == generation.PREDICATE_TYPE:
            return Generation.parse(statement).part
        return Claim.parse(statement).part if statement.predicate_type == claim.PREDICATE_TYPE else None
    except Malformed:
        return None  # another tool's provenance: it is logged, and has no rows of ours


def _asked(statement: Statement) -> WaiverRequest | None:
    try:
        return WaiverRequest.parse(statement) if statement.predicate_type == predicates.WAIVER_REQUEST else None
    except Malformed:
        return None  # nobody can read what it asks for, so it asks for nothing


def _labels(statement: Statement) -> Iterator[tuple[str, str]]:
    try:
        match statement.predicate_type:
            case generation.PREDICATE_TYPE:
                yield from _generation_labels(Generation.parse(statement))
                yield "statement", dsse.name_of(statement.encode())
            case claim.PREDICATE_TYPE:
                claimed = Claim.parse(statement)
                yield "repository", claimed.target.repository_id
                yield "change", claimed.part.changes_sha256
                yield "statement", dsse.name_of(statement.encode())
            case verdict.PREDICATE_TYPE:
                yield from _verdict_labels(Verdict.parse(statement))
            case approval.PREDICATE_TYPE:
                approved = Approval.parse(statement)
                yield "repository", approved.repository_id
                yield from (("commit", commit) for commit in (approved.tip, approved.head))
            case predicates.WAIVER_REQUEST:
                yield "repository", WaiverRequest.parse(statement).repository_id
                yield "waiver", dsse.name_of(statement.encode())
            case predicates.WAIVER_APPROVAL:
                yield "waiver", WaiverApproval.parse(statement).request
            case predicates.WAIVER_REVOCATION:
                yield "waiver", WaiverRevocation.parse(statement).request
    except Malformed:
        return


def _generation_labels(made: Generation) -> Iterator[tuple[str, str]]:
    yield "repository", made.target.repository_id
    yield "session", made.session.id
    yield "change", made.part.changes_sha256
    yield from (("tag", tag) for tag in made.tags)
    for model in made.models:
        yield "model", model.requested_id
        if model.returned_id:
            yield "model", model.returned_id


def _verdict_labels(decided: Verdict) -> Iterator[tuple[str, str]]:
    yield "repository", decided.binding.repository_id
    yield "landing-tree", decided.binding.landing_tree
    yield "outcome", decided.outcome.value
    yield from (("consumed", name) for name in decided.binding.consumed)
