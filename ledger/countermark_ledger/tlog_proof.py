"""Portable proofs (c2sp.org/tlog-proof@v1): entry, path and checkpoint in one file that travels.

Layer: ledger core. Imports `canonical`, `checkpoint`, `errors` and `merkle`; does no I/O and reads no clock.
Trust: the bytes given to `parse` are hostile until it returns; nothing is proved until `verify` returns the
head. The extra data is never authenticated: it may carry a hint, not a fact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .canonical import b64decode, b64encode
from .checkpoint import SignedCheckpoint, TreeHead, verified
from .errors import Malformed, TooLarge
from .merkle import HASH_BYTES, MAX_PATH, MAX_SIZE, verify_inclusion

if TYPE_CHECKING:
    from .note import VerifierKey

MAGIC = "c2sp.org/tlog-proof@v1"
MAX_BYTES = 2 * 1024 * 1024
_HEAD = re.compile(
    r"c2sp\.org/tlog-proof@v1\n(?:extra (?P<extra>[^\n]*)\n)?index (?P<index>0|[1-9][0-9]{0,18})"
    r"(?P<path>(?:\n[0-9A-Za-z+/]+=)*)"
)


@dataclass(frozen=True, slots=True)
class TlogProof:
    """That an entry is at `index` under a signed checkpoint; `path` is siblings, leaf side first."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def __post_init__(self) -> None:
        """Refuse a proof that would not read back as itself."""
        if not 0 <= self.index < MAX_SIZE:
            raise Malformed(f"log proof: expected an index of 0 to 2**63-2, found {self.index}")
        if len(self.path) > MAX_PATH:
            raise TooLarge(f"log proof: expected at most {MAX_PATH} hashes, found {len(self.path)}")
        if any(len(digest) != HASH_BYTES for digest in self.path):
            raise Malformed(f"log proof: expected hashes of {HASH_BYTES} bytes, found another length")
        SignedCheckpoint.parse(self.checkpoint)

    def encode(self) -> bytes:
        """Spell the proof; the checkpoint stands in it verbatim."""
        extra = [] if self.extra is None else [f"extra {b64encode(self.extra)}"]
        lines = [MAGIC, *extra, f"index {self.index}", *map(b64encode, self.path), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, raw: bytes) -> TlogProof:
        """Accept exactly what `encode` emits."""
        if len(raw) > MAX_BYTES:
            raise TooLarge(f"log proof: expected at most {MAX_BYTES} bytes, found {len(raw)}")
        head, _, checkpoint = raw.partition(b"\n\n")
        found = _HEAD.fullmatch(head.decode("utf-8", "replace"))
        if found is None:
            raise Malformed(f"log proof: expected {MAGIC!r}, maybe an extra line, an index line and base64 lines")
        extra = None if found["extra"] is None else b64decode(found["extra"])
        return cls(int(found["index"]), tuple(map(b64decode, found["path"].split())), checkpoint, extra)

    def verify(self, leaf: bytes, log: VerifierKey) -> TreeHead:
        """Return the head of this log under which the leaf hash is at `index`.

        Raises `WrongLog`, `BadSignature` or `BadInclusion`.
        """
        head = verified(self.checkpoint, log)
        verify_inclusion(index=self.index, size=head.size, leaf=leaf, path=self.path, root=head.root)
        return head
