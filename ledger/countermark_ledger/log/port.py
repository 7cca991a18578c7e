"""What a log asks of a store, whichever database is behind it.

Layer: ledger core. Imports `rows` only; does no I/O and reads no clock.
Trust: an attacker who controls a store can withhold or delete, but not alter or reorder unnoticed while
one reader keeps an older checkpoint. Nothing read from it is believed: the log re-derives its right edge
when it opens, and `check.check_log` re-derives everything.

The rules an implementation keeps, on every database:
1. `commit` is one transaction: all of the batch lands, or nothing.
2. It lands only when the head still has size `old_size`; otherwise it raises `Conflict` and nothing landed.
3. An error before the commit is `StoreFailed`: nothing landed. An error AT the commit is `StoreUnknown`.
4. When `commit` has returned, the batch survives the loss of power.
5. Leaves, heads of the history and full tiles are never changed; a partial tile only grows at its end. So a
   reader who takes a head first can read everything below it while others append.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from .rows import Blob, BlobKind, Row

TileKey: TypeAlias = tuple[int, int]
"""(tile level, tile index): the tile of 256 nodes from (8 * level, 256 * index) on."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest state of a log: its size, its root, the signed checkpoint, and when it was signed."""

    size: int
    root: bytes
    checkpoint: bytes
    time_ms: int


@dataclass(frozen=True, slots=True)
class Link:
    """One head of the history, and the proof that it continues the one before it."""

    head: Head
    old_size: int
    consistency: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry at its place."""

    index: int
    digest: bytes
    entry: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows a log has in each table."""

    leaves: int
    tiles: int
    links: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that one append writes. Without leaves `link` is None and only `rows` land."""

    origin: str
    old_size: int
    leaves: tuple[Leaf, ...]
    tiles: dict[TileKey, bytes]
    link: Link | None
    rows: tuple[Row, ...]


class LogReader(Protocol):
    """Reading, live or from a snapshot."""

    def origins(self) -> tuple[str, ...]:
        """Name every log in the store, sorted."""
        ...

    def head(self, origin: str) -> Head:
        """Return the newest head; raise `NoSuchLog`."""
        ...

    def history(self, origin: str, *, start: int, limit: int) -> list[Link]:
        """Return heads of at least `start` leaves, smallest first."""
        ...

    def leaves(self, origin: str, start: int, end: int) -> list[Leaf]:
        """Return the leaves there are from `start` up to `end`, in order."""
        ...

    def indices(self, origin: str, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Find which leaf hashes are in the log already, and where."""
        ...

    def tile(self, origin: str, key: TileKey) -> bytes:
        """Return the hashes of a tile, concatenated; empty when there is no such tile."""
        ...

    def counts(self, origin: str) -> Counts:
        """Count the rows of one log."""
        ...

    def blob(self, sha256: str) -> Blob:
        """Return a blob whose bytes have this hash; raise `NoSuchRecord` or `LogDiverged`."""
        ...

    def blobs(
        self, *, kind: BlobKind | None = None, of: str | None = None, after: str = "", limit: int = 256
    ) -> list[Blob]:
        """Return blobs by name, from the first name past `after`; raise `LogDiverged` for altered bytes."""
        ...


class LogStore(LogReader, Protocol):
    """Reading and writing."""

    def snapshot(self) -> AbstractContextManager[LogReader]:
        """Read one state of the whole store, whatever others commit meanwhile."""
        ...

    def create(self, origin: str, head: Head) -> None:
        """Begin a log with the head of no leaves; raise `Conflict` when there is one of this origin."""
        ...

    def commit(self, batch: Batch) -> None:
        """Land the whole batch or nothing of it; raise `Conflict`, `StoreFailed` or `StoreUnknown`."""
        ...
