"""Licences: what a change does to the terms that a project or one of its files is under.

Layer: scanners. Imports `catalogue`, `entries` and `native`; does no I/O.
Trust: contents are hostile. A licence is known by what a text grants or forbids, in words that decoration, line breaks
and comment signs do not change; a text that merely names a licence grants nothing.

Which licences suit a project is for its policy and its people. This tells them that something changed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from . import catalogue
from .entries import Entry, entries
from .errors import Unreadable
from .finding import Confidence, Hit
from .native import native
from .question import DELETED, Question, Sees

NAME = "licences"
HITS_AT_MOST = 20  # of one rule in one file
_FILE = re.compile(r"(un)?licen[cs]e([-._].*)?|copying([-._].*)?|copyright|notice([-._].*)?|patents", re.IGNORECASE)
_PROGRAM = re.compile(r"\.(py|[cm]?[jt]sx?|go|rs|rb|java|kt|c|h|cc|cpp|hpp|cs|sh|php|swift|css|html?)$", re.IGNORECASE)
_IN_LICENCES = re.compile(r"(^|/)licen[cs]es/", re.IGNORECASE)
_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() -]{1,200})")
_NOTICE = re.compile(r"(?:copyright|\(c\)|\u00a9)[^\n]{0,20}?\d{4}[\d,\s-]*([^\n]{1,200})", re.IGNORECASE)
_WORD = re.compile(r"[\w.+'-]+")
_YEARS = re.compile(r"\b(19|20)\d\d\b")
_METADATA = frozenset({"pyproject.toml", "setup.cfg", "package.json", "composer.json", "cargo.toml", "pipfile"})
_PLANTED = b"# SPDX-License-Identifier: AGPL-3.0-only\n"


@dataclass(frozen=True, slots=True)
class _Words:
    """A text as words in lower case, and the line of each."""

    text: str
    starts: list[int]
    lines: list[int]

    def line(self, at: int) -> int:
        return self.lines[max(0, bisect_right(self.starts, at) - 1)] if self.lines else 1


def look(question: Question) -> list[Hit]:
    """Say what the change does to licences in this file."""
    if question.before == question.content:
        return []
    if question.language != DELETED and b"\x00" in question.content:
        return []  # no text: who reads binaries looks at it
    before, now = _decoded(question.before), _decoded(question.content)
    hits = [*_licence_file(question, before, now)]
    if question.language != DELETED:
        hits += [*_tags(before, now), *_metadata(question)]
        if not _is_licence_file(question.path):
            hits += [*_terms(before, now), *_notices(question, before, now)]
    return hits


def _decoded(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", "replace").removeprefix("\ufeff")


def _is_licence_file(path: str) -> bool:
    """A program is none, whatever it is called, but for texts in a folder of licences."""
    name = PurePosixPath(path).name
    return not _PROGRAM.search(name) and bool(_FILE.fullmatch(name) or _IN_LICENCES.search(path))


def _licence_file(question: Question, before: str, now: str) -> Iterator[Hit]:
    if not before.strip() or not _is_licence_file(question.path):
        return
    about = _printable(PurePosixPath(question.path).name)
    if not now.strip():
        yield _rule("licence-file-removed").hit(1, about=about)
    elif _YEARS.sub("", _words(before).text) != _YEARS.sub("", _words(now).text):
        yield _rule("licence-file-changed").hit(_first_difference(before, now), about=about)


def _first_difference(before: str, now: str) -> int:
    pairs = zip(before.split("\n"), now.split("\n"), strict=False)
    return next((number for number, (was, line) in enumerate(pairs, start=1) if was.split() != line.split()), 1)


def _tags(before: str, now: str) -> Iterator[Hit]:
    had, has = _spdx(before), _spdx(now)
    lost = Counter(tag for tag, _ in had) - Counter(tag for tag, _ in has)
    come = Counter(tag for tag, _ in has) - Counter(tag for tag, _ in had)
    for tag, line in [(tag, line) for tag, line in has if come[tag]][:HITS_AT_MOST]:
        if lost:
            was = next(iter(lost))
            yield _rule("licence-tag-changed").hit(line, about=f"{_printable(was)} -> {_printable(tag)}")
        if kind := _kind(tag, "tags"):
            yield _rule(kind).hit(line, about=_printable(tag))
    if lost and not come:
        yield _rule("licence-tag-removed").hit(1, about=_printable(next(iter(lost))))


def _spdx(text: str) -> list[tuple[str, int]]:
    lines = enumerate(text.split("\n"), start=1)
    return [(" ".join(match[1].split()), number) for number, line in lines for match in _TAG.finditer(line)]


def _kind(text: str, field: str) -> str | None:
    for rule in ("licence-restricted", "licence-reciprocal"):
        if re.search(_rule(rule).data[field], text, re.IGNORECASE):
            return rule
    return None


def _terms(before: str, now: str) -> Iterator[Hit]:
    """Find grants and restrictions that the file did not hold before."""
    known, words = _words(before).text, _words(now)
    for name in ("licence-reciprocal", "licence-restricted"):
        pattern = re.compile(_rule(name).data["words"])
        had = Counter(match[0] for match in pattern.finditer(known))
        for match in list(pattern.finditer(words.text))[:HITS_AT_MOST]:
            had[match[0]] -= 1
            if had[match[0]] < 0:
                yield _rule(name).hit(words.line(match.start()), about=_printable(match[0]))


def _words(text: str) -> _Words:
    kept: list[str] = []
    starts: list[int] = []
    lines: list[int] = []
    at = 0
    for number, line in enumerate(text.split("\n"), start=1):
        for match in _WORD.finditer(line.lower()):
            word = match[0].strip("-.'")
            if word:
                kept.append(word)
                starts.append(at)
                lines.append(number)
                at += len(word) + 1
    return _Words(" ".join(kept), starts, lines)


def _notices(question: Question, before: str, now: str) -> Iterator[Hit]:
    """Find names that are gone from a file's copyright notices, whatever the years say."""
    if question.before is None:
        return
    kept = {" ".join(match[1].lower().split()) for match in _NOTICE.finditer(now)}
    for match in _NOTICE.finditer(before):
        if (holder := " ".join(match[1].lower().split())) and holder not in kept:
            yield _rule("copyright-notice-removed").hit(1, about=_printable(match[1].strip()))
            return


def _metadata(question: Question) -> Iterator[Hit]:
    if PurePosixPath(question.path.lower()).name not in _METADATA or question.before is None:
        return
    had, has = _licences(question.path, question.before), _licences(question.path, question.content)
    was = ", ".join(entry.value for entry in had) or "none"
    values = [entry.value for entry in had]
    new = [entry for entry in has if entry.value not in values]
    for entry in new[:HITS_AT_MOST]:
        yield _rule("licence-metadata-changed").hit(entry.line, about=f"{_printable(was)} -> {_printable(entry.value)}")
    if had and not has:
        yield _rule("licence-metadata-changed").hit(1, confidence=Confidence.MEDIUM, about=f"{_printable(was)} -> none")


def _licences(path: str, content: bytes) -> list[Entry]:
    try:
        found = entries(path, content)
    except Unreadable:
        return []  # who reads manifests says that this is none
    return [entry for entry in found if _names_licence(entry)]


def _names_licence(entry: Entry) -> bool:
    keys = [part.lower() for part in entry.path]
    own = not any("dependencies" in part for part in keys)
    stated = bool({"license", "licence", "licenses", "license-file", "license-files"} & set(keys[-2:]))
    return own and (stated or (keys[-1:] == ["classifiers"] and entry.value.startswith("License ::")))


def _rule(name: str) -> catalogue.Rule:
    return catalogue.load(NAME)[name]


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:100])


SCANNER = native(
    NAME,
    module=__name__,
    covers=frozenset(),
    reads=None,
    sees=frozenset({Sees.PATH, Sees.BEFORE}),
    canary=Question("python", _PLANTED, "planted.py", None),
    planted=frozenset({("licence-reciprocal", 1)}),
)
