"""The tree that lands as a directory that commands can run in, made from blobs: no checkout, no `.git`.

Layer: scanners, dynamic. Writes below a directory of ours.
Trust: paths, modes and contents are hostile. Nothing that is written is followed: links are made last, as links, and
a name that could leave the directory is refused.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from countermark_ledger.node import Mode

from .errors import CannotLayOut

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .sandbox import Tree

MAX_FILES = 100_000
MAX_BYTES = 1024 * 1024 * 1024
_NO_NAMES = frozenset({"", ".", ".."})


def lay_out(directory: Path, tree: Tree) -> dict[str, str]:
    """Write the tree below a directory; return sha256 by path of every regular file. A submodule is left empty."""
    _check(tree)
    links = {path: content for path, (mode, content) in tree.items() if mode is Mode.SYMLINK}
    for path, (mode, content) in tree.items():
        place = directory / path
        if mode is Mode.GITLINK:
            place.mkdir(parents=True, exist_ok=True)
        elif mode is not Mode.SYMLINK:
            write(place, content, 0o755 if mode is Mode.EXECUTABLE else 0o644)
    for path, target in links.items():
        place = directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(os.fsdecode(target))
    return {
        path: hashlib.sha256(content).hexdigest()
        for path, (mode, content) in tree.items()
        if mode in {Mode.FILE, Mode.EXECUTABLE}
    }


def write(place: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file that is not there yet."""
    place.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(place, flags, mode), "wb") as stream:
        stream.write(content)


def _check(tree: Mapping[str, tuple[Mode, bytes]]) -> None:
    if len(tree) > MAX_FILES or sum(len(content) for _, content in tree.values()) > MAX_BYTES:
        raise CannotLayOut(f"tree: expected at most {MAX_FILES} files of {MAX_BYTES} bytes, found more")
    for path, (mode, content) in tree.items():
        parts = path.split("/")
        if _NO_NAMES & set(parts) or "\x00" in path or any(part.lower() == ".git" for part in parts):
            raise CannotLayOut(f"tree: expected a path that stays inside, found {path!r}")
        if any("/".join(parts[:depth]) in tree for depth in range(1, len(parts))):
            raise CannotLayOut(f"tree: expected a file or a directory, found both at or above {path!r}")
        if mode is Mode.SYMLINK and (not content or b"\x00" in content or len(content) >= 4096):  # noqa: PLR2004  # PATH_MAX
            raise CannotLayOut(f"tree: expected a link with a target, found {path!r}")
