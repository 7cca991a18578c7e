"""Merkle trees of RFC 6962 from the side of whoever holds the leaves: growing them, their roots, and proofs.

Layer: ledger core. Imports `errors` and `merkle`; does no I/O and reads no clock.
Trust: none needed; whoever reads a proof verifies it with `merkle`.

A node is named (level, index) and covers the leaves `index * 2**level` up to `(index + 1) * 2**level`.
Only complete subtrees have a name, so a stored node never changes; the ragged right edge of a tree is
computed from them. Proofs read O(log size) nodes through a `NodeReader`: a memory, a table, or tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .errors import Malformed
from .merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE, node_hash

NodeReader: TypeAlias = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class CompleteNode:
    """The hash of a complete subtree: it is final once its last leaf is there."""

    level: int
    index: int
    digest: bytes


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over all leaves; the tree of no leaves has the hash of nothing."""
    return RightEdge.empty().extend(leaf_hashes).edge.root()


@dataclass(frozen=True, slots=True)
class RightEdge:
    """All that is needed to append: the roots of the complete subtrees of `size` leaves, largest first."""

    size: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse an edge that no tree of this size has."""
        _check_size(self.size)
        if len(self.hashes) != self.size.bit_count() or any(len(h) != HASH_BYTES for h in self.hashes):
            raise Malformed(f"right edge of {self.size}: expected {self.size.bit_count()} hashes of 32 bytes")

    @classmethod
    def empty(cls) -> RightEdge:
        """Begin a new tree."""
        return cls(0, ())

    @classmethod
    def read(cls, size: int, node: NodeReader) -> RightEdge:
        """Read the edge of a stored tree."""
        _check_size(size)
        return cls(size, tuple(node(level, index) for level, index in _complete_subtrees(0, size)))

    def root(self) -> bytes:
        """Fold the edge into the root of the tree."""
        return _fold(self.hashes) if self.hashes else EMPTY_ROOT

    def extend(self, leaf_hashes: Iterable[bytes]) -> Extension:
        """Append leaves; this edge stays as it was, so a batch that fails to land costs nothing."""
        size, stack, completed = self.size, list(self.hashes), list[CompleteNode]()
        for leaf in leaf_hashes:
            if len(leaf) != HASH_BYTES:
                raise Malformed(f"leaf hash: expected {HASH_BYTES} bytes, found {len(leaf)}")
            digest, level, index = leaf, 0, size
            completed.append(CompleteNode(level, index, digest))
            while index & 1:
                digest, level, index = node_hash(stack.pop(), digest), level + 1, index >> 1
                completed.append(CompleteNode(level, index, digest))
            stack.append(digest)
            size += 1
        return Extension(RightEdge(size, tuple(stack)), tuple(completed))


@dataclass(frozen=True, slots=True)
class Extension:
    """What an append made: the edge after it, and every node it completed, leaves included, in order."""

    edge: RightEdge
    nodes: tuple[CompleteNode, ...]


def inclusion_path(index: int, size: int, node: NodeReader) -> list[bytes]:
    """Prove that leaf `index` is among `size` leaves: sibling hashes, leaf side first (RFC 6962 2.1.1)."""
    _check_size(size)
    if not 0 <= index < size:
        raise Malformed(f"leaf index: expected 0 to {size - 1}, found {index}")
    path, low, high = list[bytes](), 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_subtree_root(middle, high, node))
            high = middle
        else:
            path.append(_subtree_root(low, middle, node))
            low = middle
    return path[::-1]


def consistency_path(old: int, new: int, node: NodeReader) -> list[bytes]:
    """Prove that the tree of `new` leaves begins with the tree of `old` (RFC 6962 2.1.2).

    The path is empty when `old` is 0 or `new`: every tree begins with these two.
    """
    _check_size(new)
    if not 0 <= old <= new:
        raise Malformed(f"old tree size: expected 0 to {new}, found {old}")
    path, low, high = list[bytes](), 0, new if old else 0
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_subtree_root(middle, high, node))
            high = middle
        else:
            path.append(_subtree_root(low, middle, node))
            low = middle
    if low:  # the verifier knows the old root only when the old tree is a whole left side
        path.append(_subtree_root(low, high, node))
    return path[::-1]


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise Malformed(f"tree size: expected 0 to 2**63-1, found {size}")


def _split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1  # the largest power of two smaller than count


def _complete_subtrees(low: int, high: int) -> Iterable[tuple[int, int]]:
    while low < high:
        level = (high - low).bit_length() - 1
        yield level, low >> level
        low += 1 << level


def _subtree_root(low: int, high: int, node: NodeReader) -> bytes:
    return _fold([node(level, index) for level, index in _complete_subtrees(low, high)])


def _fold(hashes: Sequence[bytes]) -> bytes:
    *rest, digest = hashes
    for left in reversed(rest):
        digest = node_hash(left, digest)
    return digest
