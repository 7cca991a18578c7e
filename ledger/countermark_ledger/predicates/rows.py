"""Which rows a statement accounts for: one slice of a change, tied to the whole by the change's digest.

Layer: ledger core. Does no I/O.
Trust: rows are hostile until parsed; a part counts only together with all its siblings (`Part`).

A change with more files than a statement may have subjects is n of m statements that share the digest of
ALL rows; every statement has that digest as a subject, so a pure deletion has one too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .. import shape
from ..canonical import Json
from ..errors import Incomplete, Malformed
from ..node import Change
from ..statement import MAX_SUBJECTS, Statement, Subject

CHANGES_SUBJECT = "countermark:changes"
"""Holds a colon and no slash before it, and is told from a path by its place: it is always the last subject."""
ROWS_PER_PART = MAX_SUBJECTS - 1


@dataclass(frozen=True, slots=True)
class Part:
    """Slice `number` (from 1) of `of`; `changes_sha256` names the whole change."""

    number: int
    of: int
    changes_sha256: str
    rows: Change

    def __post_init__(self) -> None:
        """Refuse a part that could not be one of its own whole."""
        if not 1 <= self.number <= self.of or not 1 <= len(self.rows.transitions) <= ROWS_PER_PART:
            raise Malformed(f"changes: part {self.number} of {self.of} with {len(self.rows.transitions)} rows")
        if self.of == 1 and self.rows.sha256() != self.changes_sha256:
            raise Malformed("changes: the digest is not that of the rows")

    def json(self) -> dict[str, Json]:
        """Spell the part as a member of a predicate."""
        return {
            "part": {"number": self.number, "of": self.of},
            "changesSha256": self.changes_sha256,
            "changes": self.rows.rows(),
        }

    def subjects(self) -> tuple[Subject, ...]:
        """Name every file after the change, then the change itself.

        By sha256 alone: sigstore-python refuses a whole statement for a `gitBlob` digest; the rows carry it.
        """
        files = tuple(
            Subject(row.path, {"sha256": row.after.sha256}) for row in self.rows.transitions if row.after is not None
        )
        return (*files, Subject(CHANGES_SUBJECT, {"sha256": self.changes_sha256}))

    @classmethod
    def parse(cls, value: Json) -> Part:
        """Read a part; the caller compares the re-encoded statement."""
        part = shape.member(value, "part")
        return cls(
            shape.integer(shape.member(part, "number"), "part.number"),
            shape.integer(shape.member(part, "of"), "part.of"),
            shape.hex64(shape.member(value, "changesSha256"), "changesSha256"),
            Change.from_rows(shape.member(value, "changes"), limit=ROWS_PER_PART),
        )


def split(change: Change) -> tuple[Part, ...]:
    """Cut a change into the fewest parts that each fit a statement. An empty change has none."""
    rows, digest = change.transitions, change.sha256()
    slices = [rows[at : at + ROWS_PER_PART] for at in range(0, len(rows), ROWS_PER_PART)]
    return tuple(Part(n, len(slices), digest, Change(cut)) for n, cut in enumerate(slices, start=1))


def join(parts: Sequence[Part]) -> Change:
    """Put all parts of one change together, in any order; a repeated part counts once.

    Raises `Incomplete` when a part is missing, when two differ under one number, or when the whole has another
    digest or is no change (rows out of order, a path twice).
    """
    first, distinct = parts[0], sorted(set(parts), key=lambda part: part.number)
    numbers = {part.number for part in distinct}
    whole = {(part.changes_sha256, part.of) for part in distinct}
    if len(whole) != 1 or len(numbers) != first.of or len(numbers) != len(distinct):
        raise Incomplete(f"change {first.changes_sha256[:12]}: expected {first.of} parts, found {len(distinct)}")
    change = Change(tuple(row for part in distinct for row in part.rows.transitions))
    if change.sha256() != first.changes_sha256 or not _in_order(change):
        raise Incomplete(f"change {first.changes_sha256[:12]}: the parts together are another change")
    return change


def _in_order(change: Change) -> bool:
    paths = [row.path.encode() for row in change.transitions]
    return all(one < following for one, following in pairwise(paths))


def refuse_other_spelling(statement: Statement, again: Statement) -> None:
    """Refuse a statement that its own parsed form does not spell the same way."""
    if statement != again:
        raise Malformed(f"{statement.predicate_type}: unexpected, missing or disagreeing fields")
