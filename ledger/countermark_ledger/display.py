"""Hostile text on a terminal or in a log: what either would obey, or would not show, is shown as an escape.

Layer: ledger core. Imports nothing of ours; does no I/O.
Trust: file names, identities and messages come from a checkout or an agent. A terminal obeys escapes; a CI system
obeys lines of its log: `##[...]`, `##vso[...]` and `##teamcity[...]` anywhere in one, `::...` at its beginning.
"""

from __future__ import annotations

import re
import shlex
import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Blank although Unicode calls them letters, marks or symbols (its Default_Ignorable_Code_Point, and braille blank).
_BLANK = frozenset(
    map(chr, [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2800, 0x3164, 0xFFA0])
) | frozenset(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
_COMMAND = re.compile(r"#(?=#\w*\[)")
_MEANING = frozenset("'\\!#:")
"""What ends the quotes or begins an escape there, what a shell at a keyboard replaces, and what a log obeys."""
_FIRST_COMMAND = re.compile(r"\A( *):(?=:)")


def safe(text: str) -> str:
    r"""Return the text on one line with `\x1b`, `\u202e`, the `#` of `##[` and their kind spelled out."""
    shown = "".join(_escape(c) if _hides(c) else c for c in text)
    return _FIRST_COMMAND.sub(r"\1\\x3a", _COMMAND.sub(r"\\x23", shown))


def word(text: str) -> str:
    r"""Spell a text as one word of a shell's command line that a person can copy: nothing in it runs or hides.

    What `safe` would change is spelled in `$'...'` with octal escapes of its UTF-8, or of the bytes that are none, as
    git spells names (bash, ksh, zsh; POSIX.1-2024, section 2.2.4).
    """
    quoted = shlex.quote(text)
    return quoted if quoted == safe(quoted) else f"$'{''.join(map(_octal, text))}'"


def safe_json(document: str) -> str:
    """Return the same JSON document, with the first `#` of `##[` as the escape that JSON has for it."""
    return _COMMAND.sub(r"\\u0023", document)


def _hides(character: str) -> bool:
    category = unicodedata.category(character)
    return category in _HIDDEN or character in _BLANK or (category == "Zs" and character != " ")


def _octal(character: str) -> str:
    if not _hides(character) and character not in _MEANING:
        return character
    lone = not "\udc80" <= character <= "\udcff"
    raw = character.encode("utf-8", "surrogatepass" if lone else "surrogateescape")
    return "".join(f"\\{byte:03o}" for byte in raw)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
