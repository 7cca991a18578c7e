"""Hostile text on a terminal: every control, bidi and invisible character is shown as an escape.

Layer: ledger core. Imports nothing of ours; does no I/O.
Trust: file names, identities and messages come from a checkout or an agent; a terminal obeys escapes.
"""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Blank although Unicode calls them letters, marks or symbols (its Default_Ignorable_Code_Point, and braille blank).
_BLANK = frozenset(
    map(chr, [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2800, 0x3164, 0xFFA0])
) | frozenset(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))


def safe(text: str) -> str:
    r"""Return the text on one line with `\x1b`, `\u202e` and their kind spelled out."""
    return "".join(_escape(c) if _hides(c) else c for c in text)


def _hides(character: str) -> bool:
    category = unicodedata.category(character)
    return category in _HIDDEN or character in _BLANK or (category == "Zs" and character != " ")


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
