"""Constants computed from constants, by Python's own operators on values that are too small to hurt.

Layer: scanners. Imports `values`; does no I/O.
Trust: the constants come out of hostile code: nothing here may take long, swell, or run anything but the listed pure
operations of built-in types.
"""

from __future__ import annotations

import ast
import base64
import binascii
import codecs
import itertools
import operator
from collections.abc import Callable, Sequence

from .values import MAX_KNOWN, Constant, Value, constant

MAX_TEXT = 20_000
MAX_NUMBER = 2**64
_LONGEST_PUT = 99
_FAILURES = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, binascii.Error, UnicodeError)

_BINARY: dict[type[ast.operator], Callable[..., object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
_COMPARE: dict[type[ast.cmpop], Callable[..., object]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_UNARY: dict[type[ast.unaryop], Callable[..., object]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
_TEXT_METHODS = frozenset(
    {
        "capitalize",
        "casefold",
        "count",
        "decode",
        "encode",
        "endswith",
        "find",
        "hex",
        "index",
        "isalnum",
        "isalpha",
        "isascii",
        "isdecimal",
        "isdigit",
        "isidentifier",
        "islower",
        "isnumeric",
        "isspace",
        "istitle",
        "isupper",
        "lower",
        "lstrip",
        "removeprefix",
        "removesuffix",
        "replace",
        "rfind",
        "rindex",
        "rstrip",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
        "bit_length",
        "is_integer",
        "conjugate",
    }
)
_CODECS: frozenset[Constant] = frozenset(
    {"utf-8", "utf8", "ascii", "latin-1", "rot13", "rot_13", "hex", "base64", "hex_codec"}
)
_FUNCTIONS: dict[str, Callable[..., object]] = {
    "builtins.len()": len,
    "builtins.int()": int,
    "builtins.str()": str,
    "builtins.bool()": bool,
    "builtins.float()": float,
    "builtins.chr()": chr,
    "builtins.ord()": ord,
    "builtins.abs()": abs,
    "builtins.hex()": hex,
    "builtins.bytes()": lambda one, *more: one if isinstance(one, bytes) and not more else str.encode(one, *more),
    "builtins.bytes.fromhex()": bytes.fromhex,
    "builtins.min()": min,
    "builtins.max()": max,
    "builtins.repr()": repr,
    "base64.b64decode()": base64.b64decode,
    "base64.urlsafe_b64decode()": base64.urlsafe_b64decode,
    "base64.standard_b64decode()": base64.b64decode,
    "base64.decodebytes()": base64.b64decode,
    "base64.b32decode()": base64.b32decode,
    "base64.b16decode()": base64.b16decode,
    "base64.b85decode()": base64.b85decode,
    "base64.a85decode()": base64.a85decode,
    "base64.b64encode()": base64.b64encode,
    "binascii.unhexlify()": binascii.unhexlify,
    "binascii.a2b_base64()": binascii.a2b_base64,
    "binascii.a2b_hex()": binascii.a2b_hex,
    "codecs.decode()": lambda one, name="utf-8": codecs.decode(one, name) if name in _CODECS else _unfolded(),
    "codecs.encode()": lambda one, name="utf-8": codecs.encode(one, name) if name in _CODECS else _unfolded(),
}
_DECODERS = frozenset(name for name in _FUNCTIONS if name.startswith(("base64.", "binascii.")))


class Unfoldable(Exception):
    """What would be computed is not a constant, or not a small one."""


def _unfolded() -> Constant:
    raise Unfoldable


def _small(value: object) -> Constant:
    """Let only small constants through."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (str, bytes)) and len(value) <= MAX_TEXT:
        return value
    if isinstance(value, int) and -MAX_NUMBER < value < MAX_NUMBER:
        return value
    if isinstance(value, (float, complex)):
        return value
    raise Unfoldable


def fold(function: Callable[..., object], *arguments: Value) -> Value | None:
    """Apply a pure function to every combination of known arguments; None when that is not known or not small."""
    choices = [one.known for one in arguments]
    if any(one is None for one in choices):
        return None
    return _combined(function, [one for one in choices if one is not None])


def _combined(function: Callable[..., object], choices: Sequence[tuple[Constant, ...]]) -> Value | None:
    total = 1
    for one in choices:
        total *= len(one)
    if total > MAX_KNOWN * MAX_KNOWN:
        return None
    found: list[Constant] = []
    for combination in itertools.product(*choices):
        try:
            found.append(_small(function(*combination)))
        except _FAILURES:
            continue  # this combination would end in an error at run time: it gives no value
        except Unfoldable:
            return None
    return constant(*found) if found else None


def binary(kind: type[ast.operator], left: Value, right: Value) -> Value | None:
    """Fold `left kind right`."""
    if left.known is None or right.known is None or kind not in _BINARY:
        return None
    if kind in {ast.Mult, ast.Pow, ast.LShift} and not _harmless(kind, left.known, right.known):
        return None
    if kind is ast.Mod and any(isinstance(one, (str, bytes)) for one in left.known):
        return None  # a format may ask for any width
    return fold(_BINARY[kind], left, right)


def _harmless(kind: type[ast.operator], left: tuple[Constant, ...], right: tuple[Constant, ...]) -> bool:
    largest = {ast.Mult: MAX_NUMBER, ast.Pow: 64, ast.LShift: 64}[kind]
    return all(_multiplies(one, other, largest) for one in left for other in right)


def _multiplies(one: Constant, other: Constant, largest: int) -> bool:
    if isinstance(one, (str, bytes)):
        return isinstance(other, int) and len(one) * other <= MAX_TEXT
    if isinstance(other, (str, bytes)):
        return isinstance(one, int) and len(other) * one <= MAX_TEXT
    return isinstance(one, (int, float)) and isinstance(other, (int, float)) and -largest <= other <= largest


def compare(kind: type[ast.cmpop], left: Value, right: Value) -> Value | None:
    """Fold a comparison of two constants."""
    return fold(_COMPARE[kind], left, right)


def unary(kind: type[ast.unaryop], operand: Value) -> Value | None:
    """Fold `kind operand`."""
    if kind is ast.Not:
        truth = operand.truth()
        return None if truth is None else constant(not truth)
    return fold(_UNARY[kind], operand)


def call(name: str, arguments: Sequence[Value]) -> Value | None:
    """Fold a call of one of the listed library functions."""
    function = _FUNCTIONS.get(name)
    if function is None or not arguments:
        return None
    result = fold(function, *arguments)
    if result is None and name in _DECODERS and all(one.known is not None for one in arguments):
        return Value(known=())  # Python refuses this text too: what comes after is never reached with it
    return result


def method(receiver: Value, name: str, arguments: Sequence[Value]) -> Value | None:
    """Fold a call of one of the listed methods of text, bytes and numbers."""
    if name not in _TEXT_METHODS or receiver.known is None:
        return None
    if name == "replace" and any(
        isinstance(one, (str, bytes)) and len(one) > _LONGEST_PUT for a in arguments for one in a.known or ()
    ):
        return None
    if name in {"encode", "decode"} and any(one not in _CODECS for a in arguments[:1] for one in a.known or ()):
        return None
    return fold(lambda one, *more: getattr(one, name)(*more), receiver, *arguments)


def index(receiver: Value, at: Value) -> Value | None:
    """Fold `receiver[at]` of text."""
    return fold(lambda one, place: one[place], receiver, at)


def piece(receiver: Value, bounds: Sequence[Value]) -> Value | None:
    """Fold `receiver[start:stop:step]` of text."""
    return fold(lambda one, *marks: one[slice(*marks)], receiver, *bounds)


def split(text: str | bytes, name: str, arguments: Sequence[Value]) -> list[Constant] | None:
    """Split known text at known text."""
    marks = [one.single() for one in arguments]
    if any(one is ... for one in marks):
        return None
    try:
        parts = getattr(text, name)(*marks)
    except _FAILURES:
        return None  # an error at run time too: no value
    return list(parts)
