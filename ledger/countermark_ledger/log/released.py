"""The last released checkpoint, kept outside the database.

Layer: ledger core. Imports `checkpoint`, `errors` and `lock`; touches the one file it is given.
Trust: whoever restores an old database without restoring this file as well is noticed at the next start.
The file holds a signed checkpoint and the log verifies it, so a forged one is noticed too; an attacker who
controls database AND file can still show an older state to whoever keeps no checkpoint.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from ..checkpoint import SignedCheckpoint
from ..errors import StoreFailed
from .lock import FileLock


class ReleasedHead(Protocol):
    """Remembers the largest checkpoint that ever left this log."""

    def read(self) -> bytes | None:
        """Return the checkpoint, or None when nothing was ever released."""
        ...

    def advance(self, checkpoint: bytes) -> None:
        """Keep the checkpoint durably unless a larger one is kept already."""
        ...


class ReleasedFile:
    """One file beside, not inside, the database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(path.name + ".lock"))

    def read(self) -> bytes | None:
        """Return the file's bytes; None when there is no file. Raise `StoreFailed` for anything else."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreFailed(f"released head {self._path}: {error.strerror}") from error

    def advance(self, checkpoint: bytes) -> None:
        """Replace the file atomically, then make the replacement durable; never go back to a smaller one."""
        size = SignedCheckpoint.parse(checkpoint).head.size
        with self._lock.hold():
            kept = self.read()
            if kept is not None and SignedCheckpoint.parse(kept).head.size >= size:
                return
            try:
                replace_durably(self._path, checkpoint)
            except OSError as error:
                raise StoreFailed(f"released head {self._path}: {error.strerror}") from error


class ReleasedMemory:
    """For tests and for logs that live as long as their process."""

    def __init__(self) -> None:
        self._kept: bytes | None = None

    def read(self) -> bytes | None:
        """Return the largest checkpoint so far."""
        return self._kept

    def advance(self, checkpoint: bytes) -> None:
        """Keep the larger of the two."""
        size = SignedCheckpoint.parse(checkpoint).head.size
        if self._kept is None or SignedCheckpoint.parse(self._kept).head.size < size:
            self._kept = checkpoint


def replace_durably(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a new file beside `path` (private, unless `mode` says otherwise), fsync it, rename it, fsync the folder."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(fresh, flags, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
