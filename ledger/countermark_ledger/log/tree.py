"""The tree in memory between two commits: the newest head, the right edge, and the tiles that still grow.

Layer: ledger core. Imports `merkle`, `proving`, `tiles`, `errors` and `port`; does no I/O of its own.
Trust: tiles come from a store; a reader refuses one that is too short, and `load` refuses an edge that does
not lead to the head's root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from ..errors import LogDiverged, Malformed
from ..merkle import HASH_BYTES
from ..proving import CompleteNode, NodeReader, RightEdge
from ..tiles import HEIGHT, MAX_LEVEL, WIDTH, HashTile, TileCoord, node_reader
from .port import Head, TileKey

Load = Callable[[TileKey], bytes]


@dataclass(frozen=True, slots=True)
class Tree:
    """A committed state. `growing` holds the tiles that are not full; a full one stays in the store."""

    head: Head
    edge: RightEdge
    growing: Mapping[TileKey, bytes]

    @classmethod
    def load(cls, head: Head, load: Load) -> Tree:
        """Re-derive the right edge from stored tiles; raise `LogDiverged` when it is not the head's."""
        growing = {key: load(key) for key in _growing(head.size)}
        edge = RightEdge.read(head.size, reader(head.size, growing, load))
        if edge.root() != head.root:
            raise LogDiverged(
                f"log of {head.size}: the stored tiles lead to root {edge.root().hex()}, not to the head's"
            )
        return cls(head, edge, growing)

    def moved(self, head: Head, edge: RightEdge, written: Mapping[TileKey, bytes]) -> Tree:
        """Return the state after a batch landed."""
        tiles = {**self.growing, **written}
        return Tree(head, edge, {key: tiles[key] for key in _growing(head.size)})


def grown(growing: Mapping[TileKey, bytes], nodes: Iterable[CompleteNode]) -> dict[TileKey, bytes]:
    """Return every tile that these nodes touch, with them at its end."""
    parts: dict[TileKey, list[bytes]] = {}
    for node in nodes:
        level, between = divmod(node.level, HEIGHT)
        if not between:
            key = (level, node.index // WIDTH)
            parts.setdefault(key, [growing.get(key, b"")]).append(node.digest)
    return {key: b"".join(hashes) for key, hashes in parts.items()}


def reader(size: int, tiles: Mapping[TileKey, bytes], load: Load) -> NodeReader:
    """Return a reader of complete nodes that looks at `tiles` first and asks the store for the rest, once."""

    @cache
    def fetch(coord: TileCoord) -> HashTile:
        key = (coord.level or 0, coord.index)
        raw = tiles[key] if key in tiles else load(key)
        try:
            return HashTile.parse(raw[: coord.width * HASH_BYTES], width=coord.width)
        except Malformed as error:
            raise LogDiverged(f"{coord.path()}: {error.message}") from error

    return cache(node_reader(size, fetch))


def _growing(size: int) -> list[TileKey]:
    counts = ((level, size >> HEIGHT * level) for level in range(MAX_LEVEL + 1))
    return [(level, count // WIDTH) for level, count in counts if count % WIDTH]
