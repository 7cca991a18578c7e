"""Where a repository keeps its parts, found by reading files and asking git nothing.

Layer: ledger git. Imports nothing of ours but `errors`.
Trust: every file here is hostile. Only regular files are opened (never a link, a FIFO or a device), with
caps; an object store must lie inside its own repository, so that a checkout can't lend us a host's objects.

A linked work tree is accepted when both ends name each other, which only its repository's owner can arrange.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import GitError, TooLarge

MAX_POINTER = 64 * 1024
MAX_CONFIG = 1024 * 1024
MAX_LIST = 64 * 1024 * 1024

_OBJECT_FORMAT = re.compile(
    rb"^[ \t]*(?:\[extensions\][ \t]*)?objectformat[ \t]*=[ \t]*\"?(\w+)", re.IGNORECASE | re.MULTILINE
)
_REFTABLE_HINT = "git refs migrate --ref-format=files"
_ALTERNATES_HINT = "git repack -a -d && rm .git/objects/info/alternates"
_NAME_IT = "name the git directory itself, when you trust it"
_ABSENT = (FileNotFoundError, NotADirectoryError)


@dataclass(frozen=True, slots=True)
class Place:
    """A repository's parts: `git_dir` holds HEAD, `common_dir` the objects and the shared refs."""

    git_dir: Path
    common_dir: Path
    object_format: str
    shallow: bool

    @property
    def objects(self) -> Path:
        """Return the object store."""
        return self.common_dir / "objects"


def find(start: Path) -> Place:
    """Find the repository at a work tree, a bare repository, a git directory, or the nearest one above."""
    start = Path(os.path.abspath(start))  # noqa: PTH100  # `resolve` would follow a link out of the checkout
    for folder in (start, *start.parents):
        dot_git = folder / ".git"
        kind = _kind(dot_git)
        if kind == stat.S_IFDIR:
            return _place(dot_git)
        if kind == stat.S_IFREG:
            return _place(_linked(dot_git))
        if kind is not None:
            raise GitError(f"{dot_git}: expected a directory or a file, found neither", hint=_NAME_IT)
        if _is_git_dir(folder):
            return _place(folder)
    raise GitError(f"{start}: expected a git repository here or above, found none", hint="git init")


def submodule(where: Place, path: str) -> Path | None:
    """Say where a recursive clone keeps the repository of the submodule at a path, None where nothing lies there.

    git names it by the submodule's name, which is its path unless somebody chose another. No link is followed.
    """
    folder = where.git_dir
    for part in ("modules", *path.split("/")):
        folder /= part
        if part in {"", ".", ".."} or _kind(folder) != stat.S_IFDIR:
            return None
    return folder if _is_git_dir(folder) else None


def read_regular(path: Path, limit: int) -> bytes | None:
    """Read a regular file of at most `limit` bytes; absent (or a directory in its place) is None."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except _ABSENT:
        return None
    except OSError as error:
        raise GitError(f"{path}: expected a readable regular file, found {error.strerror}") from error
    try:
        content = _regular_content(descriptor, path, limit + 1)
    finally:
        os.close(descriptor)
    if content is not None and len(content) > limit:
        raise TooLarge(f"{path}: expected at most {limit} bytes, found more")
    return content


def _regular_content(descriptor: int, path: Path, size: int) -> bytes | None:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        return None
    if not stat.S_ISREG(mode):
        raise GitError(f"{path}: expected a regular file, found another kind")
    with open(descriptor, "rb", closefd=False) as file:  # a descriptor, not a path
        return file.read(size)


def _place(git_dir: Path) -> Place:
    common_dir = _common_dir(git_dir)
    if _kind(common_dir / "reftable") is not None:
        raise GitError(f"{common_dir}: expected refs as files, found a reftable", hint=_REFTABLE_HINT)
    if not _is_git_dir(git_dir):
        raise GitError(f"{git_dir}: expected a git directory, found no HEAD or no objects in it", hint="git init")
    place = Place(git_dir, common_dir, _object_format(common_dir), bool(read_regular(common_dir / "shallow", MAX_LIST)))
    _check_stores(place.objects, within=Path(os.path.realpath(common_dir)))
    return place


def _linked(dot_git: Path) -> Path:
    """Follow a work tree's `.git` file, when the directory it names also names this file."""
    git_dir = _pointer(dot_git, b"gitdir: ")
    if _kind(git_dir / "commondir") is None:
        raise GitError(f"{dot_git}: expected the `.git` file of a linked work tree, found another", hint=_NAME_IT)
    back = _pointer(git_dir / "gitdir", b"")
    if not (back.exists() and back.samefile(dot_git)):
        raise GitError(f"{git_dir}: expected it to name {dot_git}, found another path", hint="git worktree repair")
    return git_dir


def _common_dir(git_dir: Path) -> Path:
    if _kind(git_dir / "commondir") is None:
        return git_dir
    common_dir = _pointer(git_dir / "commondir", b"")
    home = common_dir / "worktrees"
    if not (home.is_dir() and home.samefile(git_dir.parent)):
        raise GitError(f"{git_dir}: expected to lie in {home}, found it elsewhere", hint=_NAME_IT)
    return common_dir


def _pointer(file: Path, prefix: bytes) -> Path:
    """Read the one path that a pointer file holds, relative to the file."""
    content = read_regular(file, MAX_POINTER)
    if content is None or not content.startswith(prefix) or b"\x00" in content:
        raise GitError(f"{file}: expected a path, found something else", hint=_NAME_IT)
    target = os.fsdecode(content.removeprefix(prefix).rstrip(b"\r\n"))
    return Path(os.path.normpath(os.path.join(file.parent, target)))  # noqa: PTH118  # pathlib keeps `..`


def _object_format(common_dir: Path) -> str:
    """Read the one setting of theirs that decides how objects are named; a lie only makes them unreadable."""
    found = _OBJECT_FORMAT.findall(read_regular(common_dir / "config", MAX_CONFIG) or b"")
    name = found[-1].decode("ascii") if found else "sha1"
    if name not in {"sha1", "sha256"}:
        raise GitError(f"{common_dir}: expected object format sha1 or sha256, found {name!r}")
    return name


def _check_stores(objects: Path, *, within: Path) -> None:
    """Refuse objects borrowed from elsewhere: a link, a special file, or an alternate outside `within`."""
    checked: set[Path] = set()
    ahead = [objects]
    while ahead:
        store = ahead.pop()
        if store not in checked:
            checked.add(store)
            _check_store(store)
            listed = (read_regular(store / "info" / "alternates", MAX_POINTER) or b"").split(b"\n")
            ahead += [_alternate(store, line, within) for line in listed if line]


def _check_store(objects: Path) -> None:
    if _kind(objects) != stat.S_IFDIR:
        raise GitError(f"{objects}: expected a directory of its own, found something else", hint=_NAME_IT)
    for entry in _entries(objects):
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            raise GitError(f"{entry.path}: expected regular files in an object store, found another kind")


def _alternate(objects: Path, line: bytes, within: Path) -> Path:
    """Read one alternate as git will: it unquotes, and resolves `..` before links, so refuse what could differ."""
    named = os.path.join(os.path.realpath(objects), os.fsdecode(line))  # noqa: PTH118  # pathlib keeps `..`
    store = Path(os.path.normpath(named))
    if line.startswith(b'"') or within not in store.parents or os.path.realpath(store) != str(store):
        raise GitError(f"{objects}: expected its own objects, found alternates elsewhere", hint=_ALTERNATES_HINT)
    return store


def _entries(objects: Path) -> Iterator[os.DirEntry[str]]:
    """List a store two levels deep: fan-out directories, packs and info, and what they hold."""
    try:
        with os.scandir(objects) as top:
            for entry in top:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    with os.scandir(entry) as inner:
                        yield from inner
    except OSError as error:
        raise GitError(f"{objects}: expected a readable object store, found {error.strerror}") from error


def _is_git_dir(folder: Path) -> bool:
    has_objects = _kind(folder / "objects") is not None or _kind(folder / "commondir") == stat.S_IFREG
    return has_objects and _kind(folder / "HEAD") == stat.S_IFREG


def _kind(path: Path) -> int | None:
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except _ABSENT:
        return None
    except OSError as error:
        raise GitError(f"{str(path)[:200]}: expected a path that can be read, found {error.strerror}") from error
