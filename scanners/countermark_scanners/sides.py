"""The two sides of a change as the scanners get them: what each file is, and each Python text once.

Layer: scanners. Imports `language` and `source`.
Trust: paths and contents are hostile.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import language, source

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

    @property
    def is_python(self) -> bool:
        """Say whether the scanners should read it."""
        return self.language == language.PYTHON


@dataclass(frozen=True, slots=True)
class Sides:
    """Head and base, by path."""

    head: dict[str, File]
    base: dict[str, File]

    @property
    def python(self) -> dict[str, bytes]:
        """Give every Python text of both sides once, by its sha256."""
        both = (*self.head.values(), *self.base.values())
        return {file.sha256: file.content for file in both if file.is_python}


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
    return Sides(_resolved(head, programs), _resolved(before, programs))


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
