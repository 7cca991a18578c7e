"""What a scanner is made of on this machine, as one digest: another digest, another scanner.

Layer: scanners. Imports `sealed`.
Trust: the installation is ours, and believed as far as Python believes it; whoever can write to it has won already.
What this holds is honest change: an upgrade, a patched file, another interpreter, a library beside it.

A tool's own files are read to the last byte once. After that a digest is known by what the file system says of
each of them (device, inode, size, both times, as git's index does), because one of the tools has 260 megabytes.
"""

from __future__ import annotations

import csv
import hashlib
import os
import platform
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from countermark_ledger import canonical

from .errors import ToolMissing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from countermark_ledger.canonical import Json

    from .sealed import SealedRecords

_RECORDS = ("RECORD", "METADATA", "PKG-INFO")
_INFO = (".dist-info", ".egg-info")
_MADE_BY_RUNNING = "__pycache__"


class Installation:
    """This process's environment."""

    def __init__(self, records: SealedRecords) -> None:
        self._records = records

    @cached_property
    def _shared(self) -> list[Json]:
        """Say what every scanner is made of; looked at once, for nobody upgrades between two of our questions."""
        return [_interpreter(), _environment(sys.path), _sources(Path(__file__).parent)]

    def digest(self, distributions: Sequence[str]) -> str:
        """Name what a scanner is made of: Python, everything installed, our own code, and its distributions' bytes.

        Raises `ToolMissing` for one that is not installed or does not say which files it has, and `OSError`.
        """
        own: list[Json] = [[name, self._contents(_files(name))] for name in distributions]
        return _sha256(canonical.dumps([*self._shared, own]))

    def _contents(self, files: list[Path]) -> str:
        stated = _stated(files)
        question: Json = {"kind": "files", "stat": stated}
        known = self._records.find(question).answer
        if isinstance(known, str):
            return known
        digest = _sha256("".join(f"{path} {_file_sha256(path)}\n" for path in files).encode())
        if _stated(files) == stated:  # nothing changed while we read
            self._records.keep(question, digest)
        return digest


def _interpreter() -> str:
    return f"{sys.implementation.name} {sys.version} {platform.machine()} {sys.platform}"


def _environment(places: Sequence[str]) -> str:
    """Name everything that is installed: each distribution by its folder's name and the digest of its own list."""
    rows = sorted(row for place in map(Path, places) if place.is_dir() for row in _distributions(place))
    return _sha256("\n".join(rows).encode("utf-8", "surrogateescape"))


def _distributions(place: Path) -> Iterator[str]:
    for entry in os.scandir(place):
        if entry.name.endswith(_INFO):
            record = next((path for path in (place / entry.name / one for one in _RECORDS) if path.is_file()), None)
            yield f"{entry.name} {_file_sha256(record or place / entry.name)}"


def _sources(package: Path) -> str:
    """Name our own code, which asks the tools and reads their answers: no number that somebody forgets to raise."""
    return _sha256(
        "".join(
            f"{path.relative_to(package)} {_file_sha256(path)}\n" for path in sorted(package.rglob("*.py"))
        ).encode()
    )


def _files(name: str) -> list[Path]:
    """List the files of a distribution, but for what Python makes of them while it runs."""
    from importlib import metadata  # noqa: PLC0415  # as in `scanner`

    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError as error:
        raise ToolMissing(f"scanner program: expected {name} in this environment, found none") from error
    listed = [row[0] for row in csv.reader((found.read_text("RECORD") or "").splitlines()) if row]
    paths = [Path(str(found.locate_file(path))) for path in listed if _MADE_BY_RUNNING not in path]
    if not paths:
        raise ToolMissing(f"scanner program: expected the list of files of {name}, found none")
    return sorted(paths)


def _stated(files: list[Path]) -> str:
    stats = ((path, path.stat()) for path in files if path.exists())
    rows = (f"{p} {s.st_dev} {s.st_ino} {s.st_size} {s.st_mtime_ns} {s.st_ctime_ns}\n" for p, s in stats)
    return _sha256("".join(rows).encode("utf-8", "surrogateescape"))


def _file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, IsADirectoryError):
        return "absent"


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
