"""Credentials that are known by their shape, and check digits that tell a live one from a made-up one.

Layer: scanners. Imports `credible`, `views` and the shapes of `rules/secrets/providers.toml`.
Trust: the text is hostile. Shapes are matched against words, each at most once, with bounded repetitions.
"""

from __future__ import annotations

import base64
import json
import re
import tomllib
import zlib
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import countermark_policies

from ..finding import Confidence, Severity
from . import credible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .views import View

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CRC_DIGITS = 6
_PREFIX = 8  # characters; many prefixes are words
_GIVEN = frozenset("=:\"'`>(")


@dataclass(frozen=True, slots=True)
class Shape:
    """One provider's credential: how it is known, and how much a match says."""

    kind: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]
    examples: frozenset[str]
    check: str
    weak: bool
    letters: bool
    json: bool


@dataclass(frozen=True, slots=True)
class Token:
    """A credential found: `value` never leaves this package."""

    value: str
    kind: str
    example: bool
    severity: Severity
    confidence: Confidence


@cache
def shapes() -> tuple[Shape, ...]:
    """Read the shapes; the table is ours."""
    rows = tomllib.loads(countermark_policies.read("rules/secrets/providers.toml").decode("utf-8"))["token"]
    return tuple(
        Shape(
            row["kind"],
            tuple(row["marks"]),
            re.compile(rf"(?<![A-Za-z0-9_+.-])(?:{row['pattern']})(?![A-Za-z0-9_+-])"),
            frozenset(row.get("examples", ())),
            row.get("check", ""),
            row.get("weak", False),
            row.get("letters", False),
            row.get("json", False),
        )
        for row in rows
    )


def find(view: View) -> Iterator[Token]:
    """Give every different credential of the view."""
    words = view.words
    folded = words.lower()
    for shape in shapes():
        if _is_marked(shape, view.lower if shape.letters else folded):
            text = view.text if shape.letters else words
            for value in sorted({match[0] for match in shape.pattern.finditer(text)}):
                if (token := _judged(shape, value)) is not None:
                    yield replace(token, severity=Severity.INFO) if shape.weak and not _in_use(view, value) else token


def _is_marked(shape: Shape, folded: str) -> bool:
    for mark in shape.marks:  # noqa: SIM110  # asked of every shape for every file: a generator takes twice the time
        if mark in folded:
            return True
    return False


def _in_use(view: View, value: str) -> bool:
    """Say whether the value is given to something: a weak shape that merely stands in prose is no news."""
    at = view.text.find(value)
    while at >= 0:
        if view.text[max(0, at - 3) : at].rstrip(" ")[-1:] in _GIVEN:
            return True
        at = view.text.find(value, at + len(value))
    return False


def _judged(shape: Shape, value: str) -> Token | None:
    if value in shape.examples:
        return Token(value, shape.kind, example=True, severity=Severity.INFO, confidence=Confidence.HIGH)
    if credible.is_placeholder(value) or (shape.json and not _holds_json(value)) or _is_a_name(value):
        return None
    if shape.weak or (shape.check and not CHECKS[shape.check](value)):
        return Token(value, shape.kind, example=False, severity=Severity.MEDIUM, confidence=Confidence.MEDIUM)
    confidence = Confidence.CONFIRMED if shape.check else Confidence.HIGH
    return Token(value, shape.kind, example=False, severity=Severity.HIGH, confidence=confidence)


def _is_a_name(value: str) -> bool:
    return not value.isupper() and credible.is_wordy(value) and credible.is_wordy(value[_PREFIX:])


def _crc32_base62(value: str) -> bool:
    """Check the last six digits: the CRC-32 of what stands between the prefix and them, in base 62."""
    body = value.split("_", 1)[1]
    number = zlib.crc32(body[:-_CRC_DIGITS].encode())
    digits = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits.rjust(_CRC_DIGITS, "0") == body[-_CRC_DIGITS:]


def _crc32_hex(value: str) -> bool:
    body, _, check = value.rpartition("_")
    return any(f"{zlib.crc32(text.encode()):08x}" == check.lower() for text in (body, body.split("_", 1)[1]))


def _holds_json(value: str) -> bool:
    """Check that what the token carries, in base64, is a JSON object."""
    start = value.index("eyJ")
    body = value[start : value.find("_", start)].rstrip("=")
    try:
        return isinstance(json.loads(base64.b64decode(body + "=" * (-len(body) % 4))), dict)
    except (ValueError, RecursionError):  # then nobody issued it
        return False


CHECKS = {"crc32-base62": _crc32_base62, "crc32-hex": _crc32_hex}
