"""A dependency as every manifest's reader gives it, and the places of names in a text.

Layer: scanners, a part of `dependencies`. Imports `errors`; does no I/O.
Trust: names, versions and addresses are hostile text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum

from ..errors import Unreadable

PYPI, NPM, GO, CRATES, GEMS, MAVEN, CONDA = "PyPI", "npm", "Go", "crates.io", "RubyGems", "Maven", "conda"
PACKAGES_AT_MOST = 20_000


class Source(Enum):
    """Where a package comes from."""

    REGISTRY = "registry"
    ADDRESS = "address"
    PATH = "path"
    INDEX = "index"  # no package: a registry that packages may come from
    OVERRIDE = "override"  # no package: another one's place is taken


@dataclass(frozen=True, slots=True)
class Package:
    """One dependency: `version` is exact or empty, `wanted` as written, `hashed` None where a manifest has no hashes.

    `locked` tells a lock file's row from a wish of the project's own. Lines start at 1.
    """

    ecosystem: str
    name: str
    version: str
    wanted: str
    line: int
    source: Source = Source.REGISTRY
    address: str = ""
    hashed: bool | None = None
    scripts: bool = False
    locked: bool = False

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """Name what makes a dependency another one than before."""
        return self.ecosystem, self.name, self.version or self.wanted, self.address


class Places:
    """Finds the line of a piece of text, looking onwards from the last one found, then from the start."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._at = 0

    def line(self, needle: str) -> int:
        """Give the next line with `needle`, or the line reached so far; lines start at 1."""
        found = self._text.find(needle, self._at, self._at + 200_000)
        if found < 0:
            found = self._text.find(needle, 0, 200_000)
        self._at = found if found >= 0 else self._at
        return bisect_right(self._starts, self._at)


def python_name(name: str) -> str:
    """Spell a Python package's name as its registry compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def decoded(content: bytes) -> str:
    """Decode a manifest; raise `Unreadable` for what is no UTF-8."""
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Unreadable(f"expected a manifest as UTF-8, found other bytes at {error.start}") from error


def table(value: object) -> dict[str, object]:
    """Take a table of a parsed manifest; anything else holds nothing that its tools would read."""
    return {str(key): inner for key, inner in value.items()} if isinstance(value, dict) else {}


def rows(value: object) -> list[object]:
    """Take a list of a parsed manifest."""
    return list(value) if isinstance(value, list) else []


def text(value: object) -> str:
    """Take a string of a parsed manifest."""
    return value if isinstance(value, str) else ""
