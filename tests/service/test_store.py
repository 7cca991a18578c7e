"""The database behind the log: opening it, its schema and its errors, and what can be erased or rebuilt."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from countermark_ledger.errors import LedgerError, LogDiverged, NoSuchRecord, StoreFailed, StoreUnknown
from countermark_ledger.log import Blob, BlobKind, Log, ReleasedMemory, check_log
from countermark_ledger.log.port import Batch, Head, Leaf, Link
from countermark_ledger.log.rows import CommitmentKey, EntryIndex, EntryLabel, EntryPath, Identity
from countermark_ledger.note import NoteSigner
from countermark_service.store import migrate
from countermark_service.store.engine import reading, sqlite_engine, writing
from countermark_service.store.query import Query
from countermark_service.store.schema import METADATA, REVISION
from countermark_service.store.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORIGIN = "log.example"
POSTGRESQL = os.environ.get("COUNTERMARK_TEST_POSTGRESQL", "")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    with SqlStore.open(path, create=True) as store:
        yield store


@pytest.fixture(params=["sqlite", *([pytest.param("postgresql", marks=pytest.mark.parts)] if POSTGRESQL else [])])
def records(request: pytest.FixtureRequest, path: Path) -> Iterator[SqlStore]:
    if request.param == "postgresql":
        engine = create_engine(POSTGRESQL)
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        engine.dispose()
    with SqlStore.open(POSTGRESQL if request.param == "postgresql" else path, create=True) as store:
        yield store


# --- schema -----------------------------------------------------------------------------------------


def test_the_migrations_make_exactly_the_tables_of_the_schema(records: SqlStore) -> None:
    with reading(records._engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_schema_names_the_newest_migration_and_history_has_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [REVISION]
    assert [revision.revision for revision in script.walk_revisions()][-1] == "0001"


def test_a_store_at_the_newest_schema_opens_without_alembic(store: SqlStore, path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from countermark_service.store.sql import SqlStore\n"
        "SqlStore.open(Path(sys.argv[1])).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_ledger_and_its_log_import_no_database() -> None:
    code = "import sys, countermark_ledger.log; print([m for m in sys.modules if m.startswith(('sqla', 'alem'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_processes_that_open_a_new_store_at_once_migrate_it_once(path: Path) -> None:
    barrier = threading.Barrier(4)

    def open_together(_number: int) -> None:
        barrier.wait()
        SqlStore.open(path, create=True).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_together, range(4)))
    with SqlStore.open(path) as store:
        assert store.origins() == ()


def test_a_creation_that_was_interrupted_is_finished_by_the_next(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreFailed, match="no Countermark schema") as refused:
        SqlStore.open(path)
    assert refused.value.hint == "countermark init"
    with SqlStore.open(path, create=True) as store:
        assert store.origins() == ()


def test_a_store_of_a_newer_release_is_refused_with_the_way_out(store: SqlStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(StoreFailed, match="newer Countermark") as refused:
        SqlStore.open(path)
    assert "upgrade" in str(refused.value.hint)


# --- files ------------------------------------------------------------------------------------------


def test_a_new_database_is_private_and_durable(store: SqlStore, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 30_000}
    with reading(store._engine) as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    assert found == wanted


def test_an_absent_file_is_not_created_by_looking(path: Path) -> None:
    with pytest.raises(StoreFailed, match="no such file"):
        SqlStore.open(path)
    assert not path.exists()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="No such file"):
        SqlStore.open(tmp_path / "nowhere" / "store.sqlite", create=True)


def test_a_file_that_is_no_database_is_told(path: Path) -> None:
    path.write_bytes(b"this is a letter to my mother\n" * 100)
    with pytest.raises(LogDiverged, match="not a database") as refused:
        SqlStore.open(path)
    assert "backup" in str(refused.value.hint)


@pytest.mark.parametrize("keep", [100, 4096, 4096 * 5])
def test_a_truncated_database_is_told(store: SqlStore, path: Path, keep: int) -> None:
    store.add([Blob(BlobKind.BUNDLE, os.urandom(2000)) for _ in range(100)])
    store.close()
    os.truncate(path, keep)
    with pytest.raises((LogDiverged, StoreFailed)), SqlStore.open(path) as damaged:
        damaged.blobs()


def test_a_locked_database_is_told_with_a_hint(store: SqlStore, path: Path) -> None:
    impatient = SqlStore(sqlite_engine(path, create=False, busy_seconds=0.02))
    with closing(sqlite3.connect(path)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreFailed, match="locked") as refused:
            impatient.create(ORIGIN, Head(0, b"", b"", 0))
        assert impatient.origins() == (), "readers go on"
    assert "another program" in str(refused.value.hint)
    impatient.close()


def test_a_full_database_lands_nothing(store: SqlStore) -> None:
    blob = Blob(BlobKind.BUNDLE, os.urandom(1_000_000))
    with closing(store._engine.raw_connection()) as connection:  # the pool hands the same one out again
        (pages,) = connection.cursor().execute("PRAGMA page_count").fetchone()
        connection.cursor().execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFailed) as refused:
        store.add([blob])
    assert "disk is full" in str(refused.value.hint)
    with pytest.raises(NoSuchRecord):
        store.blob(blob.sha256)


@pytest.mark.parametrize("url", ["mysql://host/db", "not a url", "postgresql+nosuchdriver://host/db"])
def test_a_url_that_is_not_postgresql_is_told(url: str) -> None:
    with pytest.raises(StoreFailed, match=r"^store: "):
        SqlStore.open(url)


# --- transactions -----------------------------------------------------------------------------------


def test_an_error_before_the_commit_is_failed_and_one_at_the_commit_is_unknown(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))

    with pytest.raises(StoreFailed), writing(store._engine) as connection:
        connection.exec_driver_sql("SELECT nothing")
    with pytest.raises(StoreUnknown, match="disk I/O error"), writing(store._engine) as connection:
        monkeypatch.setattr(connection, "commit", fail)
    store.add([Blob(BlobKind.BUNDLE, b"goes on")])


def test_a_body_that_raises_lands_nothing(store: SqlStore) -> None:
    def write() -> None:
        with writing(store._engine) as connection:
            connection.exec_driver_sql("INSERT INTO identity VALUES ('id', 'person', 'Ada', 1, '{}')")
            raise KeyError("id")

    with pytest.raises(KeyError):
        write()
    assert store.identities() == []


def test_many_threads_read_and_write_without_sharing_a_connection(store: SqlStore) -> None:
    signer = NoteSigner(ORIGIN, Ed25519PrivateKey.generate())
    log = Log.create(ORIGIN, store, signer, ReleasedMemory(), lambda: datetime.now(UTC))
    refused: list[LedgerError] = []

    def work(number: int) -> None:
        try:
            for part in range(5):
                log.append([b"%d %d" % (number, part)])
                log.inclusion(0)
        except LedgerError as error:
            refused.append(error)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert refused == []
    assert check_log(store, signer.verifier).size == 40


# --- records ----------------------------------------------------------------------------------------

ADA = Identity("spiffe://example/person/1", "person", "Ada Lovelace", 1, '{"mail":"ada@example"}')
BOT = Identity("spiffe://example/agent/bot", "agent", None, 2, "{}")
KEYS = [
    CommitmentKey("aa", "task", b"t" * 32),
    CommitmentKey("aa", "prompt", b"p" * 32),
    CommitmentKey("bb", "x", b"y"),
]


def raw_bytes(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir() if file.name.startswith(path.name))


def test_identities_are_kept_changed_and_listed(records: SqlStore) -> None:
    records.add([ADA, BOT])
    records.add([replace(ADA, name="somebody else")])
    assert records.identity(ADA.id) == ADA, "a row that is there is kept as it was"
    assert (records.identities(), records.identities("person")) == ([BOT, ADA], [ADA])
    records.update_identity(replace(BOT, data='{"owner":"x"}'))
    assert records.identity(BOT.id).data == '{"owner":"x"}'
    with pytest.raises(NoSuchRecord):
        records.identity("nobody")
    with pytest.raises(NoSuchRecord):
        records.update_identity(replace(BOT, id="nobody"))


def test_an_erased_name_is_gone_from_the_files(store: SqlStore, path: Path) -> None:
    store.add([ADA])
    assert b"Lovelace" in raw_bytes(path)
    store.erase_identity(ADA.id)
    assert store.identity(ADA.id) == replace(ADA, name=None, data="{}")
    assert b"Lovelace" not in raw_bytes(path)
    assert b"ada@example" not in raw_bytes(path)


def test_an_erased_key_is_gone_from_the_files(store: SqlStore, path: Path) -> None:
    store.add(KEYS)
    assert store.commitment_key("aa", "prompt") == b"p" * 32
    assert b"p" * 32 in raw_bytes(path)
    assert store.erase_commitment_keys("aa") == 2
    assert b"p" * 32 not in raw_bytes(path)
    with pytest.raises(NoSuchRecord):
        store.commitment_key("aa", "prompt")
    assert store.commitment_key("bb", "x") == b"y"


INDEX = [
    EntryIndex(ORIGIN, 0, "b0", "agent/a", "provenance", 100),
    EntryIndex(ORIGIN, 1, "b1", "agent/b", "provenance", 200),
    EntryIndex(ORIGIN, 2, "b2", "agent/a", "verdict", 300),
    EntryIndex("other.example", 0, "b3", "agent/a", "provenance", 400),
    EntryPath(ORIGIN, 0, "src/a.py", None, "aa"),
    EntryPath(ORIGIN, 0, "src/b.py", "bb", None),
    EntryPath(ORIGIN, 1, "src/a.py", "aa", "cc"),
    EntryLabel(ORIGIN, 0, "model", "m1"),
    EntryLabel(ORIGIN, 0, "tag", "@secure"),
    EntryLabel(ORIGIN, 1, "model", "m1"),
]
FOUND = [
    pytest.param(Query(ORIGIN), [0, 1, 2], id="all"),
    pytest.param(Query(ORIGIN, path="src/a.py"), [0, 1], id="path"),
    pytest.param(Query(ORIGIN, path="src/b.py", sha256_after="aa"), [], id="path-and-digest-of-another"),
    pytest.param(Query(ORIGIN, sha256_after="cc"), [1], id="digest"),
    pytest.param(Query(ORIGIN, identity="agent/a"), [0, 2], id="identity"),
    pytest.param(Query(ORIGIN, predicate_type="verdict"), [2], id="type"),
    pytest.param(Query(ORIGIN, bundle_sha256="b1"), [1], id="bundle"),
    pytest.param(Query(ORIGIN, labels=(("model", "m1"),)), [0, 1], id="label"),
    pytest.param(Query(ORIGIN, labels=(("model", "m1"), ("tag", "@secure"))), [0], id="labels"),
    pytest.param(Query(ORIGIN, since_ms=200, until_ms=300), [1], id="time"),
    pytest.param(Query(ORIGIN, after_index=0, limit=1), [1], id="page"),
    pytest.param(Query("other.example"), [0], id="other-log"),
]


@pytest.mark.parametrize(("query", "indices"), FOUND)
def test_a_query_finds_what_matches_every_field(records: SqlStore, query: Query, indices: list[int]) -> None:
    records.add(INDEX)
    assert [row.index for row in records.find(query)] == indices


def test_an_entry_tells_its_paths_and_labels_and_the_newest_of_a_kind(records: SqlStore) -> None:
    records.add(INDEX)
    assert records.paths(ORIGIN, 0) == INDEX[4:6]
    assert records.labels(ORIGIN, 0) == INDEX[7:9]
    assert records.newest(ORIGIN, "provenance") == INDEX[1]
    assert records.newest(ORIGIN, "status") is None


def test_the_index_is_rebuilt_in_one_step_and_other_logs_keep_theirs(records: SqlStore) -> None:
    records.add(INDEX)
    records.replace_index(ORIGIN, [INDEX[1], INDEX[6]])
    assert records.find(Query(ORIGIN)) == [INDEX[1]]
    assert (records.paths(ORIGIN, 0), records.paths(ORIGIN, 1)) == ([], [INDEX[6]])
    assert records.labels(ORIGIN, 1) == []
    assert records.find(Query("other.example")) == [INDEX[3]]


def test_a_rebuild_that_fails_keeps_the_old_index(records: SqlStore) -> None:
    records.add(INDEX)
    with pytest.raises(StoreFailed):
        records.replace_index(ORIGIN, [EntryPath(ORIGIN, 9, "orphan", None, None)])
    assert [row.index for row in records.find(Query(ORIGIN))] == [0, 1, 2]


# --- many at once -----------------------------------------------------------------------------------


def test_many_paths_and_labels_are_looked_up_at_once_and_of_one_log(records: SqlStore) -> None:
    records.add(INDEX)
    many = [f"src/{number}.py" for number in range(1200)]
    assert records.entries_of_paths(ORIGIN, ["src/b.py", "src/a.py", *many]) == INDEX[:2]
    assert records.entries_of_paths("other.example", ["src/a.py"]) == []
    assert records.entries_labelled(ORIGIN, "model", ["m1", *many]) == INDEX[:2]
    assert records.entries_labelled(ORIGIN, "tag", ["m1"]) == []
    assert records.label_values(ORIGIN, "model", range(1200)) == {0: {"m1"}, 1: {"m1"}}
    assert records.label_values(ORIGIN, "tag", [1, 2]) == {}
    assert records.entries_unlabelled(ORIGIN, "provenance", "tag", nor=("model", ["m2"])) == [INDEX[1]]
    assert records.entries_unlabelled(ORIGIN, "provenance", "tag", nor=("model", ["m1"])) == []
    assert [records.entries_of_paths(ORIGIN, []), records.entries_labelled(ORIGIN, "tag", [])] == [[], []]


def test_bundles_come_with_what_lies_beside_them(records: SqlStore) -> None:
    bundles = [Blob(BlobKind.BUNDLE, b"%d" % number) for number in range(1200)]
    proofs = [Blob(BlobKind.CERTIFICATE_PROOF, b"proof " + one.data, one.sha256) for one in bundles]
    other = Blob(BlobKind.BUNDLE, b"other")
    records.add([*bundles, *proofs, other])
    found = list(records.bundles([*(one.sha256 for one in bundles), "absent"]))
    assert sorted(found, key=lambda blob: blob.data) == sorted([*bundles, *proofs], key=lambda blob: blob.data)
    assert list(records.bundles([])) == []


def test_a_bundle_that_is_not_what_its_name_says_is_told(store: SqlStore, path: Path) -> None:
    blob = Blob(BlobKind.BUNDLE, b"true")
    store.add([blob])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE blob SET data = x'00'")
        connection.commit()
    with pytest.raises(LogDiverged):
        list(store.bundles([blob.sha256]))


def test_each_entry_tells_the_first_head_that_has_it(records: SqlStore) -> None:
    records.add(INDEX)
    heads = [Head(size, b"r" * 32, b"checkpoint %d" % size, 0) for size in (0, 1, 3)]
    records.create(ORIGIN, heads[0])
    for old, new in pairwise(heads):
        leaves = tuple(Leaf(index, b"%032d" % index, b"entry") for index in range(old.size, new.size))
        records.commit(Batch(ORIGIN, old.size, leaves, {}, Link(new, old.size, ()), ()))
    assert records.head_sizes(ORIGIN, range(1200)) == {0: 1, 1: 3, 2: 3}
    assert records.head_sizes(ORIGIN, []) == {}
