"""Which weakenings of a change are tried: all of them up to a number, then a fixed choice spread over kinds and files.

Layer: scanners. Imports `edit`, `changed`, `kinds` and `text`; does no I/O and reads no clock.
Trust: the texts are hostile, and their author wants an easy choice. The order of two weakenings of one kind follows
from the digest of what their own statements say, so that nothing elsewhere in the change rolls the dice again.
"""

from __future__ import annotations

import ast
import hashlib
import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .changed import new, units
from .edit import Edit, apply
from .kinds import sites
from .text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .changed import Unit
    from .edit import Site

_TEST = re.compile(r"\.test(_|[A-Z]|\.|$)")  # code that a test runner runs is who notices, not what is shipped
_SPACING = re.compile(r"[\s()]+")
ATTEMPTS = 4  # times the number that is wanted: what does not parse is left out, and that often and no more


@dataclass(frozen=True, slots=True)
class Candidate:
    """One weakening of the file with this number; `rank` is its place among its like."""

    file: int
    site: Site
    rank: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What is tried, how many weakenings there were to choose from, and how many broke the file they are for."""

    chosen: tuple[Candidate, ...]
    found: int
    dropped: int


def read(content: bytes) -> Text | str:
    """Read a text, or say why that is not possible."""
    try:
        return Text(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"does not parse: {type(error).__name__}"


def candidates(heads: Sequence[Text | None], bases: Sequence[bytes | None], gone: Sequence[bytes]) -> list[Candidate]:
    """Find every weakening of what is new in `heads`; `bases` are the same files before, `gone` files that are no more.

    A head that could not be read is None. Of a base that can't be read nothing is known, and all of its head is new.
    """
    ours = [[] if text is None else list(units(text)) for text in heads]
    fresh = new(ours, [_units(content) for content in (*bases, *gone)])
    return [
        candidate
        for number, (text, own) in enumerate(zip(heads, fresh, strict=True))
        for candidate in (() if text is None else _of_file(number, text, own))
    ]


def _units(content: bytes | None) -> list[Unit]:
    text = "" if content is None else read(content)
    return [] if isinstance(text, str) else list(units(text))


def _of_file(number: int, text: Text, fresh: Sequence[Unit]) -> Iterator[Candidate]:
    text.narrow(frozenset(line for unit in fresh for line in _lines(text, unit)))
    seen: Counter[str] = Counter()
    starts = [unit.span[0] for unit in fresh]
    for site in sorted(sites(text), key=lambda one: (one.span, one.kind.name)):
        unit = _touched(fresh, starts, site)
        if unit is not None and not _TEST.search(unit.context):
            what = "\x00".join((site.kind.name, unit.context, unit.code, text.said(site.span)))
            seen[what] += 1
            yield Candidate(number, site, hashlib.sha256(f"{what}\x00{seen[what]}".encode()).hexdigest())


def _touched(fresh: Sequence[Unit], starts: Sequence[int], site: Site) -> Unit | None:
    """Find the first new unit, of units side by side, that a weakening lies in or around."""
    after = bisect_right(starts, site.span[0])
    near = fresh[max(after - 1, 0) : after + 1]
    return next((one for one in near if one.span[0] < site.span[1] and site.span[0] < one.span[1]), None)


def _lines(text: Text, unit: Unit) -> range:
    return range(text.line(unit.span[0]), text.line(unit.span[1]) + 1)


def choose(found: Sequence[Candidate], heads: Sequence[Text | None], most: int) -> Choice:
    """Choose up to `most`: next always of the kind, then of the file, that was chosen least, then by rank."""
    left = sorted(found, key=lambda one: (one.rank, one.file))
    tried = _Tried(heads)
    chosen: list[Candidate] = []
    while left and len(chosen) < most and tried.number < ATTEMPTS * most:
        one = min(left, key=lambda it: (*tried.uses(it), it.rank, it.file))
        left.remove(one)
        if tried.works(one):
            chosen.append(one)
    return Choice(tuple(chosen), len(found), tried.dropped)


class _Tried:
    """What was tried so far: of which kinds and files, with which outcomes."""

    def __init__(self, heads: Sequence[Text | None]) -> None:
        self.number = self.dropped = 0
        self._heads = heads
        self._uses: Counter[str | int] = Counter()
        self._outcomes: set[tuple[int, bytes]] = set()

    def uses(self, one: Candidate) -> tuple[int, int]:
        """Count what was chosen of the same kind, and of the same file."""
        return self._uses[one.site.kind.name], self._uses[one.file]

    def works(self, one: Candidate) -> bool:
        """Say whether the outcome is another than those before, parses, and says something else than the head."""
        self.number += 1
        head = self._heads[one.file]
        outcome = (one.file, b"" if head is None else hashlib.sha256(apply(head.content, one.site.edits)).digest())
        if head is None or outcome in self._outcomes:
            return False
        self._outcomes.add(outcome)
        if not (_differs(head, one.site) and _parses(head, one.site)):
            self.dropped += 1
            return False
        self._uses.update((one.site.kind.name, one.file))
        return True


def _differs(head: Text, site: Site) -> bool:
    """Say whether an edit changes more than spaces and brackets."""
    return any(_squeezed(head.said((edit.start, edit.end))) != _squeezed(edit.to) for edit in site.edits)


def _squeezed(code: str) -> str:
    return _SPACING.sub("", code)


def _parses(head: Text, site: Site) -> bool:
    """Parse the outermost statement around the site as it would be: what parses there breaks nothing elsewhere."""
    start, end = head.statement(site.span)
    inside = tuple(
        Edit(edit.start - start, edit.end - start, edit.to) for edit in site.edits if start <= edit.start < end
    )
    try:
        ast.parse(apply(head.content[start:end], inside))
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True
