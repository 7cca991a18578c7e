"""A Python text as edits need it: bytes, tree, and where each node of the tree lies in the bytes.

Layer: scanners. Imports `parse_child` for its limit of depth; does no I/O.
Trust: the text is hostile, and parsing it may end the process: only `child` reads texts of a change.

The tree counts columns in UTF-8 bytes and lines from 1, so everything here is an offset into the bytes.
"""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

from countermark_scanners.parse_child import survey

if TYPE_CHECKING:
    from collections.abc import Iterator

Span: TypeAlias = tuple[int, int]  # [start, end) in bytes
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Import: TypeAlias = ast.Import | ast.ImportFrom

_MARK: Final = b"\xef\xbb\xbf"
_BUILT_IN: Final = frozenset(dir(builtins))


class Text:
    """One readable Python text. Raises what `ast.parse` raises, and `RecursionError` for a tree that is too deep."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._first = len(_MARK) if content.startswith(_MARK) else 0  # the parser does not count the mark
        self.tree = ast.parse(content)
        self.acts = survey(self.tree)  # false for a text that any reader would take for something else than a program
        self._starts = [0, *(at + 1 for at, byte in enumerate(content) if byte == ord("\n"))]
        self.parents: dict[ast.AST, ast.AST] = {}
        self._every = tuple(self._walk())
        self.nodes = self._every
        self._dotted: dict[ast.AST, str] = {}

    def narrow(self, lines: frozenset[int]) -> None:
        """Leave in `nodes` what stands on one of these lines at least."""
        self.nodes = tuple(node for node in self._every if not lines.isdisjoint(_lines(node)))

    def _walk(self) -> Iterator[ast.AST]:
        """Walk in the order of the text, but not into f-strings: Python 3.11 does not say where their parts lie."""
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop()
            yield node
            if not isinstance(node, ast.JoinedStr):
                children = list(ast.iter_child_nodes(node))
                self.parents.update(dict.fromkeys(children, node))
                waiting += reversed(children)

    def calls(self) -> Iterator[ast.Call]:
        """Give every call, in the order of the text."""
        yield from (node for node in self.nodes if isinstance(node, ast.Call))

    def offset(self, line: int, column: int) -> int:
        """Turn a place of the tree into an offset."""
        return self._starts[line - 1] + column + (self._first if line == 1 else 0)

    def span(self, node: Spanned) -> Span:
        """Give the bytes of one node."""
        if node.end_lineno is None or node.end_col_offset is None:
            raise ValueError("expected a node of a parsed text")
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def line(self, at: int) -> int:
        """Give the line, from 1, of an offset."""
        return bisect_right(self._starts, at)

    def said(self, span: Span) -> str:
        """Give what the text says there."""
        return self.content[span[0] : span[1]].decode("utf-8")

    def source(self, node: Spanned) -> str:
        """Give what the text says of one node."""
        return self.said(self.span(node))

    def operand(self, node: ast.expr) -> str:
        """Give an expression's own text so that it may stand beside any operator."""
        plain = isinstance(
            node, ast.Name | ast.Attribute | ast.Constant | ast.Subscript | ast.Call | ast.List | ast.Dict
        )
        return self.source(node) if plain else f"({self.source(node)})"

    @cached_property
    def imported(self) -> dict[str, str]:
        """Map each name that an import binds, anywhere, to the dotted name of what it is."""
        return dict(pair for node in self._every if isinstance(node, Import) for pair in _bound(node))

    @cached_property
    def modules(self) -> frozenset[str]:
        """List the modules that the module's own first level imports under their own names."""
        plain = (alias for node in self.tree.body if isinstance(node, ast.Import) for alias in node.names)
        return frozenset(alias.name for alias in plain if alias.asname is None)

    @cached_property
    def assigned(self) -> frozenset[str]:
        """List the names that anything but an import binds, anywhere."""
        return frozenset(name for node in self._every for name in _assigned(node))

    def dotted(self, node: ast.AST) -> str:
        """Spell what an expression names with its imports resolved, such as `yaml.safe_load`; "" when it is no name."""
        if node not in self._dotted:
            self._dotted[node] = self._resolved(node)
        return self._dotted[node]

    def _resolved(self, node: ast.AST) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        root = self.imported.get(node.id, node.id)
        known = node.id in self.imported or (node.id in _BUILT_IN and node.id not in self.assigned)
        return ".".join([root, *reversed(parts)]) if known else ""

    def matches(self, function: ast.expr, patterns: frozenset[str]) -> str | None:
        """Find the pattern that names a called thing: its dotted name, or `*.name` for any object's method."""
        full, last = self.dotted(function), last_name(function)
        return next((name for name in (full, f"*.{last}") if name in patterns), None)


Spanned: TypeAlias = ast.expr | ast.stmt | ast.keyword | ast.arg | ast.excepthandler | ast.alias


def _lines(node: ast.AST) -> range:
    first = getattr(node, "lineno", None)
    last = getattr(node, "end_lineno", None)
    return range(0) if first is None or last is None else range(first, last + 1)


def last_name(node: ast.AST) -> str:
    """Give the last part of a name, or of a called name: `a.b.c(...)` is `c`."""
    match node:
        case ast.Call(func=function):
            return last_name(function)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def _bound(node: Import) -> Iterator[tuple[str, str]]:
    prefix = f"{'.' * node.level}{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        if prefix or alias.asname:
            yield alias.asname or alias.name, prefix + alias.name
        else:
            root = alias.name.split(".")[0]
            yield root, root


def _assigned(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case _:
            return
