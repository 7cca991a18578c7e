"""The log: the one writer that signs heads.

Layer: ledger core. Imports the ports beside it, `merkle`, `proving`, `tiles` and `checkpoint`.
Trust: the store, the released file and the clock are ports, and none is believed (`opening.open_tree`).

The crash order of FORMATS.md section 2, and its numbers in the code:
1. Leaves, tiles, head and proofs are computed in memory.
2. The head is signed; the checkpoint stays inside.
3. ONE transaction writes leaves, tiles, head, history and the caller's rows, if nobody else moved the head.
4. The checkpoint is kept durably outside the database.
5. Only now is it answered.
A crash before 3 leaves nothing. A crash between 3 and 5 leaves entries that a retry finds in their place.
An error at 3 that may have landed, or at 4, stops the log: it answers nothing until `reload` agrees again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

from ..checkpoint import TreeHead, sign
from ..errors import Conflict, LogDiverged, NoSuchEntry, StoreFailed, StoreUnknown
from ..merkle import EMPTY_ROOT
from ..note import NoteSigner, VerifierKey
from ..proving import RightEdge, consistency_path, inclusion_path
from ..tiles import EntryBundle, HashTile, TileCoord
from ..tlog_proof import TlogProof
from .appended import Appended, Attach
from .draft import Draft, Wanted, digests_of, draft
from .lock import Lock
from .opening import Clock, check_clock, open_tree
from .port import Batch, Head, LogStore, TileKey
from .released import ReleasedHead
from .tree import Tree, reader

ATTEMPTS = 256
"""How often a batch is tried when others move the head first: four busy writers without a lock lose 9 in 10."""


class Log:
    """An open log. One object serves all threads of a process; other processes open their own.

    Constructing it makes every check of `opening` and raises `NoSuchLog`, `LogDiverged` or `StoreFailed`.
    """

    def __init__(
        self,
        origin: str,
        store: LogStore,
        signer: NoteSigner,
        released: ReleasedHead,
        clock: Clock,
        lock: Lock | None = None,
    ) -> None:
        _check_name(origin, signer)
        self.origin = origin
        self.store = store
        self._signer = signer
        self._released = released
        self._clock = clock
        self._lock = lock
        self._threads = threading.RLock()
        self._alone = False
        self._tree: Tree | None = None
        self.reload()

    @classmethod
    def create(
        cls,
        origin: str,
        store: LogStore,
        signer: NoteSigner,
        released: ReleasedHead,
        clock: Clock,
        lock: Lock | None = None,
    ) -> Log:
        """Begin a log of no entries, then open it. A released head means that there was one: `LogDiverged`."""
        _check_name(origin, signer)
        if released.read() is not None:
            raise LogDiverged(f"log {origin}: a head was released already, so this is not a new log")
        checkpoint = sign(TreeHead(origin, 0, EMPTY_ROOT), signer)
        store.create(origin, Head(0, EMPTY_ROOT, checkpoint, int(clock().timestamp() * 1000)))
        return cls(origin, store, signer, released, clock, lock)

    @property
    def verifier(self) -> VerifierKey:
        """The public key that readers pin."""
        return self._signer.verifier

    @property
    def head(self) -> Head:
        """The newest head this object released."""
        return self._current().head

    def reload(self) -> Head:
        """Make every opening check again, and go on from what the store says."""
        with self._threads, self._stopping_unless():
            kept = self._released.read()
            with self.store.snapshot() as view:
                tree = open_tree(view, self.verifier, kept, self._clock)
            self._release(tree.head)
            self._tree = tree
            return tree.head

    @contextmanager
    def session(self) -> Iterator[Head]:
        """Keep out every other writer while the caller reads, composes and appends from this thread.

        Inside, an append that finds the head moved raises `Conflict` at once: what was composed is stale.
        """
        with self._exclusive():
            yield self.reload()

    def append(self, entries: Sequence[bytes], attach: Attach | None = None) -> Appended:
        """Put entries into the log, equal ones once, in one transaction with the rows that `attach` returns.

        `attach` sees the answer before it is committed and must not let it out; it runs again for a retry.
        Raises `TooLarge`, `Conflict`, `StoreFailed` (nothing landed), `StoreUnknown` or `LogDiverged` (the
        log stopped), or what `attach` raises (nothing landed).
        """
        digests = digests_of(entries)
        with self._exclusive() as attempts:
            for _ in range(attempts - 1):
                try:
                    return self._append(entries, digests, attach)
                except Conflict:
                    self.reload()
            return self._append(entries, digests, attach)

    def inclusion(self, index: int, size: int | None = None) -> TlogProof:
        """Prove an entry under the newest head, or under the head that once had `size` entries."""
        head = self._head_of(size)
        if not 0 <= index < head.size:
            raise NoSuchEntry(f"log {self.origin}: entry {index} is not among {head.size}")
        node = reader(head.size, {}, self._load)
        return TlogProof(index, tuple(inclusion_path(index, head.size, node)), head.checkpoint)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """Prove that the first `new` entries (all, if None) begin with the first `old`."""
        return self.consistencies([old], new)[old]

    def consistencies(self, olds: Iterable[int], new: int | None = None) -> dict[int, list[bytes]]:
        """Prove the same of several old sizes; what the proofs share is read once."""
        newest, wanted = self.head.size, tuple(olds)
        size = newest if new is None else new
        if not 0 <= size <= newest or any(not 0 <= old <= size for old in wanted):
            raise NoSuchEntry(f"log {self.origin}: no sizes {wanted[:3]} and {size} in a log of {newest}")
        node = reader(size, {}, self._load)
        return {old: consistency_path(old, size, node) for old in wanted}

    def root_at(self, size: int) -> bytes:
        """Return the root over the first `size` entries."""
        newest = self.head.size
        if not 0 <= size <= newest:
            raise NoSuchEntry(f"log {self.origin}: no size {size} in a log of {newest}")
        return RightEdge.read(size, reader(size, {}, self._load)).root()

    def entries(self, start: int, end: int) -> list[bytes]:
        """Return the entries from `start` up to `end`, which must all be there."""
        size = self.head.size
        if not 0 <= start <= end <= size:
            raise NoSuchEntry(f"log {self.origin}: no entries {start} to {end} in a log of {size}")
        return [leaf.entry for leaf in self.store.leaves(self.origin, start, end)]

    def tile(self, coord: TileCoord) -> bytes:
        """Return a tile or entry bundle as it is served; one that reaches past the head raises `NoSuchEntry`."""
        if coord.level is None:
            return EntryBundle(tuple(self.entries(coord.start, coord.end))).encode()
        if coord.end > self.head.size:
            raise NoSuchEntry(f"log {self.origin}: {coord.path()} is not complete")
        return HashTile.build(coord, reader(coord.end, {}, self._load)).encode()

    def _append(self, entries: Sequence[bytes], digests: list[bytes], attach: Attach | None) -> Appended:
        tree = self._fresh()
        now = check_clock(self.origin, tree.head, self._clock)
        known = self.store.indices(self.origin, digests)
        wanted = Wanted.place(entries, digests, known, tree.head.size)
        made = draft(tree, wanted, self._signer, now, self._load)  # 1, 2
        rows = () if attach is None else attach(made.appended)
        self._land(made, made.batch(self.origin, rows))
        return made.appended  # 5

    def _land(self, made: Draft, batch: Batch) -> None:
        with self._stopping_unless(Conflict, StoreFailed):
            self.store.commit(batch)  # 3
        with self._stopping_unless():
            self._release(made.tree.head)  # 4
        self._tree = made.tree

    def _release(self, head: Head) -> None:
        try:
            self._released.advance(head.checkpoint)
        except StoreFailed as error:
            raise StoreUnknown(
                f"log {self.origin}: size {head.size} is committed and not released: {error.message}",
                hint=error.hint,
            ) from error

    @contextmanager
    def _stopping_unless(self, *harmless: type[Exception]) -> Iterator[None]:
        try:
            yield
        except harmless:
            raise
        except BaseException:  # whatever it was, what landed is unknown: stop, and raise it again
            self._tree = None
            raise

    def _fresh(self) -> Tree:
        tree = self._current()
        if self.store.head(self.origin) == tree.head:
            return tree
        self.reload()
        return self._current()

    def _current(self) -> Tree:
        tree = self._tree
        if tree is None:
            raise StoreFailed(f"log {self.origin}: stopped by an earlier failure", hint="run the command again")
        return tree

    def _head_of(self, size: int | None) -> Head:
        newest = self.head
        if size is None or size == newest.size:
            return newest
        found = self.store.history(self.origin, start=size, limit=1)
        if size > newest.size or not found or found[0].head.size != size:
            raise NoSuchEntry(f"log {self.origin}: no head of size {size} was ever signed")
        return found[0].head

    def _load(self, key: TileKey) -> bytes:
        return self.store.tile(self.origin, key)

    @contextmanager
    def _exclusive(self) -> Iterator[int]:
        with self._threads:
            if self._alone:
                yield 1
                return
            with nullcontext() if self._lock is None else self._lock.hold():
                self._alone = True
                try:
                    yield ATTEMPTS
                finally:
                    self._alone = False


def _check_name(origin: str, signer: NoteSigner) -> None:
    if signer.verifier.name != origin:
        raise LogDiverged(f"log {origin}: its key is of log {signer.verifier.name}; a key belongs to one log")
