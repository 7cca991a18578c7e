"""Approvals, waivers and policy changes: the statements by which people let something through.

Layer: ledger core. Does no I/O and reads no clock.
Trust: signed by the approver; whether that person MAY approve is the policy's word at the protected tip.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .. import shape
from ..canonical import Json
from ..errors import Malformed
from ..identity import Identity
from ..statement import Statement, Subject
from .rows import refuse_other_spelling

APPROVAL_TYPE = "https://countermark.dev/approval/v1"
WAIVER_TYPE = "https://countermark.dev/waiver/v1"
POLICY_TYPE = "https://countermark.dev/policy-change/v1"


@dataclass(frozen=True, slots=True)
class Approval:
    """`person` approves exactly this landing tree (sha256 of its listing) of this repository."""

    person: Identity
    repository_id: str
    listing_sha256: str

    def statement(self) -> Statement:
        """Spell the statement."""
        predicate: dict[str, Json] = {"person": str(self.person), "repositoryId": self.repository_id}
        return Statement((Subject("landing-tree", {"sha256": self.listing_sha256}),), APPROVAL_TYPE, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> Approval:
        """Accept exactly what `statement` emits."""
        predicate = statement.expect(APPROVAL_TYPE)
        parsed = cls(
            Identity.parse(predicate.get("person")),
            shape.text(predicate.get("repositoryId"), "repositoryId"),
            shape.hex64(statement.subjects[0].digest.get("sha256"), "landing tree sha256"),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed


@dataclass(frozen=True, slots=True)
class Waiver:
    """A two-person exception: `finding` (our fingerprint), or (`path`, `sha256`) of an unscanned file."""

    finding: str | None
    path: str | None
    sha256: str | None
    agent: Identity
    requester: Identity
    approver: Identity
    reason: str
    expires: datetime
    uses: int

    def __post_init__(self) -> None:
        """A waiver names exactly one thing, and two people."""
        names_file = self.path is not None and self.sha256 is not None
        if (self.finding is not None) == names_file or (self.path is None) != (self.sha256 is None):
            raise Malformed("waiver: expected either a finding or a path with its sha256")
        if self.requester == self.approver:
            raise Malformed("waiver: requester and approver are the same person")

    def statement(self) -> Statement:
        """Spell the statement."""
        predicate: dict[str, Json] = {
            "finding": self.finding,
            "path": self.path,
            "sha256": self.sha256,
            "agent": str(self.agent),
            "requester": str(self.requester),
            "approver": str(self.approver),
            "reason": self.reason,
            "expires": shape.spell_time(self.expires),
            "uses": self.uses,
        }
        subject = Subject("waived", {"sha256": self.finding or self.sha256 or ""})
        return Statement((subject,), WAIVER_TYPE, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> Waiver:
        """Accept exactly what `statement` emits."""
        predicate = statement.expect(WAIVER_TYPE)
        parsed = cls(
            _optional_hex64(predicate.get("finding"), "finding"),
            shape.optional_text(predicate.get("path"), "path"),
            _optional_hex64(predicate.get("sha256"), "sha256"),
            Identity.parse(predicate.get("agent")),
            Identity.parse(predicate.get("requester")),
            Identity.parse(predicate.get("approver")),
            shape.text(predicate.get("reason"), "reason"),
            shape.time(predicate.get("expires"), "expires"),
            shape.integer(predicate.get("uses"), "uses"),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed


def _optional_hex64(value: Json, where: str) -> str | None:
    return None if value is None else shape.hex64(value, where)


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
