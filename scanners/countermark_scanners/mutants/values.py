"""Weakenings of values: SQL put together as text, a command given to a shell, wider modes, other literals.

Layer: scanners. Imports `edit` and `text`; does no I/O.
Trust: the text is hostile.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from .edit import Edit, Site, added_keyword

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .edit import Kind
    from .text import Text

_LITERAL = re.compile(r"""(?i)[bu]?('{3}|"{3}|'|")""")
_PLACE = re.compile(r"%\((\w+)\)s|%s|\?|(?<![:\w]):(\w+)\b")


def pasted(text: Text, kind: Kind) -> Iterator[Site]:
    """A query with its values beside it becomes one text with the values in it."""
    for _, call in text.calls_of(kind.names("calls")):
        if len(call.args) < 2:  # noqa: PLR2004  # query, values
            continue
        query, values = call.args[:2]
        inner = query.args[0] if isinstance(query, ast.Call) and len(query.args) == 1 else query
        pasted_query = _pasted(text.source(inner), text, values)
        if pasted_query is not None and isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            gone = Edit(text.span(query)[1], text.span(values)[1], "")
            yield Site(kind, text.span(call), (Edit.of(text.span(inner), pasted_query), gone))


def _pasted(query: str, text: Text, values: ast.expr) -> str | None:
    """Put `%s` in quotes for every placeholder, so that the query still means the same for honest values."""
    quote = _LITERAL.match(query)
    if quote is None or "%%" in query or not _PLACE.search(query):
        return None
    mark = "'" if quote[1] != "'" else "\\'"

    def place(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return f"{mark}%({name})s{mark}" if name else f"{mark}%s{mark}"

    given = text.source(values) if isinstance(values, ast.Tuple) else text.operand(values)  # an argument has brackets
    as_tuple = f"tuple({given})" if isinstance(values, ast.List | ast.ListComp) else given
    return f"{_PLACE.sub(place, query)} % {as_tuple}"


def shelled(text: Text, kind: Kind) -> Iterator[Site]:
    """A program started with a list of arguments, one of them no literal, is started as a line of a shell."""
    for _, call in text.calls_of(kind.names("calls")):
        first = call.args[0] if call.args else None
        shell = next((one.value for one in call.keywords if one.arg == "shell"), None)
        if not isinstance(first, ast.List | ast.Tuple):
            continue
        flag = added_keyword(text, call, "shell=True") if shell is None else Edit.of(text.span(shell), "True")
        if flag is not None and not all(isinstance(one, ast.Constant) for one in first.elts):
            joined = Edit.of(text.span(first), f'" ".join(map(str, {text.source(first)}))')
            yield Site(kind, text.span(call), (joined, flag))


def widened(text: Text, kind: Kind) -> Iterator[Site]:
    """A literal of `to`, spelled exactly so, becomes another within the arguments of `calls`."""
    for _, call in text.calls_of(kind.names("calls")):
        for one in (*call.args, *(keyword.value for keyword in call.keywords)):
            to = kind.data["to"].get(text.source(one)) if isinstance(one, ast.Constant) else None
            if to is not None:
                yield Site(kind, text.span(one), (Edit.of(text.span(one), to),))


def unencrypted(text: Text, kind: Kind) -> Iterator[Site]:
    """A literal that begins with a key of `begins` begins with its value instead."""
    for node in text.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in kind.data["begins"]:
            yield from _begun(text, kind, node)


def _begun(text: Text, kind: Kind, node: ast.Constant) -> Iterator[Site]:
    said, span = text.source(node), text.span(node)
    literal = _LITERAL.match(said)
    for old, new in kind.data["begins"].items():
        if literal is not None and said.startswith(old, literal.end()) and not _is_prose(text, node):
            at = span[0] + literal.end()
            yield Site(kind, span, (Edit(at, at + len(old.encode()), new),))


def _is_prose(text: Text, node: ast.Constant) -> bool:
    return isinstance(text.parents.get(node), ast.Expr) or " " in str(node.value)
