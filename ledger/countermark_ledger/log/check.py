"""Re-verify a whole log: nothing in the store is believed, everything is recomputed from the entries.

Layer: ledger core. Imports `merkle`, `proving`, `note`, `tiles`, `errors`, `opening`, `port` and `tree`.
Trust: every row is hostile. What holds afterwards holds under the key that the caller pins; that rows were
not cut off at the end with head and history needs an older checkpoint, which the released file or a witness
keeps. The time of an old head is not signed, so only its order is checked.

1. The head is signed, of this origin, and the last one of the history.
2. Every head of the history is signed, is the root of that many entries, and is proved to continue the one
   before it.
3. Every entry is in its place, hashes to its leaf, and is there once.
4. Every stored tile is the one that the entries make.
5. There is nothing else: no row past the head.
6. Every blob hashes to its name, and accompanies a blob that is there.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import BadConsistency, LogDiverged
from ..merkle import HASH_BYTES, leaf_hash, verify_consistency
from ..note import VerifierKey
from ..proving import RightEdge
from ..tiles import WIDTH, TileCoord
from .opening import check_head
from .port import Counts, Head, Leaf, Link, LogReader, LogStore, TileKey
from .tree import grown

_PAGE = 256


def check_log(store: LogStore, log: VerifierKey) -> Head:
    """Return the head when all of the log holds; raise `LogDiverged` naming the first thing that does not."""
    with store.snapshot() as view:
        head = view.head(log.name)
        check_head(head, log)
        walk = _Walk(view, log)
        for link in _history(view, log.name):
            walk.to(link)
        walk.finish(head)
        _check_blobs(view)
        return head


class _Walk:
    """From no entries to the head, one signed head after the other."""

    def __init__(self, view: LogReader, log: VerifierKey) -> None:
        self._view = view
        self._log = log
        self._edge = RightEdge.empty()
        self._last: Head | None = None
        self._seen = set[bytes]()
        self._growing: dict[TileKey, bytes] = {}
        self._counted = Counts(0, 0, 0)

    def to(self, link: Link) -> None:
        """Go on to the next head of the history."""
        head = link.head
        check_head(head, self._log)
        self._check_order(link)
        while self._edge.size < head.size:
            self._page(min(head.size, (self._edge.size // WIDTH + 1) * WIDTH))
        if self._edge.root() != head.root:
            raise self._diverged(f"the entries lead to another root than the head of size {head.size} signs")
        self._check_continues(link)
        self._last = head
        self._counted = Counts(self._edge.size, self._counted.tiles, self._counted.links + 1)

    def finish(self, head: Head) -> None:
        """Expect to have arrived at the head, with nothing left over."""
        if self._last != head:
            raise self._diverged("the newest head of the history is not the head")
        for key in sorted(self._growing):
            self._check_tile(key)
        found = self._view.counts(self._log.name)
        if found != self._counted:
            raise self._diverged(f"expected {self._counted} below the head, found {found}")

    def _check_order(self, link: Link) -> None:
        last, size = self._last, link.head.size
        if last is None:
            if size or link.old_size:
                raise self._diverged("the history does not begin with the head of no entries")
        elif link.old_size != last.size or link.head.time_ms < last.time_ms:
            raise self._diverged(f"the head of size {size} does not follow the one of size {last.size}")

    def _check_continues(self, link: Link) -> None:
        old = link.head if self._last is None else self._last
        try:
            verify_consistency(
                old=old.size,
                new=link.head.size,
                old_root=old.root,
                new_root=link.head.root,
                path=link.consistency,
            )
        except BadConsistency as error:
            raise self._diverged(f"the head of size {link.head.size}: {error.message}") from error

    def _page(self, end: int) -> None:
        start = self._edge.size
        leaves = self._view.leaves(self._log.name, start, end)
        tile = self._view.tile(self._log.name, (0, start // WIDTH))
        for index in range(start, end):
            self._check_leaf(index, leaves[index - start : index - start + 1], tile)
        extension = self._edge.extend(leaf.digest for leaf in leaves)
        self._edge = extension.edge
        self._growing |= grown(self._growing, extension.nodes)
        for key in [key for key, hashes in self._growing.items() if len(hashes) == WIDTH * HASH_BYTES]:
            self._check_tile(key)

    def _check_leaf(self, index: int, found: list[Leaf], tile: bytes) -> None:
        if [leaf.index for leaf in found] != [index]:
            raise self._diverged(f"entry {index} is missing")
        (leaf,) = found
        if leaf_hash(leaf.entry) != leaf.digest:
            raise self._diverged(f"entry {index} does not hash to its leaf")
        at = index % WIDTH * HASH_BYTES
        if tile[at : at + HASH_BYTES] != leaf.digest:
            raise self._diverged(f"entry {index} is another one in {TileCoord(0, index // WIDTH).path()}")
        if leaf.digest in self._seen:
            raise self._diverged(f"entry {index} is in the log twice")
        self._seen.add(leaf.digest)

    def _check_tile(self, key: TileKey) -> None:
        expected = self._growing.pop(key)
        if self._view.tile(self._log.name, key) != expected:
            first = TileCoord(*key).start
            raise self._diverged(f"{TileCoord(*key).path()}, over entry {first} and after, is not what they make")
        self._counted = Counts(self._counted.leaves, self._counted.tiles + 1, self._counted.links)

    def _diverged(self, message: str) -> LogDiverged:
        return LogDiverged(f"log {self._log.name}: {message}")


def _history(view: LogReader, origin: str) -> Iterator[Link]:
    start = 0
    while page := view.history(origin, start=start, limit=_PAGE):
        yield from page
        start = page[-1].head.size + 1


def _check_blobs(view: LogReader) -> None:
    names, hosts, after = set[str](), dict[str, str](), ""
    while page := view.blobs(after=after, limit=_PAGE):
        names.update(blob.sha256 for blob in page)
        hosts.update((blob.of, blob.sha256) for blob in page if blob.of is not None)
        after = page[-1].sha256
    for host, guest in hosts.items():
        if host not in names:
            raise LogDiverged(f"blob {guest}: accompanies {host}, which is not in the store")
