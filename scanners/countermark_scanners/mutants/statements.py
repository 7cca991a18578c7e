"""Weakenings of whole statements: a guard, a check, a decorator, a refusal or a condition's part is gone.

Layer: scanners. Imports `edit`, `text` and `words`; does no I/O.
Trust: the text is hostile.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from .edit import Edit, Site
from .refusing import fails, is_guard, refuses
from .text import last_name
from .words import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .edit import Kind
    from .text import Span, Text

_COMPARISONS: Final = {"in": (ast.In, ast.NotIn), "size": (ast.Gt, ast.GtE, ast.Lt, ast.LtE)}


def unguarded(text: Text, kinds: Sequence[Kind]) -> Iterator[Site]:
    """`if ...: raise`, or another refusal, does nothing; the first kind that the condition fits names it."""
    for node in text.nodes:
        if isinstance(node, ast.If) and is_guard(node):
            kind = next((one for one in kinds if _fits(text, one, node)), None)
            if kind is not None:
                yield Site(kind, text.span(node), (Edit.of(_block(text, node.body), "pass"),))


def _fits(text: Text, kind: Kind, node: ast.If) -> bool:
    """Ask the kind's conditions, each only when it has one, of the guard's condition and of its body."""
    conditions = [
        not kind.data.get("fails") or fails(node.body[-1]),
        not kind.names("calls") or any(text.means(call.func, kind.names("calls")) for call in _calls(node.test)),
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
    """A condition loses its last part, which speaks of `words`: `or` where it refuses, `and` where it allows."""
    for node in text.nodes:
        parent = text.parents.get(node)
        decides = isinstance(parent, ast.If | ast.Return | ast.Assert | ast.IfExp)
        if isinstance(node, ast.BoolOp) and decides and isinstance(node.op, ast.Or) == is_guard(parent):
            start, end = text.span(node.values[-2])[1], text.span(node.values[-1])[1]
            if kind.names("words") & words(node.values[-1]):
                yield Site(kind, text.span(node), (Edit(start, end, ""),))


def undecorated(text: Text, kind: Kind) -> Iterator[Site]:
    """A decorator whose last name is made of `words`, all of one set, is gone with its line."""
    for node in text.nodes:
        for decorator in getattr(node, "decorator_list", ()):
            said = words(ast.Name(last_name(decorator)))
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
        if isinstance(node, ast.ExceptHandler) and _denies(node.body):
            span = text.span(node)
            yield Site(kind, span, (Edit.of(_block(text, node.body), "pass"),))


def _denies(body: Sequence[ast.stmt]) -> bool:
    """Leave out a handler that goes on to the next round: letting that through is no weaker."""
    return refuses(body) and not isinstance(body[-1], ast.Continue)


def _gone(text: Text, kind: Kind, node: ast.stmt) -> Site:
    span = text.span(node)
    return Site(kind, span, (Edit.of(span, "pass"),))
