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
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from countermark_scanners.parse_child import survey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Span: TypeAlias = tuple[int, int]  # [start, end) in bytes
Import: TypeAlias = ast.Import | ast.ImportFrom
Node = TypeVar("Node", bound=ast.AST)

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

    def calls_of(self, patterns: Iterable[str]) -> Iterator[tuple[str, ast.Call]]:
        """Give the calls that patterns mean, each with its pattern: a dotted name, or `*.name` for any object's."""
        yield from _looked_up(self._calls, patterns)

    def reads_of(self, patterns: Iterable[str]) -> Iterator[tuple[str, ast.Name | ast.Attribute]]:
        """Give the names that are read, called or not, and that patterns mean."""
        yield from _looked_up(self._reads, patterns)

    def settings_of(self, names: Iterable[str]) -> Iterator[tuple[ast.expr, ast.expr | None]]:
        """Give the values of assignments, items and keywords with these names, and of a keyword what is called."""
        for name in sorted(names):
            yield from self._settings.get(name, ())

    @cached_property
    def _calls(self) -> dict[str, list[ast.Call]]:
        found: dict[str, list[ast.Call]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Call):
                for name in self._known_as(node.func):
                    found.setdefault(name, []).append(node)
        return found

    @cached_property
    def _reads(self) -> dict[str, list[ast.Name | ast.Attribute]]:
        found: dict[str, list[ast.Name | ast.Attribute]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                for name in self._known_as(node):
                    found.setdefault(name, []).append(node)
        return found

    @cached_property
    def _settings(self) -> dict[str, list[tuple[ast.expr, ast.expr | None]]]:
        found: dict[str, list[tuple[ast.expr, ast.expr | None]]] = {}
        for node in self.nodes:
            for name, value in _settings(node):
                found.setdefault(name, []).append((value, node.func if isinstance(node, ast.Call) else None))
        return found

    def _known_as(self, node: ast.expr) -> set[str]:
        return {self.dotted(node), f"*.{last_name(node)}"} - {""}

    def statement(self, span: Span) -> Span:
        """Give the outermost statement that a span lies in, with its decorators."""
        at = bisect_right(self._outermost, span[0]) - 1
        start = self._outermost[max(at, 0)]
        return start, max(self.span(self.tree.body[max(at, 0)])[1], start)

    @cached_property
    def _outermost(self) -> list[int]:
        return [self._beginning(node) for node in self.tree.body]

    def _beginning(self, node: ast.stmt) -> int:
        decorators = getattr(node, "decorator_list", ())
        return self.content.rindex(b"@", 0, self.span(decorators[0])[0]) if decorators else self.span(node)[0]

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

    def means(self, node: ast.expr, patterns: frozenset[str]) -> bool:
        """Say whether a called thing, or a name, is meant by one of the patterns."""
        return not patterns.isdisjoint(self._known_as(node))


Spanned: TypeAlias = ast.expr | ast.stmt | ast.keyword | ast.arg | ast.excepthandler | ast.alias


def _lines(node: ast.AST) -> range:
    first = getattr(node, "lineno", None)
    last = getattr(node, "end_lineno", None)
    return range(0) if first is None or last is None else range(first, last + 1)


def _looked_up(index: Mapping[str, list[Node]], patterns: Iterable[str]) -> Iterator[tuple[str, Node]]:
    """Look patterns up, whole names first, and give each node once."""
    seen: set[ast.AST] = set()
    for pattern in sorted(patterns, key=lambda one: (one.startswith("*"), one)):
        for node in index.get(pattern, ()):
            if node not in seen:
                seen.add(node)
                yield pattern, node


def _settings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Call(keywords=keywords):
            yield from ((one.arg, one.value) for one in keywords if one.arg is not None)
        case ast.Assign(targets=targets, value=value):
            yield from ((_target(target), value) for target in targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield _target(target), value
        case ast.Dict(keys=keys, values=values):
            yield from ((_literal(key), value) for key, value in zip(keys, values, strict=True))
        case _:
            return


def _target(node: ast.expr) -> str:
    return _literal(node.slice) if isinstance(node, ast.Subscript) else last_name(node)


def _literal(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


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
