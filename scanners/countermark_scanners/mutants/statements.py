"""Weakenings of whole statements: a guard, a check, a decorator, a refusal or a condition's part is gone.

Layer: scanners. Imports `edit`, `text` and `words`; does no I/O.
Trust: the text is hostile.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from .edit import Edit, Site
from .text import last_name
from .words import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .edit import Kind
    from .text import Span, Text

_COMPARISONS: Final = {"in": (ast.In, ast.NotIn), "size": (ast.Gt, ast.GtE, ast.Lt, ast.LtE)}


def unguarded(text: Text, kinds: Sequence[Kind]) -> Iterator[Site]:
    """`if ...: raise`, or return, or abort, does nothing; the first kind that the condition fits names it."""
    for node in text.nodes:
        if isinstance(node, ast.If) and not node.orelse and _leaves(node.body[-1]):
            kind = next((one for one in kinds if _fits(text, one, node)), None)
            if kind is not None:
                yield Site(kind, text.span(node), (Edit.of(_block(text, node.body), "pass"),))


def _leaves(last: ast.stmt) -> bool:
    match last:
        case ast.Raise() | ast.Return() | ast.Continue():
            return True
        case ast.Expr(value=ast.Call(func=function)):
            return last_name(function) in {"abort", "exit", "_exit", "fail", "error", "halt"}
        case _:
            return False


def _refuses(last: ast.stmt) -> bool:
    if isinstance(last, ast.Return):
        return isinstance(last.value, ast.Constant) and not last.value.value
    return _leaves(last) and not isinstance(last, ast.Continue)


def _fits(text: Text, kind: Kind, node: ast.If) -> bool:
    """Ask the kind's conditions, each only when it has one, of the guard's condition and of its body."""
    refuses = not isinstance(node.body[-1], ast.Return | ast.Continue)
    conditions = [
        not kind.data.get("refuses") or refuses,
        not kind.names("calls") or any(text.matches(call.func, kind.names("calls")) for call in _calls(node.test)),
        not kind.names("words") or bool(kind.names("words") & words(node.test, *node.body)),
        "compares" not in kind.data or _compares(node.test, _COMPARISONS[kind.data["compares"]]),
        not kind.names("not-words") & words(node.test, *node.body),
    ]
    return all(conditions)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    yield from (child for child in ast.walk(node) if isinstance(child, ast.Call))


def _compares(test: ast.expr, operators: tuple[type[ast.cmpop], ...]) -> bool:
    compared = (child for child in ast.walk(test) if isinstance(child, ast.Compare))
    return any(isinstance(operator, operators) for node in compared for operator in node.ops)


def _block(text: Text, body: Sequence[ast.stmt]) -> Span:
    return text.span(body[0])[0], text.span(body[-1])[1]


def halved(text: Text, kind: Kind) -> Iterator[Site]:
    """A condition of two or more parts that speaks of `words` loses its last one: `a and b` is `a`."""
    for node in text.nodes:
        parent = text.parents.get(node)
        decides = isinstance(parent, ast.If | ast.Return | ast.Assert | ast.IfExp)
        if isinstance(node, ast.BoolOp) and decides and kind.names("words") & words(node.values[-1]):
            start, end = text.span(node.values[-2])[1], text.span(node.values[-1])[1]
            yield Site(kind, text.span(node), (Edit(start, end, ""),))


def undecorated(text: Text, kind: Kind) -> Iterator[Site]:
    """A decorator whose words are of `words`, all of one set, is gone with its line."""
    for node in text.nodes:
        for decorator in getattr(node, "decorator_list", ()):
            said = words(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if any(set(one) <= said for one in kind.data["words"]):
                span = text.span(decorator)
                at = text.content.rindex(b"@", 0, span[0])
                yield Site(kind, span, (Edit(at, _next_statement(text, span[1]), ""),))


def _next_statement(text: Text, end: int) -> int:
    line = text.content.index(b"\n", end) + 1
    return line + len(text.content[line:]) - len(text.content[line:].lstrip(b" \t"))


def unchecked(text: Text, kind: Kind) -> Iterator[Site]:
    """A statement that only calls a check, by the first word of its name, and keeps no answer, is gone."""
    for node in text.nodes:
        value = node.value if isinstance(node, ast.Expr) else None
        call = value.value if isinstance(value, ast.Await) else value
        name = last_name(call) if isinstance(call, ast.Call) else ""
        fits = name.lstrip("_").split("_")[0] in kind.names("verbs") or name in kind.names("names")
        if isinstance(node, ast.Expr) and fits and not name.startswith("assert_"):
            yield _gone(text, kind, node)


def unasserted(text: Text, kind: Kind) -> Iterator[Site]:
    """An `assert` that speaks of `words` is gone."""
    for node in text.nodes:
        if isinstance(node, ast.Assert) and kind.names("words") & words(node.test):
            yield _gone(text, kind, node)


def swallowed(text: Text, kind: Kind) -> Iterator[Site]:
    """What a handler refused is let through: `except ...: raise`, or abort, or return False, does nothing."""
    for node in text.nodes:
        if isinstance(node, ast.ExceptHandler) and _refuses(node.body[-1]):
            span = text.span(node)
            yield Site(kind, span, (Edit.of(_block(text, node.body), "pass"),))


def _gone(text: Text, kind: Kind, node: ast.stmt) -> Site:
    span = text.span(node)
    return Site(kind, span, (Edit.of(span, "pass"),))
