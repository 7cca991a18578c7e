"""Whether a regular expression lets only harmless text through: read, never run.

Layer: scanners. Imports nothing of ours; does no I/O.
Trust: patterns come from hostile code; Python's own reader of patterns takes them apart, under its own limits.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from re import _constants as tokens  # type: ignore[attr-defined]  # the one reader of patterns that agrees with `re`
from re import _parser as parser  # type: ignore[attr-defined]  # the library has no public reader of patterns
from typing import Any

MAX_PATTERN = 500
_HARMLESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. @:,+")
_CATEGORIES = {"CATEGORY_DIGIT": "0123456789", "CATEGORY_WORD": "abcXYZ019_"}


def harmless(pattern: str, function: str) -> tuple[str, ...]:
    """Return the facts of a text that the pattern matches as a whole; none when it need not match the whole."""
    if len(pattern) > MAX_PATTERN:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about patterns of hostile code
            parsed = list(parser.parse(pattern))
    except (re.error, RecursionError, OverflowError):
        return ()  # at run time this pattern is an error, or nobody can tell
    if not _anchored(parsed, function):
        return ()
    letters = _letters(parsed)
    if letters is None or not letters <= _HARMLESS | {"/"}:
        return ()
    if "/" in letters and "." in letters:
        return tuple(f"clean:{flaw}" for flaw in ("shell", "sql", "xss", "ldap", "xpath", "code", "header", "template"))
    return ("clean:every",)


def explodes(pattern: str) -> bool:
    """Say whether an unbounded repetition holds another one that nothing fixed stands beside: `(a+)+`."""
    if len(pattern) > MAX_PATTERN:
        return False  # too long to be sure of anything
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about patterns of hostile code
            return _repeats(list(parser.parse(pattern)), inside=False)
    except (re.error, RecursionError, OverflowError):
        return False  # at run time this pattern is an error


def _repeats(parsed: list[Any], *, inside: bool) -> bool:
    alone = inside and len(parsed) == 1
    return any(_repeats_in(str(kind), what, inside=inside, alone=alone) for kind, what in parsed)


def _repeats_in(word: str, what: Any, *, inside: bool, alone: bool) -> bool:  # noqa: ANN401  # the reader's own trees
    if word in {"MAX_REPEAT", "MIN_REPEAT"}:
        unbounded = what[1] is tokens.MAXREPEAT
        return (unbounded and alone) or _repeats(list(what[2]), inside=unbounded or inside)
    parts = [what[3]] if word == "SUBPATTERN" else what[1] if word == "BRANCH" else []
    return any(_repeats(list(one), inside=alone) for one in parts)


def _anchored(parsed: list[Any], function: str) -> bool:
    begins = function in {"match", "fullmatch"} or (bool(parsed) and parsed[0] in _BEGINNINGS)
    return begins and (function == "fullmatch" or (bool(parsed) and parsed[-1] in _ENDS))


_BEGINNINGS = [(tokens.AT, tokens.AT_BEGINNING), (tokens.AT, tokens.AT_BEGINNING_STRING)]
_ENDS = [(tokens.AT, tokens.AT_END), (tokens.AT, tokens.AT_END_STRING)]


def _letters(parsed: Iterable[Any]) -> frozenset[str] | None:
    """Return the letters a matched text may be made of; None when that is not a short list."""
    found: set[str] = set()
    for kind, what in parsed:
        letters = _of(str(kind), what)
        if letters is None:
            return None
        found |= letters
    return frozenset(found)


def _of(kind: str, what: Any) -> frozenset[str] | None:  # noqa: ANN401, PLR0911  # the reader's own trees, a case a line
    match kind:
        case "LITERAL":
            return frozenset(chr(what))
        case "IN":
            return _letters(what)
        case "RANGE":
            return frozenset(map(chr, range(what[0], what[1] + 1))) if what[1] - what[0] < 128 else None  # noqa: PLR2004  # ASCII
        case "CATEGORY":
            known = _CATEGORIES.get(str(what))
            return None if known is None else frozenset(known)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _letters(what[2])
        case "SUBPATTERN":
            return _letters(what[3])
        case "BRANCH":
            parts = [_letters(one) for one in what[1]]
            return None if None in parts else frozenset().union(*[one for one in parts if one is not None])
        case "AT" | "ASSERT" | "ASSERT_NOT":
            return frozenset()
    return None
