"""The sha256 of one listing after another, where each tree shares most directories with the one before.

Layer: ledger git. Imports nothing of ours but `trees` and `node`; does no I/O.
Trust: trees are hostile; what they unfold to is counted before it is spelled, and a shared subtree counts each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TypeAlias

from ..node import Mode
from .trees import Load, Tree, check_caps, mode_of

MAX_KEPT = 64 * 1024 * 1024
_LISTED = {mode: f"{mode} {'commit' if mode is Mode.GITLINK else 'blob'} ".encode() for mode in Mode}
Place: TypeAlias = tuple[bytes, str]  # the path of a directory, empty or ending in a slash, and its tree's id


class Listings:
    """Spells every file as `git ls-tree -r -z` does, each directory once while it is kept."""

    def __init__(self, load: Load, limit: int) -> None:
        """Keep where trees come from, and how many entries are looked at for one listing."""
        self._load = load
        self._limit = limit
        self._spelled: dict[Place, bytes] = {}

    def sha256(self, root: str) -> str:
        """Return the sha256 (hex) of a tree's listing; more entries than the limit are `TooLarge`."""
        if sum(map(len, self._spelled.values())) > MAX_KEPT:
            self._spelled.clear()
        (_, top), *below = self._new(root)
        for (prefix, name), tree in reversed(below):
            self._spelled[prefix, name] = b"".join(self._lines(prefix, tree))
        return hashlib.sha256(b"".join(self._lines(b"", top))).hexdigest()  # each root is met but once: it is not kept

    def _new(self, root: str) -> list[tuple[Place, Tree]]:
        """List the directories that are not spelled yet, each after the one that holds it."""
        found: list[tuple[Place, Tree]] = []
        level = [(b"", root)]
        met = 0
        while level:
            trees = self._load({name for _, name in level})
            below: list[Place] = []
            for prefix, name in level:
                found.append(((prefix, name), trees[name]))
                met += len(trees[name])
                check_caps(prefix, met, self._limit)
                below += [place for place in _folders(prefix, trees[name]) if place not in self._spelled]
            level = below
        return found

    def _lines(self, prefix: bytes, tree: Tree) -> Iterator[bytes]:
        for name, (spelled, raw_id) in tree.items():
            mode = mode_of(spelled)
            if mode is None:
                yield self._spelled[prefix + name + b"/", raw_id.hex()]
            else:
                yield b"%s%s\t%s\0" % (_LISTED[mode], raw_id.hex().encode(), prefix + name)


def _folders(prefix: bytes, tree: Tree) -> Iterator[Place]:
    for name, (spelled, raw_id) in tree.items():
        if mode_of(spelled) is None:
            yield prefix + name + b"/", raw_id.hex()
