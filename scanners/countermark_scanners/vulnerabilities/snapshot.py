"""A snapshot of known vulnerabilities: one SQLite file, made from records in the OSV schema, read without a network.

Layer: scanners, a part of `vulnerabilities`. Imports `records`.
Trust: the records are a publisher's and may be malformed: one that can't be read stops the making, because a snapshot
that lacks records would call their packages clean. Whoever can write the file decides what is vulnerable; its digest
is part of every answer's key.
"""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO

from ..errors import OutputMalformed
from .records import Record, of_document

FORMAT = "1"
RECORD_BYTES_AT_MOST = 16 * 1024 * 1024
RECORDS_AT_MOST = 2_000_000
_SCHEMA = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE ecosystem (name TEXT PRIMARY KEY, records INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE affected (ecosystem TEXT NOT NULL, name TEXT NOT NULL, record TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Built:
    """What was made: the file, and how many records each ecosystem has in it."""

    path: Path
    records: dict[str, int]


def build(sources: Iterable[Path], target: Path, *, made: date) -> Built:
    """Write a snapshot of every record in `sources`: OSV's exports (`all.zip`), folders of records, single records.

    `made` is the day the records were fetched, not today's. The file takes its place whole or not at all.
    """
    unfinished = target.with_name(f".{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    counted: dict[str, int] = {}
    with closing(sqlite3.connect(unfinished)) as database, database:
        database.executescript(_SCHEMA)
        for record in _records(sources):
            counted[record.ecosystem] = counted.get(record.ecosystem, 0) + 1
            database.execute("INSERT INTO affected VALUES (?, ?, ?)", (record.ecosystem, record.name, record.encode()))
        database.executemany("INSERT INTO ecosystem VALUES (?, ?)", sorted(counted.items()))
        database.executemany("INSERT INTO about VALUES (?, ?)", [("format", FORMAT), ("made", made.isoformat())])
        database.execute("CREATE INDEX by_name ON affected (ecosystem, name)")
    if not counted:
        unfinished.unlink()
        raise OutputMalformed("vulnerability records: expected at least one, found none")
    unfinished.replace(target)
    return Built(target, counted)


def _records(sources: Iterable[Path]) -> Iterator[Record]:
    for count, (name, raw) in enumerate(_documents(sources)):
        if count >= RECORDS_AT_MOST:
            raise OutputMalformed(f"vulnerability records: expected at most {RECORDS_AT_MOST}, found more")
        try:
            yield from of_document(json.loads(raw))
        except (ValueError, RecursionError) as error:
            raise OutputMalformed(f"{name}: expected a record in the OSV schema, found {error}") from error


def _documents(sources: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    for source in sources:
        if source.is_dir():
            yield from _documents(path for path in sorted(source.rglob("*")) if path.suffix in {".json", ".zip"})
        elif source.suffix == ".zip":
            yield from _zipped(source)
        else:
            with source.open("rb") as file:
                yield source.name, _bounded(source.name, file)


def _zipped(source: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(source) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".json"):
                    with archive.open(entry) as file:
                        yield entry.filename, _bounded(entry.filename, file)
    except zipfile.BadZipFile as error:
        raise OutputMalformed(f"{source.name}: expected a zip archive, found {error}") from error


def _bounded(name: str, file: IO[bytes]) -> bytes:
    raw = file.read(RECORD_BYTES_AT_MOST + 1)
    if len(raw) > RECORD_BYTES_AT_MOST:
        raise OutputMalformed(f"{name}: expected a record of at most {RECORD_BYTES_AT_MOST} bytes, found more")
    return raw


def made(path: Path) -> date:
    """Tell the day a snapshot's records were fetched; raise `OutputMalformed` for what is no snapshot."""
    try:
        with closing(_opened(path)) as database:
            about = dict(database.execute("SELECT name, value FROM about"))
        if about.get("format") != FORMAT:
            raise OutputMalformed(f"{path.name}: expected a snapshot of format {FORMAT}, found {about.get('format')}")
        return date.fromisoformat(about["made"])
    except (sqlite3.Error, KeyError, ValueError) as error:
        raise OutputMalformed(f"{path.name}: expected a snapshot of vulnerabilities, found {error}") from error


class Snapshot:
    """A snapshot that is asked about packages. Nothing is written, and nothing beside it is read."""

    def __init__(self, path: Path) -> None:
        self._database = _opened(path)

    def ecosystems(self) -> frozenset[str]:
        """Name the ecosystems that the snapshot has data about."""
        return frozenset(name for (name,) in self._database.execute("SELECT name FROM ecosystem"))

    def affecting(self, ecosystem: str, name: str) -> list[Record]:
        """List every record about a package, whatever its versions."""
        rows = self._database.execute(
            "SELECT record FROM affected WHERE ecosystem = ? AND name = ? ORDER BY record", (ecosystem, name)
        )
        return [Record.decode(ecosystem, name, record) for (record,) in rows]


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
