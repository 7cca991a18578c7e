"""Text of a curly-brace language with comments and the insides of strings blanked, at the same offsets.

Layer: scanners, a part of `tampering`. Imports `errors`; does no I/O.
Trust: the text is hostile. One pass of one pattern that can't backtrack. Brackets that never close reach to the end,
and thousands of them would each be read to the end: the work on one text is bounded.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from ..errors import Unreadable

_BLOCK = r"/\*.*?(?:\*/|\Z)|//[^\n]*"
_DOUBLE = r'"""(?s:.*?)(?:"""|\Z)|"(?:\\.|[^"\\\n])*"?'
_SINGLE = r"'(?:\\.|[^'\\\n])*'?"
_BACK = r"`(?:\\.|[^`\\])*(?:`|\Z)"
_REGEX = r"(?<=[(,=:\[!&|?{};])[ \t]*/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n]){0,200}\]|[^/\\\n\[]){1,500}/"
_PATTERNS = {
    "javascript": re.compile(rf"(?s:{_BLOCK})|{_REGEX}|{_DOUBLE}|{_SINGLE}|(?s:{_BACK})"),
    "go": re.compile(rf"(?s:{_BLOCK})|{_DOUBLE}|'(?:\\.|[^'\\\n])+'|`[^`]*(?:`|\Z)"),
    "java": re.compile(rf"(?s:{_BLOCK})|{_DOUBLE}|'(?:\\.|[^'\\\n])+'"),
    "rust": re.compile(rf"(?s:{_BLOCK})|{_DOUBLE}|'(?:\\.|[^'\\\n])'"),
}
_READ_AT_MOST, _TIMES_AT_MOST, _WORDS_AT_MOST = 1_000_000, 10, 2_000
_CLOSES = {")": "(", "]": "[", "}": "{"}
_BRACKET = re.compile(r"[()\[\]{}]")
_KEPT = re.compile(r"[^\n]")


@dataclass(frozen=True, slots=True)
class Masked:
    """The text, the same with nothing but code in it, and where each opening bracket ends (exclusive)."""

    text: str
    code: str
    ends: dict[int, int]
    starts: tuple[int, ...]
    spent: list[int] = field(default_factory=lambda: [0])

    def line(self, at: int) -> int:
        """Give the line of an offset; lines start at 1."""
        return bisect_right(self.starts, at)

    def inside(self, at: int) -> tuple[int, int]:
        """Give the offsets between the bracket at `at` and its end."""
        end = max(at + 1, self.ends.get(at, len(self.text)) - 1)
        self.spent[0] += end - at
        if self.spent[0] > _READ_AT_MOST + _TIMES_AT_MOST * len(self.text):
            raise Unreadable("tests nested in tests, or brackets that never close, too often to be compared")
        return at + 1, end

    def words(self, start: int, end: int) -> str:
        """Spell a stretch of the text without its spacing."""
        kept = "".join(self.text[start : min(end, start + _WORDS_AT_MOST)].split())
        return kept if end - start <= _WORDS_AT_MOST else f"{kept}...{end - start}"


def mask(text: str, language: str) -> Masked:
    """Blank what is no code; comments vanish, strings and patterns keep their first and last character."""
    code = _PATTERNS[language].sub(_blank, text)
    starts = (0, *(match.end() for match in re.finditer("\n", text)))
    return Masked(text, code, _matched(code), starts)


def _blank(match: re.Match[str]) -> str:
    found = match[0]
    if found.startswith(("//", "/*")) or len(found) == 1:
        return _KEPT.sub(" ", found)
    return found[0] + _KEPT.sub(" ", found[1:-1]) + found[-1]


def _matched(code: str) -> dict[int, int]:
    ends: dict[int, int] = {}
    open_at: list[tuple[str, int]] = []
    for match in _BRACKET.finditer(code):
        if match[0] in "([{":
            open_at.append((match[0], match.start()))
        elif open_at and open_at[-1][0] == _CLOSES[match[0]]:
            ends[open_at.pop()[1]] = match.end()
    return ends
