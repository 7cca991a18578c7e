"""What lands beside a batch of leaves: bundles, their proofs, and the tables that answer questions about them.

Layer: ledger core. Imports `errors` only; does no I/O and reads no clock.
Trust: a blob is named by its own sha256 and checked whenever it is read. Index rows are copies of what the
blobs say and can be rebuilt from them. Only `Identity` holds names of people and only `CommitmentKey` holds
keys; both are erasable, and nothing signed depends on either.

A row whose key is already in the store is kept as it was: a retried batch brings the same rows again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from ..errors import LogDiverged, Malformed


class BlobKind(StrEnum):
    """What a blob is."""

    BUNDLE = "bundle"
    LOG_PROOF = "log-proof"
    CERTIFICATE_PROOF = "certificate-proof"


@dataclass(frozen=True, slots=True)
class Blob:
    """Content under its own sha256. `of` names the blob it accompanies: the bundle that a proof is for."""

    kind: BlobKind
    data: bytes
    of: str | None = None

    @property
    def sha256(self) -> str:
        """The name: lower-case hex."""
        return hashlib.sha256(self.data).hexdigest()

    @classmethod
    def read(cls, name: str, kind: str, data: bytes, of: str | None) -> Blob:
        """Take what a store holds under a name; raise `LogDiverged` when it is something else."""
        if kind not in set(BlobKind):
            raise LogDiverged(f"blob {name}: no such kind as {kind!r}")
        blob = cls(BlobKind(kind), data, of)
        if blob.sha256 != name:
            raise LogDiverged(f"blob {name}: its bytes have sha256 {blob.sha256}")
        return blob


@dataclass(frozen=True, slots=True)
class EntryIndex:
    """One logged entry, as its bundle describes it. Rebuildable."""

    origin: str
    index: int
    bundle_sha256: str
    identity: str
    predicate_type: str
    time_ms: int

    def __post_init__(self) -> None:
        """Refuse texts that not every store can hold."""
        _check_texts(self.origin, self.bundle_sha256, self.identity, self.predicate_type)


@dataclass(frozen=True, slots=True)
class EntryPath:
    """One path an entry speaks of, with its content before and after (hex sha256, None is absent). Rebuildable."""

    origin: str
    index: int
    path: str
    sha256_before: str | None
    sha256_after: str | None

    def __post_init__(self) -> None:
        """Refuse texts that not every store can hold."""
        _check_texts(self.origin, self.path, self.sha256_before, self.sha256_after)


@dataclass(frozen=True, slots=True)
class EntryLabel:
    """One more thing to find an entry by: a model, a session, a repository, a tag. Rebuildable."""

    origin: str
    index: int
    name: str
    value: str

    def __post_init__(self) -> None:
        """Refuse texts that not every store can hold."""
        _check_texts(self.origin, self.name, self.value)


@dataclass(frozen=True, slots=True)
class CommitmentKey:
    """The key under which a statement committed to a field; without it the commitment says nothing. Erasable."""

    statement_sha256: str
    field: str
    key: bytes

    def __post_init__(self) -> None:
        """Refuse texts that not every store can hold."""
        _check_texts(self.statement_sha256, self.field)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an enrolled id is. `name` is None once erased; `data` is JSON text of the caller's."""

    id: str
    kind: str
    name: str | None
    enrolled_at_ms: int
    data: str

    def __post_init__(self) -> None:
        """Refuse texts that not every store can hold."""
        _check_texts(self.id, self.kind, self.name, self.data)


IndexRow: TypeAlias = EntryIndex | EntryPath | EntryLabel
Row: TypeAlias = Blob | IndexRow | CommitmentKey | Identity


def _check_texts(*texts: str | None) -> None:
    for text in texts:
        if text is not None and ("\0" in text or any("\ud800" <= c <= "\udfff" for c in text)):
            raise Malformed(f"stored text: expected no NUL and no lone surrogate, found {text[:80]!r}")
