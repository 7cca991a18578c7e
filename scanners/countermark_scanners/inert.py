"""Types that cannot act, each proved by content: images, fonts, prose, nothing at all.

Layer: scanners. Imports nothing of ours; does no I/O.
Trust: contents and names are hostile. A name alone proves nothing: an image must be one from its first byte to
its last (no archive or script behind the picture), and prose must hold no control, bidi or invisible character.

Inert is not scanned: the report still says `NotCovered(type)`, and only a policy that lists the type accepts it.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PROSE = "text/prose"
EMPTY = "empty"

_PROSE_SUFFIXES = frozenset({".md", ".markdown", ".rst", ".txt"})
_PROSE_NAMES = frozenset({"LICENSE", "LICENCE", "NOTICE", "COPYING", "AUTHORS", "CHANGELOG", "README"})
_NOT_PROSE = re.compile(r"(requirements|constraints)[^/]*\.(txt|in)|cmakelists\.txt|meson_options\.txt", re.IGNORECASE)
_ALLOWED_FORMAT = frozenset("\u00ad\u200c\u200d\u200e\u200f")  # soft hyphen, joiners and marks of ordinary text


def inert_type(path: str, content: bytes) -> str | None:
    """Name the inert type that name and whole content agree on; None when there is none."""
    if not content:
        return EMPTY
    suffix = PurePosixPath(path).suffix.lower()
    for name, suffixes, is_one in _KINDS:
        if suffix in suffixes:
            return name if is_one(content) else None
    return PROSE if _is_prose_name(path) and is_prose(content) else None


def is_prose(content: bytes) -> bool:
    """Accept UTF-8 text without a shebang and without any character that a reader would not see."""
    if content.startswith(b"#!"):
        return False
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return False
    return not any(_hidden(character) for character in set(text) - set("\t\n\r"))


def _is_prose_name(path: str) -> bool:
    pure = PurePosixPath(path)
    if _NOT_PROSE.fullmatch(pure.name) or (pure.parent.name.startswith("requirements") and pure.suffix == ".txt"):
        return False
    return pure.suffix.lower() in _PROSE_SUFFIXES or pure.name in _PROSE_NAMES


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} and character not in _ALLOWED_FORMAT


def _png(content: bytes) -> bool:
    at = 8
    while content.startswith(b"\x89PNG\r\n\x1a\n") and at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        kind, at = content[at + 4 : at + 8], at + 12 + int(length)
        if kind == b"IEND":
            return at == len(content)
    return False


def _jpeg(content: bytes) -> bool:
    return content.startswith(b"\xff\xd8\xff") and content.endswith(b"\xff\xd9") and not _archive_inside(content)


def _gif(content: bytes) -> bool:
    return content[:6] in {b"GIF87a", b"GIF89a"} and content.endswith(b"\x00\x3b") and not _archive_inside(content)


def _webp(content: bytes) -> bool:
    whole = struct.pack("<I", len(content) - 8) if len(content) > 8 else b""  # noqa: PLR2004  # RIFF's own header
    return content[:4] == b"RIFF" and content[4:8] == whole and content[8:12] == b"WEBP"


def _woff(content: bytes) -> bool:
    return content[:4] in {b"wOFF", b"wOF2"} and content[8:12] == struct.pack(">I", len(content))


def _sfnt(content: bytes) -> bool:
    known = content[:4] in {b"\x00\x01\x00\x00", b"OTTO", b"true"}
    return known and not _archive_inside(content)


def _archive_inside(content: bytes) -> bool:
    return b"PK\x05\x06" in content[-65_557:]  # the end record of a zip, wherever Python's zipimport looks for it


_KINDS: tuple[tuple[str, frozenset[str], Callable[[bytes], bool]], ...] = (
    ("image/png", frozenset({".png"}), _png),
    ("image/jpeg", frozenset({".jpg", ".jpeg"}), _jpeg),
    ("image/gif", frozenset({".gif"}), _gif),
    ("image/webp", frozenset({".webp"}), _webp),
    ("font/woff", frozenset({".woff", ".woff2"}), _woff),
    ("font/sfnt", frozenset({".ttf", ".otf"}), _sfnt),
)

TYPES = frozenset({PROSE, EMPTY, *(name for name, _, _ in _KINDS)})
