"""Hostile text on a terminal: every control, bidi and invisible character is shown as an escape.

Layer: ledger core. Imports nothing of ours; does no I/O.
Trust: file names, identities and messages come from a checkout or an agent; a terminal obeys escapes.
"""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def safe(text: str) -> str:
    r"""Return the text on one line with `\x1b`, `\u202e` and their kind spelled out."""
    return "".join(_escape(c) if unicodedata.category(c) in _HIDDEN else c for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
