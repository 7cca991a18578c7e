"""What a trace shows: every call of the command and of its children, judged one by one.

Layer: scanners, dynamic. Does no I/O.
Trust: the trace was written outside of the sandbox; what programs chose in it is hostile. The calls of bubblewrap
itself, which sets the sandbox up before the command's first instruction, are ours and are left out.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import files, network, programs, strace
from .network import Sockets
from .places import Places, resolve
from .programs import Programs
from .sandbox import WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from countermark_scanners.catalogue import Rule

    from .behaviour import Behaviour
    from .decoys import Needles
    from .strace import Call

MAX_BEHAVIOURS = 2000


@dataclass(frozen=True, slots=True)
class Observed:
    """What the trace shows. `started` is whether the command itself ran; `ended` whether the trace has its end."""

    behaviours: frozenset[Behaviour]
    started: bool
    ended: bool
    flooded: bool


def observe(
    trace: bytes, command: Iterable[str], places: Places, needles: Needles, rules: Mapping[str, Rule]
) -> Observed:
    """Judge a whole trace; `RecordMalformed` when it is none."""
    watch = _Watch(places, needles, rules)
    start = _Start([os.fsencode(word) for word in command])
    found: set[Behaviour] = set()
    for call in strace.calls(trace):
        if start.is_commands(call):
            found.update(watch.judge(call))
        if len(found) > MAX_BEHAVIOURS:
            return Observed(frozenset(found), start.ran, start.ended, flooded=True)
    return Observed(frozenset(found | set(watch.finish())), start.ran, start.ended, flooded=watch.flooded)


class _Start:
    """Tells the command's processes from those that set the sandbox up."""

    def __init__(self, command: list[bytes]) -> None:
        self._command = command
        self._ours: list[int] = []
        self._process: int | None = None
        self._first: int | None = None
        self.ran = self.ended = False

    def is_commands(self, call: Call) -> bool:
        if self._process is None:
            self._begin(call)
            return self._process is not None
        if call.name in {strace.ENDED, strace.KILLED} and call.process in self._ours:
            self.ended = self.ended or call.process == self._first
            self._ours.remove(call.process)  # its number is free again, and may become the command's
            return False
        if call.process == self._process and not self.ran:
            self._begin(call)
        return call.process == self._process or call.process not in self._ours

    def _begin(self, call: Call) -> None:
        self._first = call.process if self._first is None else self._first
        if call.name == "execve" and self._is_command(call):
            self._process = call.process
            self._ours = [one for one in self._ours if one != call.process]
            self.ran = call.result == 0
        elif call.process not in self._ours:
            self._ours.append(call.process)

    def _is_command(self, call: Call) -> bool:
        arguments = call.split()
        return len(arguments) > 1 and list(strace.strings(arguments[1])) == self._command


class _Watch:
    """The state that judging needs: working directories, sockets, and who is whose child."""

    def __init__(self, places: Places, needles: Needles, rules: Mapping[str, Rule]) -> None:
        self._places = places
        self._sockets = Sockets(places, needles)
        self._programs = Programs(rules, needles)
        self._directories: dict[int, str] = {}

    def judge(self, call: Call) -> Iterator[Behaviour]:
        if call.name in files.CALLS:
            if known := files.directory(call):
                self._directories[call.process] = known
            yield from files.judge(call, self._directory(call.process), self._places)
        elif call.name in network.CALLS:
            yield from self._sockets.judge(call)
        elif call.name == "execve":
            yield from self._programs.executed(call)
        elif call.name in programs.STOPPED:
            yield from self._programs.stopped(call)
        elif call.name in programs.FORKS:
            self._inherit(call)
            yield from self._programs.forked(call)
        elif call.name in programs.IDENTITY:
            yield from self._programs.identified(call)
        elif call.name in {"chdir", "fchdir"} and call.result == 0:
            self._moved(call)

    @property
    def flooded(self) -> bool:
        """More was sent than is searched."""
        return self._sockets.overflowed

    def finish(self) -> Iterator[Behaviour]:
        """Judge what only the whole trace shows."""
        yield from self._programs.shells(self._sockets.tied)
        yield from self._sockets.finish()

    def _directory(self, process: int) -> str:
        return self._directories.get(process, WORKSPACE)

    def _inherit(self, call: Call) -> None:
        if (child := call.child) is not None:
            self._directories.setdefault(child, self._directory(call.process))

    def _moved(self, call: Call) -> None:
        argument = call.split()[0]
        path = strace.string(argument) if call.name == "chdir" else strace.descriptor(argument)[1]
        self._directories[call.process] = resolve(self._directory(call.process), os.fsdecode(path or b""))
