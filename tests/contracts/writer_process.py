"""A writer in a process of its own: appends, and prints what was acknowledged, one line each.

Arguments: folder, tag, count, mode. Mode `append` sends batches of this writer's own entries and one entry
that every writer sends; `session` numbers an entry by what it read under the lock; a mode named after a point
of the crash order kills the process there, at its third append.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countermark_ledger.log import Appended, Blob, BlobKind, FileLock, Log, ReleasedFile
from countermark_ledger.note import NoteSigner
from countermark_service.store import sql
from countermark_service.store.sql import SqlStore

KILL_AT = 3


def main(folder: Path, tag: str, count: int, mode: str) -> None:
    signer = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
    lock = FileLock(folder / "lock") if mode == "session" else None
    with SqlStore.open(folder / "store.sqlite") as store:
        released = ReleasedFile(folder / "released")
        log = Log("log.example", store, signer, released, lambda: datetime.now(UTC), lock)
        for number in range(count):
            if number == KILL_AT:
                arm(mode, store, released)
            if mode == "session":
                with log.session() as head:
                    appended = log.append([b"status %d" % head.size])
            else:
                wanted = [f"{tag} {number} {part}".encode() for part in range(5)] + [b"shared %d" % number]
                appended = log.append(wanted, proofs)
            print(*appended.indices, appended.head.size, appended.head.root.hex(), flush=True)  # noqa: T201 - its answer


def proofs(appended: Appended) -> list[Blob]:
    return [Blob(BlobKind.LOG_PROOF, appended.proof(index).encode()) for index in appended.indices]


def arm(mode: str, store: SqlStore, released: ReleasedFile) -> None:
    """Make the next append die at the point that `mode` names."""
    if mode == "before-commit":
        store.commit = die
    if mode == "inside-transaction":
        sql.insert_rows = die
    if mode == "before-release":
        released.advance = die
    if mode == "before-rename":
        Path.replace = die


def die(*_arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
