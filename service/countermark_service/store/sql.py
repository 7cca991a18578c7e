"""The log's store in a database.

Layer: service, store. Imports sqlalchemy and the ledger's port.
Trust: an attacker who controls the database can withhold or delete, but not alter or reorder unnoticed while
one witness or one reader keeps an older checkpoint.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sqlalchemy import Connection, Engine, delete, insert, inspect, text, update

from countermark_ledger.errors import Conflict, StoreFailed
from countermark_ledger.log.lock import FileLock
from countermark_ledger.log.port import Link

from .claims import Claims
from .engine import postgresql_engine, reading, sqlite_engine, writing
from .reader import SqlReader
from .records import Records, insert_missing, insert_rows
from .schema import HEAD, LEAF, LINK, REVISION, TILE
from .several import Several

if TYPE_CHECKING:
    from collections.abc import Iterator

    from countermark_ledger.log.port import Batch, Head


class SqlStore(SqlReader, Records, Claims, Several):
    """Implements `LogStore`, and keeps the records beside the logs. `close` it, or use it as a context manager."""

    def __init__(self, engine: Engine) -> None:
        SqlReader.__init__(self, lambda: reading(engine))
        Records.__init__(self, engine)
        Claims.__init__(self, engine)
        Several.__init__(self, engine)

    @classmethod
    def open(cls, where: Path | str, *, create: bool = False) -> SqlStore:
        """Open a SQLite file, or a PostgreSQL URL given as a string, at the newest schema.

        `create` allows an absent file or an empty database. Raises `StoreFailed`, or `LogDiverged` for a
        damaged file.
        """
        engine = sqlite_engine(where, create=create) if isinstance(where, Path) else postgresql_engine(where)
        try:
            with _creating_alone(where) if create else nullcontext():
                _at_newest_schema(engine, create=create)
        except BaseException:  # no connection outlives a failed opening; raised again
            engine.dispose()
            raise
        return cls(engine)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @contextmanager
    def snapshot(self) -> Iterator[SqlReader]:
        """Read one state of the whole store."""
        with reading(self._engine, snapshot=True) as connection:

            @contextmanager
            def same() -> Iterator[Connection]:
                yield connection

            yield SqlReader(same)

    def create(self, origin: str, head: Head) -> None:
        """Begin a log."""
        with writing(self._engine) as connection:
            if not _inserted_head(connection, origin, head):
                raise Conflict(f"log {origin}: there is one already")
            _insert_link(connection, origin, Link(head, 0, ()))

    def commit(self, batch: Batch) -> None:
        """Land a batch: the compare-and-swap first, so that a rival waits or loses before anything is written."""
        with writing(self._engine) as connection:
            _swap_head(connection, batch)
            if batch.link is not None:
                _insert_link(connection, batch.origin, batch.link)
                _insert_leaves(connection, batch)
                _replace_tiles(connection, batch)
            insert_rows(connection, batch.rows)


def _creating_alone(where: Path | str) -> AbstractContextManager[None]:
    """Let one process at a time make a SQLite file: its change to write-ahead logging waits for nobody."""
    return FileLock(where.with_name(f"{where.name}.lock")).hold() if isinstance(where, Path) else nullcontext()


def _at_newest_schema(engine: Engine, *, create: bool) -> None:
    found = _revision(engine)
    if found == REVISION:
        return
    if found is None and not create:
        raise StoreFailed("store: there is no Countermark schema in it", hint="countermark init")
    if found is not None and found > REVISION:
        raise StoreFailed(
            f"store: written by a newer Countermark (schema {found}, this one knows {REVISION})",
            hint="pip install --upgrade countermark",
        )
    from .migrate import upgrade  # noqa: PLC0415 - alembic takes longer to import than a store to open

    upgrade(engine)


def _revision(engine: Engine) -> str | None:
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return found


def _inserted_head(connection: Connection, origin: str, head: Head) -> bool:
    values = {"origin": origin, **asdict(head)}
    statement = insert_missing(connection, HEAD).values(values).returning(HEAD.c.origin)
    return connection.execute(statement).one_or_none() is not None


def _swap_head(connection: Connection, batch: Batch) -> None:
    swap = update(HEAD).where(HEAD.c.origin == batch.origin, HEAD.c.size == batch.old_size)
    values = {"size": batch.old_size} if batch.link is None else asdict(batch.link.head)
    if connection.execute(swap.values(values)).rowcount == 0:
        raise Conflict(f"log {batch.origin}: another writer moved the head past {batch.old_size} entries")


def _insert_link(connection: Connection, origin: str, link: Link) -> None:
    values = {"origin": origin, **asdict(link.head), "old_size": link.old_size}
    connection.execute(insert(LINK).values(**values, consistency=b"".join(link.consistency)))


def _insert_leaves(connection: Connection, batch: Batch) -> None:
    rows = [
        {"origin": batch.origin, "index": leaf.index, "digest": leaf.digest, "entry": leaf.entry}
        for leaf in batch.leaves
    ]
    connection.execute(insert(LEAF), rows)


def _replace_tiles(connection: Connection, batch: Batch) -> None:
    for (level, index), hashes in batch.tiles.items():
        key = {"origin": batch.origin, "level": level, "index": index}
        connection.execute(delete(TILE).filter_by(**key))
        connection.execute(insert(TILE).values(**key, hashes=hashes))
