"""Snapshots: what lies in a work tree at one moment, and what changed between two.

Layer: agents. Imports `node` and `errors`; reads the file system below one directory and writes nothing.
Trust: the work tree is hostile, and whoever wrote it may still be writing. Every name is opened relative to
the directory it was listed in, never through a symbolic link, and never read unless it is the regular file
that was listed; what moves under the reader is refused, not guessed at.

Two names of one file (hard links) are two paths with one content: the content is what was read here.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countermark_ledger.node import Change, Mode, Node, Transition

from .errors import (
    ChangedWhileRead,
    NestedRepository,
    NotAFile,
    TooMuch,
    Unreadable,
    UnspellableName,
)

if TYPE_CHECKING:
    from pathlib import Path

MAX_DEPTH = 128
MAX_FILE_BYTES = 1024 * 1024 * 1024
MAX_FILES = 1_000_000
_BLOCK = 1024 * 1024
_MOVED = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO}
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

Ignored = Callable[[str], bool]


def take(root: Path, *, ignored: Ignored) -> dict[str, Node]:
    """Hash everything below `root` but its own `.git` and what `ignored` names; keys are relative, with `/`.

    `ignored` is asked for each path before it is looked at; a directory it names is not entered.
    A key outside UTF-8 holds its bytes as surrogates. Raises a `WorkTreeRefused`.
    """
    walk = _Walk(ignored, {})
    with _refusing(str(root)):
        descriptor = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        walk.directory(descriptor, "", 0)
    finally:
        os.close(descriptor)
    return dict(sorted(walk.found.items()))


def changes(before: Mapping[str, Node], after: Mapping[str, Node]) -> Change:
    """Tell what happened between two snapshots. Raises `UnspellableName` for a changed path outside UTF-8."""
    changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    for path in changed:
        if not _is_utf8(path):
            raise UnspellableName(path, "its bytes are not UTF-8", hint="rename it, or have it ignored")
    return Change.of(Transition(path, before.get(path), after.get(path)) for path in changed)


@dataclass(frozen=True, slots=True)
class _Walk:
    ignored: Ignored
    found: dict[str, Node]

    def directory(self, descriptor: int, path: str, depth: int) -> None:
        """Record everything below an open directory, and check that its listing held meanwhile."""
        if depth > MAX_DEPTH:
            raise TooMuch(path, f"deeper than {MAX_DEPTH} directories")
        at_first = os.fstat(descriptor)
        for name in _names(descriptor, path):
            if name != b".git" or depth:
                below = name.decode("utf-8", "surrogateescape")
                self._entry(descriptor, name, f"{path}/{below}" if path else below, depth)
        if os.fstat(descriptor).st_mtime_ns != at_first.st_mtime_ns:
            raise ChangedWhileRead(path or ".", "a name came or went")

    def _entry(self, parent: int, name: bytes, path: str, depth: int) -> None:
        if self.ignored(path):
            return
        if name == b".git":
            raise NestedRepository(path, "found one", hint="remove it, or have its directory ignored")
        with _refusing(path):
            listed = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISDIR(listed.st_mode):
                with _opened(parent, name, path, listed) as descriptor:
                    self.directory(descriptor, path, depth + 1)
            else:
                self._record(path, _node(parent, name, path, listed))

    def _record(self, path: str, node: Node) -> None:
        if len(self.found) >= MAX_FILES:
            raise TooMuch(path, f"more than {MAX_FILES} files")
        self.found[path] = node


def _node(parent: int, name: bytes, path: str, listed: os.stat_result) -> Node:
    if stat.S_ISLNK(listed.st_mode):
        return _symlink(parent, name, path, listed)
    if not stat.S_ISREG(listed.st_mode):
        raise NotAFile(path, f"found {_kind(listed.st_mode)}", hint="remove it, or have it ignored")
    with _opened(parent, name, path, listed) as descriptor:
        return _regular(descriptor, path)


def _regular(descriptor: int, path: str) -> Node:
    """Hash an open file in blocks; its size, times and inode must be the same after as before."""
    before = os.fstat(descriptor)
    if before.st_size > MAX_FILE_BYTES:
        raise TooMuch(path, f"larger than {MAX_FILE_BYTES} bytes")
    sha256 = hashlib.sha256()
    blob = hashlib.sha1(b"blob %d\x00" % before.st_size, usedforsecurity=False)
    read = 0
    while block := os.read(descriptor, _BLOCK):
        read += len(block)
        if read > before.st_size:
            break
        sha256.update(block)
        blob.update(block)
    if read != before.st_size or _state(os.fstat(descriptor)) != _state(before):
        raise ChangedWhileRead(path, "it was written to")
    mode = Mode.EXECUTABLE if before.st_mode & stat.S_IXUSR else Mode.FILE
    return Node(mode, sha256.hexdigest(), blob.hexdigest())


def _symlink(parent: int, name: bytes, path: str, listed: os.stat_result) -> Node:
    target = os.readlink(name, dir_fd=parent)
    if _state(os.stat(name, dir_fd=parent, follow_symlinks=False)) != _state(listed):
        raise ChangedWhileRead(path, "the link was replaced")
    return Node.of_blob(Mode.SYMLINK, target)


@contextmanager
def _opened(parent: int, name: bytes, path: str, listed: os.stat_result) -> Iterator[int]:
    """Open what was listed: another inode, or a symbolic link in its place, is a race and refused."""
    descriptor = os.open(name, _OPEN, dir_fd=parent)
    try:
        if _state(os.fstat(descriptor)) != _state(listed):
            raise ChangedWhileRead(path, "something else took its place")
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _refusing(path: str) -> Iterator[None]:
    """Turn the system's refusals into ours: gone, or become a link, means that somebody is writing."""
    try:
        yield
    except OSError as error:
        refusal = ChangedWhileRead if error.errno in _MOVED else Unreadable
        raise refusal(path, str(error.strerror)) from error


def _names(descriptor: int, path: str) -> list[bytes]:
    """List a directory as bytes: the locale must not decide what a file is called."""
    with _refusing(path or "."):
        return sorted(os.fsencode(name) for name in os.listdir(descriptor))


def _state(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _kind(mode: int) -> str:
    names = {
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return names.get(stat.S_IFMT(mode), "something else")


def _is_utf8(path: str) -> bool:
    return not any("\udc80" <= character <= "\udcff" for character in path)
