"""People, keys and the index: what answers questions, can be erased, or can be rebuilt.

Layer: service, store. Imports sqlalchemy and the ledger's rows.
Trust: nothing signed depends on these tables. `Identity` and `CommitmentKey` are erased for good: SQLite
overwrites the bytes and empties its write-ahead log. Index rows answer queries and prove nothing.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, Engine, Insert, Select, Table, delete, exists, select, update
from sqlalchemy.dialects import sqlite

from countermark_ledger.errors import NoSuchRecord
from countermark_ledger.log.rows import (
    Blob,
    CommitmentKey,
    EntryIndex,
    EntryLabel,
    EntryPath,
    Identity,
    IndexRow,
    Row,
)

from .engine import empty_log, reading, writing
from .query import Query
from .schema import BLOB, COMMITMENT_KEY, ENTRY_INDEX, ENTRY_LABEL, ENTRY_PATH, IDENTITY

if TYPE_CHECKING:
    from collections.abc import Iterable

_TABLES: dict[type[Row], Table] = {  # parents before the rows that refer to them
    Blob: BLOB,
    EntryIndex: ENTRY_INDEX,
    EntryPath: ENTRY_PATH,
    EntryLabel: ENTRY_LABEL,
    CommitmentKey: COMMITMENT_KEY,
    Identity: IDENTITY,
}
_ORDER = list(_TABLES)


class Records:
    """The erasable and the rebuildable tables of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, rows: Iterable[Row]) -> None:
        """Insert rows in a transaction of their own; a row whose key is there is kept as it was."""
        with writing(self._engine) as connection:
            insert_rows(connection, rows)

    def identity(self, id_: str) -> Identity:
        """Return who an id is; raise `NoSuchRecord`."""
        for found in self._identities(select(IDENTITY).where(IDENTITY.c.id == id_)):
            return found
        raise NoSuchRecord(f"identity {id_}: not in the store")

    def identities(self, kind: str | None = None) -> list[Identity]:
        """Return everybody, or everybody of a kind, in order of id."""
        query = select(IDENTITY).order_by(IDENTITY.c.id)
        return self._identities(query if kind is None else query.where(IDENTITY.c.kind == kind))

    def update_identity(self, changed: Identity) -> None:
        """Replace all that is known of an enrolled id; raise `NoSuchRecord`."""
        with writing(self._engine) as connection:
            done = connection.execute(update(IDENTITY).where(IDENTITY.c.id == changed.id).values(asdict(changed)))
            if done.rowcount == 0:
                raise NoSuchRecord(f"identity {changed.id}: not in the store")

    def erase_identity(self, id_: str) -> None:
        """Forget the name and the data; that the id was enrolled, and when, remains."""
        self.update_identity(replace(self.identity(id_), name=None, data="{}"))
        empty_log(self._engine)

    def commitment_key(self, statement_sha256: str, field: str) -> bytes:
        """Return the key that opens a commitment; raise `NoSuchRecord` when it was erased."""
        query = select(COMMITMENT_KEY.c.key).where(
            COMMITMENT_KEY.c.statement_sha256 == statement_sha256, COMMITMENT_KEY.c.field == field
        )
        with reading(self._engine) as connection:
            key: bytes | None = connection.execute(query).scalar_one_or_none()
        if key is None:
            raise NoSuchRecord(f"commitment key of {field} in statement {statement_sha256}: not in the store")
        return key

    def erase_commitment_keys(self, statement_sha256: str) -> int:
        """Make every commitment of a statement say nothing; return how many keys went."""
        with writing(self._engine) as connection:
            done = connection.execute(
                delete(COMMITMENT_KEY).where(COMMITMENT_KEY.c.statement_sha256 == statement_sha256)
            )
        empty_log(self._engine)
        return done.rowcount

    def find(self, query: Query) -> list[EntryIndex]:
        """Return the entries that match, in log order."""
        with reading(self._engine) as connection:
            return [EntryIndex(**row) for row in connection.execute(_select(query)).mappings()]

    def newest(self, origin: str, predicate_type: str) -> EntryIndex | None:
        """Return the last entry of a kind, None when there is none."""
        where = (ENTRY_INDEX.c.origin == origin, ENTRY_INDEX.c.predicate_type == predicate_type)
        query = select(ENTRY_INDEX).where(*where).order_by(ENTRY_INDEX.c.index.desc()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else EntryIndex(*row)

    def paths(self, origin: str, index: int) -> list[EntryPath]:
        """Return the paths an entry speaks of."""
        where = (ENTRY_PATH.c.origin == origin, ENTRY_PATH.c.index == index)
        with reading(self._engine) as connection:
            rows = connection.execute(select(ENTRY_PATH).where(*where).order_by(ENTRY_PATH.c.path))
            return [EntryPath(**row) for row in rows.mappings()]

    def labels(self, origin: str, index: int) -> list[EntryLabel]:
        """Return the labels of an entry."""
        where = (ENTRY_LABEL.c.origin == origin, ENTRY_LABEL.c.index == index)
        order = (ENTRY_LABEL.c.name, ENTRY_LABEL.c.value)
        with reading(self._engine) as connection:
            rows = connection.execute(select(ENTRY_LABEL).where(*where).order_by(*order))
            return [EntryLabel(**row) for row in rows.mappings()]

    def replace_index(self, origin: str, rows: Iterable[IndexRow]) -> None:
        """Drop the index of a log and write it anew, in one transaction."""
        with writing(self._engine) as connection:
            connection.execute(delete(ENTRY_INDEX).where(ENTRY_INDEX.c.origin == origin))
            insert_rows(connection, rows)

    def _identities(self, query: Select[*tuple[object, ...]]) -> list[Identity]:
        with reading(self._engine) as connection:
            return [Identity(**row) for row in connection.execute(query).mappings()]


def insert_rows(connection: Connection, rows: Iterable[Row]) -> None:
    """Insert rows of any kind, parents first; a row whose key is there is kept as it was."""
    ordered = sorted(rows, key=_rank)
    for rank, group in groupby(ordered, key=_rank):
        table = _TABLES[_ORDER[rank]]
        connection.execute(insert_missing(connection, table), [_values(row) for row in group])


def insert_missing(connection: Connection, table: Table) -> Insert:
    """Return a statement that inserts what is not there yet, in the words of this database."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - slow to import, and seldom there

        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def _rank(row: Row) -> int:
    return _ORDER.index(type(row))


def _values(row: Row) -> dict[str, object]:
    if isinstance(row, Blob):
        return {"sha256": row.sha256, "kind": row.kind.value, "data": row.data, "of": row.of}
    return asdict(row)


def _select(query: Query) -> Select[*tuple[object, ...]]:
    table = ENTRY_INDEX.c
    found = select(ENTRY_INDEX).where(table.origin == query.origin, table.index > query.after_index)
    for name in ("identity", "predicate_type", "bundle_sha256"):
        if (value := getattr(query, name)) is not None:
            found = found.where(table[name] == value)
    if query.since_ms is not None:
        found = found.where(table.time_ms >= query.since_ms)
    if query.until_ms is not None:
        found = found.where(table.time_ms < query.until_ms)
    for name, value in query.labels:
        found = found.where(_has(ENTRY_LABEL, name=name, value=value))
    paths = {"path": query.path, "sha256_after": query.sha256_after}
    wanted = {name: value for name, value in paths.items() if value is not None}
    if wanted:
        found = found.where(_has(ENTRY_PATH, **wanted))
    return found.order_by(table.index).limit(query.limit)


def _has(table: Table, **values: str) -> ColumnElement[bool]:
    same = (table.c.origin == ENTRY_INDEX.c.origin, table.c.index == ENTRY_INDEX.c.index)
    return exists().where(*same, *(table.c[name] == value for name, value in values.items()))
