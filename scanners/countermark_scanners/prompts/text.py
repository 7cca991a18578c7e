"""The words of a file as a model takes them in: folded to plain letters, and brought out of where they are hidden.

Layer: scanners. Imports nothing of ours; does no I/O.
Trust: the bytes are hostile. A reading is at most as long as the file; decoded text is not decoded again.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

_LEADERS = re.compile(r"^[ \t]*(?:(?:#+|//+|/?\*+|--+|;+|%+|>+|rem |'''|\"\"\"|\|)[ \t]*)*")
_SPACES = re.compile(r"\s+")
_SPACED = re.compile(r"(?<!\w)(?:\w ){4,200}\w(?!\w)")  # i g n o r e: letters apart
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{8,}")
_ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_LOOKALIKES = str.maketrans("асеорхуіјѕһаοαερκιτυνѵ", "aceopxyijshaoaepkituvv")
_WORDS_AT_LEAST = 3
_OVERLAP = 8  # ways to hide that are looked at around one place
_HIDING = (
    (re.compile(r"\[(?://|comment|_|#)?\]: ?(?:#|<>) ?[\"'(].{0,2000}?[\"')]"), "a comment of Markdown"),
    (
        re.compile(
            r"<[a-z]{1,12} [^>]{0,300}?(?:color: ?(?:#fff(?:fff)?\b|white|transparent)|font-size: ?0|display: ?none"
            r"|visibility: ?hidden|opacity: ?0(?![.\d])|aria-hidden=.true)[^>]{0,300}>.{0,2000}?</"
        ),
        "an element that is not shown",
    ),
    (re.compile(r"<[a-z]{1,12} hidden\b[^>]{0,300}>.{0,2000}?</"), "an element that is not shown"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One text: folded words with single spaces, where each line starts, and what hides parts of it."""

    text: str
    starts: tuple[int, ...]
    lines: tuple[int, ...]
    spans: tuple[tuple[int, int, str], ...]

    def line(self, at: int) -> int:
        """Give the line of the file, from 1, in which an offset of the text stands."""
        return self.lines[bisect_right(self.starts, at) - 1]

    def hidden(self, at: int) -> str | None:
        """Say what hides the text at an offset from people; None when they see it."""
        last = bisect_right(self.spans, at, key=lambda span: span[0])
        around = self.spans[max(0, last - _OVERLAP) : last]
        return next((what for start, end, what in around if start <= at < end), None)


def readings(content: bytes) -> Iterator[Reading]:
    """Give what people see with the comments in it, then each text that is smuggled or encoded."""
    plain = _decoded(content)
    yield _reading([(number, line) for number, line in enumerate(plain.split("\n"), start=1)])
    smuggled = list(_smuggled(plain)) if not plain.isascii() else []
    encoded = list(_encoded(content))
    for rows, what in ((smuggled, "invisible characters"), (encoded, "base64")):
        if rows:
            reading = _reading(rows)
            yield Reading(reading.text, reading.starts, reading.lines, ((0, len(reading.text) + 1, what),))


def _decoded(content: bytes) -> str:
    for mark, coding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(mark):
            return content[2:].decode(coding, "replace")
    return content.decode("utf-8", "replace")


def _reading(rows: list[tuple[int, str]]) -> Reading:
    parts: list[str] = []
    starts: list[int] = []
    lines: list[int] = []
    at = 0
    for number, line in rows:
        folded = _folded(line)
        if folded:
            parts.append(folded)
            starts.append(at)
            lines.append(number)
            at += len(folded) + 1
    text = " ".join(parts)
    spans = [(match.start(), match.end(), what) for pattern, what in _HIDING for match in pattern.finditer(text)]
    spans += _comments(text)
    return Reading(text, tuple(starts) or (0,), tuple(lines) or (1,), tuple(sorted(spans)))


def _comments(text: str) -> Iterator[tuple[int, int, str]]:
    """Give the HTML comments; one without an end hides the rest."""
    start = text.find("<!--")
    while start >= 0:
        end = text.find("-->", start)
        end = len(text) if end < 0 else end
        yield start, end, "an HTML comment"
        start = text.find("<!--", end)


def _folded(line: str) -> str:
    if not line.isascii():
        line = unicodedata.normalize("NFKC", _UNSEEN.sub("", line))
    line = line[_LEADERS.match(line).end() :].lower()  # type: ignore[union-attr]  # the pattern matches the empty text
    if not line.isascii() and any("a" <= one <= "z" for one in line):
        line = line.translate(_LOOKALIKES)
    line = _SPACED.sub(lambda match: match[0].replace(" ", ""), line)
    return _SPACES.sub(" ", line.replace("\\n", " ").replace('\\"', '"')).strip()


def _smuggled(plain: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(plain.split("\n"), start=1):
        for match in _TAGS.finditer(line):
            yield number, "".join(chr(ord(one) - 0xE0000) for one in match[0])
        for match in _SELECTORS.finditer(line):
            yield number, bytes(_byte(one) for one in match[0]).decode("utf-8", "replace")


def _byte(selector: str) -> int:
    """Give the byte that a variation selector stands for: the first sixteen, then the other 240."""
    return ord(selector) - 0xFE00 if selector < "\ufe10" else ord(selector) - 0xE0100 + 16


def _encoded(content: bytes) -> Iterator[tuple[int, str]]:
    starts = None
    for match in _ENCODED.finditer(content):
        plain = _base64(match[0])
        if plain is None:
            continue
        if starts is None:
            starts = [0, *(end.end() for end in re.finditer(b"\n", content))]
        yield bisect_right(starts, match.start()), plain


def _base64(word: bytes) -> str | None:
    """Decode a word that holds a sentence; most words hold none, and end at their first letters."""
    word = word.replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    if not base64.b64decode(word[:24]).isascii():
        return None
    cut = word[: len(word) - (len(word) % 4 == 1)]
    try:
        plain = base64.b64decode(cut + b"=" * (-len(cut) % 4)).decode("utf-8")
    except (UnicodeDecodeError, binascii.Error):  # no text, so nothing that a model would obey
        return None
    return plain if plain.count(" ") >= _WORDS_AT_LEAST - 1 else None
