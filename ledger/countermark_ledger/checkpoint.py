"""Checkpoints (c2sp.org/tlog-checkpoint): the one statement a log makes about itself, and who saw it.

Layer: ledger core. Imports `canonical`, `errors`, `merkle` and `note`; does no I/O and reads no clock.
Trust: the bytes given to `parse` are hostile until it returns; the head is hostile until `verify` returns it.
A log key can sign two histories; only distinct witnesses, pinned beforehand, show that it did not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from .canonical import b64decode, b64encode
from .errors import Malformed, NotWitnessed, WrongLog
from .merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE
from .note import KeyType, SignedNote, VerifierKey, check_name, cosigned_at

if TYPE_CHECKING:
    from collections.abc import Collection

    from .note import NoteSigner

MAX_REMEMBERED, MAX_REMEMBERED_BYTES = 4096, 2048
"""A change leans on few checkpoints many times. A larger one carries lines of unknown keys, and is verified anew."""

_HEAD = re.compile(r"(?P<origin>[^\n]+)\n(?P<size>0|[1-9][0-9]{0,18})\n(?P<root>[^\n]+)\n")


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A log's origin, its number of leaves, and the root over them."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse a head that no log can have."""
        check_name(self.origin)
        if not 0 <= self.size <= MAX_SIZE:
            raise Malformed(f"tree head: expected a size of 0 to 2**63-1, found {self.size}")
        if len(self.root) != HASH_BYTES:
            raise Malformed(f"tree head: expected a root of {HASH_BYTES} bytes, found {len(self.root)}")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise Malformed("tree head: a tree of no leaves has another root")

    def encode(self) -> bytes:
        """Spell the head as three lines; we write no extension lines and accept none."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root)}\n".encode()

    @classmethod
    def parse(cls, raw: bytes) -> TreeHead:
        """Accept exactly what `encode` emits, so equal heads have equal bytes."""
        found = _HEAD.fullmatch(raw.decode("utf-8", "surrogateescape"))
        if found is None:
            raise Malformed("tree head: expected three lines, origin, size and root")
        return cls(found["origin"], int(found["size"]), b64decode(found["root"]))


class Cosignature(NamedTuple):
    """One witness saw the head, and when (POSIX seconds, by its own clock)."""

    witness: VerifierKey
    time: int


@dataclass(frozen=True, slots=True)
class Witnesses:
    """The pinned witnesses, and how many of them must have seen a head. A quorum of 0 asks for none."""

    quorum: int
    keys: tuple[VerifierKey, ...]

    def __post_init__(self) -> None:
        """Refuse a set in which one witness could count twice, and a quorum nobody can reach."""
        _check_distinct(self.keys)
        if not 0 <= self.quorum <= len(self.keys):
            raise Malformed(f"witnesses: expected a quorum of 0 to {len(self.keys)}, found {self.quorum}")


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A tree head and the note that carries it, not verified yet."""

    head: TreeHead
    note: SignedNote

    def __post_init__(self) -> None:
        """Refuse a head beside a note that says something else."""
        if self.head.encode() != self.note.text:
            raise Malformed("checkpoint: expected the note to carry the head")

    @classmethod
    def parse(cls, raw: bytes) -> SignedCheckpoint:
        """Accept a signed note whose text is a tree head."""
        note = SignedNote.parse(raw)
        return cls(TreeHead.parse(note.text), note)

    def verify(self, log: VerifierKey) -> TreeHead:
        """Return the head when it is of this log and the log signed it; else `WrongLog` or `BadSignature`."""
        if log.key_type is not KeyType.ED25519:
            raise Malformed(f"log key {log.name}: expected type 01, found {log.key_type:02x}")
        if self.head.origin != log.name:
            raise WrongLog(f"checkpoint: expected origin {log.name}, found {self.head.origin}")
        self.note.verify(log)
        return self.head

    def cosignatures(self, log: VerifierKey, keys: Collection[VerifierKey]) -> tuple[Cosignature, ...]:
        """Return which of the witnesses saw the head, each once; none is no refusal.

        The log's own key never counts. A line of a pinned witness that does not verify refuses the whole.
        """
        self.verify(log)
        _check_distinct(keys)
        if log.raw in {key.raw for key in keys}:
            raise Malformed(f"witnesses: the key of log {log.name} is pinned as its own witness")
        lines = {(line.name, line.key_id) for line in self.note.signatures}
        present = [key for key in keys if (key.name, key.key_id) in lines]
        return tuple(Cosignature(key, cosigned_at(self.note.verify(key))) for key in present)

    def verify_witnessed(self, log: VerifierKey, witnesses: Witnesses) -> tuple[Cosignature, ...]:
        """Return who saw the head, each once; raise `NotWitnessed` when they are fewer than the quorum."""
        found = self.cosignatures(log, witnesses.keys)
        if len(found) < witnesses.quorum:
            raise NotWitnessed(f"checkpoint: expected {witnesses.quorum} witnesses, found {len(found)}")
        return found


def verified(raw: bytes, log: VerifierKey) -> TreeHead:
    """Return the head of a checkpoint that the log signed; raise as `parse` and `verify` do.

    The same bytes under the same key are verified once: the answer turns on nothing else. A refusal is not remembered.
    """
    return (_remembered if len(raw) <= MAX_REMEMBERED_BYTES else _verified)(raw, log)


def sign(head: TreeHead, signer: NoteSigner) -> bytes:
    """Return the signed checkpoint of the signer's own log; another origin is a programmer's mistake."""
    if head.origin != signer.verifier.name:
        raise RuntimeError(f"the key of {signer.verifier.name} does not sign for {head.origin}")
    text = head.encode()
    return SignedNote(text, (signer.sign(text),)).encode()


def _verified(raw: bytes, log: VerifierKey) -> TreeHead:
    return SignedCheckpoint.parse(raw).verify(log)


_remembered = lru_cache(maxsize=MAX_REMEMBERED)(_verified)


def _check_distinct(keys: Collection[VerifierKey]) -> None:
    if any(key.key_type is not KeyType.COSIGNATURE_V1 for key in keys):
        raise Malformed("witnesses: expected keys of type 04 only")
    if min(len({key.name for key in keys}), len({key.raw for key in keys})) < len(keys):
        raise Malformed("witnesses: expected distinct names and distinct keys, found one twice")
