"""Files that only their owner can read, in a directory that appears whole or not at all.

Layer: ledger, authority side; the one place of this room that does I/O. Reads no clock.
Trust: an attacker who controls the directory is the authority. So it is refused when others can read it, when
it is not ours, is reached through a symlink, or lies in a git work tree, where one `git add` would publish it.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..errors import UnsafeKey

MAX_BYTES = 64 * 1024
_PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700
_OTHERS = 0o077
_HINT = "choose a new place outside every work tree, such as $XDG_DATA_HOME/countermark/<repository id>"


def create(path: Path, files: Mapping[str, bytes]) -> None:
    """Write the files, 0600 in a directory 0700, all of them or none; never over anything that is there."""
    _refuse_work_tree(path)
    if os.path.lexists(path):
        raise UnsafeKey(f"key directory {path}: expected nothing there, found something", hint=_HINT)
    _make(path.parent)
    draft = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        draft.chmod(_PRIVATE_FOLDER)  # a strict umask takes the owner's own rights from it, too
        _fill(draft, files)
        _rename(draft, path)
    except BaseException:  # also an interrupt leaves no half-made keys behind; raised again
        shutil.rmtree(draft)
        raise
    _sync(path.parent)


def read(path: Path, name: str) -> bytes:
    """Read one file; raise `UnsafeKey` unless it and its directory are ours alone and outside work trees."""
    _refuse_work_tree(path)
    directory = _open(path, os.O_DIRECTORY, None, path)
    try:
        _require_private(directory, path)
        return _read(directory, name, path / name)
    finally:
        os.close(directory)


def _make(folder: Path) -> None:
    """Make a folder, and what is missing above it, for its owner alone, whatever the umask is."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)  # two may begin at once
    folder.chmod(_PRIVATE_FOLDER)


def _fill(draft: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(draft / name, flags, _PRIVATE), "wb") as file:
            os.fchmod(file.fileno(), _PRIVATE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    _sync(draft)


def _rename(draft: Path, path: Path) -> None:
    try:
        draft.rename(path)
    except OSError as error:  # somebody else's directory appeared in between
        raise UnsafeKey(f"key directory {path}: expected nothing there: {error}", hint=_HINT) from error


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(directory: int, name: str, shown: Path) -> bytes:
    descriptor = _open(Path(name), os.O_NONBLOCK, directory, shown)
    try:
        _require_private(descriptor, shown)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnsafeKey(f"key {shown}: expected a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:
        raise UnsafeKey(f"key {shown}: expected at most {MAX_BYTES} bytes")
    return content


def _open(path: Path, flags: int, directory: int | None, shown: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | flags, dir_fd=directory)
    except OSError as error:
        raise UnsafeKey(f"key {shown}: expected something of yours that is no symlink: {error}") from error


def _require_private(descriptor: int, shown: Path) -> None:
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise UnsafeKey(
            f"key {shown}: expected it to be yours alone, found owner {found.st_uid} and mode {mode:04o}",
            hint=f"chmod -R u=rwX,go= {shown}",
        )


def _refuse_work_tree(path: Path) -> None:
    place = path.resolve()
    for folder in (place, *place.parents):
        if os.path.lexists(folder / ".git"):
            raise UnsafeKey(f"key directory {path}: inside the git work tree {folder}", hint=_HINT)
