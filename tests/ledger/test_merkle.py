"""RFC 6962 trees: our proofs against a recursive reading of the RFC, and every way a proof can lie."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.errors import BadConsistency, BadInclusion, Malformed
from countermark_ledger.merkle import EMPTY_ROOT, MAX_SIZE, leaf_hash, verify_consistency, verify_inclusion
from countermark_ledger.proving import CompleteNode, RightEdge, consistency_path, inclusion_path, root_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LIMIT = 70
LEAVES = [leaf_hash(b"entry %d" % n) for n in range(LIMIT)]


class Nodes:
    """Every complete node of one tree; counts its reads and refuses nodes that are not complete."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.stored = {(n.level, n.index): n.digest for n in RightEdge.empty().extend(leaves).nodes}
        self.reads = 0

    def __call__(self, level: int, index: int) -> bytes:
        self.reads += 1
        return self.stored[level, index]


NODES = Nodes(LEAVES)


def rfc_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + rfc_root(leaves[:k]) + rfc_root(leaves[k:])).digest()


def rfc_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962 2.1.1, word by word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*rfc_path(m, leaves[:k]), rfc_root(leaves[k:])]
    return [*rfc_path(m - k, leaves[k:]), rfc_root(leaves[:k])]


def rfc_subproof(m: int, leaves: Sequence[bytes], *, known: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 2.1.2, word by word."""
    if m == len(leaves):
        return [] if known else [rfc_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*rfc_subproof(m, leaves[:k], known=known), rfc_root(leaves[k:])]
    return [*rfc_subproof(m - k, leaves[k:], known=False), rfc_root(leaves[:k])]


ROOTS = [rfc_root(LEAVES[:size]) for size in range(LIMIT + 1)]

# --- what holds -------------------------------------------------------------------------------------


def test_the_roots_are_those_of_the_certificate_transparency_test_vectors() -> None:
    entries = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in entries]
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(leaves[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert root_of(leaves[:7]).hex() == "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"
    assert root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.parametrize("size", range(LIMIT + 1))
def test_every_root_is_the_one_the_rfc_defines(size: int) -> None:
    assert root_of(LEAVES[:size]) == ROOTS[size]
    assert RightEdge.read(size, NODES).root() == ROOTS[size]


@pytest.mark.parametrize("size", range(1, LIMIT + 1))
def test_every_inclusion_path_is_the_one_the_rfc_defines_and_verifies(size: int) -> None:
    for index in range(size):
        path = inclusion_path(index, size, NODES)
        assert path == rfc_path(index, LEAVES[:size])
        verify_inclusion(index=index, size=size, leaf=LEAVES[index], path=path, root=ROOTS[size])


@pytest.mark.parametrize("new", range(LIMIT + 1))
def test_every_consistency_path_is_the_one_the_rfc_defines_and_verifies(new: int) -> None:
    for old in range(new + 1):
        path = consistency_path(old, new, NODES)
        assert path == (rfc_subproof(old, LEAVES[:new], known=True) if old else [])
        verify_consistency(old=old, new=new, old_root=ROOTS[old], new_root=ROOTS[new], path=path)


@given(old=st.integers(0, LIMIT), new=st.integers(0, LIMIT))
def test_an_edge_grown_in_two_steps_is_the_edge_grown_in_one(old: int, new: int) -> None:
    old, new = sorted((old, new))
    first = RightEdge.empty().extend(LEAVES[:old])
    second = first.edge.extend(LEAVES[old:new])
    assert second.edge == RightEdge.read(new, NODES)
    assert (*first.nodes, *second.nodes) == RightEdge.empty().extend(LEAVES[:new]).nodes
    assert first.edge == RightEdge.read(old, NODES)


def test_an_append_names_each_node_that_it_completes() -> None:
    nodes = RightEdge.read(3, NODES).extend([LEAVES[3]]).nodes
    assert nodes == (
        CompleteNode(0, 3, LEAVES[3]),
        CompleteNode(1, 1, rfc_root(LEAVES[2:4])),
        CompleteNode(2, 0, ROOTS[4]),
    )


@given(size=st.integers(1, 2**40), data=st.data())
def test_a_proof_reads_a_number_of_nodes_logarithmic_in_the_size(size: int, data: st.DataObject) -> None:
    reads = list[tuple[int, int]]()

    def node(level: int, index: int) -> bytes:
        assert (index + 1) << level <= size
        reads.append((level, index))
        return bytes(32)

    inclusion_path(data.draw(st.integers(0, size - 1)), size, node)
    assert len(reads) <= 2 * size.bit_length()
    reads.clear()
    consistency_path(data.draw(st.integers(0, size)), size, node)
    assert len(reads) <= 2 * size.bit_length()


# --- what is refused ----------------------------------------------------------------------------------

WORST_CASES = [(0, 1), (0, 2), (1, 2), (0, 3), (2, 3), (4, 7), (6, 7), (5, 8), (0, 64), (64, 65), (37, 70)]


@dataclass(frozen=True)
class Inclusion:
    index: int
    size: int
    leaf: bytes
    path: tuple[bytes, ...]
    root: bytes

    def check(self) -> None:
        verify_inclusion(index=self.index, size=self.size, leaf=self.leaf, path=self.path, root=self.root)


def _inclusion(index: int, size: int) -> Inclusion:
    return Inclusion(index, size, LEAVES[index], tuple(inclusion_path(index, size, NODES)), ROOTS[size])


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lambda p: replace(p, index=p.index + 1), id="index-plus-one"),
        pytest.param(lambda p: replace(p, index=p.index - 1), id="index-minus-one"),
        pytest.param(lambda p: replace(p, index=p.index + 128), id="index-beyond-the-tree"),
        pytest.param(lambda p: replace(p, index=p.size), id="index-is-the-size"),
        pytest.param(lambda p: replace(p, index=-1), id="index-negative"),
        pytest.param(lambda p: replace(p, size=0), id="size-zero"),
        pytest.param(lambda p: replace(p, size=-1), id="size-negative"),
        pytest.param(lambda p: replace(p, size=MAX_SIZE + 1), id="size-past-the-limit"),
        pytest.param(lambda p: replace(p, size=p.size * 4), id="size-with-a-longer-path"),
        pytest.param(lambda p: replace(p, leaf=leaf_hash(b"another")), id="another-leaf"),
        pytest.param(lambda p: replace(p, leaf=p.leaf[:31]), id="leaf-too-short"),
        pytest.param(lambda p: replace(p, root=leaf_hash(b"another")), id="another-root"),
        pytest.param(lambda p: replace(p, root=p.root + b"\x00"), id="root-too-long"),
        pytest.param(lambda p: replace(p, root=b""), id="root-empty"),
        pytest.param(lambda p: replace(p, path=(*p.path, bytes(32))), id="path-longer"),
        pytest.param(lambda p: replace(p, path=(bytes(32), *p.path)), id="path-longer-at-the-leaf"),
        pytest.param(lambda p: replace(p, path=(*p.path, b"")), id="path-with-an-empty-hash"),
        pytest.param(lambda p: replace(p, path=(*p.path, bytes(64))), id="path-with-two-hashes-in-one"),
        pytest.param(lambda p: replace(p, path=(bytes(32),) * 65), id="path-past-the-cap"),
        pytest.param(lambda p: replace(p, path=(bytes(32),) * 64), id="path-at-the-cap"),
    ],
)
@pytest.mark.parametrize(("index", "size"), WORST_CASES)
def test_a_lying_inclusion_proof_is_refused(index: int, size: int, lie: Callable[[Inclusion], Inclusion]) -> None:
    proof = _inclusion(index, size)
    proof.check()
    with pytest.raises(BadInclusion):
        lie(proof).check()


@given(size=st.integers(2, LIMIT), data=st.data())
def test_an_inclusion_path_with_a_hash_dropped_swapped_or_flipped_is_refused(size: int, data: st.DataObject) -> None:
    proof = _inclusion(data.draw(st.integers(0, size - 1)), size)
    at = data.draw(st.integers(0, len(proof.path) - 1))
    flipped = bytes([proof.path[at][0] ^ 1]) + proof.path[at][1:]
    for path in (
        (*proof.path[:at], *proof.path[at + 1 :]),
        (*proof.path[:at], flipped, *proof.path[at + 1 :]),
        (*proof.path[:at], proof.path[at], *proof.path[at:]),
    ):
        with pytest.raises(BadInclusion):
            replace(proof, path=path).check()


@given(size=st.integers(1, LIMIT), other=st.integers(1, LIMIT), data=st.data())
def test_no_other_index_of_any_size_is_proved_by_a_path(size: int, other: int, data: st.DataObject) -> None:
    proof = _inclusion(data.draw(st.integers(0, size - 1)), size)
    moved = replace(proof, index=data.draw(st.integers(0, other - 1)), size=other, root=ROOTS[other])
    if (moved.index, moved.size) == (proof.index, proof.size):
        moved.check()
    else:
        with pytest.raises(BadInclusion):
            moved.check()


def test_a_node_does_not_pass_for_a_leaf() -> None:
    """The attack that the 00 and 01 prefixes close: an entry made of two hashes is not their node."""
    left, right = LEAVES[0], LEAVES[1]
    with pytest.raises(BadInclusion):
        verify_inclusion(index=0, size=1, leaf=leaf_hash(left + right), path=(), root=ROOTS[2])


@dataclass(frozen=True)
class Consistency:
    old: int
    new: int
    old_root: bytes
    new_root: bytes
    path: tuple[bytes, ...]

    def check(self) -> None:
        verify_consistency(old=self.old, new=self.new, old_root=self.old_root, new_root=self.new_root, path=self.path)


def _consistency(old: int, new: int) -> Consistency:
    return Consistency(old, new, ROOTS[old], ROOTS[new], tuple(consistency_path(old, new, NODES)))


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lambda p: replace(p, old=-1), id="old-negative"),
        pytest.param(lambda p: replace(p, old=p.new + 1), id="old-beyond-new"),
        pytest.param(lambda p: replace(p, new=MAX_SIZE + 1), id="new-past-the-limit"),
        pytest.param(lambda p: replace(p, new=0), id="new-zero"),
        pytest.param(lambda p: replace(p, old=0), id="old-zero"),
        pytest.param(lambda p: replace(p, old=0, path=()), id="old-zero-with-a-root"),
        pytest.param(lambda p: replace(p, old=p.new), id="old-is-new"),
        pytest.param(lambda p: replace(p, old=p.new, path=()), id="one-size-with-two-roots"),
        pytest.param(lambda p: replace(p, old_root=leaf_hash(b"another")), id="another-old-root"),
        pytest.param(lambda p: replace(p, new_root=leaf_hash(b"another")), id="another-new-root"),
        pytest.param(lambda p: replace(p, old_root=p.new_root, new_root=p.old_root), id="roots-swapped"),
        pytest.param(lambda p: replace(p, old_root=b""), id="old-root-empty"),
        pytest.param(lambda p: replace(p, new_root=p.new_root + b"\x00"), id="new-root-too-long"),
        pytest.param(lambda p: replace(p, path=()), id="path-empty"),
        pytest.param(lambda p: replace(p, path=p.path[:-1]), id="path-shorter"),
        pytest.param(lambda p: replace(p, path=p.path[1:]), id="path-shorter-at-the-leaf"),
        pytest.param(lambda p: replace(p, path=(*p.path, bytes(32))), id="path-longer"),
        pytest.param(lambda p: replace(p, path=(bytes(32), *p.path)), id="path-longer-at-the-leaf"),
        pytest.param(lambda p: replace(p, path=(p.old_root, *p.path)), id="path-beginning-with-the-old-root"),
        pytest.param(lambda p: replace(p, path=(*p.path, bytes(33))), id="path-with-a-longer-hash"),
        pytest.param(lambda p: replace(p, path=(bytes(32),) * 65), id="path-past-the-cap"),
    ],
)
@pytest.mark.parametrize(("old", "new"), [(1, 2), (1, 3), (2, 3), (3, 4), (4, 7), (6, 7), (6, 8), (64, 70), (65, 70)])
def test_a_lying_consistency_proof_is_refused(old: int, new: int, lie: Callable[[Consistency], Consistency]) -> None:
    proof = _consistency(old, new)
    proof.check()
    with pytest.raises(BadConsistency):
        lie(proof).check()


@given(old=st.integers(1, LIMIT), new=st.integers(2, LIMIT), data=st.data())
def test_a_tree_whose_past_was_rewritten_is_refused(old: int, new: int, data: st.DataObject) -> None:
    old, new = sorted((old, new))
    rewritten = list(LEAVES[:new])
    rewritten[data.draw(st.integers(0, old - 1))] = leaf_hash(b"rewritten")
    path = consistency_path(old, new, Nodes(rewritten))
    with pytest.raises(BadConsistency):
        verify_consistency(old=old, new=new, old_root=ROOTS[old], new_root=root_of(rewritten), path=path)


@pytest.mark.parametrize(
    ("old", "new", "old_root", "new_root", "path"),
    [
        pytest.param(0, 5, leaf_hash(b""), ROOTS[5], (), id="an-empty-tree-with-a-root"),
        pytest.param(0, 0, EMPTY_ROOT, ROOTS[1], (), id="an-empty-tree-beside-a-root"),
        pytest.param(0, 0, ROOTS[1], ROOTS[1], (), id="an-empty-tree-with-a-root-twice"),
        pytest.param(0, 5, EMPTY_ROOT, ROOTS[5], (bytes(32),), id="a-path-from-the-empty-tree"),
        pytest.param(5, 5, ROOTS[5], ROOTS[5], (bytes(32),), id="a-path-to-itself"),
        pytest.param(5, 5, ROOTS[5], ROOTS[6], (), id="a-fork-of-one-size"),
    ],
)
def test_a_tree_begins_with_nothing_and_with_itself_and_only_by_an_empty_path(
    old: int, new: int, old_root: bytes, new_root: bytes, path: tuple[bytes, ...]
) -> None:
    with pytest.raises(BadConsistency):
        Consistency(old, new, old_root, new_root, path).check()


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0), (0, -1), (0, MAX_SIZE + 1)])
def test_no_inclusion_path_is_made_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(Malformed):
        inclusion_path(index, size, NODES)


@pytest.mark.parametrize(("old", "new"), [(-1, 5), (6, 5), (0, -1), (0, MAX_SIZE + 1)])
def test_no_consistency_path_is_made_between_impossible_sizes(old: int, new: int) -> None:
    with pytest.raises(Malformed):
        consistency_path(old, new, NODES)


@pytest.mark.parametrize(
    ("size", "hashes"),
    [
        pytest.param(1, (), id="a-hash-missing"),
        pytest.param(0, (bytes(32),), id="a-hash-too-many"),
        pytest.param(3, (bytes(32), bytes(31)), id="a-short-hash"),
        pytest.param(-1, (bytes(32),), id="a-negative-size"),
        pytest.param(MAX_SIZE + 1, (bytes(32),), id="a-size-past-the-limit"),
    ],
)
def test_an_edge_that_no_tree_has_is_refused(size: int, hashes: tuple[bytes, ...]) -> None:
    with pytest.raises(Malformed):
        RightEdge(size, hashes)


@pytest.mark.parametrize("leaves", [[b"short"], [b"short", LEAVES[1]], [LEAVES[0], bytes(33)]])
def test_a_leaf_hash_of_another_length_is_not_appended(leaves: list[bytes]) -> None:
    with pytest.raises(Malformed):
        RightEdge.empty().extend(leaves)
