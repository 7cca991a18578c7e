"""Tiles and entry bundles (c2sp.org/tlog-tiles): the log as files that never change.

Layer: ledger core. Imports `errors`, `merkle` and `proving`; does no I/O and reads no clock.
Trust: paths and bytes given to `parse` are hostile until it returns; a tile is worth the root it hashes to.

A tile holds up to 256 hashes of one level; tile level L stores the tree's level 8 * L, and the levels between
are hashed again from it. An entry bundle holds the up to 256 entries under one tile of level 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import Malformed, TooLarge
from .merkle import HASH_BYTES, MAX_SIZE
from .proving import NodeReader, RightEdge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEIGHT = 8
WIDTH = 1 << HEIGHT
MAX_LEVEL = 7  # level 8 * 8 = 64 is above every tree of at most 2**63-1 leaves
MAX_ENTRY = 65_535
ENTRIES = "entries"

_LENGTH_BYTES = 2
_MAX_PATH = len("tile/entries/x000/x000/x000/x000/x000/x000/000.p/255")
_PATH = re.compile(
    r"tile/(?P<kind>entries|[0-7])/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class TileCoord:
    """Where a tile or an entry bundle is. `level` None is an entry bundle; `width` 256 is a full one."""

    level: int | None
    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        """Refuse coordinates that no log has."""
        if not 0 <= (self.level or 0) <= MAX_LEVEL:
            raise Malformed(f"tile: expected a level of 0 to {MAX_LEVEL}, found {self.level}")
        if not 1 <= self.width <= WIDTH:
            raise Malformed(f"tile: expected a width of 1 to {WIDTH}, found {self.width}")
        if self.index < 0 or self.end > MAX_SIZE:
            raise Malformed(f"tile: index {self.index} is in no tree of at most 2**63-1 leaves")

    @property
    def start(self) -> int:
        """The first leaf covered."""
        return self.index << HEIGHT * ((self.level or 0) + 1)

    @property
    def end(self) -> int:
        """One past the last leaf covered."""
        return self.start + (self.width << HEIGHT * (self.level or 0))

    def path(self) -> str:
        """Spell the coordinates as the path below the log's prefix."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        index = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{ENTRIES if self.level is None else self.level}/{index}{partial}"

    @classmethod
    def parse(cls, path: str) -> TileCoord:
        """Accept exactly what `path` emits."""
        found = _PATH.fullmatch(path) if len(path) <= _MAX_PATH else None
        if found is None:
            raise Malformed(f"tile path: expected tile/<L>/<N>[.p/<W>], found {path[:80]!r}")
        level = None if found["kind"] == ENTRIES else int(found["kind"])
        coord = cls(level, int(found["index"].replace("x", "").replace("/", "")), int(found["width"] or WIDTH))
        if coord.path() != path:
            raise Malformed(f"tile path: expected {coord.path()}, found {path!r}")
        return coord


@dataclass(frozen=True, slots=True)
class HashTile:
    """Consecutive hashes of one stored level."""

    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse a tile that would not read back as itself."""
        _check_width(len(self.hashes))
        if any(len(digest) != HASH_BYTES for digest in self.hashes):
            raise Malformed(f"hash tile: expected hashes of {HASH_BYTES} bytes, found another length")

    def encode(self) -> bytes:
        """Spell the tile: the hashes, one after the other."""
        return b"".join(self.hashes)

    @classmethod
    def parse(cls, raw: bytes, *, width: int) -> HashTile:
        """Accept exactly `width` hashes."""
        if len(raw) != width * HASH_BYTES:
            raise Malformed(f"hash tile: expected {width * HASH_BYTES} bytes, found {len(raw)}")
        return cls(tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)))

    @classmethod
    def build(cls, coord: TileCoord, node: NodeReader) -> HashTile:
        """Gather a tile's hashes from stored nodes."""
        if coord.level is None:
            raise RuntimeError("an entry bundle holds entries, not hashes")
        first = coord.index * WIDTH
        return cls(tuple(node(coord.level * HEIGHT, index) for index in range(first, first + coord.width)))


@dataclass(frozen=True, slots=True)
class EntryBundle:
    """Consecutive log entries, each of at most 65,535 bytes."""

    entries: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse a bundle that would not read back as itself."""
        _check_width(len(self.entries))
        longest = max(len(entry) for entry in self.entries)
        if longest > MAX_ENTRY:
            raise TooLarge(f"log entry: expected at most {MAX_ENTRY} bytes, found {longest}")

    def encode(self) -> bytes:
        """Spell the bundle: each entry behind its big-endian 16-bit length."""
        return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in self.entries)

    @classmethod
    def parse(cls, raw: bytes, *, width: int) -> EntryBundle:
        """Accept exactly `width` entries and nothing after them."""
        bundle = cls(tuple(_entries(raw, width)))
        if bundle.encode() != raw:
            raise Malformed(f"entry bundle: expected {width} entries, found bytes after them or too few")
        return bundle


def covering(old: int, new: int) -> Iterator[TileCoord]:
    """Yield every tile and entry bundle that a log of `new` leaves must have and one of `old` had not.

    With `old` 0 these are all files of the log but its checkpoint; entry bundles come first.
    """
    yield from _at_level(None, old, new)
    for level in range(MAX_LEVEL + 1):
        yield from _at_level(level, old >> HEIGHT * level, new >> HEIGHT * level)


def node_reader(size: int, fetch: Callable[[TileCoord], HashTile]) -> NodeReader:
    """Return a reader of complete nodes that fetches the tiles of a log of `size` leaves."""

    def node(level: int, index: int) -> bytes:
        if (index + 1) << level > size:
            raise Malformed(f"node {level}/{index}: not complete in a tree of {size}")
        tile_level, inner = divmod(level, HEIGHT)
        tile, offset = divmod(index << inner, WIDTH)
        width = min((size >> HEIGHT * tile_level) - tile * WIDTH, WIDTH)
        hashes = fetch(TileCoord(tile_level, tile, width)).hashes[offset : offset + (1 << inner)]
        return RightEdge.empty().extend(hashes).edge.root()

    return node


def _at_level(level: int | None, old: int, new: int) -> Iterator[TileCoord]:
    if old < new:
        for index in range(old // WIDTH, -(-new // WIDTH)):
            yield TileCoord(level, index, min(new - index * WIDTH, WIDTH))


def _entries(raw: bytes, width: int) -> Iterator[bytes]:
    at = 0
    for _ in range(width):
        body = at + _LENGTH_BYTES
        end = body + int.from_bytes(raw[at:body], "big")
        yield raw[body:end]
        at = end


def _check_width(width: int) -> None:
    if not 1 <= width <= WIDTH:
        raise Malformed(f"tile: expected 1 to {WIDTH} members, found {width}")
