"""The one place where scanners start programs.

Layer: scanners. The only module of this package that imports `subprocess`.
Trust: the program reads hostile code and may be made to loop, swell or fork; nothing of our environment, of the
checkout or of the user's home reaches it. Its output is hostile until its scanner has parsed it.

Output goes to files, not pipes: a grandchild that keeps a pipe open cannot keep us waiting, and RLIMIT_FSIZE
caps what it can write.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import certifi

from countermark_ledger import leftovers

from .errors import ToolFailed, ToolMissing, ToolTimedOut

if TYPE_CHECKING:
    from collections.abc import Sequence

_MIB = 1024 * 1024
_LIMITED = Path(__file__).with_name("limited.py")


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """What one run of one program may use."""

    wall_seconds: int = 300
    cpu_seconds: int = 900
    memory_bytes: int = 8192 * _MIB
    output_bytes: int = 128 * _MIB


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ended by itself. `code` is negative when a signal ended it."""

    code: int
    stdout: bytes
    stderr: bytes


def interpreter() -> str:
    """Name the running interpreter, inside its own environment."""
    return sys.executable


def program(name: str) -> str:
    """Find a program beside the running interpreter, never on a PATH."""
    path = Path(sys.executable).parent / name
    if not path.is_file():
        raise ToolMissing(
            f"scanner program: expected {name} beside {sys.executable}, found none",
            hint="pip install 'countermark[scanners]'",
        )
    return str(path)


def run(argv: Sequence[str], *, room: Path, limits: ToolLimits) -> Completed:
    """Run `argv` in `room`/files with an environment of our own; raise unless it ended within its limits."""
    for name in ("files", "home", "tmp"):
        (room / name).mkdir(exist_ok=True)
    out, err = room / "stdout", room / "stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603  # an argv list of ours, no shell, an absolute program
            _limited(argv, limits),
            cwd=room / "files",
            env=_environment(room),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        with leftovers.program(process.pid):
            code = _wait(process, argv, limits)
    return Completed(code, _read(out, limits), _read(err, limits))


def _limited(argv: Sequence[str], limits: ToolLimits) -> list[str]:
    figures = (limits.cpu_seconds, limits.memory_bytes, limits.output_bytes)
    return [sys.executable, "-I", "-S", str(_LIMITED), *map(str, figures), *argv]


def _environment(room: Path) -> dict[str, str]:
    return {
        "HOME": str(room / "home"),
        "TMPDIR": str(room / "tmp"),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), "/usr/bin", "/bin")),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SSL_CERT_FILE": certifi.where(),  # semgrep starts only where there is a certificate store, also offline
    }


def _wait(process: subprocess.Popen[bytes], argv: Sequence[str], limits: ToolLimits) -> int:
    try:
        return process.wait(timeout=limits.wall_seconds)
    except subprocess.TimeoutExpired as error:
        name = Path(argv[0]).name
        raise ToolTimedOut(f"{name}: expected an answer within {limits.wall_seconds} s, found none") from error
    finally:
        leftovers.kill_group(process.pid)
        process.wait()


def _read(path: Path, limits: ToolLimits) -> bytes:
    raw = path.read_bytes()
    if len(raw) >= limits.output_bytes:
        raise ToolFailed(f"{path.name}: expected less than {limits.output_bytes} bytes, found {len(raw)}")
    return raw
