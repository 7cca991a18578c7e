"""Every write of the log, failing in every way: {failed, failed but landed} x {progress, fatal}."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from countermark_ledger.checkpoint import SignedCheckpoint
from countermark_ledger.errors import Conflict, LogDiverged, StoreError, StoreFailed, StoreUnknown
from countermark_ledger.log import check_log
from countermark_ledger.merkle import leaf_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Bench


@dataclass(frozen=True)
class Fault:
    """One way for a write to fail. A lasting fault fails every time."""

    error: BaseException
    landed: bool = False
    lasting: bool = False


class Faulty:
    """Delegates everything; one method fails while `fault` is set."""

    def __init__(self, inner: object, method: str, fault: Fault | None = None) -> None:
        self.inner, self.method, self.fault = inner, method, fault

    def __getattr__(self, name: str) -> Callable[..., object]:
        real = getattr(self.inner, name)
        return real if name != self.method else lambda *args, **kwargs: self._fail(real, *args, **kwargs)

    def _fail(self, real: Callable[..., object], *args: object, **kwargs: object) -> object:
        fault = self.fault
        if fault is None:
            return real(*args, **kwargs)
        if not fault.lasting:
            self.fault = None
        if fault.landed:
            real(*args, **kwargs)
        raise fault.error


FAILED, UNKNOWN = StoreFailed("injected"), StoreUnknown("injected")
STOPS, GOES_ON = "stops", "goes on"
TABLE = [
    # the write, its error, whether it landed all the same, what the caller gets, what the log does then
    pytest.param("commit", Fault(FAILED), StoreFailed, GOES_ON, id="commit-failed"),
    pytest.param("commit", Fault(UNKNOWN), StoreUnknown, STOPS, id="commit-unknown"),
    pytest.param("commit", Fault(UNKNOWN, landed=True), StoreUnknown, STOPS, id="commit-failed-but-landed"),
    pytest.param("commit", Fault(KeyboardInterrupt(), landed=True), KeyboardInterrupt, STOPS, id="commit-interrupted"),
    pytest.param("advance", Fault(FAILED), StoreUnknown, STOPS, id="release-failed"),
    pytest.param("advance", Fault(FAILED, landed=True), StoreUnknown, STOPS, id="release-failed-but-landed"),
]


def inject(bench: Bench, write: str, fault: Fault | None = None) -> Faulty:
    name = "store" if write in {"commit", "create", "snapshot"} else "released"
    faulty = Faulty(getattr(bench, name), write, fault)
    setattr(bench, name, faulty)
    return faulty


def released_size(bench: Bench) -> int:
    kept = bench.released.read()
    assert kept is not None
    return SignedCheckpoint.parse(kept).head.size


@pytest.mark.parametrize(("write", "fault", "told", "then"), TABLE)
def test_after_a_transient_fault_a_retry_finds_or_makes_its_place(
    bench: Bench, write: str, fault: Fault, told: type[BaseException], then: str
) -> None:
    faulty = inject(bench, write)
    log = bench.create()
    log.append([b"before"])
    faulty.fault = fault
    with pytest.raises(told):
        log.append([b"a", b"b"])
    if then == STOPS:
        for use in (lambda: log.append([b"a"]), lambda: log.head, lambda: log.inclusion(0)):
            with pytest.raises(StoreFailed, match="stopped"):
                use()
        log.reload()
    again = log.append([b"b", b"a"])
    in_place = fault.landed or write == "advance"
    assert again.indices == ((2, 1) if in_place else (1, 2))
    assert again.proof(again.indices[0]).verify(leaf_hash(b"b"), bench.verifier).size == 3
    assert check_log(bench.store, bench.verifier).size == released_size(bench) == 3


@pytest.mark.parametrize(("write", "fault", "told", "then"), TABLE)
def test_a_lasting_fault_never_ends_in_an_answer(
    bench: Bench, write: str, fault: Fault, told: type[BaseException], then: str
) -> None:
    faulty = inject(bench, write)
    log = bench.create()
    log.append([b"before"])
    faulty.fault = replace(fault, lasting=True)
    for number in range(3):
        with pytest.raises((told, StoreError)):
            log.append([b"a %d" % number])
        if then == STOPS:
            with pytest.raises(StoreFailed, match="stopped"):
                log.inclusion(0)
        if write == "commit":
            log.reload()
        else:
            with pytest.raises(StoreUnknown):
                log.reload()
    faulty.fault = None
    log.reload()
    assert check_log(bench.store, bench.verifier).size == released_size(bench)


def test_a_lost_create_is_made_again_and_a_landed_one_is_opened(bench: Bench) -> None:
    faulty = inject(bench, "create", Fault(FAILED))
    with pytest.raises(StoreFailed):
        bench.create()
    faulty.fault = Fault(UNKNOWN, landed=True)
    with pytest.raises(StoreUnknown):
        bench.create()
    with pytest.raises(Conflict):
        bench.create()
    assert bench.open().append([b"a"]).indices == (0,)


def test_two_transient_faults_in_a_row_also_while_recovering(bench: Bench) -> None:
    commit, view, release = (inject(bench, write) for write in ("commit", "snapshot", "advance"))
    log = bench.create()
    commit.fault = Fault(UNKNOWN, landed=True)
    with pytest.raises(StoreUnknown):
        log.append([b"a"])
    view.fault = Fault(FAILED)
    with pytest.raises(StoreFailed):
        log.reload()
    release.fault = Fault(FAILED)
    with pytest.raises(StoreUnknown):
        log.reload()
    with pytest.raises(StoreFailed, match="stopped"):
        log.append([b"a"])
    log.reload()
    assert log.append([b"a"]).indices == (0,)
    assert check_log(bench.store, bench.verifier).size == 1


def test_a_store_that_turns_out_damaged_while_writing_stops_the_log(bench: Bench) -> None:
    faulty = inject(bench, "commit")
    log = bench.create()
    faulty.fault = Fault(LogDiverged("damaged"))
    with pytest.raises(LogDiverged):
        log.append([b"a"])
    with pytest.raises(StoreFailed, match="stopped"):
        log.append([b"a"])


def test_no_checkpoint_is_answered_before_it_is_released(bench: Bench) -> None:
    """A crash between commit and release leaves a head that nobody has seen; opening releases it first."""
    release = inject(bench, "advance")
    log = bench.create()
    log.append([b"a"])
    release.fault = Fault(FAILED, lasting=True)
    with pytest.raises(StoreUnknown):
        log.append([b"b"])
    assert (bench.store.head(bench.origin).size, released_size(bench)) == (2, 1)
    with pytest.raises(StoreUnknown):
        bench.open()
    release.fault = None
    assert bench.open().head.size == released_size(bench) == 2
