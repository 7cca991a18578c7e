"""Stores, logs and a clock for the tests of the log's port. One suite, every implementation."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import create_engine, text

from countermark_ledger.log import Log, MemoryStore, ReleasedMemory
from countermark_ledger.log.lock import Lock
from countermark_ledger.log.port import LogStore
from countermark_ledger.log.released import ReleasedHead
from countermark_ledger.note import NoteSigner, VerifierKey
from countermark_service.store.sql import SqlStore

ORIGIN = "log.example"
POSTGRESQL = os.environ.get("COUNTERMARK_TEST_POSTGRESQL", "")


@dataclass
class ManualClock:
    """A clock that moves when it is told to."""

    now: datetime = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def step(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Bench:
    """Everything a log needs, and the log opened anew whenever it is asked for."""

    store: LogStore
    clock: ManualClock = field(default_factory=ManualClock)
    released: ReleasedHead = field(default_factory=ReleasedMemory)
    signer: NoteSigner = field(
        default_factory=lambda: NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
    )
    lock: Lock | None = None
    origin: str = ORIGIN

    @property
    def verifier(self) -> VerifierKey:
        return self.signer.verifier

    def create(self) -> Log:
        return Log.create(self.origin, self.store, self.signer, self.released, self.clock, self.lock)

    def open(self) -> Log:
        return Log(self.origin, self.store, self.signer, self.released, self.clock, self.lock)

    def signer_of(self, name: str, seed: int) -> NoteSigner:
        return NoteSigner(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def _memory(_folder: Path) -> Iterator[LogStore]:
    yield MemoryStore()


def _sqlite(folder: Path) -> Iterator[LogStore]:
    with SqlStore.open(folder / "store.sqlite", create=True) as store:
        yield store


def _postgresql(_folder: Path) -> Iterator[LogStore]:
    engine = create_engine(POSTGRESQL)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    with SqlStore.open(POSTGRESQL, create=True) as store:
        yield store


_STORES: dict[str, Callable[[Path], Iterator[LogStore]]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "postgresql": _postgresql,
}


@pytest.fixture(
    params=["memory", "sqlite", *([pytest.param("postgresql", marks=pytest.mark.parts)] if POSTGRESQL else [])]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogStore]:
    yield from _STORES[request.param](tmp_path)


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[LogStore]:
    yield from _sqlite(tmp_path)


@pytest.fixture
def bench(store: LogStore) -> Bench:
    return Bench(store)


@pytest.fixture
def bench_of() -> type[Bench]:
    return Bench
