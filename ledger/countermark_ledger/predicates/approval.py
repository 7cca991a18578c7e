"""An approval: a person lets exactly this tree land, on exactly this tip.

Layer: ledger core. Does no I/O and reads no clock.
Trust: signed by the person it names, also under an SSH key of theirs where the policy lists one
(`countersignature`); whether that person MAY approve is the policy's word at the protected tip.

It names the tip beside the landing tree, so that an approval of a tree says nothing of a later return to it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import shape
from ..canonical import Json
from ..identity import Identity
from ..statement import Statement, Subject
from . import APPROVAL
from .rows import refuse_other_spelling

PREDICATE_TYPE = APPROVAL


@dataclass(frozen=True, slots=True)
class Approval:
    """`person` lets `head` land on `tip`, both commits, as the tree with this listing (sha256).

    `signature` is an armored SSH signature over the statement without it, or None.
    """

    person: Identity
    repository_id: str
    protected_ref: str
    tip: str
    head: str
    listing_sha256: str
    signature: str | None = None

    @property
    def says(self) -> str:
        """Say in words what its person does; the ids are git's and hostile until their landing is recomputed."""
        return f"lets commit {self.head[:12]} land on {self.tip[:12]}"

    def statement(self) -> Statement:
        """Spell the statement."""
        predicate: dict[str, Json] = {
            "person": str(self.person),
            "repositoryId": self.repository_id,
            "protectedRef": self.protected_ref,
            "tip": self.tip,
            "head": self.head,
            "sshSignature": self.signature,
        }
        return Statement((Subject("landing-tree", {"sha256": self.listing_sha256}),), PREDICATE_TYPE, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> Approval:
        """Accept exactly what `statement` emits."""
        predicate = statement.expect(PREDICATE_TYPE)
        names = ("repositoryId", "protectedRef", "tip", "head")
        repository_id, protected_ref, tip, head = (shape.text(predicate.get(name), name) for name in names)
        parsed = cls(
            Identity.parse(predicate.get("person")),
            repository_id,
            protected_ref,
            tip,
            head,
            shape.hex64(statement.subjects[0].digest.get("sha256"), "landing tree sha256"),
            shape.optional_text(predicate.get("sshSignature"), "sshSignature"),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed
