"""What this process would leave behind if it ended now: programs that it started, folders that it made for a while.

Layer: ledger core, the floor. Imports nothing of ours. Whoever starts a program or makes a scratch folder says so
here while it lasts; whoever must end this process at once (`countermark_service.gate.limit`) takes both away.
Trust: a program is known by the process group that it leads, so that what it started goes with it, also when that
holds a pipe of ours; a process that leaves the group (`setsid`) escapes this, and only a sandbox holds it.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ATTEMPTS = 3  # what still runs in this process may be writing, or removing, at the same time
_programs: set[int] = set()
_folders: set[Path] = set()
_ending = False


@contextmanager
def program(pid: int) -> Iterator[None]:
    """Say that a program runs, which leads a process group, until the block has waited for it."""
    _programs.add(pid)
    if _ending:
        kill_group(pid)
    try:
        yield
    finally:
        _programs.discard(pid)


@contextmanager
def folder(prefix: str) -> Iterator[Path]:
    """Make a private scratch folder, which goes after the block or with this process."""
    temporary = tempfile.TemporaryDirectory(prefix=prefix)
    path = Path(temporary.name)
    _folders.add(path)
    try:
        with temporary:
            yield path
    finally:
        _folders.discard(path)


def kill_programs() -> None:
    """Kill every program that runs, and from now on each as soon as it starts: this process is about to end."""
    global _ending  # noqa: PLW0603  # of the process, as the programs are
    _ending = True
    for pid in list(_programs):
        kill_group(pid)


def remove_folders() -> None:
    """Remove every scratch folder; what can't be removed stays."""
    for path in list(_folders) * _ATTEMPTS:
        shutil.rmtree(path, ignore_errors=True)


def kill_group(pid: int) -> None:
    """Kill the process group that a program leads."""
    with suppress(ProcessLookupError, PermissionError):  # nobody is left (macOS says EPERM of zombies)
        os.killpg(pid, signal.SIGKILL)
