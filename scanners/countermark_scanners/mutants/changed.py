"""Which code of a change is new: statements of the head that the base did not have, wherever they stood.

Layer: scanners. Imports `text`; does no I/O.
Trust: the texts are hostile.

A statement is known by its tree and by the functions and classes around it, as the scan knows a flaw: comments,
spacing, line numbers and the name of the file say nothing. Of two equal statements, each needs its own in the base.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .text import Span, Text

_LONG = 12  # a statement over more lines (a settings table, say) is taken line by line
_INNER = frozenset({"body", "orelse", "finalbody", "handlers", "decorator_list", "cases"})


@dataclass(frozen=True, slots=True)
class Unit:
    """A simple statement, the head of a compound one, or a decorator; what is around it, and where it lies."""

    code: str
    context: str
    span: Span

    @property
    def known_by(self) -> tuple[str, str]:
        """Give what an equal unit has in common with it."""
        return self.code, self.context


def units(text: Text) -> Iterator[Unit]:
    """Take a text apart, in its order but for what long statements are made of."""
    waiting: list[tuple[ast.AST, str]] = [(text.tree, "")]
    while waiting:
        node, context = waiting.pop()
        inner = context
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{context}.{node.name}"
        if isinstance(node, ast.stmt | ast.excepthandler):
            yield from _own(text, node, context)
        below = [child for name in _INNER for child in getattr(node, name, ()) if not isinstance(child, ast.expr)]
        waiting += [(child, inner) for child in below]


def _own(text: Text, node: ast.stmt | ast.excepthandler, context: str) -> Iterator[Unit]:
    for decorator in getattr(node, "decorator_list", ()):
        yield Unit(f"@{ast.dump(decorator)}", context, text.span(decorator))
    start, end = text.span(node)
    body = getattr(node, "body", None) or [one for case in getattr(node, "cases", ()) for one in case.body]
    if body:
        end = text.span(body[0])[0]
    elif (node.end_lineno or node.lineno) - node.lineno > _LONG:
        yield from _by_line(text, node, context)
        return
    parts = (value for name, value in ast.iter_fields(node) if name not in _INNER)
    yield Unit(type(node).__name__ + " ".join(map(_dumped, parts)), context, (start, end))


def _by_line(text: Text, node: ast.stmt | ast.excepthandler, context: str) -> Iterator[Unit]:
    start, end = text.span(node)
    for line in text.content[start:end].split(b"\n"):
        yield Unit(line.strip().decode("utf-8"), context, (start, start + len(line)))
        start += len(line) + 1


def _dumped(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_dumped, value))
    return ast.dump(value) if isinstance(value, ast.AST) else repr(value)


def new(head: Sequence[Sequence[Unit]], base: Sequence[Sequence[Unit]]) -> list[list[Unit]]:
    """Give what is new of each file of the head; `base` holds each one's own past, and after those what else there was.

    A unit is paired within its own file first, and what is left across files.
    """
    free = [Counter(unit.known_by for unit in side) for side in base]
    alone = [_unpaired(ours, theirs) for ours, theirs in zip(head, free, strict=False)]  # others have no own head
    rest: Counter[tuple[str, str]] = Counter()
    for side in free:
        rest.update(side)
    return [_unpaired(ours, rest) for ours in alone]


def _unpaired(ours: Sequence[Unit], theirs: Counter[tuple[str, str]]) -> list[Unit]:
    found = []
    for unit in sorted(ours, key=lambda one: one.span):
        if theirs[unit.known_by] > 0:
            theirs[unit.known_by] -= 1
        else:
            found.append(unit)
    return found
