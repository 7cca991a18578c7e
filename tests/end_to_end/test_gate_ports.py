"""Only the absence of reasons is a pass: whatever fails, wherever, the gate does not answer 0.

Every call that a passing run makes of a port is counted; then the run is repeated once for each, with that
call raising: a refusal of ours, the system's error, and a bug.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from countermark_ledger.authority.issuing import Issuer
from countermark_ledger.errors import GitError, StoreFailed
from countermark_ledger.git.reader import Repository
from countermark_ledger.log.log import Log
from countermark_service.cli.console import Console
from countermark_service.home import Home
from countermark_service.store.sql import SqlStore

from .conftest import CLEAN, Scene

PORTS: dict[type, str] = {
    Repository: "resolve commit line goes_on_from merge_bases is_ancestor tree listing_sha256 entries directories"
    " diff blobs digests nodes landing_tree moved",
    SqlStore: "head history leaves indices tile blob blobs commit find newest labels identities"
    " bundles head_sizes entries_of_paths entries_labelled label_values",
    Log: "append consistency consistencies reload",
    Issuer: "sign",
    Home: "config seen_status saw_status",
    Console: "document data step",
}
FAULTS: tuple[Callable[[], Exception], ...] = (
    lambda: GitError("git is gone"),
    lambda: StoreFailed("the disk is gone"),
    lambda: OSError(5, "input/output error"),
    lambda: RuntimeError("a bug"),
)


@dataclass
class Tripwire:
    """Counts calls; raises at the one it is set for."""

    at: int | None = None
    fault: Callable[[], Exception] | None = None
    calls: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) - 1 == self.at and self.fault is not None:
            raise self.fault()


@contextmanager
def wired(monkeypatch: pytest.MonkeyPatch, wire: Tripwire) -> Iterator[Tripwire]:
    with monkeypatch.context() as patch:
        for owner, names in PORTS.items():
            for name in names.split():
                patch.setattr(owner, name, _tripping(wire, f"{owner.__name__}.{name}", getattr(owner, name)))
        scan = _tripping(wire, "scan", lambda _repository, _change, _names: CLEAN)
        patch.setattr("countermark_service.cli.deciding.scan_landing", lambda *_: scan)
        yield wire


def _tripping(wire: Tripwire, name: str, real: Callable[..., object]) -> Callable[..., object]:
    def call(*args: object, **kwargs: object) -> object:
        wire.step(name)
        return real(*args, **kwargs)

    return call


def test_no_port_call_of_a_passing_run_can_fail_into_a_pass(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.change({"app.py": "two = 2\n"})
    with wired(monkeypatch, Tripwire()) as passing:
        assert scene.run("gate") == 0
    assert {name.split(".")[0] for name in passing.calls} == {"scan", *(owner.__name__ for owner in PORTS)}
    green = []
    for at, name in enumerate(passing.calls):
        fault = FAULTS[at % len(FAULTS)]
        with wired(monkeypatch, Tripwire(at, fault)) as wire:
            if scene.run("gate") == 0:
                green.append((name, type(fault()).__name__))
        assert len(wire.calls) > at
    assert green == []
