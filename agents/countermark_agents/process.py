"""Running the agent's own command: the only place in this package that starts a program.

Layer: agents. Imports `errors` and the standard library.
Trust: the program is whatever the caller named; it runs as the caller, with the caller's files and network.
Its process group ends with it, so that nothing of it writes after the snapshot; a process that leaves the
group (`setsid`) escapes this, and only a sandbox holds it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .errors import ProgramMissing

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
SIGNALLED = 128


def run(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> int:
    """Run a program to its end with our standard streams and exactly `env`; return a shell's exit code.

    Signals that ask us to stop go to its whole process group; what is left of the group when the program ends
    is killed. Call it from the main thread. Raises `ProgramMissing`.
    """
    with _forwarding() as forwarder:
        child = _start(argv, cwd, env)
        try:
            forwarder.to(child.pid)
            code = _end_of(child)
        finally:
            _signal_group(child.pid, signal.SIGKILL)
            child.wait()
    return code if code >= 0 else SIGNALLED - code


def _start(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(list(argv), cwd=cwd, env=dict(env), process_group=0)  # noqa: S603  # no shell
    except OSError as error:
        raise ProgramMissing(f"{argv[0]!r}: {error.strerror}", hint="name a program on the PATH") from error


def _end_of(child: subprocess.Popen[bytes]) -> int:
    """Wait for the end; when the program is stopped (Ctrl-Z), stop with it, and go on with it."""
    ours = os.getpgrp()
    _let_go_on(child.pid, ours)
    try:
        while os.WIFSTOPPED(status := os.waitpid(child.pid, os.WUNTRACED)[1]):
            _hand_terminal(child.pid, ours)
            os.kill(os.getpid(), signal.SIGSTOP)
            _let_go_on(child.pid, ours)
    finally:
        _hand_terminal(child.pid, ours)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode


@dataclass
class _Forwarder:
    """Passes on what asks us to stop; keeps what comes before there is anybody to pass it to."""

    group: int = 0
    early: list[signal.Signals] = field(default_factory=list)

    def receive(self, number: int, _: FrameType | None) -> None:
        if self.group:
            _signal_group(self.group, signal.Signals(number))
        else:
            self.early.append(signal.Signals(number))

    def to(self, group: int) -> None:
        self.group = group
        for number in self.early:
            _signal_group(group, number)


@contextmanager
def _forwarding() -> Iterator[_Forwarder]:
    """Handle the signals before the program starts, and put the former handlers back at the end."""
    forwarder = _Forwarder()
    former = {number: signal.signal(number, forwarder.receive) for number in FORWARDED}
    try:
        yield forwarder
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _let_go_on(group: int, ours: int) -> None:
    """Lend the terminal; a program that read it before it had it was stopped (SIGTTIN)."""
    _hand_terminal(ours, group)
    _signal_group(group, signal.SIGCONT)


def _hand_terminal(giver: int, taker: int) -> None:
    """Make `taker` the terminal's foreground group if `giver` is it now; else it may not read a key."""
    if _foreground_group() != giver:
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        os.tcsetpgrp(0, taker)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _foreground_group() -> int | None:
    try:
        return os.tcgetpgrp(0)
    except OSError:  # standard input is not our terminal: there is nothing to hand over
        return None


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # nobody of the group is left
        os.killpg(group, number)
