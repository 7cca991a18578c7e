"""Keeps one run: started as a script, outside of the sandbox that holds the command.

Layer: scanners, dynamic; `python -I -S keep.py ROOM SECONDS UID PROCESSES FILES -- PROGRAM ARGS...`. Standard library
only. It runs in a mount namespace of its own, in which /mnt is a file system of bounded size: what lies in ROOM/lay is
copied there, the program (the tracer, which starts the sandbox) runs, and when every process below it is dead, what
is left is copied back to ROOM and `collect.py` takes over.

Where the gate runs as root, the program runs as a user that nobody else is: whatever breaks out of the sandbox is
nobody, and the kernel counts its processes (it never counts root's).
Trust: the arguments come from `bubblewrap`; what is started is hostile. The trace lies in a file system that the
command can't fill: a tracer that can't write is blind and says nothing of it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import sys
import time
from pathlib import Path

PLACE = Path("/mnt")
SAID = PLACE / "said"
FILTER_DESCRIPTOR = 10
STAYS = "-"
TIMED_OUT = 137  # as a shell spells the death by SIGKILL
CANNOT_START = 125
_THEIRS = ("work", "home", "tmp", "causes")
_SUBREAPER = 36
_SECONDS_TO_DIE = 20


def prepare(room: Path, uid: str) -> None:
    """Copy what was laid out to where the command will find it, and let the command's user own it."""
    shutil.copytree(room / "lay", PLACE, symlinks=True, dirs_exist_ok=True)
    (PLACE / "causes").mkdir()
    (SAID / "trace").touch()
    if uid != STAYS:
        own(SAID / "trace", int(uid))
        for name in _THEIRS:
            own(PLACE / name, int(uid))
            for folder, folders, files in os.walk(PLACE / name):
                for entry in (*folders, *files):
                    own(Path(folder, entry), int(uid))
    (PLACE / "tmp").chmod(0o1777)


def own(path: Path, uid: int) -> None:
    """Give a file, or a link itself, away."""
    os.chown(path, uid, uid, follow_symlinks=False)


def start(uid: str, limits: tuple[int, int], command: list[str]) -> None:
    """Become the program, under limits and without privileges."""
    os.dup2(os.open(PLACE / "filter", os.O_RDONLY), FILTER_DESCRIPTOR, inheritable=True)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(PLACE / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
    Path("/proc/self/oom_score_adj").write_text("1000")  # whoever swells goes first, and not the machine's own
    if uid != STAYS:
        os.setgroups([])
        os.setresgid(int(uid), int(uid), int(uid))
        os.setresuid(int(uid), int(uid), int(uid))
    for kind, amount in zip((resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE), limits, strict=True):
        _, hard = resource.getrlimit(kind)
        least = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(kind, (least, least))
    os.umask(0o022)
    os.execv(command[0], command)  # noqa: S606  # the argv list is ours; no shell is involved


def wait(child: int, seconds: int) -> int:
    """Wait for the program, then for everything below it, which is ours to wait for once its parent is gone."""
    until = time.monotonic() + seconds
    status = None
    while status is None and time.monotonic() < until:
        ended, raw = os.waitpid(-1, os.WNOHANG)
        if ended == child:
            status = os.waitstatus_to_exitcode(raw)
        elif ended == 0:
            time.sleep(0.005)
    if status is None:
        os.kill(child, signal.SIGKILL)
    all_dead()
    return TIMED_OUT if status is None else status


def all_dead() -> None:
    """Reap until nobody is left: the first process of a namespace is dead only when every other in it is."""
    until = time.monotonic() + _SECONDS_TO_DIE
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        except ChildProcessError:
            return
    raise TimeoutError(f"processes of the sandbox still live after {_SECONDS_TO_DIE} s")


def main(argv: list[str]) -> None:
    """Run, copy back, and become `collect.py`."""
    room, seconds, uid, processes, files, _, *command = argv
    prepare(Path(room), uid)
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl: expected to become the parent of orphans")
    child = os.fork()
    if child == 0:
        try:
            start(uid, (int(processes), int(files)), command)
        finally:
            os._exit(CANNOT_START)
    code = wait(child, int(seconds))
    for name, source in (
        ("command.stdout", PLACE / "stdout"),
        ("command.stderr", PLACE / "stderr"),
        ("trace", SAID / "trace"),
    ):
        shutil.copyfile(source, Path(room, name))
    Path(room, "code").write_text(f"{code}\n")
    collect = Path(__file__).with_name("collect.py")
    os.execv(sys.executable, [sys.executable, "-I", "-S", str(collect), str(PLACE), str(Path(room, "before.json"))])  # noqa: S606  # ours


if __name__ == "__main__":
    main(sys.argv[1:])
