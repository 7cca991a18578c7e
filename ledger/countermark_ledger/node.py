"""Nodes, transitions and changes: what happened to a path, in the words every other room uses.

Layer: ledger core. Imports nothing of ours but `errors` and `canonical`; does no I/O and reads no clock.
Trust: rows given to `Transition.from_row` are hostile until it returns.

A node is (mode, sha256 of content) of a path, or absent. SHA-1 names never decide (ATTACKS.md, semantics):
`git_blob` travels for readers and is compared nowhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from . import canonical
from .canonical import Json
from .errors import Malformed, TooLarge

MAX_PATH_BYTES = 4096
_HEX64 = re.compile(r"[0-9a-f]{64}")
_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Mode(StrEnum):
    """The modes git stores for things that are not trees."""

    FILE = "100644"
    EXECUTABLE = "100755"
    SYMLINK = "120000"
    GITLINK = "160000"


@dataclass(frozen=True, slots=True)
class Node:
    """A path's content: mode, lower-case hex sha256 of the blob's bytes, and git's own name for the blob."""

    mode: Mode
    sha256: str
    git_blob: str

    def __eq__(self, other: object) -> bool:
        """Equal content is equal mode and sha256; git's name never decides."""
        return isinstance(other, Node) and (self.mode, self.sha256) == (other.mode, other.sha256)

    def __hash__(self) -> int:
        """Agree with `__eq__`."""
        return hash((self.mode, self.sha256))

    @classmethod
    def of_blob(cls, mode: Mode, content: bytes) -> Node:
        """Hash the content itself, as sha256 and as a SHA-1 git blob."""
        header = b"blob %d\x00" % len(content)
        name = hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
        return cls(mode, hashlib.sha256(content).hexdigest(), name)


@dataclass(frozen=True, slots=True)
class Transition:
    """What happened to one path. `None` is absent. `before == after` is never a transition."""

    path: str
    before: Node | None
    after: Node | None

    def __post_init__(self) -> None:
        """Refuse the empty transition, which would cover a path without saying anything."""
        if self.before == self.after:
            raise Malformed(f"transition of {self.path!r}: expected a change, found the same node twice")

    def row(self) -> dict[str, Json]:
        """Spell the transition as a `changes` row of FORMATS.md section 3."""
        return {"path": self.path, **_half("before", self.before), **_half("after", self.after)}

    @classmethod
    def from_row(cls, row: Json) -> Transition:
        """Accept exactly what `row` emits."""
        if not isinstance(row, dict):
            raise Malformed(f"changes row: expected an object, found {type(row).__name__}")
        parsed = cls(_path(row.get("path")), _node(row, "before"), _node(row, "after"))
        if parsed.row() != row:
            raise Malformed(f"changes row of {parsed.path!r}: unexpected or missing fields")
        return parsed


class Change(NamedTuple):
    """A set of transitions, one a path, sorted by path (as UTF-8)."""

    transitions: tuple[Transition, ...]

    @classmethod
    def of(cls, transitions: Iterable[Transition]) -> Change:
        """Sort the rows; refuse two rows for one path."""
        rows = tuple(sorted(transitions, key=lambda t: t.path.encode("utf-8", "surrogateescape")))
        if len({row.path for row in rows}) != len(rows):
            raise Malformed("change: expected one row a path, found two for one path")
        return cls(rows)

    def rows(self) -> list[Json]:
        """Spell every row, in order."""
        return [transition.row() for transition in self.transitions]

    def sha256(self) -> str:
        """Name the change: the sha256 of the canonical JSON of its rows, hex."""
        return hashlib.sha256(canonical.dumps(self.rows())).hexdigest()

    @classmethod
    def from_rows(cls, rows: Json, *, limit: int = 100_000) -> Change:
        """Parse rows that must already be in order."""
        if not isinstance(rows, list):
            raise Malformed(f"changes: expected a list, found {type(rows).__name__}")
        if len(rows) > limit:
            raise TooLarge(f"changes: expected at most {limit} rows, found {len(rows)}")
        parsed = tuple(Transition.from_row(row) for row in rows)
        if cls.of(parsed).transitions != parsed:
            raise Malformed("changes: rows are not sorted by path")
        return cls(parsed)


def _half(side: str, node: Node | None) -> dict[str, Json]:
    if node is None:
        return {f"{side}Mode": None, f"{side}Sha256": None, f"{side}GitBlob": None}
    return {f"{side}Mode": node.mode.value, f"{side}Sha256": node.sha256, f"{side}GitBlob": node.git_blob}


def _node(row: Mapping[str, Json], side: str) -> Node | None:
    mode, sha256, blob = (row.get(f"{side}{name}") for name in ("Mode", "Sha256", "GitBlob"))
    if mode is None and sha256 is None and blob is None:
        return None
    if not isinstance(mode, str) or mode not in set(Mode):
        raise Malformed(f"changes row: {side}Mode is {mode!r}")
    if not isinstance(sha256, str) or not _HEX64.fullmatch(sha256):
        raise Malformed(f"changes row: {side}Sha256 is not 64 lower-case hex digits")
    if not isinstance(blob, str) or not _BLOB.fullmatch(blob):
        raise Malformed(f"changes row: {side}GitBlob is not a git object name")
    return Node(Mode(mode), sha256, blob)


def _path(path: Json) -> str:
    raw = path.encode("utf-8", "replace") if isinstance(path, str) else b""
    if not 0 < len(raw) <= MAX_PATH_BYTES or raw.decode() != path:
        raise Malformed("changes row: path is not UTF-8 text of 1 to 4096 bytes")
    return path
