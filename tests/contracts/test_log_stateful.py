"""Any order of appends, rivals, faults, clocks and restarts: the log is what was acknowledged, and checks."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from countermark_ledger.checkpoint import SignedCheckpoint
from countermark_ledger.errors import LogDiverged, StoreFailed, StoreUnknown
from countermark_ledger.log import Blob, BlobKind, MemoryStore, ReleasedFile, ReleasedMemory, check_log
from countermark_ledger.merkle import leaf_hash
from countermark_service.store.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Bench

    from countermark_ledger.log import Appended, Batch, LogStore

NUMBERS = st.lists(st.integers(0, 60), min_size=1, max_size=12)


class Flaky:
    """A store whose next commit may fail, before or after it landed."""

    def __init__(self, inner: LogStore) -> None:
        self._inner = inner
        self.next: str | None = None

    def __getattr__(self, name: str) -> Callable[..., object]:
        return getattr(self._inner, name)

    def commit(self, batch: Batch) -> None:
        fault, self.next = self.next, None
        if fault == "failed":
            raise StoreFailed("injected")
        if fault != "lost":
            self._inner.commit(batch)
        if fault is not None:
            raise StoreUnknown("injected")


class LogMachine(RuleBasedStateMachine):
    """`entries` is what the log must hold, in order."""

    make: Callable[[], Bench]

    def __init__(self) -> None:
        super().__init__()
        self.bench = self.make()
        self.flaky = Flaky(self.bench.store)
        self.bench.store = self.flaky
        self.log, self.rival = self.bench.create(), self.bench.open()
        self.entries: list[bytes] = []

    @rule(numbers=NUMBERS, writer=st.sampled_from(["log", "rival"]))
    def append(self, numbers: list[int], writer: str) -> None:
        wanted = [b"entry %d" % number for number in numbers]
        appended = getattr(self, writer).append(wanted, self.rows)
        self.landed(wanted)
        assert appended.indices == tuple(self.entries.index(entry) for entry in wanted)
        first = appended.indices[0]
        assert appended.proof(first).verify(leaf_hash(wanted[0]), self.bench.verifier) is not None

    @rule(start=st.integers(0, 2), count=st.integers(200, 300))
    def append_many(self, start: int, count: int) -> None:
        wanted = [b"many %d" % number for number in range(start * 150, start * 150 + count)]
        self.log.append(wanted)
        self.landed(wanted)

    @rule(numbers=NUMBERS, fault=st.sampled_from(["failed", "lost", "landed"]))
    def append_and_fail(self, numbers: list[int], fault: str) -> None:
        wanted = [b"entry %d" % number for number in numbers]
        self.flaky.next = fault
        with pytest.raises(StoreFailed if fault == "failed" else StoreUnknown):
            self.log.append(wanted)
        if fault == "landed":
            self.landed(wanted)
        if fault != "failed":
            self.log.reload()

    @rule(number=st.integers(0, 60))
    def compose_in_a_session(self, number: int) -> None:
        with self.rival.session() as head:
            wanted = [b"session %d at %d" % (number, head.size)]
            self.rival.append(wanted)
        self.landed(wanted)

    @rule()
    def restart(self) -> None:
        self.log = self.bench.open()

    @rule(hours=st.integers(0, 2))
    def clock_goes_on(self, hours: int) -> None:
        self.bench.clock.step(hours=hours)

    @rule()
    def clock_is_set_back(self) -> None:
        now = self.bench.clock.now
        signed = self.bench.store.head(self.bench.origin).time_ms
        self.bench.clock.now = datetime.fromtimestamp(signed / 1000, UTC) - timedelta(hours=1)
        for use in (self.bench.open, lambda: self.log.append([b"back in time"])):
            with pytest.raises(LogDiverged, match="clock"):
                use()
        self.bench.clock.now = now
        self.log.reload()

    @invariant()
    def the_released_head_is_the_head(self) -> None:
        kept = self.bench.released.read()
        assert kept is not None
        assert SignedCheckpoint.parse(kept).head.size <= len(self.entries)
        assert self.bench.store.head(self.bench.origin).size == len(self.entries)

    def rows(self, appended: Appended) -> list[Blob]:
        return [Blob(BlobKind.LOG_PROOF, appended.proof(index).encode()) for index in appended.indices]

    def landed(self, wanted: list[bytes]) -> None:
        self.entries += [entry for entry in dict.fromkeys(wanted) if entry not in self.entries]

    def teardown(self) -> None:
        log = self.bench.open()
        assert log.entries(0, log.head.size) == self.entries
        assert check_log(self.bench.store, self.bench.verifier) == log.head
        self.bench.clean_up()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_whatever_happens_the_log_is_what_was_acknowledged(kind: str, bench_of: type[Bench], tmp_path: Path) -> None:
    template = tmp_path / "template.sqlite"
    SqlStore.open(template, create=True).close()

    def memory() -> Bench:
        bench = bench_of(MemoryStore(), released=ReleasedMemory())
        bench.clean_up = lambda: None
        return bench

    def sqlite() -> Bench:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        store = SqlStore.open(Path(shutil.copy(template, folder / "store.sqlite")))
        bench = bench_of(store, released=ReleasedFile(folder / "released"))
        bench.clean_up = store.close
        return bench

    machine = type("Machine", (LogMachine,), {"make": staticmethod(memory if kind == "memory" else sqlite)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
