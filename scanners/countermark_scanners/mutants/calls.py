"""Weakenings of one expression: another function, another flag, an argument less, an answer that is always yes.

Layer: scanners. Imports `edit`, `text` and `words`; does no I/O.
Trust: the text is hostile.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .edit import Edit, Site, added_keyword, dropped_argument, filled, imports
from .refusing import is_guard
from .text import last_name
from .words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .edit import Kind
    from .text import Text

_TESTS = {ast.If: "test", ast.While: "test", ast.IfExp: "test", ast.Return: "value"}


def called(text: Text, kind: Kind) -> Iterator[Site]:
    """`to` maps a called name to what stands in the call's place; `words` asks one of them of the arguments."""
    patterns, asked = frozenset(kind.data["to"]), kind.names("words")
    for call in text.calls():
        pattern = text.matches(call.func, patterns)
        if pattern is None or (asked and not asked & words(*call.args)):
            continue
        template = kind.data["to"][pattern]
        to = filled(text, call, template)
        needed = imports(text, [module for module in kind.data.get("needs", ()) if f"{module}." in template])
        if to is not None and needed is not None:
            span = text.span(call)
            yield Site(kind, span, (*needed, Edit.of(span, to)))


def named(text: Text, kind: Kind) -> Iterator[Site]:
    """`to` maps a dotted name, wherever it is read, to another."""
    for node in text.nodes:
        if not isinstance(node, ast.Name | ast.Attribute) or isinstance(text.parents.get(node), ast.Attribute):
            continue
        to = kind.data["to"].get(text.dotted(node)) if isinstance(node.ctx, ast.Load) else None
        needed = None if to is None else imports(text, [to.rpartition(".")[0]])
        if to is not None and needed is not None:
            span = text.span(node)
            yield Site(kind, span, (*needed, Edit.of(span, to)))


def flagged(text: Text, kind: Kind) -> Iterator[Site]:
    """Calls of `calls` get the keyword `name` with the value `to`, in place of another value or as a new argument."""
    name, to = kind.data["name"], kind.data["to"]
    for call in text.calls():
        if text.matches(call.func, kind.names("calls")) is None or any(one.arg is None for one in call.keywords):
            continue
        has = next((one.value for one in call.keywords if one.arg == name), None)
        edit = added_keyword(text, call, f"{name}={to}") if has is None else Edit.of(text.span(has), to)
        if edit is not None and (has is None or text.source(has) != to):
            yield Site(kind, text.span(call), (edit,))


def settled(text: Text, kind: Kind) -> Iterator[Site]:
    """A setting of `names`, however it is written, gets the value `to`; `from` lists the values that it replaces."""
    names, to, replaced = kind.names("names"), kind.data["to"], kind.names("from")
    for node in text.nodes:
        for name, value in _settings(text, node, kind.names("calls")):
            said = text.source(value)
            if name in names and said != to and (not replaced or said in replaced):
                span = text.span(value)
                yield Site(kind, span, (Edit.of(span, to),))


def _settings(text: Text, node: ast.AST, calls: frozenset[str]) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Call(func=function, keywords=keywords) if not calls or text.matches(function, calls):
            yield from ((one.arg, one.value) for one in keywords if one.arg is not None)
        case ast.Assign(targets=targets, value=value) if not calls:
            yield from ((_target(target), value) for target in targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value) if not calls:
            yield _target(target), value
        case ast.Dict(keys=keys, values=values) if not calls:
            yield from ((_text(key), value) for key, value in zip(keys, values, strict=True))
        case _:
            return


def _target(node: ast.expr) -> str:
    return _text(node.slice) if isinstance(node, ast.Subscript) else last_name(node)


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def unscoped(text: Text, kind: Kind) -> Iterator[Site]:
    """A look-up by `calls` loses the argument that says whose: a keyword and a value that both speak of `words`."""
    asked = kind.names("words")
    for call in text.calls():
        if text.matches(call.func, kind.names("calls")) is None or len(call.args) + len(call.keywords) == 1:
            continue
        for one in call.keywords:
            if one.arg is not None and asked & words(one.value) and kind.names("keys") & words(ast.Name(one.arg)):
                yield Site(kind, text.span(one), (dropped_argument(text, call, one),))


def agreed(text: Text, kind: Kind) -> Iterator[Site]:
    """A question of `asks`, called or read where a decision is made, is always yes; `words` asks one of them of it."""
    asked = kind.names("words")
    for node in text.nodes:
        if not isinstance(node, ast.Call | ast.Attribute) or not _decides(text, node):
            continue
        function = node.func if isinstance(node, ast.Call) else node
        if text.matches(function, kind.names("asks")) is not None and (not asked or asked & words(node)):
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
