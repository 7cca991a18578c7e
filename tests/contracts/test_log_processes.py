"""Real processes: killed at any moment, racing each other, waiting for each other."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from countermark_ledger.errors import StoreFailed
from countermark_ledger.log import FileLock, ReleasedFile, check_log
from countermark_service.store.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Bench

    from countermark_ledger.log import Log

WRITER = Path(__file__).with_name("writer_process.py")


@pytest.fixture
def sqlite_bench(bench_of: type[Bench], sqlite_store: SqlStore, tmp_path: Path) -> Bench:
    bench = bench_of(sqlite_store, released=ReleasedFile(tmp_path / "released"))
    bench.clock = lambda: datetime.now(UTC)
    bench.create()
    return bench


@contextmanager
def writer(folder: Path, tag: str, count: int, mode: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(WRITER), str(folder), tag, str(count), mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process


class Acknowledged:
    """What writers were told: entries by index, and the one root of every size."""

    def __init__(self) -> None:
        self.indices: dict[int, str] = {}
        self.roots: dict[int, str] = {}

    def read(self, lines: list[str], tag: str) -> int:
        for number, line in enumerate(lines):
            *indices, size, root = line.split()
            wanted = [f"{tag} {number} {part}" for part in range(5)] + [f"shared {number}"]
            for index, entry in zip(map(int, indices), wanted, strict=True):
                assert self.indices.setdefault(index, entry) == entry
            assert self.roots.setdefault(int(size), root) == root, "two checkpoints of one size"
        return len(lines)

    def check(self, log: Log) -> None:
        for index, entry in self.indices.items():
            assert log.entries(index, index + 1) == [entry.encode()]
        for size, root in self.roots.items():
            assert log.root_at(size).hex() == root


def test_a_writer_killed_at_any_moment_loses_nothing_it_acknowledged(sqlite_bench: Bench, tmp_path: Path) -> None:
    told, total = Acknowledged(), 0
    for life in range(4):
        with writer(tmp_path, f"life {life}", 100_000, "append") as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(1 + secrets.randbelow(20))]
            time.sleep(secrets.randbelow(20) / 1000)
            process.kill()
            rest = process.stdout.read()
        whole = lines + [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        total += told.read(whole, f"life {life}")
        log = sqlite_bench.open()
        told.check(log)
        assert check_log(sqlite_bench.store, sqlite_bench.verifier) == log.head
    assert total >= 4


@pytest.mark.parametrize("point", ["before-commit", "inside-transaction", "before-release", "before-rename"])
def test_a_writer_killed_at_each_point_of_the_crash_order_leaves_a_log_that_goes_on(
    sqlite_bench: Bench, tmp_path: Path, point: str
) -> None:
    with writer(tmp_path, "w", 100, point) as process:
        lines = process.communicate()[0].splitlines()
    assert (process.returncode, len(lines)) == (-9, 3), "it was killed at the fourth append"
    told = Acknowledged()
    told.read(lines, "w")
    log = sqlite_bench.open()
    assert log.head.size == (18 if point in {"before-commit", "inside-transaction"} else 24)
    retried = log.append([b"w 3 0", b"new"])
    assert retried.indices == ((18, 19) if log.head.size == 20 else (18, 24))
    told.check(log)
    assert check_log(sqlite_bench.store, sqlite_bench.verifier) == log.head


def test_two_processes_race_without_a_lock_and_both_land_everything_once(sqlite_bench: Bench, tmp_path: Path) -> None:
    with writer(tmp_path, "a", 25, "append") as first, writer(tmp_path, "b", 25, "append") as second:
        answers = [process.communicate()[0].splitlines() for process in (first, second)]
    told = Acknowledged()
    assert [told.read(answers[0], "a"), told.read(answers[1], "b")] == [25, 25]
    log = sqlite_bench.open()
    assert log.head.size == len(told.indices) == 2 * 25 * 5 + 25
    told.check(log)
    assert check_log(sqlite_bench.store, sqlite_bench.verifier) == log.head


def test_two_processes_number_their_statements_without_a_gap_in_sessions(sqlite_bench: Bench, tmp_path: Path) -> None:
    with writer(tmp_path, "a", 15, "session") as first, writer(tmp_path, "b", 15, "session") as second:
        answers = [process.communicate()[0].splitlines() for process in (first, second)]
    assert [len(lines) for lines in answers] == [15, 15]
    log = sqlite_bench.open()
    assert log.entries(0, log.head.size) == [b"status %d" % number for number in range(30)]
    assert check_log(sqlite_bench.store, sqlite_bench.verifier) == log.head


def test_a_lock_that_is_never_given_back_is_told_and_not_waited_for_forever(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock").hold():
        impatient = FileLock(tmp_path / "lock", seconds=0.02)
        with pytest.raises(StoreFailed, match="held by another process") as refused, impatient.hold():
            pytest.fail("two holders")
    assert "fuser" in str(refused.value.hint)
    with FileLock(tmp_path / "lock", seconds=0).hold():
        pass


def test_a_lock_through_a_planted_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreFailed, match="lock file"), FileLock(tmp_path / "lock").hold():
        pytest.fail("the link was followed")
    assert not (tmp_path / "elsewhere").exists()


def test_a_session_holds_the_lock_that_appends_of_other_writers_take(sqlite_bench: Bench, tmp_path: Path) -> None:
    sqlite_bench.lock = FileLock(tmp_path / "lock", seconds=0.02)
    log, rival = sqlite_bench.open(), sqlite_bench.open()
    with log.session():
        with pytest.raises(StoreFailed, match="held by another process"):
            rival.append([b"b"])
        log.append([b"a"])
    assert rival.append([b"b"]).indices == (1,)
