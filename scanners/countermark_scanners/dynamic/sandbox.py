"""The port of a sandbox: what it is given to run, and the record it must bring back.

Layer: scanners, dynamic. Does no I/O. `bubblewrap` implements it; a container engine can follow behind the same
contract (`tests/scanners/dynamic/test_sandbox_contract.py`).
Trust: everything in a `Record` is what hostile code did or wrote, as seen from outside by programs of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from countermark_ledger.node import Mode

Tree: TypeAlias = "Mapping[str, tuple[Mode, bytes]]"

WORKSPACE = "/work"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The machine that the command believes to be on. `files` are laid out in `home`, read-only, by relative path."""

    name: str
    user: str
    host: str
    environment: Mapping[str, str]
    shift_days: int
    files: Mapping[str, bytes]

    @property
    def home(self) -> str:
        """The private home directory."""
        return f"/home/{self.user}"


@dataclass(frozen=True, slots=True)
class Job:
    """One run: the tree, the image and command of the plan, the surroundings, and the wall seconds it may take."""

    tree: Tree
    image: str
    command: tuple[str, ...]
    surroundings: Surroundings
    seconds: int


@dataclass(frozen=True, slots=True)
class After:
    """What lies at a path of the workspace afterwards: `kind` is file, link, directory or special.

    `content` is None unless the path is a regular file that was not there with these bytes before.
    """

    path: str
    kind: str
    executable: bool
    setuid: bool
    sha256: str
    target: str
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Record:
    """What one run did. `trace` is strace's text; `incomplete` says why it is not the whole truth, or is empty.

    `causes` was written from within and may be forged: it explains, it never acquits. `shifted` says by which
    means the clock was moved, and is empty when it was not. `home` is what was added to the home, without contents.
    """

    code: int
    timed_out: bool
    stdout: bytes
    stderr: bytes
    trace: bytes
    causes: bytes
    after: tuple[After, ...]
    home: tuple[After, ...]
    incomplete: str
    shifted: str
    seconds: float


class Sandbox(Protocol):
    """Something that holds a command and watches it. A control that can't be had raises `NoIsolation`."""

    def describe(self) -> str:
        """Name the enforcement and the evidence with their versions; `NoIsolation` when either is missing."""
        ...

    def run(self, job: Job) -> Record:
        """Run the job to its end or to its time limit; whatever it started is gone afterwards."""
        ...
