"""A batch before it lands: leaves, tiles, head and proofs, all computed in memory.

Layer: ledger core. Imports `checkpoint`, `merkle`, `proving`, `note`, `tiles`, `errors`, `port`, `tree` and `appended`.
Trust: `known` comes from the store; a leaf it places past the head is another writer's and means `Conflict`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..checkpoint import TreeHead, sign
from ..errors import Conflict, TooLarge
from ..merkle import leaf_hash
from ..note import NoteSigner
from ..proving import consistency_path
from ..tiles import MAX_ENTRY
from .appended import Appended
from .port import Batch, Head, Leaf, Link, TileKey
from .rows import Row
from .tree import Load, Tree, grown, reader


@dataclass(frozen=True, slots=True)
class Wanted:
    """Entries to append: where the equal ones are already, and the leaves for the others."""

    indices: tuple[int, ...]
    fresh: tuple[Leaf, ...]

    @classmethod
    def place(cls, entries: Sequence[bytes], digests: Sequence[bytes], known: Mapping[bytes, int], size: int) -> Wanted:
        """Give equal entries one index, be they in the log or twice in this batch."""
        if any(index >= size for index in known.values()):
            raise Conflict(f"a log of {size} entries: another writer appended meanwhile")
        places, fresh = dict(known), list[Leaf]()
        for entry, digest in zip(entries, digests, strict=True):
            if digest not in places:
                places[digest] = size + len(fresh)
                fresh.append(Leaf(places[digest], digest, entry))
        return cls(tuple(places[digest] for digest in digests), tuple(fresh))


@dataclass(frozen=True, slots=True)
class Draft:
    """What is true once the batch landed: the tree, the answer, and what the store is to write."""

    tree: Tree
    appended: Appended
    old_size: int
    leaves: tuple[Leaf, ...] = ()
    tiles: dict[TileKey, bytes] | None = None
    link: Link | None = None

    def batch(self, origin: str, rows: Sequence[Row]) -> Batch:
        """Add the rows that land with it."""
        return Batch(origin, self.old_size, self.leaves, self.tiles or {}, self.link, tuple(rows))


def draft(tree: Tree, wanted: Wanted, signer: NoteSigner, now_ms: int, load: Load) -> Draft:
    """Compute the tree with the fresh leaves and sign its head; without any, the head stays as it is."""
    old = tree.head.size
    if not wanted.fresh:
        return Draft(tree, Appended(wanted.indices, tree.head, reader(old, tree.growing, load)), old)
    extension = tree.edge.extend(leaf.digest for leaf in wanted.fresh)
    size, root = extension.edge.size, extension.edge.root()
    head = Head(size, root, sign(TreeHead(signer.verifier.name, size, root), signer), now_ms)
    tiles = grown(tree.growing, extension.nodes)
    node = reader(size, {**tree.growing, **tiles}, load)
    link = Link(head, old, tuple(consistency_path(old, size, node)))
    after = tree.moved(head, extension.edge, tiles)
    return Draft(after, Appended(wanted.indices, head, node), old, wanted.fresh, tiles, link)


def digests_of(entries: Sequence[bytes]) -> list[bytes]:
    """Hash the entries; refuse one that an entry bundle can't hold."""
    if not entries:
        raise RuntimeError("append: expected at least one entry")
    longest = max(map(len, entries))
    if longest > MAX_ENTRY:
        raise TooLarge(f"log entry: expected at most {MAX_ENTRY} bytes, found {longest}")
    return [leaf_hash(entry) for entry in entries]
