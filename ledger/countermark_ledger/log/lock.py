"""One writer at a time among the processes of one machine: an advisory lock on a file.

Layer: ledger core. Imports `errors`; touches the one file it is given.
Trust: none. The compare-and-swap of the store keeps two writers apart; the lock spares them the retries, and
lets a caller read, compose and append as one step.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from ..errors import StoreFailed

_POLL_SECONDS = 0.005


class Lock(Protocol):
    """Keeps out every other holder, in this process or another. Not reentrant."""

    def hold(self) -> AbstractContextManager[None]:
        """Wait for the others, then keep them out; raise `StoreFailed` when they take too long."""
        ...


class FileLock:
    """`flock` on a file that stays where it is: the kernel lets go when its holder dies."""

    def __init__(self, path: Path, *, seconds: float = 30.0) -> None:
        self._path = path
        self._seconds = seconds

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Take the lock; the file is created on first use."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StoreFailed(f"lock file {self._path}: {error.strerror}") from error
        try:
            self._wait(file)
            yield
        finally:
            os.close(file)

    def _wait(self, file: int) -> None:
        deadline = time.monotonic() + self._seconds
        while not _taken(file):
            if time.monotonic() >= deadline:
                raise StoreFailed(
                    f"{self._path}: held by another process for {self._seconds:g} seconds",
                    hint=f"see who holds it: fuser {self._path}",
                )
            time.sleep(_POLL_SECONDS)


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
