"""in-toto Statement v1: subjects, and one predicate about them.

Layer: ledger core. Imports `errors`, `canonical`, `shape`; does no I/O and reads no clock.
Trust: the payload is hostile until `Statement.parse` returns; what it SAYS is hostile until its signer is known.
Source: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from . import canonical, shape
from .canonical import Json
from .errors import Malformed, TooLarge, WrongStatement

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
MAX_SUBJECTS = 1024
"""cosign refuses a statement with more."""
MAX_PAYLOAD = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Subject:
    """A ResourceDescriptor: a name, its digests by algorithm (hex), and annotations."""

    name: str
    digest: dict[str, str]
    annotations: dict[str, Json] = field(default_factory=dict)

    def json(self) -> dict[str, Json]:
        """Spell the descriptor; empty annotations are left out."""
        spelled: dict[str, Json] = {"name": self.name, "digest": dict(self.digest)}
        return spelled | ({"annotations": self.annotations} if self.annotations else {})

    @classmethod
    def parse(cls, value: Json) -> Subject:
        """Read a descriptor with at least one digest."""
        digest, annotations = shape.member(value, "digest"), shape.member(value, "annotations")
        if not isinstance(digest, dict) or not digest:
            raise Malformed("subject: expected at least one digest")
        if annotations is not None and not (isinstance(annotations, dict) and annotations):
            raise Malformed("subject: annotations are not an object with members")
        digests = {name: shape.text(hexes, f"digest {name}") for name, hexes in digest.items()}
        return cls(shape.text(shape.member(value, "name"), "subject name"), digests, annotations or {})


class Statement(NamedTuple):
    """What a signature is about: `subjects`, and the claim of type `predicate_type` made of them."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: dict[str, Json]

    def encode(self) -> bytes:
        """Spell the statement as canonical JSON, the payload of the envelope."""
        if not 1 <= len(self.subjects) <= MAX_SUBJECTS:
            raise TooLarge(f"statement: expected 1 to {MAX_SUBJECTS} subjects, found {len(self.subjects)}")
        return canonical.dumps(
            {
                "_type": STATEMENT_TYPE,
                "subject": [subject.json() for subject in self.subjects],
                "predicateType": self.predicate_type,
                "predicate": self.predicate,
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> Statement:
        """Accept exactly what `encode` emits."""
        value = canonical.loads(raw, max_bytes=MAX_PAYLOAD)
        predicate = shape.member(value, "predicate")
        if not isinstance(predicate, dict):
            raise Malformed("statement: the predicate is not an object")
        parsed = cls(
            shape.items(shape.member(value, "subject"), "subject", Subject.parse),
            shape.text(shape.member(value, "predicateType"), "predicateType"),
            predicate,
        )
        if parsed.encode() != raw:
            raise Malformed("statement: expected the canonical spelling of in-toto Statement v1, found another one")
        return parsed

    def expect(self, predicate_type: str) -> dict[str, Json]:
        """Return the predicate when it is of this type; raise `WrongStatement` otherwise."""
        if self.predicate_type != predicate_type:
            raise WrongStatement(f"predicate type: expected {predicate_type}, found {self.predicate_type}")
        return self.predicate
