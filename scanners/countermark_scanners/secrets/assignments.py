"""Literal values given to names that say they hold a secret, in whatever syntax a file has for that.

Layer: scanners. Imports `credible`; does no I/O.
Trust: the text is hostile. A pattern starts with the fixed letters of a name and repeats within bounds, so that the
time is linear in the file.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ..finding import Confidence
from . import credible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .views import View

_STEMS = ("pass", "pwd", "secret", "token", "key", "cred", "auth", "bearer", "senha", "contrasena", "_pat")
_TAIL = r"""
    (?P<rest>[\w.-]{0,40}+)
    (?:\\{0,2}+["'`\])]{0,3}[ \t]{0,20}+)
    (?:
        (?: :?[ \t]{0,2}[a-z_][\w.<>\[\]?|]{0,30}[ \t]{1,8} )? (?: := | (?<![=!<>])={1,3} )  # x: str =, Token string =
        | [:?.+|]{1,3}= | => | -> | : | \|\|
        | (?P<comma>,)[ \t]{0,3}(?=["'`]) | \([ \t]{0,3}(?=[rbuf]{0,2}["'`]) | > | (?<=[ \t])(?=["'])
        | ,?\s{0,40}["']?value["']?[ \t]{0,3}[=:]  # key="x" value=
        | \n[ ]{1,40}value[ \t]{0,3}:
        | (?P<flag>(?<=[ ])(?=[^\s=:,]))  # --password x
    )
    \s{0,40}+ (?: [(\[] \s{0,40}+ )?
    (?P<call> [a-z_][\w.]{0,40}\([ \t]{0,3} )?
    [rbuf@$]{0,2}
    (?: \\{0,3}(?P<quote>["'`])(?P<quoted>[^"'`\n\\]{4,500}+) | (?P<bare>[^\s"'`,;<>(){}\[\]\\]{8,500}+) )
"""
_PATTERNS = {stem: re.compile(re.escape(stem) + _TAIL, re.VERBOSE) for stem in _STEMS}
_NAME = re.compile(r"[\w.$-]{0,60}\Z")
_PARTS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")
_FILE = re.compile(r"[\w./~@-]*\.(?:[a-z]{1,4}|java|html|json|yaml|toml|conf|properties|local|internal)")
_BARE = re.compile(r"(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])[^=]+={0,2}")  # a literal, not the name of something
_OPAQUE = re.compile(r"[\w+/=.~:|!@#$%^&*-]+")
_PROSE = re.compile(r"\s")
_REFERENCE = re.compile(r"https?://|[./~]{1,2}/|[A-Za-z]:\\|/\w+/|[\w.+-]+@[\w-]+\.\w+\Z")
_DOTTED = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+(?:\[\d+)?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RELEASE = re.compile(r"v?\d+\.\d+(?:\.\d+)?|\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9A-Fa-f_]+|\d[\d_]*[eE][+-]?\d+)[uUlL]{0,3}")
_LEAST_PASSWORD, _LEAST = 6, 10
_STRONG = 3  # kinds of characters


@dataclass(frozen=True, slots=True)
class Assignment:
    """A secret value at an offset; `what` is our word for what the name says."""

    at: int
    value: str
    what: str
    confidence: Confidence


def find(view: View) -> Iterator[Assignment]:
    """Give every value that is assigned to a secret's name and looks like a secret, each place once."""
    seen: set[int] = set()
    for stem, pattern in _PATTERNS.items():
        if stem not in view.lower:
            continue
        for match in pattern.finditer(view.lower):
            group = "quoted" if match["quoted"] is not None else "bare"
            start = match.start(group)
            if start in seen:
                continue
            found = _judged(view.text, match, group)
            if found is not None:
                seen.add(start)
                yield found


def _judged(text: str, match: re.Match[str], group: str) -> Assignment | None:
    value = text[match.start(group) : match.end(group)]
    bare = group == "bare"
    if bare:
        value = value.rstrip(".:!?")
    what = _meant(text, match)
    if what is None or (bare and not _is_literal(value, text[match.end(group) : match.end(group) + 1])):
        return None
    passed = match["comma"] is not None or match["call"] is not None
    if not _is_secret(what, value, bare=bare) or (passed and not credible.is_random(value)):
        return None
    return Assignment(match.start(group), value, what, _confidence(value))


def _meant(text: str, match: re.Match[str]) -> str | None:
    before = _NAME.search(text[max(0, match.start() - 60) : match.start()])
    start = match.start() - (len(before[0]) if before else 0)
    if text[max(0, start - 2) : start] == "::" or (match["flag"] is not None and text[start : start + 2] != "--"):
        return None
    return meaning(text[start : match.end("rest")])


def _is_literal(value: str, following: str) -> bool:
    """Tell an unquoted value from the name of something, a call and a number."""
    return following not in {"(", "[", "{"} and bool(_BARE.fullmatch(value)) and not _NUMBER.fullmatch(value)


def _confidence(value: str) -> Confidence:
    if _UUID.fullmatch(value) or credible.is_wordy(value):
        return Confidence.LOW
    return Confidence.HIGH if credible.is_random(value, least=16) else Confidence.MEDIUM


@cache
def _kinds() -> dict[str, str]:
    return {word: kind for kind, known in credible.words()["names"].items() for word in known}


def meaning(name: str) -> str | None:
    """Say what kind of secret a name is for: `DB_PASSWORD` -> password; None for every other name."""
    parts = [part.lower().rstrip(string.digits) for part in _PARTS.findall(name[-100:])]
    others = credible.words()["others"]
    while parts and (
        parts[-1].isdigit() or parts[-1] in {"value", "val", "raw", "plain", "string", "str", "dev", "prod"}
    ):
        parts.pop()
    if not parts or any(part in others["parts"] for part in parts[-2:]) or parts[-1] in others["last"]:
        return None
    if any(part in others["anywhere"] for part in parts):
        return None
    return _meaning(parts)


def _meaning(parts: list[str]) -> str | None:
    last = parts[-1]
    if last in {"key", "keys"}:
        return "key" if any(part in credible.words()["beside"]["key"] for part in parts[:-1]) else None
    kinds = _kinds()
    if last in kinds:
        return kinds[last]
    ends = ("password", "passwd", "passphrase", "secret", "token", "apikey", "secretkey", "accesskey")
    return next((kinds[end] for end in ends if last.endswith(end)), None)


def _is_secret(what: str, value: str, *, bare: bool) -> bool:
    if _PROSE.search(value) or credible.is_placeholder(value) or _REFERENCE.match(value) or _RELEASE.match(value):
        return False
    if (_DOTTED.fullmatch(value) or _FILE.fullmatch(value)) and not credible.is_random(value, least=16):
        return False
    return _is_password(value, bare=bare) if what == "password" else _is_token(what, value)


def _is_token(what: str, value: str) -> bool:
    if not _OPAQUE.fullmatch(value):
        return False
    if len(value) < _LEAST or not any(map(str.isdigit, value)):
        return _is_unreadable(value)
    if _UUID.fullmatch(value):
        return what in {"key", "token", "secret"}
    return credible.is_random(value, least=_LEAST)


def _is_password(value: str, *, bare: bool) -> bool:
    if len(value) < _LEAST_PASSWORD or value.isdigit() or (value.isidentifier() and "_" in value):
        return False
    if bare:
        strong = credible.kinds(value) >= _STRONG or (len(value) >= _LEAST and credible.is_random(value, least=_LEAST))
        return strong and "/" not in value
    if credible.is_wordy(value) and not any(map(str.isdigit, value)):
        return False
    return credible.kinds(value) > 1 or _is_unreadable(value)


def _is_unreadable(value: str) -> bool:
    """Accept letters of one case alone only when there are many and they are no words."""
    return len(value) >= 2 * _LEAST and credible.is_random(value)
