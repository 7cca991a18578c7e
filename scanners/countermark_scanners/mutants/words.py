"""The words that code is made of: how a condition or an argument says what it is about.

Layer: scanners. Imports nothing of ours; does no I/O.
Trust: the text is hostile. Words choose where a weakening is tried; they never make one noticed.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LONG = 40  # a longer string is prose, or SQL


def words(*nodes: ast.AST) -> frozenset[str]:
    """Take identifiers, short strings and numbers apart: `user.isAdmin` is user, is, admin."""
    said = (part for node in nodes for child in ast.walk(node) for part in _said(child))
    return frozenset(word.lower() for part in said for word in _WORD.findall(part))


def _said(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
            yield name
        case ast.Constant(value=str(text)) if len(text) <= _LONG:
            yield text
        case ast.Constant(value=int(number)) if number is not True and number is not False:
            yield str(number)
        case _:
            return
