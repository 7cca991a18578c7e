"""Tools' JSON, read strictly enough that a surprise is an error and never an empty list.

Layer: scanners. Imports `errors` only. `canonical.loads` refuses floats, which every tool's timings are.
Trust: the bytes are a tool's, about hostile code; they are hostile until these functions return.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .errors import OutputMalformed, ToolFailed

if TYPE_CHECKING:
    from .tool import Completed

Value = object


def parse(done: Completed, name: str, codes: frozenset[int]) -> Value:
    """Parse stdout as JSON when the exit code is one of `codes`; raise otherwise."""
    if done.code not in codes:
        tail = done.stderr[-300:].decode("utf-8", "replace").strip()
        raise ToolFailed(f"{name}: expected exit code {sorted(codes)}, found {done.code}: {tail}")
    try:
        return json.loads(done.stdout)
    except (ValueError, RecursionError) as error:
        raise OutputMalformed(f"{name}: expected JSON, found {done.stdout[:80]!r}") from error


def table(value: Value, name: str) -> dict[str, Value]:
    """Take an object."""
    if not isinstance(value, dict):
        raise OutputMalformed(f"{name}: expected an object, found {type(value).__name__}")
    return value


def rows(value: Value, name: str) -> list[dict[str, Value]]:
    """Take a list of objects."""
    if not isinstance(value, list):
        raise OutputMalformed(f"{name}: expected a list, found {type(value).__name__}")
    return [table(item, name) for item in value]


def text(row: dict[str, Value], key: str) -> str:
    """Take a string field."""
    value = row.get(key)
    if not isinstance(value, str):
        raise OutputMalformed(f"tool output: expected text in {key!r}, found {type(value).__name__}")
    return value


def number(row: dict[str, Value], key: str) -> int:
    """Take an integer field."""
    value = row.get(key)
    if not isinstance(value, int):
        raise OutputMalformed(f"tool output: expected an integer in {key!r}, found {type(value).__name__}")
    return value
