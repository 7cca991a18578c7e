"""A claim: a person's signed "these rows are mine".

Layer: ledger core. Does no I/O and reads no clock.
Trust: signed by the person it names; proves who took the rows on, not who typed them.
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import shape
from ..identity import Identity
from ..statement import Statement
from . import CLAIM
from .generation import Target
from .rows import Part, refuse_other_spelling

PREDICATE_TYPE = CLAIM


@dataclass(frozen=True, slots=True)
class Claim:
    """`person` answers for these rows of a change towards `target`."""

    person: Identity
    target: Target
    part: Part

    def statement(self) -> Statement:
        """Spell the statement; the subjects are the same as a generation's."""
        predicate = {"person": str(self.person), "target": self.target.json(), **self.part.json()}
        return Statement(self.part.subjects(), PREDICATE_TYPE, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> Claim:
        """Accept exactly what `statement` emits."""
        predicate = statement.expect(PREDICATE_TYPE)
        parsed = cls(
            Identity.parse(predicate.get("person")),
            Target.parse(shape.member(predicate, "target")),
            Part.parse(predicate),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed
