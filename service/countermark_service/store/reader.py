"""Reading the log's tables, live or within one snapshot.

Layer: service, store. Imports sqlalchemy and the ledger's port.
Trust: rows are hostile. SQLite keeps a text where a column says bytes, so every value's type is checked here;
what the values mean is checked by whoever opens or checks the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Table, func, select

from countermark_ledger.errors import LogDiverged, NoSuchLog, NoSuchRecord
from countermark_ledger.log.port import Counts, Head, Leaf, Link, TileKey
from countermark_ledger.log.rows import Blob, BlobKind
from countermark_ledger.merkle import HASH_BYTES

from .schema import BLOB, HEAD, LEAF, LINK, TILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

_T = TypeVar("_T", str, int, bytes)
_MANY = 500  # bound values in one statement, well below every database's limit


class SqlReader:
    """Implements `LogReader` over connections that the caller knows how to get."""

    def __init__(self, connect: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._connect = connect

    def origins(self) -> tuple[str, ...]:
        """Name every log."""
        with self._connect() as connection:
            rows = connection.execute(select(HEAD.c.origin)).all()
        return tuple(sorted(_typed(row, 0, str) for row in rows))

    def head(self, origin: str) -> Head:
        """Return the newest head."""
        columns = (HEAD.c.size, HEAD.c.root, HEAD.c.checkpoint, HEAD.c.time_ms)
        with self._connect() as connection:
            row = connection.execute(select(*columns).where(HEAD.c.origin == origin)).one_or_none()
        if row is None:
            raise NoSuchLog(f"log {origin}: not in this store", hint="countermark init")
        return _head(row)

    def history(self, origin: str, *, start: int, limit: int) -> list[Link]:
        """Return heads of at least `start` leaves."""
        columns = (LINK.c.size, LINK.c.root, LINK.c.checkpoint, LINK.c.time_ms, LINK.c.old_size)
        query = select(*columns, LINK.c.consistency).where(LINK.c.origin == origin, LINK.c.size >= start)
        with self._connect() as connection:
            rows = connection.execute(query.order_by(LINK.c.size).limit(limit)).all()
        return [Link(_head(row), _typed(row, 4, int), tuple(_hashes(_typed(row, 5, bytes)))) for row in rows]

    def leaves(self, origin: str, start: int, end: int) -> list[Leaf]:
        """Return a range of leaves."""
        query = select(LEAF.c.index, LEAF.c.digest, LEAF.c.entry).where(
            LEAF.c.origin == origin, LEAF.c.index >= start, LEAF.c.index < end
        )
        with self._connect() as connection:
            rows = connection.execute(query.order_by(LEAF.c.index)).all()
        return [Leaf(_typed(row, 0, int), _typed(row, 1, bytes), _typed(row, 2, bytes)) for row in rows]

    def indices(self, origin: str, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Find leaf hashes."""
        query = select(LEAF.c.digest, LEAF.c.index).where(LEAF.c.origin == origin)
        found: dict[bytes, int] = {}
        with self._connect() as connection:
            for start in range(0, len(digests), _MANY):
                part = query.where(LEAF.c.digest.in_(digests[start : start + _MANY]))
                for row in connection.execute(part):
                    found[_typed(row, 0, bytes)] = _typed(row, 1, int)
        return found

    def tile(self, origin: str, key: TileKey) -> bytes:
        """Return a tile's hashes."""
        query = select(TILE.c.hashes).where(TILE.c.origin == origin, TILE.c.level == key[0], TILE.c.index == key[1])
        with self._connect() as connection:
            row = connection.execute(query).one_or_none()
        return b"" if row is None else _typed(row, 0, bytes)

    def counts(self, origin: str) -> Counts:
        """Count the rows of one log."""
        with self._connect() as connection:
            leaves, tiles, links = (_count(connection, table, origin) for table in (LEAF, TILE, LINK))
        return Counts(leaves, tiles, links)

    def blob(self, sha256: str) -> Blob:
        """Return a blob under its name."""
        query = select(BLOB.c.sha256, BLOB.c.kind, BLOB.c.data, BLOB.c.of).where(BLOB.c.sha256 == sha256)
        with self._connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NoSuchRecord(f"blob {sha256}: not in the store")
        return blob_of(row)

    def blobs(
        self, *, kind: BlobKind | None = None, of: str | None = None, after: str = "", limit: int = 256
    ) -> list[Blob]:
        """Return blobs by name."""
        query = select(BLOB.c.sha256, BLOB.c.kind, BLOB.c.data, BLOB.c.of).where(BLOB.c.sha256 > after)
        if kind is not None:
            query = query.where(BLOB.c.kind == kind.value)
        if of is not None:
            query = query.where(BLOB.c.of == of)
        with self._connect() as connection:
            rows = connection.execute(query.order_by(BLOB.c.sha256).limit(limit)).all()
        return [blob_of(row) for row in rows]


def _head(row: Sequence[object]) -> Head:
    return Head(_typed(row, 0, int), _typed(row, 1, bytes), _typed(row, 2, bytes), _typed(row, 3, int))


def blob_of(row: Sequence[object]) -> Blob:
    """Read a blob's row: name, kind, data, and the bundle it lies beside."""
    of = None if row[3] is None else _typed(row, 3, str)
    return Blob.read(_typed(row, 0, str), _typed(row, 1, str), _typed(row, 2, bytes), of)


def _hashes(raw: bytes) -> Iterable[bytes]:
    return (raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))


def _count(connection: Connection, table: Table, origin: str) -> int:
    return connection.execute(select(func.count()).select_from(table).where(table.c.origin == origin)).scalar_one()


def _typed(row: Sequence[object], at: int, kind: type[_T]) -> _T:
    value = row[at]
    if not isinstance(value, kind):
        raise LogDiverged(
            f"stored row {row[0]!r:.80}: expected {kind.__name__} in column {at}, found {type(value).__name__}"
        )
    return value
