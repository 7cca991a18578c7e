"""Names of files: why a name can't be covered by anybody's signature.

Layer: ledger git. Imports nothing of ours but `node`; does no I/O.
Trust: names come from a tree object and may be any bytes without a slash or a NUL, here as UTF-8 with
surrogate escapes. A reviewer, a terminal, macOS and Windows must all see the file that was signed.

The answer depends on the Unicode tables of this Python in one way only: characters it does not know are
refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from ..node import MAX_PATH_BYTES

_KINDS = {
    "Cc": "a control character",
    "Cf": "an invisible or bidi character",
    "Co": "a private character",
    "Cn": "an unassigned character",
    "Zl": "a line separator",
    "Zp": "a line separator",
    "Zs": "a space that is not the space",
}
# Default_Ignorable_Code_Point beyond category Cf: drawn as nothing, so two names look like one.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_DOT_GIT = re.compile(r"\.git|git~[0-9]+", re.IGNORECASE)
_PLAIN = re.compile(r"[ -~]*")
# Letters that are drawn as a Latin one in most fonts (UTS #39, confusables), Cyrillic, Greek and Armenian.
_DRAWN_AS = {
    "A": "\u0391\u0410",
    "B": "\u0392\u0412",
    "C": "\u0421",
    "E": "\u0395\u0415",
    "H": "\u0397\u041d",
    "I": "\u0399\u0406\u04c0",
    "J": "\u0408",
    "K": "\u039a\u041a",
    "M": "\u039c\u041c",
    "N": "\u039d",
    "O": "\u039f\u041e\u0555",
    "P": "\u03a1\u0420",
    "S": "\u0405\u054f",
    "T": "\u03a4\u0422",
    "X": "\u03a7\u0425",
    "Y": "\u03a5\u04ae",
    "Z": "\u0396",
    "a": "\u03b1\u0430",
    "c": "\u0441\u03f2",
    "d": "\u0501",
    "e": "\u0435",
    "g": "\u0581",
    "h": "\u04bb\u0570",
    "i": "\u03b9\u0456",
    "j": "\u0458\u03f3",
    "l": "\u04cf",
    "n": "\u0578",
    "o": "\u03bf\u043e\u0585",
    "p": "\u03c1\u0440",
    "q": "\u051b\u0566",
    "s": "\u0455",
    "u": "\u03c5\u057d",
    "v": "\u03bd\u0475",
    "w": "\u051d",
    "x": "\u0445",
    "y": "\u0443\u04af",
}
_LATIN = {ord(other): latin for latin, others in _DRAWN_AS.items() for other in others}


def refusal(path: str) -> str | None:
    """Say why this path can't be covered, or None when it can."""
    if _PLAIN.fullmatch(path) is None:
        reason = _hidden(path)
        if reason is not None:
            return reason
    if len(path.encode("utf-8")) > MAX_PATH_BYTES:
        return f"a path of more than {MAX_PATH_BYTES} bytes"
    for part in re.split(r"[/\\]", path):
        if part in {"", ".", ".."}:
            return f"a path with {part!r} between slashes or backslashes"
        if _is_dot_git(part):
            return "a name that some file systems read as .git"
    return None


def expressible(path: str) -> bool:
    """Tell whether a statement can name the path at all: JSON has no spelling for bytes outside UTF-8."""
    return path.isascii() or not any("\udc80" <= character <= "\udcff" for character in path)


def fold(name: str) -> str:
    """Reduce a name so that names which a file system or an eye may take for one another become equal.

    Compatibility caseless matching (Unicode 3.13, D146), without the dots and spaces that Windows drops.
    """
    if name.isascii():
        return name.lower().rstrip(". ")
    once = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", name).casefold())
    return unicodedata.normalize("NFKD", once.casefold()).rstrip(". ")


def twins(names: Iterable[str]) -> dict[str, str]:
    """Find names of one directory that fold or look alike: each such name, and another one it collides with."""
    first: dict[str, str] = {}
    found: dict[str, str] = {}
    for name in names:
        other = first.setdefault(_seen(name), name)
        if other != name:
            found[name] = other
            found.setdefault(other, name)
    return found


def _seen(name: str) -> str:
    """Fold a name as an eye does, too; a capital looks like another letter than its small form may."""
    return fold(name) if name.isascii() else fold(name.translate(_LATIN)).translate(_LATIN)


def _hidden(path: str) -> str | None:
    if not expressible(path):
        return "a name that is not UTF-8"
    for character in path:
        if not character.isprintable() or _INVISIBLE.match(character):
            kind = _KINDS.get(unicodedata.category(character), "an invisible character")
            return f"a name with U+{ord(character):04X}, {kind}"
    return None


def _is_dot_git(part: str) -> bool:
    """Recognise .git as NTFS and HFS+ do: any case, a stream suffix, trailing dots and spaces, a short name."""
    return _DOT_GIT.fullmatch(fold(part.partition(":")[0])) is not None
