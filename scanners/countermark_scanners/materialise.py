"""Changed blobs under neutral names: what a tool sees of a change.

Layer: scanners. Imports the ledger's `leftovers`.
Trust: contents are hostile; names and configuration of the tree never get here. A scanner cannot skip `tests/`,
obey a `.semgrepignore` or read a `pyproject.toml` that it never sees.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from countermark_ledger import leftovers

from . import language

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


_ALL_PYTHON: Mapping[str, str] = MappingProxyType({})
_ENDS = {
    language.PYTHON: ".py",
    "javascript": ".js",
    "typescript": ".ts",
    "tsx": ".tsx",
    "go": ".go",
    "java": ".java",
    "shell": ".sh",
    "dockerfile": ".dockerfile",
    "github-actions": ".yml",
    "terraform": ".tf",
}


@contextmanager
def fresh_room() -> Iterator[Path]:
    """Make a private directory that is gone afterwards."""
    with leftovers.folder("countermark-") as made:
        room = made.resolve()
        (room / "files").mkdir()
        yield room


def materialise(
    room: Path, contents: Mapping[str, bytes], languages: Mapping[str, str] = _ALL_PYTHON
) -> dict[str, str]:
    """Write each content as `files/f000001.py`, in key order; return neutral name -> key.

    `languages` says the language of each key, of which the name's end is made; none means Python.
    """
    ends = {key: _ENDS[languages.get(key, language.PYTHON)] for key in contents}
    names = {f"f{number:06}{ends[key]}": key for number, key in enumerate(sorted(contents), start=1)}
    for name, key in names.items():
        _write(room / "files" / name, contents[key])
    return names


def _write(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as stream:
        stream.write(content)
