"""Status: the full, numbered list of what is revoked, with a time by which a newer one is due.

Layer: ledger core. Does no I/O and reads no clock.
Trust: signed by the authority alone; the newest from ALL sources wins, so hiding one source hides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .. import shape
from ..canonical import Json
from ..errors import Malformed
from ..statement import Statement, Subject
from . import STATUS
from .rows import refuse_other_spelling

PREDICATE_TYPE = STATUS


class RevokedKind(StrEnum):
    """What a revocation can name: a session by its id, or what has none by the sha256 of what was signed."""

    IDENTITY = "identity"
    KEY = "key"
    MODEL = "model"
    IMAGE = "image"
    SESSION = "session"
    WAIVER = "waiver"


@dataclass(frozen=True, slots=True)
class Revocation:
    """`value` is not trusted for anything signed from `from_time` on OR logged from `from_log_index` on."""

    kind: RevokedKind
    value: str
    from_time: datetime
    from_log_index: int
    reason: str

    def json(self) -> Json:
        """Spell the revocation."""
        return {
            "kind": self.kind.value,
            "value": self.value,
            "fromTime": shape.spell_time(self.from_time),
            "fromLogIndex": self.from_log_index,
            "reason": self.reason,
        }

    @classmethod
    def parse(cls, value: Json) -> Revocation:
        """Read a revocation."""
        kind = shape.text(shape.member(value, "kind"), "revocation kind")
        if kind not in set(RevokedKind):
            raise Malformed(f"revocation kind: expected one of {', '.join(RevokedKind)}, found {kind!r}")
        return cls(
            RevokedKind(kind),
            shape.text(shape.member(value, "value"), "revocation value"),
            shape.time(shape.member(value, "fromTime"), "fromTime"),
            shape.integer(shape.member(value, "fromLogIndex"), "fromLogIndex"),
            shape.text(shape.member(value, "reason"), "revocation reason"),
        )


@dataclass(frozen=True, slots=True)
class Status:
    """Revocation list `number` of the trust root with this digest, composed when the log had `log_size` entries."""

    trust_root_sha256: str
    number: int
    log_size: int
    issued: datetime
    next_update: datetime
    revocations: tuple[Revocation, ...]

    def statement(self) -> Statement:
        """Spell the statement; its subject is the trust root, so it counts for one authority only."""
        predicate: dict[str, Json] = {
            "number": self.number,
            "logSize": self.log_size,
            "issuedOn": shape.spell_time(self.issued),
            "nextUpdate": shape.spell_time(self.next_update),
            "revocations": [revocation.json() for revocation in self.revocations],
        }
        return Statement((Subject("trust-root", {"sha256": self.trust_root_sha256}),), PREDICATE_TYPE, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> Status:
        """Accept exactly what `statement` emits."""
        predicate = statement.expect(PREDICATE_TYPE)
        parsed = cls(
            shape.hex64(statement.subjects[0].digest.get("sha256"), "trust root sha256"),
            shape.integer(predicate.get("number"), "number"),
            shape.integer(predicate.get("logSize"), "logSize"),
            shape.time(predicate.get("issuedOn"), "issuedOn"),
            shape.time(predicate.get("nextUpdate"), "nextUpdate"),
            shape.items(predicate.get("revocations"), "revocations", Revocation.parse),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed
