"""JSON with one spelling: RFC 8785 out, strict in; base64 with one spelling (RFC 4648 section 4).

Layer: ledger core. Imports nothing of ours but `errors`; does no I/O and reads no clock.
Trust: the bytes given to `loads` and `b64decode` are hostile until they return.

Python's parser keeps the last of two equal keys, takes NaN and 1e400, and recurses without a limit of
its own; each of these has let one document mean two things to two readers (ATTACKS.md, semantics).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import NoReturn, TypeAlias

import rfc8785

from .errors import Malformed, TooLarge

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 64
MAX_SAFE_INTEGER = 2**53 - 1

# Possessive, and content with the end of the text: an unclosed string must not be scanned once a quote.
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
# Tables and `in` look at a bundle in a quarter of the time that an expression takes.
_SHAPE = bytes.maketrans(b"123456789,[", b"000000000::")
_LONG_NUMBERS = (b":" + b"0" * 16, b":-" + b"0" * 16)
_BELOW_E000 = bytes(range(0xEE))  # UTF-8 begins U+E000, and all above it, with a byte from here up
_BRACKETS = re.compile(rb"[\[\]{}]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def loads(raw: bytes, *, max_bytes: int = MAX_BYTES) -> Json:
    """Parse UTF-8 JSON; refuse duplicate keys, floats, NaN, integers past 2**53-1, lone surrogates, deep nesting.

    Raises `TooLarge` before parsing and `Malformed` for everything else.
    """
    if len(raw) > max_bytes:
        raise TooLarge(f"JSON document: expected at most {max_bytes} bytes, found {len(raw)}")
    _check_depth(raw)
    decoder = _STRICT if b"\\u" in raw else _PLAIN
    try:
        value: Json = decoder.decode(_text(raw))
        _check_value(value)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"JSON document: {error}") from error
    return value


def dumps(value: Json) -> bytes:
    """Encode as RFC 8785 canonical JSON, so equal values have equal bytes.

    The standard encoder spells documents of small integers the same way, twenty times faster; where keys could sort
    otherwise (by UTF-16, from U+E000 on) or a number could be too large, rfc8785 decides. A test holds them equal.
    """
    try:
        raw = _ENCODER.encode(value).encode("utf-8")
        return raw if _is_plain(raw) else rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, TypeError, ValueError, RecursionError) as error:
        raise Malformed(f"value with no canonical JSON form: {error}") from error


def b64encode(raw: bytes) -> str:
    """Encode with the standard alphabet and padding."""
    return base64.b64encode(raw).decode("ascii")


def b64decode(text: object) -> bytes:
    """Decode exactly what `b64encode` emits: no junk, no other alphabet, no stray tail bits."""
    if not isinstance(text, str):
        raise Malformed(f"base64: expected a string, found {type(text).__name__}")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"base64: {error}") from error
    if b64encode(raw) != text:
        raise Malformed("base64: expected the canonical spelling, found another one")
    return raw


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8")
    if text.startswith("\ufeff"):
        raise ValueError("byte order mark")
    return text


def _is_plain(raw: bytes) -> bool:
    shape = b":" + raw.translate(_SHAPE)
    return not any(number in shape for number in _LONG_NUMBERS) and not raw.translate(None, _BELOW_E000)


def _check_depth(raw: bytes) -> None:
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return  # wherever they stand
    depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", raw)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            raise TooLarge(f"JSON document: nested deeper than {MAX_DEPTH}")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key in an object")
    return found


def _object_of_texts(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    for key, value in pairs:
        _no_surrogates(key)
        _check_value(value)
    return _object(pairs)


def _check_value(value: Json) -> None:
    if isinstance(value, str):
        _no_surrogates(value)
    elif isinstance(value, list):
        for item in value:
            _check_value(item)


def _no_surrogates(text: str) -> None:
    if _SURROGATES.search(text):
        raise ValueError("lone surrogate in a string")


def _integer(digits: str) -> int:
    if len(digits) > len(str(MAX_SAFE_INTEGER)) + 1 or abs(int(digits)) > MAX_SAFE_INTEGER:
        raise ValueError("integer past 2**53-1")
    if digits == "-0":
        raise ValueError("negative zero")
    return int(digits)


def _no_float(digits: str) -> NoReturn:
    raise ValueError(f"number {digits[:20]!r}: only integers are accepted")


_PLAIN, _STRICT = (
    json.JSONDecoder(object_pairs_hook=hook, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float)
    for hook in (_object, _object_of_texts)
)
"""Only an escape (backslash, `u`) can spell half a pair, so only where one stands is every text looked at."""
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
