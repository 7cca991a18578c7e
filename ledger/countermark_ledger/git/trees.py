"""Tree objects: one strict reader, and the walk that finds where two trees differ.

Layer: ledger git. Imports nothing of ours but `node` and `errors`; does no I/O.
Trust: trees are hostile until `parse` returns. `git ls-tree` prints an entry named `a/b` like a file `b` in a
directory `a`, and keeps two entries of one name; here both are refused.

Shared subtrees are never expanded, and the walk counts what it meets: a "git bomb" of ten trees that unfold
into ten billion files ends at the cap.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..errors import Malformed, TooLarge
from ..node import MAX_PATH_BYTES, Mode


class Entry(NamedTuple):
    """What a path holds: its mode and git's name for the blob (for a gitlink, the commit it pins)."""

    mode: Mode
    blob: str


class Subtree(NamedTuple):
    """A directory, by the name of its tree."""

    tree: str


Tree = Mapping[bytes, Entry | Subtree]
Load = Callable[[Iterable[str]], Mapping[str, Tree]]


class Difference(NamedTuple):
    """A path whose entry differs between two trees; None is absent."""

    path: str
    before: Entry | None
    after: Entry | None


class Directory(NamedTuple):
    """A directory (`prefix` is empty or ends in a slash) whose contents differ between two trees."""

    prefix: bytes
    before: Tree
    after: Tree

    def differing(self) -> list[bytes]:
        """Name the entries that are not the same on both sides."""
        names = self.before.keys() | self.after.keys()
        return [name for name in names if self.before.get(name) != self.after.get(name)]


_ENTRIES = {
    20: re.compile(rb"([0-7]{5,6}) ([^\x00/]+)\x00(.{20})", re.DOTALL),
    32: re.compile(rb"([0-7]{5,6}) ([^\x00/]+)\x00(.{32})", re.DOTALL),
}
_FRAMING = 2  # the space and the NUL of an entry
_EMPTY: Tree = {}
_KINDS = {b"120000": Mode.SYMLINK, b"160000": Mode.GITLINK, b"100644": Mode.FILE, b"100755": Mode.EXECUTABLE}


def parse(raw: bytes, *, id_bytes: int) -> Tree:
    """Read a tree object; refuse junk, unknown modes, disorder and two entries of one name."""
    found: list[tuple[bytes, bytes, bytes]] = _ENTRIES[id_bytes].findall(raw)
    if sum(len(mode) + len(name) for mode, name, _ in found) + len(found) * (id_bytes + _FRAMING) != len(raw):
        raise Malformed("tree object: expected entries from end to end, found something else")
    tree = {name: _entry(mode, name_of.hex()) for mode, name, name_of in found}
    order = [name + b"/" if type(tree[name]) is Subtree else name for _, name, _ in found]
    if len(tree) != len(found) or order != sorted(order):
        raise Malformed("tree object: expected each name once, in order, found otherwise")
    return tree


def _entry(mode: bytes, name: str) -> Entry | Subtree:
    known = _KINDS.get(mode)
    if known is not None:
        return Entry(known, name)
    bits = int(mode, 8)
    if stat.S_ISDIR(bits):
        return Subtree(name)
    if stat.S_ISREG(bits):  # git's own reading of modes that old programs wrote (canon_mode)
        return Entry(Mode.EXECUTABLE if bits & stat.S_IXUSR else Mode.FILE, name)
    raise Malformed(f"tree object: expected a mode that git writes, found {mode.decode('ascii')}")


def directories(load: Load, before: str | None, after: str | None, *, limit: int) -> Iterator[Directory]:
    """Walk down both trees where they differ, one level of both at a time; None is no tree.

    More than `limit` differing entries, or a path over 4,096 bytes, is `TooLarge`.
    """
    level = [(b"", before, after)]
    met = 0
    while level:
        trees = load({tree for _, *pair in level for tree in pair if tree is not None})
        below: list[tuple[bytes, str | None, str | None]] = []
        for prefix, old, new in level:
            here = Directory(prefix, trees[old] if old else _EMPTY, trees[new] if new else _EMPTY)
            differing = here.differing()
            met += len(differing)
            _check_caps(prefix, met, limit)
            below += _subtrees(here, differing)
            yield here
        level = below


def differences(walked: Iterable[Directory]) -> list[Difference]:
    """List the files of a walk that differ, in git's order (by the bytes of the path)."""
    rows: list[tuple[bytes, Entry | None, Entry | None]] = []
    for here in walked:
        for name in here.differing():
            old, new = _file(here.before.get(name)), _file(here.after.get(name))
            if old != new:
                rows.append((here.prefix + name, old, new))
    rows.sort(key=lambda row: row[0])
    return [Difference(path.decode("utf-8", "surrogateescape"), old, new) for path, old, new in rows]


def select(load: Load, root: str, paths: Sequence[str]) -> dict[str, Entry | None]:
    """Look up a few paths, one level of all of them at a time; None is absent or a directory."""
    found: dict[str, Entry | None] = dict.fromkeys(paths)
    level = [(root, path, path.encode("utf-8", "surrogateescape").split(b"/")) for path in found]
    while level:
        trees = load({tree for tree, _, _ in level})
        below: list[tuple[str, str, list[bytes]]] = []
        for tree, path, (name, *rest) in level:
            entry = trees[tree].get(name)
            if isinstance(entry, Subtree) and rest:
                below.append((entry.tree, path, rest))
            elif not rest:
                found[path] = _file(entry)
        level = below
    return found


def _subtrees(here: Directory, names: Iterable[bytes]) -> Iterator[tuple[bytes, str | None, str | None]]:
    for name in names:
        old, new = _tree(here.before.get(name)), _tree(here.after.get(name))
        if old or new:
            yield here.prefix + name + b"/", old, new


def _check_caps(prefix: bytes, met: int, limit: int) -> None:
    if met > limit:
        raise TooLarge(f"trees: expected at most {limit} differing entries, found more")
    if len(prefix) > MAX_PATH_BYTES:
        raise TooLarge(f"trees: expected paths of at most {MAX_PATH_BYTES} bytes, found a longer one")


def _file(entry: Entry | Subtree | None) -> Entry | None:
    return entry if type(entry) is Entry else None


def _tree(entry: Entry | Subtree | None) -> str | None:
    return entry.tree if type(entry) is Subtree else None
