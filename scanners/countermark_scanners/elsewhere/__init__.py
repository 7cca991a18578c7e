"""Elsewhere: files that run on somebody else's machine, or steer the tools of whoever opens the project.

Layer: scanners. Imports the parts of this folder, `catalogue`, `entries` and `native`; does no I/O of its own.
Trust: paths and contents are hostile. What such a file does is read from its content; its name only says who reads it.

A rule is data: whose files it is about (`paths`), and what in them (`keys` and `values` of settings, or `lines`);
without either it is about any change of the file. Only what the file did not hold before is told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from .. import catalogue
from ..catalogue import Rule
from ..entries import Entry, entries
from ..errors import Unreadable
from ..finding import Hit
from ..native import native
from ..question import DELETED, Question, Sees
from . import make

_Thing = TypeVar("_Thing")
NAME = "elsewhere"
HITS_AT_MOST = 20  # of one rule in one file; a file with more is judged by them
_LINE_AT_MOST = 4_000
_PLANTED = b'{"tasks": [{"command": "make", "runOptions": {"runOn": "folderOpen"}}]}\n'


@dataclass(frozen=True, slots=True)
class _Matcher:
    """A rule with its patterns."""

    rule: Rule
    paths: re.Pattern[str]
    keys: re.Pattern[str] | None
    values: re.Pattern[str] | None
    lines: re.Pattern[str] | None

    def hits(self, change: _Change) -> Iterator[Hit]:
        found = list(self._places(change))[:HITS_AT_MOST]
        for column, (line, about) in enumerate(found, start=1):
            yield self.rule.hit(line, column, about=_printable(about))

    def _places(self, change: _Change) -> Iterator[tuple[int, str]]:
        if self.lines is not None:
            yield from ((number, line) for number, line in change.lines if self.lines.search(line))
        if self.keys is not None:
            yield from ((entry.line, f"{entry.key}: {entry.value}") for entry in change.entries if self._fits(entry))
        if self.lines is None and self.keys is None:
            yield from change.lines[:1]

    def _fits(self, entry: Entry) -> bool:
        named = self.keys is not None and self.keys.search(".".join(part for part in entry.path if part))
        return bool(named) and (self.values is None or bool(self.values.search(entry.value)))


@dataclass(frozen=True, slots=True)
class _Change:
    """What a file holds that it did not hold before: lines, and entries of its settings."""

    lines: list[tuple[int, str]]
    entries: list[Entry]


def look(question: Question) -> list[Hit]:
    """Say what the new part of this file does on other machines."""
    if question.before == question.content or question.language == DELETED:
        return []
    path = question.path.lower()
    matchers = [matcher for matcher in _matchers() if matcher.paths.search(path)]
    if not matchers and not make.is_makefile(path):
        return []
    change = _change(question)
    hits = [hit for matcher in matchers for hit in matcher.hits(change)]
    hits += _downloads(change)
    if make.is_makefile(path):
        hits += _default_target(question)
    return hits


@cache
def _matchers() -> tuple[_Matcher, ...]:
    rules = catalogue.load(NAME).values()
    return tuple(
        _Matcher(rule, re.compile(rule.data["paths"]), *_patterns(rule)) for rule in rules if "paths" in rule.data
    )


def _patterns(rule: Rule) -> Iterator[re.Pattern[str] | None]:
    for name in ("keys", "values", "lines"):
        yield re.compile(rule.data[name], re.IGNORECASE) if name in rule.data else None


def _change(question: Question) -> _Change:
    text, before = _text(question.content), _text(question.before or b"")
    known = Counter(line.strip() for line in before.split("\n"))
    lines = list(_new(((number, line.strip()) for number, line in enumerate(text.split("\n"), start=1)), known))
    had = Counter((entry.path, entry.value) for entry in _entries(question.path, question.before or b""))
    has = _entries(question.path, question.content)
    return _Change(lines, [entry for entry in has if _take(had, (entry.path, entry.value))])


def _text(content: bytes) -> str:
    """Read text as leniently as the tools that will: an odd byte hides nothing."""
    return content.decode("utf-8", "replace").removeprefix("\ufeff").replace("\x00", "")


def _new(lines: Iterable[tuple[int, str]], known: Counter[str]) -> Iterator[tuple[int, str]]:
    for number, line in lines:
        if line and _take(known, line):
            yield from ((number, line[at : at + _LINE_AT_MOST]) for at in range(0, len(line), _LINE_AT_MOST - 200))


def _take(known: Counter[_Thing], thing: _Thing) -> bool:
    """Say whether the thing is new; one that was there is crossed out."""
    known[thing] -= 1
    return known[thing] < 0


def _entries(path: str, content: bytes) -> list[Entry]:
    try:
        return entries(path, content)
    except Unreadable:
        return []  # what is no text at all: its lines are still looked at


def _downloads(change: _Change) -> Iterator[Hit]:
    rule = catalogue.load(NAME)["downloads-and-runs"]
    pattern = re.compile(rule.data["commands"], re.IGNORECASE)
    places = [*change.lines, *((entry.line, entry.value) for entry in change.entries)]
    found = {line: match[0] for line, text in places if (match := pattern.search(text[:_LINE_AT_MOST]))}
    for line, about in sorted(found.items())[:HITS_AT_MOST]:
        yield rule.hit(line, about=_printable(about))


def _default_target(question: Question) -> Iterator[Hit]:
    before, now = make.default(_text(question.before or b"")), make.default(_text(question.content))
    if now is not None and (before is None or before.recipe != now.recipe):
        yield catalogue.load(NAME)["make-default-target"].hit(now.line, about=_printable(now.name))


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:80])


SCANNER = native(
    NAME,
    module=__name__,
    covers=frozenset(),
    reads=None,
    sees=frozenset({Sees.PATH, Sees.BEFORE}),
    canary=Question("json", _PLANTED, ".vscode/tasks.json", None),
    planted=frozenset({("editor-task-on-open", 1)}),
)
