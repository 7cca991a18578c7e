"""Attacks on the log's store, each named; the only right answer is a refusal that names the place."""

from __future__ import annotations

import copy
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from countermark_ledger.checkpoint import TreeHead, sign
from countermark_ledger.errors import LogDiverged, StoreError
from countermark_ledger.log import Blob, BlobKind, MemoryStore, ReleasedFile, ReleasedMemory, check_log
from countermark_ledger.log.port import Head, Leaf
from countermark_ledger.merkle import leaf_hash
from countermark_service.store.sql import SqlStore

if TYPE_CHECKING:
    from conftest import Bench

    from countermark_ledger.log import Appended, Log

SIZE = 300


def fill(log: Log, start: int = 0, end: int = SIZE) -> None:
    for at in range(start, end, 60):
        log.append([b"entry %d" % number for number in range(at, min(at + 60, end))], rows)


def rows(appended: Appended) -> list[Blob]:
    bundle = Blob(BlobKind.BUNDLE, b"bundle at %d" % appended.indices[0])
    return [bundle, Blob(BlobKind.LOG_PROOF, appended.proof(appended.indices[0]).encode(), of=bundle.sha256)]


@pytest.fixture
def memory(bench_of: type[Bench]) -> Bench:
    bench = bench_of(MemoryStore())
    fill(bench.create())
    return bench


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("filled") / "store.sqlite"


@pytest.fixture
def database(bench_of: type[Bench], filled: Path, tmp_path: Path) -> Path:
    """A database of 300 entries, closed, ready to be tampered with."""
    if not filled.exists():
        with SqlStore.open(filled, create=True) as store:
            fill(bench_of(store).create())
    return Path(shutil.copy(filled, tmp_path / "store.sqlite"))


def tamper(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(statement, values).rowcount != 0
        connection.commit()


def flip(value: object) -> object:
    if isinstance(value, int):
        return value ^ 1024
    if isinstance(value, str):
        return value[:-1] + chr(ord(value[-1]) ^ 1)
    middle = len(value) // 2
    return value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :]


CELLS = [
    # table, which row, column, what the refusal names
    ("leaf", '"index" = 0', "entry", r"entry 0 does not hash"),
    ("leaf", '"index" = 299', "entry", r"entry 299 does not hash"),
    ("leaf", '"index" = 7', "digest", r"entry 7 does not hash"),
    ("leaf", '"index" = 298', "index", r"entry 298"),
    ("leaf", '"index" = 7', "origin", r"entry 7 is missing"),
    ("tile", 'level = 0 AND "index" = 0', "hashes", r"entry 128 is another one in tile/0/000"),
    ("tile", 'level = 0 AND "index" = 1', "hashes", r"entry 278 is another one in tile/0/001"),
    ("tile", "level = 1", "hashes", r"tile/1/000"),
    ("tile", "level = 1", "level", r"entry 0 |tile/1/000"),
    ("tile", 'level = 0 AND "index" = 1', "index", r"entry 256"),
    ("link", "size = 60", "root", r"checkpoint of size 60"),
    ("link", "size = 60", "size", r"head of size 120 does not follow"),
    ("link", "size = 60", "checkpoint", r"checkpoint of size 60"),
    ("link", "size = 120", "old_size", r"head of size 120 does not follow"),
    ("link", "size = 120", "consistency", r"head of size 120"),
    ("link", "size = 300", "time_ms", r"newest head of the history is not the head"),
    ("link", "size = 0", "old_size", r"does not begin"),
    ("head", "size = 300", "root", r"checkpoint of size 300"),
    ("head", "size = 300", "size", r"checkpoint of size 1324"),
    ("head", "size = 300", "checkpoint", r"checkpoint of size 300"),
    ("head", "size = 300", "time_ms", r"newest head of the history is not the head"),
    ("blob", "kind = 'bundle'", "data", r"blob [0-9a-f]{64}: its bytes"),
    ("blob", "kind = 'log-proof'", "sha256", r"blob .*: its bytes"),
    ("blob", "kind = 'log-proof'", "kind", r"no such kind"),
    ("blob", "kind = 'log-proof'", "of", r"accompanies"),
]


@pytest.mark.parametrize(("table", "where", "column", "named"), CELLS, ids=[f"{t}-{c}-{w}" for t, w, c, _ in CELLS])
def test_a_flipped_bit_in_any_row_is_named(
    database: Path, bench_of: type[Bench], table: str, where: str, column: str, named: str
) -> None:
    with closing(sqlite3.connect(database)) as connection:
        rowid, value = connection.execute(
            f'SELECT rowid, "{column}" FROM "{table}" WHERE {where}'  # noqa: S608 - the table above
        ).fetchone()
    tamper(database, f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', flip(value), rowid)  # noqa: S608 - same
    with SqlStore.open(database) as store, pytest.raises(LogDiverged, match=named):
        check_log(store, bench_of(store).verifier)


DELETED = [
    ("leaf", '"index" = 299', r"entry 299 is missing"),
    ("leaf", '"index" = 100', r"entry 100 is missing"),
    ("tile", 'level = 0 AND "index" = 0', r"entry 0 is another one"),
    ("tile", "level = 1", r"tile/1/000"),
    ("link", "size = 300", r"newest head"),
    ("link", "size = 120", r"head of size 180 does not follow"),
    ("link", "size = 0", r"does not begin"),
    ("blob", "kind = 'bundle'", r"accompanies"),
]


@pytest.mark.parametrize(("table", "where", "named"), DELETED, ids=[f"{t}-{w}" for t, w, _ in DELETED])
def test_a_row_that_an_operator_deletes_is_missed(
    database: Path, bench_of: type[Bench], table: str, where: str, named: str
) -> None:
    tamper(database, f'DELETE FROM "{table}" WHERE {where}')  # noqa: S608 - the table above
    with SqlStore.open(database) as store, pytest.raises(LogDiverged, match=named):
        check_log(store, bench_of(store).verifier)


WRONG_TYPES = [("leaf", "entry", "text"), ("head", "size", "many"), ("tile", "hashes", 7), ("head", "root", "t")]


@pytest.mark.parametrize(("table", "column", "value"), WRONG_TYPES)
def test_a_value_of_another_type_is_a_refusal_and_not_a_crash(
    database: Path, bench_of: type[Bench], table: str, column: str, value: object
) -> None:
    tamper(database, f'UPDATE "{table}" SET "{column}" = ?', value)  # noqa: S608 - the table above
    with SqlStore.open(database) as store, pytest.raises(LogDiverged):
        check_log(store, bench_of(store).verifier)


def test_an_entry_replaced_with_its_leaf_hash_is_named(memory: Bench) -> None:
    stored = memory.store.logs[memory.origin]
    stored.leaves[5] = Leaf(5, leaf_hash(b"forged"), b"forged")
    with pytest.raises(LogDiverged, match="entry 5 is another one"):
        check_log(memory.store, memory.verifier)


def test_an_entry_replaced_with_its_leaf_hash_and_its_tile_is_caught_by_the_signed_root(memory: Bench) -> None:
    stored = memory.store.logs[memory.origin]
    stored.leaves[5] = Leaf(5, leaf_hash(b"forged"), b"forged")
    tile = stored.tiles[0, 0]
    stored.tiles[0, 0] = tile[: 5 * 32] + leaf_hash(b"forged") + tile[6 * 32 :]
    with pytest.raises(LogDiverged, match="another root than the head of size 60"):
        check_log(memory.store, memory.verifier)


def test_one_entry_twice_is_named(bench_of: type[Bench]) -> None:
    bench = bench_of(MemoryStore())
    log = bench.create()
    bench.store.indices = lambda origin, digests: {}
    bench.store.commit = lambda batch: MemoryStore._land(bench.store, bench.store.logs[bench.origin], batch)
    log.append([b"a"])
    log.append([b"a"])
    with pytest.raises(LogDiverged, match="entry 1 is in the log twice"):
        check_log(bench.store, bench.verifier)


def test_rows_past_the_head_are_told(memory: Bench) -> None:
    memory.store.logs[memory.origin].leaves.append(Leaf(SIZE, leaf_hash(b"x"), b"x"))
    with pytest.raises(LogDiverged, match="expected Counts"):
        check_log(memory.store, memory.verifier)


def test_a_log_under_another_key_does_not_check(memory: Bench) -> None:
    other = memory.signer_of(memory.origin, 8)
    with pytest.raises(LogDiverged, match="checkpoint of size 300 does not hold"):
        check_log(memory.store, other.verifier)


# --- opening ----------------------------------------------------------------------------------------


def test_a_database_restored_from_an_old_backup_refuses_to_sign(bench_of: type[Bench], tmp_path: Path) -> None:
    database, backup = tmp_path / "store.sqlite", tmp_path / "backup.sqlite"
    released = ReleasedFile(tmp_path / "released")
    with SqlStore.open(database, create=True) as store:
        fill(bench_of(store, released=released).create(), 0, 60)
    shutil.copy(database, backup)
    with SqlStore.open(database) as store:
        fill(bench_of(store, released=released).open(), 60, 120)
    shutil.copy(backup, database)
    with SqlStore.open(database) as store:
        with pytest.raises(LogDiverged, match="restored from an old backup") as refused:
            bench_of(store, released=released).open()
        assert "newest backup" in str(refused.value.hint)


def test_a_database_restored_under_a_running_log_refuses_to_sign(memory: Bench) -> None:
    log, backup = memory.open(), copy.deepcopy(memory.store.logs)
    log.append([b"more"])
    memory.store.logs = backup
    with pytest.raises(LogDiverged, match="restored from an old backup"):
        log.append([b"even more"])
    with pytest.raises(StoreError, match="stopped"):
        log.append([b"even more"])


def test_a_restored_database_that_went_on_elsewhere_refuses_to_sign(memory: Bench) -> None:
    backup, old = copy.deepcopy(memory.store.logs), memory.released.read()
    memory.open().append([b"one history"])
    kept, memory.released, memory.store.logs = memory.released, ReleasedMemory(), backup
    memory.released.advance(old)
    memory.open().append([b"another history"])
    memory.released = kept
    with pytest.raises(LogDiverged, match="released with another root"):
        memory.open()


def test_a_released_head_that_vanished_or_was_forged_refuses_to_sign(memory: Bench, tmp_path: Path) -> None:
    memory.released = ReleasedMemory()
    with pytest.raises(LogDiverged, match="released head is missing"):
        memory.open()
    for junk in (b"", b"junk", sign(TreeHead(memory.origin, 1, bytes(32)), memory.signer_of(memory.origin, 8))):
        (tmp_path / "released").write_bytes(junk)
        memory.released = ReleasedFile(tmp_path / "released")
        with pytest.raises(LogDiverged, match="released head does not hold"):
            memory.open()


def test_a_key_reused_under_another_origin_is_refused(memory: Bench, bench_of: type[Bench]) -> None:
    with pytest.raises(LogDiverged, match="a key belongs to one log"):
        replace(memory, origin="other.example").open()
    other = bench_of(memory.store, signer=memory.signer_of("other.example", 7), origin="other.example")
    with pytest.raises(LogDiverged, match=r"its key also signs log log\.example"):
        other.create()
    with pytest.raises(LogDiverged, match=r"its key also signs log other\.example"):
        memory.open()


def test_another_log_with_a_broken_head_does_not_stop_this_one(memory: Bench) -> None:
    memory.store.create("broken.example", Head(0, b"", b"junk", 0))
    assert memory.open().head.size == SIZE


@pytest.mark.parametrize("hours", [-1, -24])
def test_a_clock_set_back_refuses_to_sign_until_it_is_right(memory: Bench, hours: int) -> None:
    log = memory.open()
    memory.clock.step(hours=hours)
    for use in (memory.open, lambda: log.append([b"a"])):
        with pytest.raises(LogDiverged, match=r"clock is .* behind") as refused:
            use()
        assert "set the clock" in str(refused.value.hint)
    memory.clock.step(hours=-hours)
    assert log.append([b"a"]).indices == (SIZE,)


def test_a_clock_that_jumped_ahead_and_came_back_refuses_to_sign(memory: Bench) -> None:
    log = memory.open()
    memory.clock.step(hours=1)
    log.append([b"a"])
    memory.clock.step(hours=-1)
    with pytest.raises(LogDiverged, match="clock"):
        log.append([b"b"])


def test_a_clock_adjusted_by_a_second_still_signs_and_heads_stay_in_order(memory: Bench) -> None:
    log = memory.open()
    memory.clock.step(seconds=-1)
    before = log.head.time_ms
    assert log.append([b"a"]).head.time_ms == before
    assert check_log(memory.store, memory.verifier).size == SIZE + 1


def test_a_head_that_its_history_does_not_know_refuses_to_sign(memory: Bench) -> None:
    memory.store.logs[memory.origin].links.pop()
    with pytest.raises(LogDiverged, match="newest head of the history"):
        memory.open()


@pytest.mark.parametrize(("size", "root"), [(SIZE, b"\1" * 32), (SIZE + 1, None)], ids=["another-root", "another-size"])
def test_a_head_beside_its_checkpoint_refuses_to_sign(memory: Bench, size: int, root: bytes | None) -> None:
    stored = memory.store.logs[memory.origin]
    stored.head = replace(stored.head, size=size, root=root or stored.head.root)
    with pytest.raises(LogDiverged, match="speaks of size 300"):
        memory.open()


@pytest.mark.parametrize("key", [(0, 1), (1, 0)])
@pytest.mark.parametrize("hashes", [b"", b"\1" * 31, b"\1" * 32 * 44], ids=["gone", "short", "other"])
def test_a_right_edge_that_does_not_lead_to_the_head_refuses_to_sign(
    memory: Bench, key: tuple[int, int], hashes: bytes
) -> None:
    memory.store.logs[memory.origin].tiles[key] = hashes
    with pytest.raises(LogDiverged, match=r"stored tiles lead to root|tile/"):
        memory.open()
