"""Append to a log in SQLite (FULL, WAL): entries a second, by size of batch."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countermark_ledger.log.log import Log
from countermark_ledger.log.released import ReleasedFile
from countermark_ledger.note import NoteSigner
from countermark_service.store.sql import SqlStore

ENTRY_BYTES = 600


def measure() -> Iterator[str]:
    """Append batches for about a second each."""
    for batch in (1, 16, 256):
        yield f"batches of {batch:>3}   {_rate(batch):8,.0f} entries/s"


def _rate(batch: int, seconds: float = 1.0) -> float:
    with tempfile.TemporaryDirectory(prefix="countermark-bench-") as scratch:
        signer = NoteSigner("log.bench.example", Ed25519PrivateKey.generate())
        with SqlStore.open(Path(scratch, "ledger.sqlite"), create=True) as store:
            released = ReleasedFile(Path(scratch, "released"))
            log = Log.create(signer.verifier.name, store, signer, released, lambda: datetime.now(UTC))
            began, done = time.perf_counter(), 0
            while time.perf_counter() - began < seconds:
                log.append([os.urandom(ENTRY_BYTES) for _ in range(batch)])
                done += batch
            return done / (time.perf_counter() - began)
