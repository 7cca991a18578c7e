"""Enrolment and key rotation: an identity exists from here on, or signs with other keys from here on.

Layer: ledger core. Does no I/O and reads no clock.
Trust: signed by the authority alone. Names of people are not here: a person is a random id (FORMATS.md section 3).
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import shape
from ..canonical import Json
from ..identity import Identity
from ..statement import Statement, Subject
from .rows import refuse_other_spelling

ENROLMENT_TYPE = "https://countermark.dev/enrolment/v1"
ROTATION_TYPE = "https://countermark.dev/key-rotation/v1"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """`identity` is enrolled under this trust root.

    `ssh_keys` are SHA256 fingerprints; `models` is an allow-list, and an empty one allows any.
    """

    trust_root_sha256: str
    identity: Identity
    owner: Identity | None
    models: tuple[str, ...] = ()
    ssh_keys: tuple[str, ...] = ()
    rotation: bool = False

    def statement(self) -> Statement:
        """Spell the statement."""
        predicate: dict[str, Json] = {
            "identity": str(self.identity),
            "owner": str(self.owner) if self.owner else None,
            "models": list(self.models),
            "sshKeys": list(self.ssh_keys),
        }
        kind = ROTATION_TYPE if self.rotation else ENROLMENT_TYPE
        return Statement((Subject("trust-root", {"sha256": self.trust_root_sha256}),), kind, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> Enrolment:
        """Accept exactly what `statement` emits."""
        rotation = statement.predicate_type == ROTATION_TYPE
        predicate = statement.expect(ROTATION_TYPE if rotation else ENROLMENT_TYPE)
        owner = predicate.get("owner")
        parsed = cls(
            shape.hex64(statement.subjects[0].digest.get("sha256"), "trust root sha256"),
            Identity.parse(predicate.get("identity")),
            None if owner is None else Identity.parse(owner),
            shape.texts(predicate.get("models"), "models"),
            shape.texts(predicate.get("sshKeys"), "sshKeys"),
            rotation,
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed
