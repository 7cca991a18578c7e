"""Weakenings of one expression: another function, another flag, an argument less, an answer that is always yes.

Layer: scanners. Imports `edit`, `text` and `words`; does no I/O.
Trust: the text is hostile.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .edit import Edit, Site, added_keyword, dropped_argument, filled, imports
from .refusing import is_guard
from .words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .edit import Kind
    from .text import Text

_TESTS = {ast.If: "test", ast.While: "test", ast.IfExp: "test", ast.Return: "value"}


def called(text: Text, kind: Kind) -> Iterator[Site]:
    """`to` maps a called name to what stands in the call's place; `words` asks one of them of the arguments."""
    asked = kind.names("words")
    for pattern, call in text.calls_of(kind.data["to"]):
        template = kind.data["to"][pattern]
        to = filled(text, call, template) if not asked or asked & words(*call.args) else None
        needed = imports(text, [module for module in kind.data.get("needs", ()) if f"{module}." in template])
        if to is not None and needed is not None:
            span = text.span(call)
            yield Site(kind, span, (*needed, Edit.of(span, to)))


def named(text: Text, kind: Kind) -> Iterator[Site]:
    """`to` maps a dotted name, wherever it is read, to another."""
    for pattern, node in text.reads_of(kind.data["to"]):
        to = kind.data["to"][pattern]
        needed = imports(text, [to.rpartition(".")[0]])
        if needed is not None and not isinstance(text.parents.get(node), ast.Attribute):
            span = text.span(node)
            yield Site(kind, span, (*needed, Edit.of(span, to)))


def flagged(text: Text, kind: Kind) -> Iterator[Site]:
    """Calls of `calls` get the keyword `name` with the value `to`, in place of another value or as a new argument."""
    name, to = kind.data["name"], kind.data["to"]
    for _, call in text.calls_of(kind.names("calls")):
        has = next((one.value for one in call.keywords if one.arg == name), None)
        edit = added_keyword(text, call, f"{name}={to}") if has is None else Edit.of(text.span(has), to)
        open_ended = any(one.arg is None for one in call.keywords)
        if edit is not None and not open_ended and (has is None or text.source(has) != to):
            yield Site(kind, text.span(call), (edit,))


def settled(text: Text, kind: Kind) -> Iterator[Site]:
    """A setting of `names`, however it is written, gets the value `to`; `from` lists the values that it replaces.

    With `calls` only their keywords are settings.
    """
    calls, to, replaced = kind.names("calls"), kind.data["to"], kind.names("from")
    for value, function in text.settings_of(kind.names("names")):
        meant = not calls or (function is not None and text.means(function, calls))
        said = text.source(value) if meant else to
        if said != to and (not replaced or said in replaced):
            span = text.span(value)
            yield Site(kind, span, (Edit.of(span, to),))


def unscoped(text: Text, kind: Kind) -> Iterator[Site]:
    """A look-up by `calls` loses the argument that says whose: its name speaks of `keys`, and its value of `words`."""
    for _, call in text.calls_of(kind.names("calls")):
        for one in call.keywords if len(call.args) + len(call.keywords) > 1 else ():
            whose = one.arg is not None and kind.names("keys") & words(ast.Name(one.arg))
            if whose and kind.names("words") & words(one.value):
                yield Site(kind, text.span(one), (dropped_argument(text, call, one),))


def agreed(text: Text, kind: Kind) -> Iterator[Site]:
    """A question of `asks`, called or read where a decision is made, is always yes; `words` asks one of them of it."""
    asked = kind.names("words")
    for _, name in text.reads_of(kind.names("asks")):
        parent = text.parents.get(name)
        node = parent if isinstance(parent, ast.Call) and parent.func is name else name
        if _decides(text, node) and (not asked or asked & words(node)):
            span = text.span(node)
            yield Site(kind, span, (Edit.of(span, "True"),))


def _decides(text: Text, node: ast.AST) -> bool:
    """Say whether a node is a decision or a part of one. The whole of a guard is not: without it the guard is gone."""
    parent = text.parents.get(node)
    if isinstance(parent, ast.UnaryOp) and is_guard(text.parents.get(parent)):
        return False
    while isinstance(parent := text.parents.get(node), ast.BoolOp | ast.UnaryOp | ast.Await):
        node = parent
    field = _TESTS.get(type(parent)) if parent is not None else None
    return field is not None and getattr(parent, field) is node
