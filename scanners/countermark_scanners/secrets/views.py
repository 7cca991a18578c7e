"""The texts in which a file may say a secret: as it stands, with its literals joined, and decoded.

Layer: scanners. Imports nothing of ours; does no I/O.
Trust: the bytes are hostile. Each view is at most as long as the file, and the views of a view end at a depth.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property

_KEPT = frozenset(b"_+/=.~-:%@$!?&|" + string.ascii_letters.encode() + string.digits.encode())
_MAPPED = bytes(byte if byte in _KEPT else 32 for byte in range(256))
_SEPARATORS = b"_.-/:=&?"
_LEAST = 14  # no provider's credential is shorter
_ESCAPES = ((b"\\n", b"  "), (b"\\r", b"  "), (b"\\t", b"  "), (b"\\u0026", b"&     "), (b"\\u003d", b"=     "))
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){24,}")
_PRINTABLE = frozenset(range(32, 127)) | {9, 10, 13}
_JOINT = re.compile(
    r"""["'`][ \t]{0,80}(?:\\|[+.&][ \t]{0,80})?(?:\#[^\n]{0,200}|//[^\n]{0,200})?"""
    r"""(?:\r?\n[ \t]{0,200}){0,2}(?:[+.&][ \t]{0,80})?[fFrRbBuU@$]{0,2}(?P<quote>["'`])"""
)
_BOMS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


@dataclass(frozen=True)
class View:
    """One text, and where in the file its lines stand: `lines[i]` for line i, or i + 1 when there are none."""

    raw: bytes
    lines: tuple[int, ...] = ()
    whole: bool = True
    _starts: list[int] = field(default_factory=list)

    @cached_property
    def text(self) -> str:
        """Give the text one character a byte, so that places agree with `lower`."""
        return self.raw.decode("latin-1")

    @cached_property
    def lower(self) -> str:
        """Give the text with its ASCII letters in lower case."""
        return self.raw.lower().decode("latin-1")

    @cached_property
    def words(self) -> str:
        """List every different word that is long enough for a credential and has more than letters, one a line."""
        every = set(self.raw.translate(_MAPPED).split())
        found = [word for word in every if len(word) >= _LEAST and not word.translate(None, _SEPARATORS).isalpha()]
        return b"\n".join(sorted(found)).decode("latin-1")

    def place(self, at: int) -> tuple[int, int]:
        """Give the line of the file and the column of an offset of this text."""
        if not self._starts:
            self._starts.extend([0, *(match.end() for match in re.finditer("\n", self.text))])
        row = bisect_right(self._starts, at) - 1
        return (self.lines[row], 1) if self.lines else (row + 1, at - self._starts[row] + 1)


def view(content: bytes) -> View:
    """Read the bytes as text: UTF-16 when it says so, else byte by byte; escaped line ends become spaces."""
    for mark, coding in _BOMS:
        if content.startswith(mark):
            content = content[2:].decode(coding, "replace").encode("utf-8")
    for escape, space in _ESCAPES:
        content = content.replace(escape, space)
    return View(content)


def joined(whole: View) -> View | None:
    """Put together literals that a program puts together: `"a" + "b"`, and literals side by side; one line each."""
    rows: list[str] = []
    lines: list[int] = []
    end = 0
    text = whole.text
    for first in _JOINT.finditer(text):
        if first.start() < end or not _joins(text, first):
            continue
        start = max(text.rfind("\n", 0, first.start()) + 1, end, first.start() - 400)
        row, end = _row(text, start, first)
        rows.append(row.replace("\n", " "))
        lines.append(whole.place(start)[0])
    return View("\n".join(rows).encode("latin-1"), tuple(lines)) if rows else None


def _joins(text: str, match: re.Match[str]) -> bool:
    """Tell a joint from an empty literal: characters of literals stand at both ends of it."""
    inside = match.end() < len(text) and match.start() > 0 and match.end() - match.start() > 2  # noqa: PLR2004  # '""'
    return inside and text[match.start() - 1] not in " \t\n=(,[{:" and text[match.end()] not in " \t\n,;)]}:"


def _row(text: str, start: int, first: re.Match[str]) -> tuple[str, int]:
    parts, at, match = [text[start : first.start()]], first.end(), first
    while True:
        close = text.find(match["quote"], at, at + 2000)
        if close < 0:
            return "".join([*parts, text[at : at + 400]]), at
        parts.append(text[at:close])
        following = _JOINT.match(text, close)
        if following is None or not _joins(text, following):
            return "".join([*parts, match["quote"]]), close + 1
        match, at = following, following.end()


def decoded(words: str) -> list[tuple[str, View]]:
    """Give each encoded word (base64, hexadecimal) that holds text, and the text."""
    found = []
    for pattern, decode in ((_ENCODED, _base64), (_HEX, _hexadecimal)):
        for match in pattern.finditer(words):
            plain = decode(match[0])
            if plain is not None and _PRINTABLE.issuperset(plain):
                found.append((match[0], View(plain, whole=False)))
    return found


def _base64(word: str) -> bytes | None:
    standard = word.replace("-", "+").replace("_", "/").rstrip("=")
    if not _PRINTABLE.issuperset(base64.b64decode(standard[:24])):
        return None
    cut = standard[: len(standard) - (1 if len(standard) % 4 == 1 else 0)]
    try:
        return base64.b64decode(cut + "=" * (-len(cut) % 4))
    except binascii.Error:  # digits that stop within a byte: no encoder wrote that
        return None


def _hexadecimal(word: str) -> bytes | None:
    return bytes.fromhex(word)
