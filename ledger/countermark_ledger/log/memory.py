"""A log store in memory: the port at its plainest, for tests and throw-away logs.

Layer: ledger core. Imports `errors`, `port` and `rows`; does no I/O.
Trust: as the process that holds it. It survives nothing.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..errors import Conflict, NoSuchLog, NoSuchRecord, StoreFailed
from .port import Batch, Counts, Head, Leaf, Link, TileKey
from .rows import Blob, BlobKind, Row


@dataclass
class StoredLog:
    """The rows of one log."""

    head: Head
    links: list[Link] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    tiles: dict[TileKey, bytes] = field(default_factory=dict)


class MemoryStore:
    """Implements `LogStore`. `logs`, `blobs_by_name` and `rows` are its tables."""

    def __init__(self) -> None:
        self.logs: dict[str, StoredLog] = {}
        self.blobs_by_name: dict[str, Blob] = {}
        self.rows: list[Row] = []
        self._lock = threading.Lock()

    def origins(self) -> tuple[str, ...]:
        """Name every log."""
        return tuple(sorted(self.logs))

    def head(self, origin: str) -> Head:
        """Return the newest head."""
        return self._log(origin).head

    def history(self, origin: str, *, start: int, limit: int) -> list[Link]:
        """Return heads of at least `start` leaves."""
        return [link for link in self._log(origin).links if link.head.size >= start][:limit]

    def leaves(self, origin: str, start: int, end: int) -> list[Leaf]:
        """Return a range of leaves."""
        return self._log(origin).leaves[start:end]

    def indices(self, origin: str, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Find leaf hashes."""
        wanted = set(digests)
        return {leaf.digest: leaf.index for leaf in self._log(origin).leaves if leaf.digest in wanted}

    def tile(self, origin: str, key: TileKey) -> bytes:
        """Return a tile's hashes."""
        return self._log(origin).tiles.get(key, b"")

    def counts(self, origin: str) -> Counts:
        """Count the rows of one log."""
        log = self._log(origin)
        return Counts(len(log.leaves), len(log.tiles), len(log.links))

    def blob(self, sha256: str) -> Blob:
        """Return a blob under its name."""
        if sha256 not in self.blobs_by_name:
            raise NoSuchRecord(f"blob {sha256}: not in the store")
        return _read(sha256, self.blobs_by_name[sha256])

    def blobs(
        self, *, kind: BlobKind | None = None, of: str | None = None, after: str = "", limit: int = 256
    ) -> list[Blob]:
        """Return blobs by name."""
        found = [
            (name, blob)
            for name, blob in sorted(self.blobs_by_name.items())
            if name > after and kind in {None, blob.kind} and of in {None, blob.of}
        ]
        return [_read(name, blob) for name, blob in found[:limit]]

    @contextmanager
    def snapshot(self) -> Iterator[MemoryStore]:
        """Copy everything."""
        frozen = MemoryStore()
        with self._lock:
            frozen.logs = copy.deepcopy(self.logs)
            frozen.blobs_by_name = dict(self.blobs_by_name)
            frozen.rows = list(self.rows)
        yield frozen

    def create(self, origin: str, head: Head) -> None:
        """Begin a log."""
        with self._lock:
            if origin in self.logs:
                raise Conflict(f"log {origin}: there is one already")
            self.logs[origin] = StoredLog(head, [Link(head, 0, ())])

    def commit(self, batch: Batch) -> None:
        """Land a batch."""
        with self._lock:
            log = self._log(batch.origin)
            if log.head.size != batch.old_size:
                raise Conflict(f"log {batch.origin}: expected {batch.old_size} leaves, found {log.head.size}")
            digests = [leaf.digest for leaf in (*log.leaves, *batch.leaves)]
            if len(set(digests)) < len(digests):
                raise StoreFailed(f"log {batch.origin}: a leaf is in the log already")
            self._land(log, batch)

    def _land(self, log: StoredLog, batch: Batch) -> None:
        if batch.link is not None:
            log.head = batch.link.head
            log.links.append(batch.link)
        log.leaves.extend(batch.leaves)
        log.tiles.update(batch.tiles)
        self.rows.extend(row for row in batch.rows if not isinstance(row, Blob))
        for row in batch.rows:
            if isinstance(row, Blob):
                self.blobs_by_name.setdefault(row.sha256, row)

    def _log(self, origin: str) -> StoredLog:
        if origin not in self.logs:
            raise NoSuchLog(f"log {origin}: not in the store")
        return self.logs[origin]


def _read(name: str, blob: Blob) -> Blob:
    return Blob.read(name, blob.kind, blob.data, blob.of)
