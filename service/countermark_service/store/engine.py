"""Connections, and what a database's errors mean.

Layer: service, store. Imports sqlalchemy and the ledger's errors.
Trust: a database file is hostile content; only its rows come in, as values that the reader checks.

SQLite: WAL with synchronous=FULL, so a returned commit survives the loss of power; foreign keys on; erased
content is overwritten; no connection is used by two threads at a time. PostgreSQL: READ COMMITTED for
writers, where the compare-and-swap waits for a rival and then finds no row; synchronous_commit=on.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from countermark_ledger.errors import LogDiverged, StoreError, StoreFailed, StoreUnknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 30.0
_WRITES = "countermark_writes"
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
)
_HINTS = {
    "SQLITE_BUSY": "another program holds the database; try again when it has finished",
    "SQLITE_LOCKED": "another program holds the database; try again when it has finished",
    "SQLITE_CANTOPEN": "look at the owner and the permissions of the file and its folder",
    "SQLITE_READONLY": "look at the owner and the permissions of the file and its folder",
    "SQLITE_FULL": "the disk is full: make room and try again",
    "SQLITE_NOTADB": "this is not a SQLite file: restore the newest backup of it",
    "SQLITE_CORRUPT": "the file is damaged: restore the newest backup of it",
}
_DAMAGED = {"SQLITE_NOTADB", "SQLITE_CORRUPT"}


def sqlite_engine(path: Path, *, create: bool, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """Return an engine on a file; a new one is private to its owner. Raises `StoreFailed` without a file."""
    if create:
        _touch_private(path)
    elif not path.is_file():
        raise StoreFailed(f"store {path}: no such file", hint="countermark init")
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, connect_args={"timeout": busy_seconds})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def postgresql_engine(url: str) -> Engine:
    """Return an engine on a PostgreSQL URL; anything else is `StoreFailed`."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "postgresql":
            raise StoreFailed(f"store: expected a postgresql URL, found one of {parsed.get_backend_name()}")
        options = "-c synchronous_commit=on -c lock_timeout=30s"
        return create_engine(parsed, isolation_level="READ COMMITTED", connect_args={"options": options})
    except ModuleNotFoundError as error:
        raise StoreFailed(f"store: {error}", hint="pip install 'countermark[postgresql]'") from error
    except ArgumentError as error:
        raise StoreFailed(f"store: {error}", hint="postgresql+psycopg://user@host/database") from error


@contextmanager
def reading(engine: Engine, *, snapshot: bool = False) -> Iterator[Connection]:
    """Yield a connection in a transaction that writes nothing; a snapshot sees one state to its end."""
    options = {"isolation_level": "REPEATABLE READ"} if snapshot and not _is_sqlite(engine) else {}
    try:
        with engine.execution_options(**options).connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise _translation(error) from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction that commits at the end; any error from the commit on is `StoreUnknown`."""
    committing = False
    try:
        with engine.execution_options(**{_WRITES: True}).connect() as connection:
            connection.begin()
            yield connection
            committing = True
            connection.commit()
    except SQLAlchemyError as error:
        if committing:
            raise StoreUnknown(f"store: the commit failed: {_text(error)}") from error
        raise _translation(error) from error


def empty_log(engine: Engine) -> None:
    """Move SQLite's write-ahead log into the file and cut it to nothing, unless a reader still needs it."""
    if _is_sqlite(engine):
        with closing(engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _translation(error: SQLAlchemyError) -> StoreError:
    cause = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(cause, "sqlite_errorname", "")  # Python's own complaints have none
    name = "_".join(code.split("_")[:2])  # SQLITE_BUSY_SNAPSHOT is a kind of SQLITE_BUSY
    undecodable = isinstance(cause, sqlite3.OperationalError) and not code  # a text that we never wrote
    refusal = LogDiverged if name in _DAMAGED or undecodable else StoreFailed
    return refusal(f"store: {_text(error)}", hint=_HINTS.get(name))


def _text(error: SQLAlchemyError) -> str:
    return str(error.orig if isinstance(error, DBAPIError) else error).strip()


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _touch_private(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreFailed(f"store {path}: {error.strerror}", hint=_HINTS["SQLITE_CANTOPEN"]) from error


def _configure_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says, not where sqlite3 guesses
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
