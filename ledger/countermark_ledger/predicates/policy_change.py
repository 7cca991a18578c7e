"""A policy change: policy number N of a repository has this content, on the word of a person.

Layer: ledger core. Does no I/O and reads no clock.
Trust: signed by the person it names; whether that person may change the policy is the word of the policy before it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import shape
from ..canonical import Json
from ..identity import Identity
from ..statement import Statement, Subject
from .rows import refuse_other_spelling

POLICY_TYPE = "https://countermark.dev/policy-change/v1"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """Policy `number` of a repository has this sha256, on the word of `person`."""

    person: Identity
    repository_id: str
    number: int
    policy_sha256: str

    def statement(self) -> Statement:
        """Spell the statement."""
        predicate: dict[str, Json] = {
            "person": str(self.person),
            "repositoryId": self.repository_id,
            "number": self.number,
        }
        return Statement((Subject("policy", {"sha256": self.policy_sha256}),), POLICY_TYPE, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> PolicyChange:
        """Accept exactly what `statement` emits."""
        predicate = statement.expect(POLICY_TYPE)
        parsed = cls(
            Identity.parse(predicate.get("person")),
            shape.text(predicate.get("repositoryId"), "repositoryId"),
            shape.integer(predicate.get("number"), "number"),
            shape.hex64(statement.subjects[0].digest.get("sha256"), "policy sha256"),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed
