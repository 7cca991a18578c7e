"""What calls about processes and programs mean.

Layer: scanners, dynamic. Does no I/O.
Trust: arguments are hostile text; an attempt counts as much as a success.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from . import strace
from .behaviour import Behaviour, said

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from countermark_scanners.catalogue import Rule

    from .decoys import Needles
    from .strace import Call

FORKS = frozenset({"fork", "vfork", "clone", "clone3"})
IDENTITY = frozenset(
    {"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "capset"}
)
STOPPED = frozenset({strace.TRAPPED, strace.KILLED})

_DESCRIPTOR = re.compile(r"/proc/[^/]+/fd/\d+|/dev/fd/\d+")
_CAPABILITIES = re.compile(rb"effective=1<<|effective=0x[0-9a-f]*[1-9a-f]")
_ROOT = b"0"


class Programs:
    """The rules about programs, and what of them a run broke so far."""

    def __init__(self, rules: Mapping[str, Rule], needles: Needles) -> None:
        self._needles = needles
        self._shells = frozenset(rules["run-reverse-shell"].data["shells"])
        self._persistence = frozenset(rules["run-persistence"].data["programs"])
        self._privilege = frozenset(rules["run-privilege"].data["programs"])
        self._calls = {
            call: rule for rule in ("run-debugger", "run-memory-execution") for call in rules[rule].data["calls"]
        }
        self._most_refused = rules["run-process-flood"].data["refused"]
        self._shells_run: list[tuple[int, str]] = []
        self._parents: dict[int, int] = {}
        self._refused = 0
        self._trapped: set[int] = set()

    def executed(self, call: Call) -> Iterator[Behaviour]:
        """Judge the start of a program."""
        arguments = call.split()
        path = (strace.string(arguments[0]) or b"").decode("utf-8", "replace")
        words = list(strace.strings(arguments[1])) if len(arguments) > 1 else []
        name = posixpath.basename(path)
        if name in self._persistence:
            yield Behaviour("run-persistence", said(f"the program {name}"))
        if name in self._privilege:
            yield Behaviour("run-privilege", said(f"the program {name}"))
        if _DESCRIPTOR.fullmatch(path):
            yield Behaviour("run-memory-execution", said(path))
        if name in self._shells:
            self._shells_run.append((call.process, said(path)))
        for decoy in self._needles.found(b" ".join(words)):
            yield Behaviour("run-secret-leak", said(f"the arguments of {name} (the decoy {decoy})"))

    def stopped(self, call: Call) -> Iterator[Behaviour]:
        """Judge a call that the filter stopped."""
        if call.name == strace.KILLED:
            if call.process not in self._trapped:
                yield Behaviour("run-kernel-surface", "a system call of another architecture")
            return
        self._trapped.add(call.process)
        name = call.arguments.decode("ascii", "replace")
        if name == "socket":
            yield Behaviour("run-network", "the wire itself, with a raw or packet socket")
        else:
            yield Behaviour(self._calls.get(name, "run-kernel-surface"), said(name))

    def forked(self, call: Call) -> Iterator[Behaviour]:
        """Note who is whose child, and count the processes that were refused."""
        if (child := call.child) is not None:
            self._parents[child] = call.process
        self._refused += call.failed == "EAGAIN"
        if self._refused == self._most_refused:
            yield Behaviour("run-process-flood", f"{self._refused} or more")

    def shells(self, tied: Collection[int]) -> Iterator[Behaviour]:
        """Judge, at the end, the shells of processes of which one tied a socket to a standard stream.

        A child's first lines may stand before the line that says whose child it is.
        """
        for process, path in self._shells_run:
            above, seen = process, set[int]()
            while above in self._parents and above not in tied and above not in seen:
                seen.add(above)
                above = self._parents[above]
            if above in tied:
                yield Behaviour("run-reverse-shell", path)

    def identified(self, call: Call) -> Iterator[Behaviour]:
        """Judge a change of identity."""
        if call.name == "capset":
            if _CAPABILITIES.search(call.arguments):
                yield Behaviour("run-privilege", "capabilities")
        elif _ROOT in call.split():
            yield Behaviour("run-privilege", said(f"{call.name} to root"))
