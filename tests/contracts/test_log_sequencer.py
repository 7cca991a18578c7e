"""The queue before the log: many threads, few transactions, and every future answered."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from countermark_ledger.errors import LogDiverged, StoreFailed, StoreUnknown, TooLarge
from countermark_ledger.log import Blob, BlobKind, Sequencer, check_log
from countermark_ledger.merkle import leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Bench

    from countermark_ledger.log import Appended, Batch

WAIT = 10


class Gate:
    """A store whose commits wait for permission, so that a queue can fill; it counts and may fail."""

    def __init__(self, bench: Bench) -> None:
        self._commit = bench.store.commit
        self.open = threading.Event()
        self.entered = threading.Event()
        self.sizes: list[int] = []
        self.faults: list[BaseException | None] = []

    def commit(self, batch: Batch) -> None:
        self.entered.set()
        assert self.open.wait(WAIT)
        self.sizes.append(len(batch.leaves))
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        self._commit(batch)


@pytest.fixture
def gate(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate(bench)
    monkeypatch.setattr(bench.store, "commit", gate.commit)
    return gate


@contextmanager
def held(bench: Bench, gate: Gate, **limits: int) -> Iterator[tuple[Sequencer, Future[Appended]]]:
    """A sequencer whose writer is inside its first commit, so that all that follows must queue."""
    with Sequencer(bench.create(), **limits) as sequencer:
        first = sequencer.submit([b"first"])
        assert gate.entered.wait(WAIT)
        try:
            yield sequencer, first
        finally:
            gate.open.set()


def test_what_queues_up_goes_into_one_transaction(bench: Bench, gate: Gate) -> None:
    with held(bench, gate) as (sequencer, first):
        later = [sequencer.submit([b"%d" % number]) for number in range(40)]
        gate.open.set()
        assert first.result(WAIT).indices == (0,)
        assert [future.result(WAIT).indices for future in later] == [(n,) for n in range(1, 41)]
    assert gate.sizes == [1, 40]
    for number, future in enumerate(later):
        appended = future.result()
        proof = appended.proof(appended.indices[0])
        assert proof.verify(leaf_hash(b"%d" % number), bench.verifier).size == 41
    assert check_log(bench.store, bench.verifier).size == 41


def test_a_transaction_takes_no_more_than_its_share_and_requests_stay_whole(bench: Bench, gate: Gate) -> None:
    with held(bench, gate, max_batch=4) as (sequencer, _):
        for name, count in (("a", 3), ("b", 2), ("c", 2), ("d", 9), ("e", 1)):
            sequencer.submit([f"{name} {number}".encode() for number in range(count)])
    assert gate.sizes == [1, 3, 4, 9, 1]
    assert check_log(bench.store, bench.verifier).size == 18


def test_each_request_gets_its_own_indices_and_rows(bench: Bench, gate: Gate) -> None:
    def attach(appended: Appended) -> list[Blob]:
        return [Blob(BlobKind.BUNDLE, b"for %d" % index) for index in appended.indices]

    with held(bench, gate) as (sequencer, _):
        one = sequencer.submit([b"a", b"b"], attach)
        two = sequencer.submit([b"c", b"a"], attach)
        three = sequencer.submit([b"d"])
    assert [f.result().indices for f in (one, two, three)] == [(1, 2), (3, 1), (4,)]
    assert {blob.data for blob in bench.store.blobs()} == {b"for 1", b"for 2", b"for 3"}


def test_a_request_whose_rows_are_refused_fails_alone(bench: Bench, gate: Gate) -> None:
    def refuse(_appended: Appended) -> list[Blob]:
        raise KeyError("no such agent")

    with held(bench, gate) as (sequencer, _):
        good, bad, fine = (sequencer.submit([n], a) for n, a in ((b"a", None), (b"b", refuse), (b"c", None)))
    with pytest.raises(KeyError):
        bad.result()
    assert (good.result().indices, fine.result().indices) == ((1,), (2,))
    assert check_log(bench.store, bench.verifier).size == 3


@pytest.mark.parametrize("error", [StoreFailed("disk full"), StoreUnknown("gone"), RuntimeError("a bug")])
def test_a_batch_that_fails_tells_all_of_it_and_the_next_one_goes_on(
    bench: Bench, gate: Gate, error: Exception
) -> None:
    gate.faults = [None, error]
    with held(bench, gate) as (sequencer, _):
        failed = [sequencer.submit([b"a"]), sequencer.submit([b"b"])]
        gate.open.set()
        for future in failed:
            with pytest.raises(type(error)):
                future.result(WAIT)
        if isinstance(error, RuntimeError):
            with pytest.raises(StoreFailed, match="stopped"):
                sequencer.submit([b"c"]).result(WAIT)
        assert sequencer.submit([b"c"]).result(WAIT).indices == (1,)
    assert check_log(bench.store, bench.verifier).size == 2


def test_while_the_log_cannot_be_reloaded_every_request_is_told(bench: Bench, gate: Gate) -> None:
    gate.faults = [None, StoreUnknown("gone")]
    with held(bench, gate) as (sequencer, _):
        failed = sequencer.submit([b"a"])
        gate.open.set()
        with pytest.raises(StoreUnknown):
            failed.result(WAIT)
        bench.clock.step(hours=-1)
        for _ in range(2):
            with pytest.raises(LogDiverged, match="clock"):
                sequencer.submit([b"a"]).result(WAIT)
        bench.clock.step(hours=1)
        assert sequencer.submit([b"a"]).result(WAIT).indices == (1,)


def test_a_cancelled_request_is_not_logged(bench: Bench, gate: Gate) -> None:
    with held(bench, gate) as (sequencer, first):
        cancelled, kept = sequencer.submit([b"cancelled"]), sequencer.submit([b"kept"])
        assert cancelled.cancel()
        assert not first.cancel(), "it is being written"
    assert kept.result().indices == (1,)
    alone = check_log(bench.store, bench.verifier)
    assert alone.size == 2


def test_closing_writes_what_waits_and_takes_nothing_more(bench: Bench, gate: Gate) -> None:
    with held(bench, gate) as (sequencer, _):
        waiting = sequencer.submit([b"waiting"])
        gate.open.set()
        sequencer.close()
        assert waiting.done()
        with pytest.raises(RuntimeError, match="closed"):
            sequencer.submit([b"late"])
    assert check_log(bench.store, bench.verifier).size == 2


def test_a_full_queue_makes_the_next_caller_wait(bench: Bench, gate: Gate) -> None:
    with held(bench, gate, max_waiting=2) as (sequencer, _), ThreadPoolExecutor(1) as pool:
        for number in range(2):
            sequencer.submit([b"%d" % number])
        third = pool.submit(sequencer.submit, [b"third"])
        with pytest.raises(TimeoutError):
            third.result(0.05)
        gate.open.set()
        assert third.result(WAIT).result(WAIT).indices == (3,)


def test_an_entry_that_is_too_large_is_refused_before_it_can_harm_others(bench: Bench) -> None:
    with Sequencer(bench.create()) as sequencer, pytest.raises(TooLarge):
        sequencer.submit([b"x" * 65_536])


def test_many_threads_get_distinct_places_and_proofs_that_verify(bench: Bench) -> None:
    def send(number: int) -> int:
        appended = sequencer.submit([b"%d" % number]).result(WAIT)
        appended.proof(appended.indices[0]).verify(leaf_hash(b"%d" % number), bench.verifier)
        return appended.indices[0]

    with Sequencer(bench.create()) as sequencer, ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(send, range(300))) == list(range(300))
    assert check_log(bench.store, bench.verifier).size == 300
