"""Text put together from known text and unknown parts, in order: what stands around a value decides what it can do.

Layer: scanners. Imports `values` and `folding`; does no I/O.
Trust: formats are hostile; they are taken apart by our own small readers and never applied.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .folding import MAX_TEXT
from .values import MAX_PIECES, NO_TAINT, UNKNOWN, Piece, Taints, Value, constant, join_taints

_PERCENT = re.compile(r"%(?:\(([^)]*)\))?[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[hlL]?([a-zA-Z%])")
_BRACES = re.compile(r"\{\{|\}\}|\{([^{}!:]*)(![rsa])?(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")


def build(pieces: Sequence[Piece]) -> Value:
    """Make the value of this text: a constant when nothing in it is unknown."""
    merged: list[Piece] = []
    taint: Taints = NO_TAINT
    for one in pieces:
        if not isinstance(one, str):
            taint = join_taints(taint, one)
        if merged and isinstance(one, str) and isinstance(merged[-1], str):
            merged[-1] += one
        elif one != "":
            merged.append(one)
    if all(isinstance(one, str) for one in merged):
        return _constant("".join(one for one in merged if isinstance(one, str)))
    if len(merged) > MAX_PIECES:
        # the middle is one unknown part: what stands first and last still decides most
        merged = [*merged[: MAX_PIECES // 2], taint, *merged[-MAX_PIECES // 2 :]]
    return Value(taint=taint, pieces=tuple(merged))


def _constant(text: str) -> Value:
    return constant(text) if len(text) <= MAX_TEXT else UNKNOWN


def spelled(value: Value) -> tuple[Piece, ...]:
    """Return the pieces that `str(value)` is made of."""
    single = value.single()
    if single is not ... and not isinstance(single, (str, bytes)):
        return (str(single)[:99],)
    return value.text


def concatenate(left: Value, right: Value) -> Value:
    """Return the value of `left + right`."""
    return build((*left.text, *right.text))


def percent(pattern: str, part: Callable[[int | str], Value]) -> Value | None:
    """Return the value of `pattern % ...`; `part` gives an argument by position or name."""
    pieces: list[Piece] = []
    at = position = 0
    for match in _PERCENT.finditer(pattern):
        pieces.append(pattern[at : match.start()])
        at = match.end()
        if match[2] == "%":
            pieces.append("%")
            continue
        value = part(match[1] if match[1] is not None else position)
        position += match[1] is None
        pieces += [NO_TAINT] if match[2] in "dioxXeEfFgGc" else spelled(value)
    return build([*pieces, pattern[at:]])


def braces(pattern: str, part: Callable[[str], Value]) -> Value | None:
    """Return the value of `pattern.format(...)`; `part` gives an argument by its field name."""
    pieces: list[Piece] = []
    at = position = 0
    for match in _BRACES.finditer(pattern):
        pieces.append(pattern[at : match.start()])
        at = match.end()
        if match[0] in {"{{", "}}"}:
            pieces.append(match[0][0])
            continue
        name = match[1]
        if not name or name[0] in ".[":
            name = f"{position}{name}"
            position += 1
        pieces += spelled(part(name))
    return build([*pieces, pattern[at:]])


def join_parts(separator: Value, parts: Sequence[Value]) -> Value:
    """Return the value of `separator.join(parts)`."""
    pieces: list[Piece] = []
    for number, one in enumerate(parts):
        pieces += separator.text if number else ()
        pieces += one.text
    return build(pieces)


def cut(value: Value, start: int | None, stop: int | None) -> Value | None:
    """Return `value[start:stop]` when it lies within known text, or removes just the known text around a part."""
    pieces = list(value.text)
    if start is not None and start < 0:
        return None
    if stop is not None and stop >= 0:
        first = pieces[0]
        return constant(first[start:stop]) if isinstance(first, str) and stop <= len(first) else None
    rest = start or 0
    while rest and pieces and isinstance(pieces[0], str):
        head = pieces[0]
        pieces[0] = head[rest:]
        rest = max(rest - len(head), 0)
        if pieces[0] == "":
            pieces.pop(0)
    return None if rest else _without_end(pieces, -(stop or 0))


def _without_end(pieces: list[Piece], rest: int) -> Value | None:
    while rest and pieces and isinstance(pieces[-1], str):
        tail = pieces[-1]
        pieces[-1] = tail[: max(len(tail) - rest, 0)]
        rest = max(rest - len(tail), 0)
        if pieces[-1] == "":
            pieces.pop()
    return build(pieces) if not rest else None


def prefix(value: Value) -> str:
    """Return the known text that the value begins with."""
    first = value.text[0] if value.text else ""
    return first if isinstance(first, str) else ""


def holes(value: Value) -> list[tuple[str, Taints, str]]:
    """List each unknown part with the known text right before and right after it."""
    pieces = value.text
    found = []
    for at, one in enumerate(pieces):
        if not isinstance(one, str):
            before = pieces[at - 1] if at else ""
            after = pieces[at + 1] if at + 1 < len(pieces) else ""
            found.append((before if isinstance(before, str) else "", one, after if isinstance(after, str) else ""))
    return found
