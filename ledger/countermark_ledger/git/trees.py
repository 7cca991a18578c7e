"""Tree objects: one strict reader, and the walk that finds where two trees differ.

Layer: ledger git. Imports nothing of ours but `node` and `errors`; does no I/O.
Trust: trees are hostile until `parse` returns. `git ls-tree` prints an entry named `a/b` like a file `b` in a
directory `a`, and keeps two entries of one name; here both are refused.

Shared subtrees are never expanded, and every walk counts what it meets: a "git bomb" of ten trees that unfold
into ten billion files ends at the cap.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from ..errors import Malformed, TooLarge
from ..node import MAX_PATH_BYTES, Mode

Tree: TypeAlias = Mapping[bytes, tuple[bytes, bytes]]  # name -> mode as spelled, id as raw bytes; in git's order
Load: TypeAlias = Callable[[Iterable[str]], Mapping[str, Tree]]


class Entry(NamedTuple):
    """What a path holds: its mode and git's name for the blob (for a gitlink, the commit it pins)."""

    mode: Mode
    blob: str


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

    def differing(self) -> set[bytes]:
        """Name the entries that are not the same on both sides."""
        return {name for name, _ in self.before.items() ^ self.after.items()}


_ENTRIES = {
    20: re.compile(rb"([0-7]{5,6}) ([^\x00/]+)\x00(.{20})", re.DOTALL),
    32: re.compile(rb"([0-7]{5,6}) ([^\x00/]+)\x00(.{32})", re.DOTALL),
}
_FRAMING = 2  # the space and the NUL of an entry
_EMPTY: Tree = {}


def parse(raw: bytes, *, id_bytes: int) -> Tree:
    """Read a tree object; refuse junk, unknown modes, disorder and two entries of one name."""
    found: list[tuple[bytes, bytes, bytes]] = _ENTRIES[id_bytes].findall(raw)
    if sum([len(mode) + len(name) for mode, name, _ in found]) + len(found) * (id_bytes + _FRAMING) != len(raw):
        raise Malformed("tree object: expected entries from end to end, found something else")
    is_tree = {mode: mode_of(mode) is None for mode in {mode for mode, _, _ in found}}
    order = [name + b"/" if is_tree[mode] else name for mode, name, _ in found]
    tree = {name: (mode, raw_id) for mode, name, raw_id in found}
    if len(tree) != len(found) or order != sorted(order):
        raise Malformed("tree object: expected each name once, in order, found otherwise")
    return tree


@lru_cache(maxsize=256)
def mode_of(spelled: bytes) -> Mode | None:
    """Read a mode as git does (canon_mode), also those that old programs wrote; None is a directory."""
    bits = int(spelled, 8)
    if stat.S_ISDIR(bits):
        return None
    if stat.S_ISREG(bits):
        return Mode.EXECUTABLE if bits & stat.S_IXUSR else Mode.FILE
    if stat.S_ISLNK(bits):
        return Mode.SYMLINK
    if bits == int(Mode.GITLINK, 8):
        return Mode.GITLINK
    raise Malformed(f"tree object: expected a mode that git writes, found {spelled.decode('ascii')}")


def directories(load: Load, before: str, after: str, *, limit: int) -> Iterator[Directory]:
    """Walk down both trees where they differ, one level of both at a time.

    More than `limit` differing entries, or a path over 4,096 bytes, is `TooLarge`.
    """
    level: list[tuple[bytes, str | None, str | None]] = [(b"", before, after)]
    met = 0
    while level:
        trees = load({tree for _, *pair in level for tree in pair if tree is not None})
        below: list[tuple[bytes, str | None, str | None]] = []
        for prefix, old, new in level:
            here = Directory(prefix, trees[old] if old else _EMPTY, trees[new] if new else _EMPTY)
            differing = here.differing()
            met += len(differing)
            check_caps(prefix, met, limit)
            below += _subtrees(here, differing)
            yield here
        level = below


def differences(walked: Iterable[Directory]) -> list[Difference]:
    """List the files of a walk that differ, in git's order (by the bytes of the path)."""
    rows: list[tuple[bytes, Entry | None, Entry | None]] = []
    for here in walked:
        for name in here.differing():
            old, new = file_in(here.before, name), file_in(here.after, name)
            if old != new:
                rows.append((here.prefix + name, old, new))
    rows.sort(key=lambda row: row[0])
    return [Difference(path.decode("utf-8", "surrogateescape"), old, new) for path, old, new in rows]


def files(load: Load, root: str, *, limit: int) -> Iterator[tuple[bytes, Mode, bytes]]:
    """List path, mode and raw id of every file of a tree in git's order; more than `limit` is `TooLarge`."""
    trees = load_all(load, [root])
    ahead = [(b"", iter(trees[root].items()))]
    met = 0
    while ahead:
        prefix, entries = ahead[-1]
        for name, (spelled, raw_id) in entries:
            met += 1
            mode = mode_of(spelled)
            if mode is None:
                ahead.append((prefix + name + b"/", iter(trees[raw_id.hex()].items())))
                break
            yield prefix + name, mode, raw_id
        else:
            ahead.pop()
        check_caps(prefix, met, limit)


def select(load: Load, roots: Iterable[str], paths: Sequence[str]) -> dict[str, dict[str, Entry | None]]:
    """Look up a few paths in a few trees, one level of all of them at a time; None is absent or a directory."""
    found: dict[str, dict[str, Entry | None]] = {root: dict.fromkeys(paths) for root in roots}
    split = {path: path.encode("utf-8", "surrogateescape").split(b"/") for path in paths}
    level = [(root, root, path, parts) for root in found for path, parts in split.items()]
    while level:
        trees = load({tree for tree, *_ in level})
        below: list[tuple[str, str, str, list[bytes]]] = []
        for tree, root, path, (name, *rest) in level:
            subtree = _subtree_in(trees[tree], name)
            if not rest:
                found[root][path] = file_in(trees[tree], name)
            elif subtree is not None:
                below.append((subtree, root, path, rest))
        level = below
    return found


def moved(
    load: Load, pairs: Mapping[str, tuple[str | None, str]], paths: Iterable[str]
) -> dict[str, dict[str, Entry | None]]:
    """Look up, of a few paths, those that differ within each pair of trees, and what is there in the second.

    A subtree that is the same on both sides is not read. All pairs go down one level at a time.
    """
    found: dict[str, dict[str, Entry | None]] = {key: {} for key in pairs}
    wanted = _wanted(paths)
    level: list[tuple[str, str | None, str | None, _Wanted]] = [(key, *pair, wanted) for key, pair in pairs.items()]
    while level:
        trees = load({tree for _, old, new, _ in level for tree in (old, new) if tree})
        below: list[tuple[str, str | None, str | None, _Wanted]] = []
        for key, old, new, names in level:
            before, after = (trees[tree] if tree else _EMPTY for tree in (old, new))
            for name, inner in names.within.items():
                if inner.path is not None and file_in(before, name) != file_in(after, name):
                    found[key][inner.path] = file_in(after, name)
                if inner.within and _subtree_in(before, name) != _subtree_in(after, name):
                    below.append((key, _subtree_in(before, name), _subtree_in(after, name), inner))
        level = below
    return found


@dataclass(slots=True)
class _Wanted:
    """Paths as a tree: the one that ends here, if any, and those that go on, by the next name."""

    path: str | None = None
    within: dict[bytes, _Wanted] = field(default_factory=dict)


def _wanted(paths: Iterable[str]) -> _Wanted:
    root = _Wanted()
    for path in paths:
        here = root
        for name in path.encode("utf-8", "surrogateescape").split(b"/"):
            here = here.within.setdefault(name, _Wanted())
        here.path = path
    return root


def file_in(tree: Tree, name: bytes) -> Entry | None:
    """Look up a file (a link and a gitlink are files here); None is absent or a directory."""
    if name not in tree:
        return None
    spelled, raw_id = tree[name]
    mode = mode_of(spelled)
    return None if mode is None else Entry(mode, raw_id.hex())


def _subtree_in(tree: Tree, name: bytes) -> str | None:
    if name not in tree:
        return None
    spelled, raw_id = tree[name]
    return raw_id.hex() if mode_of(spelled) is None else None


def _subtrees(here: Directory, names: Iterable[bytes]) -> Iterator[tuple[bytes, str | None, str | None]]:
    for name in names:
        old, new = _subtree_in(here.before, name), _subtree_in(here.after, name)
        if old or new:
            yield here.prefix + name + b"/", old, new


def load_all(load: Load, roots: Iterable[str]) -> Mapping[str, Tree]:
    """Load each tree below some roots once, a level of them all at a time."""
    trees: dict[str, Tree] = {}
    level = set(roots)
    while level:
        loaded = load(level)
        trees.update((name, loaded[name]) for name in level)
        level = {
            raw_id.hex()
            for name in level
            for spelled, raw_id in trees[name].values()
            if mode_of(spelled) is None and raw_id.hex() not in trees
        }
    return trees


def check_caps(prefix: bytes, met: int, limit: int) -> None:
    """Refuse a walk that met too many entries, or one that is too deep down."""
    if met > limit:
        raise TooLarge(f"trees: expected at most {limit} entries, found more")
    if len(prefix) > MAX_PATH_BYTES:
        raise TooLarge(f"trees: expected paths of at most {MAX_PATH_BYTES} bytes, found a longer one")
