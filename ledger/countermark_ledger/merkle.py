"""Merkle trees of RFC 6962 over SHA-256: roots, proofs, and their verification.

Layer: ledger core. Imports nothing of ours but `errors`; does no I/O and reads no clock.
Trust: indices, sizes, paths and roots given to `verify_*` are hostile; a root is worth the signature over it.

A node is named (level, index) and covers the leaves `index * 2**level` up to `(index + 1) * 2**level`.
Only complete subtrees have a name, so a stored node never changes; the ragged right edge of a tree is
computed from them. Proofs read O(log size) nodes through a `NodeReader`: a memory, a table, or tiles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .errors import BadConsistency, BadInclusion, Forged, Malformed

HASH_BYTES = 32
MAX_SIZE = 2**63 - 1
MAX_PATH = 64
EMPTY_ROOT = hashlib.sha256(b"").digest()

NodeReader: TypeAlias = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class CompleteNode:
    """The hash of a complete subtree: it is final once its last leaf is there."""

    level: int
    index: int
    digest: bytes


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry; the prefix keeps leaves and nodes apart (RFC 6962 2.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children into their parent (RFC 6962 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


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


def verify_inclusion(*, index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Return when `path` leads from the leaf hash at `index` to the root of `size` leaves (RFC 9162 2.1.3.2).

    Raises `BadInclusion`, also when the path has another length than index and size call for.
    """
    _check_hashes([leaf, *path, root], BadInclusion)
    if not 0 <= index < size <= MAX_SIZE:
        raise BadInclusion(f"inclusion proof: leaf index {index} is not in a tree of {size}")
    position, last, digest = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise BadInclusion("inclusion proof: path is too long")
        if position & 1 or position == last:
            digest = node_hash(sibling, digest)
            position, last = _up_to_right_child(position, last)
        else:
            digest = node_hash(digest, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise BadInclusion("inclusion proof: path is too short")
    if digest != root:
        raise BadInclusion(f"inclusion proof: expected root {root.hex()}, found {digest.hex()}")


def verify_consistency(*, old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    """Return when the tree of `new` leaves begins with the tree of `old` (RFC 9162 2.1.4.2).

    Raises `BadConsistency`. A tree begins with the empty tree and with itself: there the path must be empty.
    """
    _check_hashes([old_root, new_root, *path], BadConsistency)
    if not 0 <= old <= new <= MAX_SIZE:
        raise BadConsistency(f"consistency proof: sizes {old} and {new} are not an old and a new tree")
    if (new == 0 and new_root != EMPTY_ROOT) or (old == 0 and old_root != EMPTY_ROOT):
        raise BadConsistency("consistency proof: a tree of no leaves has another root")
    if old in {0, new}:
        _check_trivial(old, old_root, new_root, path)
        return
    found_old, found_new = _recompute(old, new, old_root, path)
    if found_old != old_root or found_new != new_root:
        raise BadConsistency("consistency proof: the path does not lead to both roots")


def _check_trivial(old: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    if path:
        raise BadConsistency("consistency proof: expected an empty path, found a longer one")
    if old and old_root != new_root:
        raise BadConsistency("consistency proof: one size has two roots")


def _recompute(old: int, new: int, old_root: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    steps = [old_root, *path] if old.bit_count() == 1 else list(path)
    if not steps:
        raise BadConsistency("consistency proof: path is too short")
    position, last = _up_to_left_child(old - 1, new - 1)
    found_old = found_new = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            raise BadConsistency("consistency proof: path is too long")
        if position & 1 or position == last:
            found_old, found_new = node_hash(sibling, found_old), node_hash(sibling, found_new)
            position, last = _up_to_right_child(position, last)
        else:
            found_new = node_hash(found_new, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise BadConsistency("consistency proof: path is too short")
    return found_old, found_new


def _up_to_right_child(position: int, last: int) -> tuple[int, int]:
    while position and not position & 1:  # a lone last node rises unchanged until it is a right child
        position, last = position >> 1, last >> 1
    return position, last


def _up_to_left_child(position: int, last: int) -> tuple[int, int]:
    while position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _check_hashes(hashes: Sequence[bytes], refusal: type[Forged]) -> None:
    if len(hashes) > MAX_PATH + 2:
        raise refusal(f"proof: expected at most {MAX_PATH} hashes, found {len(hashes) - 2}")
    if any(len(digest) != HASH_BYTES for digest in hashes):
        raise refusal("proof: expected hashes of 32 bytes, found another length")


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
