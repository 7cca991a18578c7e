"""What nobody accounts for of the files that step 5 refused: which lines, and what was signed of them last.

Lines are compared with the content that was signed last, where git still has it, else with the protected tip's.
They are for people: no answer depends on them.

Trust: contents come from the object store, re-hashed; what a statement names is only used when its sha256 fits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias, TypeGuard

from countermark_ledger.chain import BEFORE_THE_LOG, Edge
from countermark_ledger.coverage import Answer, Row
from countermark_ledger.errors import MissingHistory
from countermark_ledger.evidence import Evidence
from countermark_ledger.git.change import LandingChange, nodes_at
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.node import Mode, Node
from countermark_service.blame import Hop, attribute, is_binary

MAX_TEXT = 1024 * 1024
"""A longer file is not compared line by line: that is for people, and its time is the gate's."""
MAX_TOTAL = 16 * MAX_TEXT

_Side: TypeAlias = Node | Oversized | None


class LastSigned(NamedTuple):
    """The last content of a path that somebody signed: its hex sha256 (None is absent), by whom, and when (UTC).

    A person's signed commit has no time that anybody vouches for: `signed` is None. `source` names the evidence as
    `Edge.source` does. `revoked` says that it does not count, for its signer or a model was revoked.
    """

    sha256: str | None
    signer: str
    signed: datetime | None
    source: str
    revoked: bool = False


class Unsigned(NamedTuple):
    """What is unaccounted for of one path: `spans` of lines (first and last, from 1), or what there is instead."""

    spans: tuple[tuple[int, int], ...]
    extent: str
    last: LastSigned | None


TOO_LONG = "too long to compare its lines"
NO_TEXT = "no text"
NO_NEW_LINE = "no line is new"
UNCOUNTED = {TOO_LONG, NO_TEXT}
"""Extents that leave it unknown how many lines there are."""


def unsigned(
    repository: Repository, change: LandingChange, rows: Iterable[Row], evidence: Evidence
) -> dict[str, Unsigned]:
    """Look at each row that is not covered; what is too long or too much to compare says so."""
    paths = [row.path for row in rows if row.answer is not Answer.COVERED]
    before, after = _sides(repository, change, paths)
    texts = _Texts(repository, (side for path in paths for side in (before[path], after[path])))
    found: dict[str, Unsigned] = {}
    left = MAX_TOTAL
    for path in paths:
        newest = max(evidence.edges.get(path, ()), key=_place, default=None)
        spans, extent, read = _extent(texts, before[path], after[path], newest, left)
        left -= read
        found[path] = Unsigned(spans, extent, _last(path, newest, evidence))
    return found


def _sides(
    repository: Repository, change: LandingChange, paths: Sequence[str]
) -> tuple[Mapping[str, _Side], Mapping[str, _Side]]:
    """Give what is at each path now and what would land; what has no row is looked up."""
    rows = {row.path: row for row in change.change.transitions}
    others = [path for path in paths if path not in rows]
    before, after = (nodes_at(repository, where, others) if others else {} for where in (change.tip, change.tree))
    return {path: row.before for path, row in rows.items()} | before, {p: row.after for p, row in rows.items()} | after


def _place(edge: Edge) -> int:
    return BEFORE_THE_LOG if edge.index is None else edge.index


def _last(path: str, newest: Edge | None, evidence: Evidence) -> LastSigned | None:
    """Give what was signed last: by whoever counts, or later by somebody who was revoked."""
    edge, signed = max(evidence.revoked.get(path, ()), key=lambda found: _place(found[0]), default=(None, None))
    revoked = edge is not None and (newest is None or _place(newest) < _place(edge))
    if not revoked:
        edge, signed = newest, None if newest is None else evidence.word(newest).signed
    if edge is None:
        return None
    sha256 = None if edge.after is None else edge.after.sha256
    return LastSigned(sha256, str(edge.signer), signed, edge.source, revoked)


def _extent(
    texts: _Texts, before: _Side, after: _Side, newest: Edge | None, left: int
) -> tuple[tuple[tuple[int, int], ...], str, int]:
    """Return the spans, the words instead of them, and how many bytes were compared."""
    if after is None:
        return (), "deleted", 0
    new = texts.of(after)
    if new is None or len(new) > left:
        return (), NO_TEXT if new is None else TOO_LONG, 0
    old = _baseline(texts, before, after, newest)
    spans = tuple(_spans(_new_lines(old, new)))
    return spans, "" if spans else _without_lines(before, after), len(new)


def _without_lines(before: _Side, after: _Side) -> str:
    modes = [side.mode for side in (before, after) if isinstance(side, Node)]
    return f"mode {' -> '.join(modes)}" if len(set(modes)) > 1 else NO_NEW_LINE


def _baseline(texts: _Texts, before: _Side, after: _Side, newest: Edge | None) -> bytes:
    """Give what was signed last, unless that is what would land or is not at hand; then what is there now."""
    signed = newest.after if newest else None
    if signed is not None and signed != after:
        try:
            known = texts.of(signed)
        except MissingHistory:
            known = None  # nobody is obliged to push what lay between two signatures
        if known is not None:
            return known
    return texts.of(before) or b""


class _Texts:
    """Contents that are text, read together as far as they are not too many; the others one by one."""

    def __init__(self, repository: Repository, sides: Iterable[_Side]) -> None:
        self._repository = repository
        self._known: dict[str, bytes | Oversized] = {}
        names = {side.git_blob for side in sides if _is_file(side)}
        left = 2 * MAX_TOTAL
        for name, content in repository.blobs(sorted(names)):
            left -= 0 if isinstance(content, Oversized) else len(content)
            if left < 0:
                break
            self._known[name] = content

    def of(self, side: _Side) -> bytes | None:
        """Give a file's text; None is no text, or too much of it."""
        if not _is_file(side):
            return None
        content = self._known.get(side.git_blob)
        if content is None:
            ((_, content),) = self._repository.blobs([side.git_blob])
        if isinstance(content, Oversized) or len(content) > MAX_TEXT or is_binary(content):
            return None
        return content if hashlib.sha256(content).hexdigest() == side.sha256 else None


def _is_file(side: _Side) -> TypeGuard[Node]:
    return isinstance(side, Node) and side.mode not in (Mode.GITLINK, Mode.SYMLINK)


def _new_lines(old: bytes, new: bytes) -> Iterator[int]:
    """Number the lines that the old content does not have, from 1."""
    after = Hop(new, None)
    for number, line in enumerate(attribute([Hop(old, None), after]), 1):
        if line.hop is after:
            yield number


def _spans(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Join neighbours."""
    first = last = 0
    for number in numbers:
        if last and number > last + 1:
            yield first, last
        if not last or number > last + 1:
            first = number
        last = number
    if last:
        yield first, last
