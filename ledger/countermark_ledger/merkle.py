"""Merkle trees of RFC 6962 over SHA-256, from the reader's side: hashes, and the verification of proofs.

Layer: ledger core. Imports nothing of ours but `errors`; does no I/O and reads no clock.
Trust: indices, sizes, paths and roots given to `verify_*` are hostile; a root is worth the signature over it.

Whoever holds the leaves grows the tree and makes the proofs with `proving`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from .errors import BadConsistency, BadInclusion, Forged

HASH_BYTES = 32
MAX_SIZE = 2**63 - 1
MAX_PATH = 64
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry; the prefix keeps leaves and nodes apart (RFC 6962 2.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children into their parent (RFC 6962 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


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
