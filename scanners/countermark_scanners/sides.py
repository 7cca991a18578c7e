"""The two sides of a change: what each file is, and which file of the base it was.

Layer: scanners. Imports `language`, `renames` and `source`.
Trust: paths and contents are hostile.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import language, source
from .renames import origins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .tool import ToolLimits


@dataclass(frozen=True, slots=True)
class File:
    """One path: the sha256 of its bytes, what it is, and the bytes."""

    path: str
    sha256: str
    language: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Sides:
    """Head and base, by path, and `origins`: path of the head -> path it had in the base."""

    head: dict[str, File]
    base: dict[str, File]
    origins: dict[str, str]

    @property
    def python(self) -> int:
        """Count the Python texts of both sides, each once."""
        both = (*self.head.values(), *self.base.values())
        return len({file.sha256 for file in both if file.language == language.PYTHON})

    @property
    def deleted(self) -> list[str]:
        """List the paths of the base that no file of the head was."""
        return sorted(set(self.base) - set(self.origins.values()))


def identify(
    files: Mapping[str, bytes], base: Mapping[str, bytes], special: Mapping[str, str], limits: ToolLimits
) -> Sides:
    """Say what every file is; text that no language claims is shown to Python's parser."""
    head, before = _named(files, special), _named(base, {})
    unclear = {
        file.sha256: file.content
        for file in (*head.values(), *before.values())
        if language.may_be_python(file.language)
    }
    programs = source.programs(unclear, limits) if unclear else frozenset()
    return Sides(_resolved(head, programs), _resolved(before, programs), origins(files, base))


def _named(files: Mapping[str, bytes], special: Mapping[str, str]) -> dict[str, File]:
    return {
        path: File(
            path,
            hashlib.sha256(files[path]).hexdigest(),
            special.get(path) or language.file_type(path, files[path]),
            files[path],
        )
        for path in sorted(files)
    }


def _resolved(files: dict[str, File], programs: frozenset[str]) -> dict[str, File]:
    return {
        path: File(path, file.sha256, language.PYTHON, file.content)
        if file.sha256 in programs and language.may_be_python(file.language)
        else file
        for path, file in files.items()
    }
