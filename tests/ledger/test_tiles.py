"""Tiles: one path a tile, files that rebuild the tree, and every second spelling refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.errors import Malformed, TooLarge
from countermark_ledger.merkle import MAX_SIZE, leaf_hash, verify_consistency, verify_inclusion
from countermark_ledger.proving import RightEdge, consistency_path, inclusion_path, root_of
from countermark_ledger.tiles import (
    MAX_ENTRY,
    MAX_LEVEL,
    WIDTH,
    EntryBundle,
    HashTile,
    TileCoord,
    covering,
    node_reader,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 66_000
LEAVES = [leaf_hash(b"%d" % n) for n in range(SIZE)]
STORED = {(node.level, node.index): node.digest for node in RightEdge.empty().extend(LEAVES).nodes}

levels = st.none() | st.integers(0, MAX_LEVEL)
coords = st.builds(TileCoord, levels, st.integers(0, (1 << 63 >> 8 * (MAX_LEVEL + 1)) - 1), st.integers(1, WIDTH))
small_coords = st.builds(TileCoord, st.none() | st.integers(0, 2), st.integers(0, 10**7), st.integers(1, WIDTH))


def _node(level: int, index: int) -> bytes:
    return STORED[level, index]


# --- paths ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coord", "path"),
    [
        (TileCoord(0, 0), "tile/0/000"),
        (TileCoord(1, 0, 17), "tile/1/000.p/17"),
        (TileCoord(0, 1_234_067), "tile/0/x001/x234/067"),
        (TileCoord(0, 1_234_067, 1), "tile/0/x001/x234/067.p/1"),
        (TileCoord(0, 999, 255), "tile/0/999.p/255"),
        (TileCoord(0, 1000), "tile/0/x001/000"),
        (TileCoord(None, 7), "tile/entries/007"),
        (TileCoord(None, 70_000, 112), "tile/entries/x070/000.p/112"),
        (TileCoord(MAX_LEVEL, 0, 127), "tile/7/000.p/127"),
    ],
)
def test_a_tile_has_the_path_that_the_specification_gives_it(coord: TileCoord, path: str) -> None:
    assert coord.path() == path
    assert TileCoord.parse(path) == coord


@given(small_coords)
def test_a_coordinate_reads_back_as_itself(coord: TileCoord) -> None:
    assert TileCoord.parse(coord.path()) == coord


@given(st.from_regex(r"tile/([0-9]{1,2}|entries)/(x?[0-9]{3}/){0,3}[0-9]{2,4}(\.p/[0-9]{1,4})?", fullmatch=True))
def test_whatever_parses_as_a_path_has_one_spelling(path: str) -> None:
    try:
        coord = TileCoord.parse(path)
    except Malformed:
        return
    assert coord.path() == path


def test_the_last_tile_of_the_largest_log_has_a_path() -> None:
    last = TileCoord(None, MAX_SIZE // WIDTH, WIDTH - 1)
    assert last.end == MAX_SIZE
    assert TileCoord.parse(last.path()) == last


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/tile/0/000",
        "tile/0/000/",
        "tile/00/000",
        "tile/8/000",
        "tile/63/000",
        "tile/-1/000",
        "tile/Entries/000",
        "tile/data/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/00a",
        "tile/0/x000/000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/X001/000",
        "tile/0/../000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/-1",
        "tile/0/000.p/1/",
        "tile/0/000\n",
        "tile/0/\uff10\uff10\uff10",
        "tile/0/" + "x999/" * 6 + "999",
        "tile/7/128",
        "tile/0/" + "x001/" * 100 + "000",
    ],
)
def test_a_second_spelling_of_a_path_is_refused(path: str) -> None:
    with pytest.raises(Malformed):
        TileCoord.parse(path)


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(-1, 0, 1), (MAX_LEVEL + 1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257), (MAX_LEVEL, 0, 128), (0, 1 << 55, 1)],
)
def test_coordinates_that_no_log_has_are_refused(level: int, index: int, width: int) -> None:
    with pytest.raises(Malformed):
        TileCoord(level, index, width)


@given(small_coords)
def test_a_coordinate_covers_whole_nodes_of_its_level(coord: TileCoord) -> None:
    step = WIDTH ** (coord.level or 0)
    assert coord.start == coord.index * WIDTH * step
    assert coord.end == coord.start + coord.width * step


# --- which tiles a log has ---------------------------------------------------------------------------


def test_the_tiles_of_the_specifications_example_are_these() -> None:
    found = list(covering(0, 70_000))
    hashes = [coord for coord in found if coord.level is not None]
    assert [c for c in found if c.level is None] == [
        *(TileCoord(None, n) for n in range(273)),
        TileCoord(None, 273, 112),
    ]
    assert hashes == [
        *(TileCoord(0, n) for n in range(273)),
        TileCoord(0, 273, 112),
        TileCoord(1, 0),
        TileCoord(1, 1, 17),
        TileCoord(2, 0, 1),
    ]


def test_a_log_of_256_leaves_has_a_full_tile_and_one_above_it() -> None:
    assert list(covering(0, 256)) == [TileCoord(None, 0), TileCoord(0, 0), TileCoord(1, 0, 1)]


@given(old=st.integers(0, 3_000) | st.integers(65_000, 66_000), grown=st.integers(0, 1_000))
def test_what_a_batch_must_write_is_what_the_log_did_not_have(old: int, grown: int) -> None:
    new = old + grown
    assert set(covering(old, new)) == set(covering(0, new)) - set(covering(0, old))


# --- hash tiles --------------------------------------------------------------------------------------


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=WIDTH))
def test_a_hash_tile_reads_back_as_itself(hashes: list[bytes]) -> None:
    tile = HashTile(tuple(hashes))
    assert HashTile.parse(tile.encode(), width=len(hashes)) == tile


@pytest.mark.parametrize(
    ("raw", "width"),
    [(b"", 0), (b"", 1), (bytes(31), 1), (bytes(33), 1), (bytes(64), 1), (bytes(32), 2), (bytes(32 * 257), 257)],
)
def test_a_hash_tile_of_another_width_is_refused(raw: bytes, width: int) -> None:
    with pytest.raises(Malformed):
        HashTile.parse(raw, width=width)


@pytest.mark.parametrize("hashes", [(), (bytes(31),), (bytes(31), bytes(33)), (bytes(32),) * 257])
def test_a_hash_tile_that_would_not_read_back_is_not_made(hashes: tuple[bytes, ...]) -> None:
    with pytest.raises(Malformed):
        HashTile(hashes)


def test_an_entry_bundle_is_not_built_from_hashes() -> None:
    with pytest.raises(RuntimeError):
        HashTile.build(TileCoord(None, 0), _node)


# --- the tree again, from tiles alone ------------------------------------------------------------------


def _published(size: int) -> dict[str, bytes]:
    return {c.path(): HashTile.build(c, _node).encode() for c in covering(0, size) if c.level is not None}


def _from_files(size: int) -> Callable[[int, int], bytes]:
    files = _published(size)
    return node_reader(size, lambda coord: HashTile.parse(files[coord.path()], width=coord.width))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, SIZE])
def test_every_proof_of_a_log_can_be_made_from_its_tiles(size: int) -> None:
    node, root = _from_files(size), root_of(LEAVES[:size])
    assert RightEdge.read(size, node).root() == root
    for index in {0, size // 3, size - 1}:
        path = inclusion_path(index, size, node)
        verify_inclusion(index=index, size=size, leaf=LEAVES[index], path=path, root=root)
        old = index + 1
        verify_consistency(
            old=old,
            new=size,
            old_root=root_of(LEAVES[:old]),
            new_root=root,
            path=consistency_path(old, size, node),
        )


@given(level=st.integers(0, 16), index=st.integers(0, SIZE))
def test_a_node_read_from_tiles_is_the_stored_one_or_none(level: int, index: int) -> None:
    size = 66_000
    node = node_reader(size, lambda coord: HashTile.build(coord, _node))
    if (level, index) in STORED:
        assert node(level, index) == STORED[level, index]
    else:
        with pytest.raises(Malformed):
            node(level, index)


# --- entry bundles -------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=WIDTH))
def test_an_entry_bundle_reads_back_as_itself(entries: list[bytes]) -> None:
    bundle = EntryBundle(tuple(entries))
    assert EntryBundle.parse(bundle.encode(), width=len(entries)) == bundle


@given(raw=st.binary(max_size=60), width=st.integers(1, 4))
def test_whatever_parses_as_an_entry_bundle_has_one_spelling(raw: bytes, width: int) -> None:
    try:
        bundle = EntryBundle.parse(raw, width=width)
    except Malformed:
        return
    assert bundle.encode() == raw
    assert len(bundle.entries) == width


def test_an_entry_bundle_is_length_prefixed_entries() -> None:
    assert EntryBundle((b"ab", b"", b"c")).encode() == b"\x00\x02ab\x00\x00\x00\x01c"


def test_the_longest_entry_fits() -> None:
    bundle = EntryBundle((bytes(MAX_ENTRY),))
    assert EntryBundle.parse(bundle.encode(), width=1) == bundle


def test_an_entry_past_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        EntryBundle((bytes(MAX_ENTRY + 1),))


@pytest.mark.parametrize(
    ("raw", "width"),
    [
        pytest.param(b"", 0, id="none"),
        pytest.param(b"", 1, id="nothing-for-one"),
        pytest.param(b"\x00", 1, id="half-a-length"),
        pytest.param(b"\x01", 1, id="another-half-a-length"),
        pytest.param(b"\x00\x02a", 1, id="cut-entry"),
        pytest.param(b"\x00\x01a\x00", 1, id="trailing-byte"),
        pytest.param(b"\x00\x01a\x00\x01b", 1, id="an-entry-too-many"),
        pytest.param(b"\x00\x01a", 2, id="an-entry-too-few"),
        pytest.param(b"\x00\x00" * 257, 257, id="too-wide"),
    ],
)
def test_an_entry_bundle_of_another_width_is_refused(raw: bytes, width: int) -> None:
    with pytest.raises(Malformed):
        EntryBundle.parse(raw, width=width)
