"""A waiver in three statements: one person asks for it, another approves it, and one may end it.

Layer: ledger core. Does no I/O and reads no clock.
Trust: each is signed by the person it names, also under an SSH key of theirs where the policy lists one
(`countersignature`). What the three are worth together is decided in one place, `countermark_ledger.waivers`.

A waiver has the name of its request: the sha256 of what was signed (its PAE), so nothing of it can change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .. import shape
from ..canonical import Json
from ..errors import Malformed
from ..identity import Identity, Kind
from ..node import Mode
from ..statement import Statement, Subject
from . import WAIVER_APPROVAL, WAIVER_REQUEST, WAIVER_REVOCATION
from .rows import refuse_other_spelling

_WAIVER = "waiver-request"


@dataclass(frozen=True, slots=True)
class WaiverRequest:
    """`requester` asks that one thing at `path` be let through where `agent` wrote it.

    The thing is a finding by its fingerprint, or a file that no scanner read by its mode and the `sha256` of its
    content: the same bytes as a program or as a link are another file. It is in force from `not_before` (None: from
    its approval) until `expires`, both UTC, for `uses` landings (None: any number), which are counted from the log's
    entry `log_size` on.
    """

    repository_id: str
    path: str
    finding: str | None
    mode: Mode | None
    sha256: str | None
    agent: Identity
    requester: Identity
    reason: str
    log_size: int
    not_before: datetime | None
    expires: datetime
    uses: int | None
    signature: str | None = None

    def __post_init__(self) -> None:
        """A waiver names exactly one thing, and an agent."""
        if (self.finding is None) == (self.sha256 is None) or (self.mode is None) != (self.sha256 is None):
            raise Malformed("waiver: expected either a finding or the mode and sha256 of a file")
        if self.agent.kind is not Kind.AGENT:
            raise Malformed(f"waiver: expected an agent, found {self.agent}")

    @property
    def person(self) -> Identity:
        """Who must have signed it."""
        return self.requester

    @property
    def says(self) -> str:
        """Say in words what its person does."""
        return f"asks for a waiver of {'a finding' if self.finding else 'a file'} by {self.agent}"

    def statement(self) -> Statement:
        """Spell the statement."""
        predicate: dict[str, Json] = {
            "repositoryId": self.repository_id,
            "path": self.path,
            "finding": self.finding,
            "mode": None if self.mode is None else self.mode.value,
            "sha256": self.sha256,
            "agent": str(self.agent),
            "requester": str(self.requester),
            "reason": self.reason,
            "logSize": self.log_size,
            "notBefore": None if self.not_before is None else shape.spell_time(self.not_before),
            "expires": shape.spell_time(self.expires),
            "uses": self.uses,
            "sshSignature": self.signature,
        }
        return Statement((Subject("waived", {"sha256": self.finding or self.sha256 or ""}),), WAIVER_REQUEST, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> WaiverRequest:
        """Accept exactly what `statement` emits; an expiry that is no time is no request."""
        predicate = statement.expect(WAIVER_REQUEST)
        not_before, uses = predicate.get("notBefore"), predicate.get("uses")
        parsed = cls(
            shape.text(predicate.get("repositoryId"), "repositoryId"),
            shape.text(predicate.get("path"), "path"),
            _optional_hex64(predicate.get("finding"), "finding"),
            _optional_mode(predicate.get("mode")),
            _optional_hex64(predicate.get("sha256"), "sha256"),
            Identity.parse(predicate.get("agent")),
            Identity.parse(predicate.get("requester")),
            shape.text(predicate.get("reason"), "reason"),
            shape.integer(predicate.get("logSize"), "logSize"),
            None if not_before is None else shape.time(not_before, "notBefore"),
            shape.time(predicate.get("expires"), "expires"),
            None if uses is None else shape.integer(uses, "uses"),
            shape.optional_text(predicate.get("sshSignature"), "sshSignature"),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed


@dataclass(frozen=True, slots=True)
class WaiverApproval:
    """`approver` lets the waiver with this name (a request's) hold."""

    request: str
    approver: Identity
    signature: str | None = None

    @property
    def person(self) -> Identity:
        """Who must have signed it."""
        return self.approver

    @property
    def says(self) -> str:
        """Say in words what its person does."""
        return f"approves waiver {self.request[:16]}"

    def statement(self) -> Statement:
        """Spell the statement."""
        predicate: dict[str, Json] = {"approver": str(self.approver), "sshSignature": self.signature}
        return Statement((Subject(_WAIVER, {"sha256": self.request}),), WAIVER_APPROVAL, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> WaiverApproval:
        """Accept exactly what `statement` emits."""
        predicate = statement.expect(WAIVER_APPROVAL)
        parsed = cls(
            shape.hex64(statement.subjects[0].digest.get("sha256"), "waiver request sha256"),
            Identity.parse(predicate.get("approver")),
            shape.optional_text(predicate.get("sshSignature"), "sshSignature"),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed


@dataclass(frozen=True, slots=True)
class WaiverRevocation:
    """`person` ends the waiver with this name (a request's)."""

    request: str
    person: Identity
    reason: str
    signature: str | None = None

    @property
    def says(self) -> str:
        """Say in words what its person does."""
        return f"revokes waiver {self.request[:16]}"

    def statement(self) -> Statement:
        """Spell the statement."""
        predicate: dict[str, Json] = {
            "person": str(self.person),
            "reason": self.reason,
            "sshSignature": self.signature,
        }
        return Statement((Subject(_WAIVER, {"sha256": self.request}),), WAIVER_REVOCATION, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> WaiverRevocation:
        """Accept exactly what `statement` emits."""
        predicate = statement.expect(WAIVER_REVOCATION)
        parsed = cls(
            shape.hex64(statement.subjects[0].digest.get("sha256"), "waiver request sha256"),
            Identity.parse(predicate.get("person")),
            shape.text(predicate.get("reason"), "reason"),
            shape.optional_text(predicate.get("sshSignature"), "sshSignature"),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed


def _optional_mode(value: Json) -> Mode | None:
    mode = shape.optional_text(value, "mode")
    if mode is not None and mode not in set(Mode):
        raise Malformed(f"mode: expected one of {', '.join(Mode)}, found {mode!r:.40}")
    return None if mode is None else Mode(mode)


def _optional_hex64(value: Json, where: str) -> str | None:
    return None if value is None else shape.hex64(value, where)
