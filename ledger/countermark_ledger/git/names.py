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
    """Find names of one directory that fold alike: each such name, and another one it collides with."""
    first: dict[str, str] = {}
    found: dict[str, str] = {}
    for name in names:
        other = first.setdefault(fold(name), name)
        if other != name:
            found[name] = other
            found.setdefault(other, name)
    return found


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
