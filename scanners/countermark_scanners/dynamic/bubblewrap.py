"""The sandbox made of Linux namespaces: bubblewrap enforces, strace is the evidence.

Layer: scanners, dynamic. Starts programs through `tool.run`.
Trust: both programs are taken from the system's own directories or by a full path that the operator gives. The
command sees a file system of `/usr` or of an image, read-only; a workspace, a home and a `/tmp` of bounded size; no
network, no capability, no other process; and a system call filter. The tracer, and the program that reads the
workspace back, are outside of all that. `keep.py` says in which order.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from countermark_scanners import tool
from countermark_scanners.errors import ScannerError
from countermark_scanners.materialise import fresh_room
from countermark_scanners.tool import ToolLimits

from . import machine, record, seccomp, tracing, workspace
from .errors import NoIsolation
from .keep import PLACE, SAID, STAYS

if TYPE_CHECKING:
    from .sandbox import Job, Record

_HERE = Path(__file__).parent
_PLACES = (Path("/usr/bin"), Path("/usr/local/bin"), Path("/bin"))
_OLDEST = (0, 8)  # --disable-userns and --size
_MIB = 1024 * 1024
_ROOM_TO_WRITE = 1024 * _MIB
_FILE = 128 * _MIB
_PROCESSES, _FILES = 512, 4096
_GRACE_SECONDS = 60
_runs = itertools.count()
_FIRST_UID, _UIDS = 60_000, 5000  # Debian keeps 60000-64999 for uses like this one


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The two programs, each by its full path."""

    bwrap: Path
    strace: Path

    @classmethod
    def found(cls) -> Bubblewrap:
        """Find both in the system's own directories; never on a PATH."""
        return cls(_find("bwrap", "bubblewrap"), _find("strace", "strace"))

    def describe(self) -> str:
        """Name both with their versions, and refuse a bubblewrap that lacks a control."""
        seccomp.program(platform.machine())
        version = _version(self.bwrap)
        if tuple(map(int, version.split(".")[:2])) < _OLDEST:
            raise NoIsolation(f"bubblewrap: expected 0.8 or newer, found {version}", hint="apt-get install bubblewrap")
        return f"bubblewrap {version}, strace {_version(self.strace)}"

    def run(self, job: Job) -> Record:
        """Run the job in a room that is gone afterwards."""
        with fresh_room() as room:
            before = workspace.lay_out(room / "lay" / "work", job.tree)
            machine.lay_out(room / "lay", job, seccomp.program(platform.machine()))
            (room / "before.json").write_text(
                json.dumps({os.fsencode(path).hex(): sha for path, sha in before.items()})
            )
            limits = ToolLimits(job.seconds + _GRACE_SECONDS, 4 * job.seconds + _GRACE_SECONDS, output_bytes=_FILE)
            began = time.monotonic()
            kept = tool.run(self._argv(job, room), room=room, limits=limits)
            if kept.code != 0:
                raise NoIsolation(f"bubblewrap: {kept.stderr[-400:].decode('utf-8', 'replace').strip()}")
            return record.read(room, kept.stdout, seconds=time.monotonic() - began, shifted=machine.shifted(job))

    def _argv(self, job: Job, room: Path) -> list[str]:
        """Spell the chain: a namespace with bounded file systems, the keeper, the tracer, the sandbox, the command."""
        uid = _nobody_else() if os.geteuid() == 0 else STAYS
        python = os.path.realpath(sys.executable)
        size = str(_ROOM_TO_WRITE + sum(len(content) for _, content in job.tree.values()))
        outer = [str(self.bwrap), "--die-with-parent", *(["--cap-add", "ALL"] if uid != STAYS else [])]
        outer += ["--dev-bind", "/", "/", "--perms", "0755", "--size", size, "--tmpfs", str(PLACE)]
        outer += ["--perms", "0755", "--size", str(2 * _FILE), "--tmpfs", str(SAID), "--"]
        limits = [str(job.seconds), uid, str(_PROCESSES), str(_FILES), "--"]
        keep = [python, "-I", "-S", str(_HERE / "keep.py"), str(room), *limits]
        return [*outer, *keep, str(self.strace), *tracing.OPTIONS, str(self.bwrap), *machine.options(job)]


def _nobody_else() -> str:
    """Choose a user for one run: the kernel counts a user's processes together, over all sandboxes."""
    return str(_FIRST_UID + (os.getpid() * 7 + next(_runs)) % _UIDS)


def _find(name: str, package: str) -> Path:
    for place in _PLACES:
        if (place / name).is_file():
            return place / name
    raise NoIsolation(f"sandbox: expected {name} in {_PLACES[0]}, found none", hint=f"apt-get install {package}")


def _version(program: Path) -> str:
    with fresh_room() as room:
        try:
            done = tool.run([str(program), "--version"], room=room, limits=ToolLimits(wall_seconds=20))
        except ScannerError as error:
            raise NoIsolation(f"{program.name}: {error.message}") from error
    found = re.search(rb"\d+(\.\d+)+", done.stdout)
    if done.code != 0 or found is None:
        raise NoIsolation(f"{program.name}: expected a version, found exit code {done.code}")
    return found[0].decode()
