"""Python tests, read from their syntax tree: what runs, what it insists on, what keeps it from failing.

Layer: scanners, a part of `tampering`. Imports `checks`, `python_checks` and `fstrings`; does no I/O.
Trust: the source is hostile. Of two definitions of one name the later one counts, as it does when Python runs;
code that can't be reached insists on nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .. import fstrings
from .checks import Check, Guard, Skip, Unit, Units
from .python_checks import checks_of, constant_names, name_of

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_SKIPS = {"skip": True, "skipIf": False, "skipUnless": False, "skipif": False, "xfail": True, "expectedFailure": True}
_CALLED_SKIPS = frozenset({"skip", "skipTest", "importorskip", "xfail", "SkipTest"})
_SWALLOWED = frozenset({"AssertionError", "Exception", "BaseException", ""})


@dataclass(slots=True)
class _Reader:
    """Walks one file; `checking` names its own functions that check, because calling one is checking."""

    checking: frozenset[str]
    units: Units = field(default_factory=dict)

    def body(self, statements: list[ast.stmt], prefix: str, skips: tuple[Skip, ...], *, collects: bool) -> None:
        off = _switched_off(statements)
        for node in statements:
            if isinstance(node, _FUNCTIONS):
                is_test = collects and node.name.startswith("test") and node.name not in off
                self.unit(node, prefix, skips, is_test=is_test)
            elif isinstance(node, ast.ClassDef):
                self.in_class(node, prefix, skips, collects=collects and node.name not in off)
            elif isinstance(node, ast.If | ast.Try | ast.With):
                self.body(list(_live_children(node)), prefix, skips, collects=collects)

    def in_class(self, node: ast.ClassDef, prefix: str, skips: tuple[Skip, ...], *, collects: bool) -> None:
        name = f"{prefix}{node.name}."
        for known in [known for known in self.units if known.startswith(name)]:
            del self.units[known]  # a later class of the same name is the one that runs
        has_init = any(isinstance(item, _FUNCTIONS) and item.name == "__init__" for item in node.body)
        collected = collects and (bool(node.bases) or (node.name.startswith("Test") and not has_init))
        self.body(node.body, name, (*skips, *_marks(node.decorator_list), *_off(node.body)), collects=collected)

    def unit(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, prefix: str, skips: tuple[Skip, ...], *, is_test: bool
    ) -> None:
        found = _Body(self.checking, frozenset(_parameters(node)), constant_names(node))
        found.walk(node.body, Guard.FREE)
        marks = (*skips, *_marks(node.decorator_list), *found.skips)
        checks = tuple(found.checks)
        name = f"{prefix}{node.name}"
        self.units[name] = Unit(name, node.lineno, is_test, checks, frozenset(found.calls), marks, _cases(node))


@dataclass(slots=True)
class _Body:
    """Walks the statements of one function, in the order they run, as far as they can."""

    checking: frozenset[str]
    parameters: frozenset[str]
    constants: frozenset[str]
    checks: list[Check] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)
    skips: list[Skip] = field(default_factory=list)

    def walk(self, statements: list[ast.stmt], guard: Guard) -> None:
        for node in statements:
            self.statement(node, guard)
            if isinstance(node, _LEAVES) or self.ends_here(node, guard):
                return

    def ends_here(self, node: ast.stmt, guard: Guard) -> bool:
        return guard is Guard.FREE and bool(self.skips) and _skip_of(node) is not None

    def statement(self, node: ast.stmt, guard: Guard) -> None:
        if (skip := _skip_of(node)) is not None:
            self.skips.append(Skip(skip, node.lineno, guard is Guard.FREE))
        self.calls |= {name for call in _own(node, ast.Call) if (name := name_of(call.func))}
        for found in checks_of(node, self.checking, self.parameters, self.constants):
            self.checks.append(_under(found, guard))
        if isinstance(node, _FUNCTIONS):
            self.walk(node.body, guard)
            return
        for block, inner in _blocks(node):
            self.walk(block, max(guard, inner))


def parse(source: bytes) -> ast.Module:
    """Parse what a newer Python would, too; raises as `read` does."""
    return fstrings.parse(source.decode("utf-8-sig"))


def read(source: bytes) -> Units:
    """Read every test and checking function; raises `SyntaxError`, `ValueError`, `RecursionError` or `Unreadable`."""
    tree = parse(source)
    reader = _Reader(_checking(tree))
    marks = tuple(mark for node in tree.body for mark in _module_marks(node))
    reader.body(tree.body, "", (*marks, *_off(tree.body)), collects=True)
    return {name: unit for name, unit in reader.units.items() if unit.is_test or unit.checks}


def _checking(tree: ast.Module) -> frozenset[str]:
    """Name the file's own functions that check something, also by calling each other."""
    functions = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS) and not node.name.startswith("test")]
    known: frozenset[str] = frozenset()
    for _ in range(3):
        known = frozenset(
            node.name for node in functions if any(checks_of(part, known) for part in ast.walk(node) if _is_code(part))
        )
    return known


def _is_code(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt) and not isinstance(node, _FUNCTIONS)


def _under(check: Check, guard: Guard) -> Check:
    if guard is Guard.FREE:
        return check
    return replace(check, guard=guard)


def _blocks(node: ast.stmt) -> Iterator[tuple[list[ast.stmt], Guard]]:
    """Yield the blocks of a statement that can run at all, each with what stands before it."""
    match node:
        case ast.If(test=test, body=body, orelse=orelse):
            yield from _branches(test, body, orelse)
        case ast.Try():
            yield from _tried(node)
        case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
            yield body, Guard.SWALLOWED if any(_suppresses(item) for item in items) else Guard.FREE
        case ast.For(body=body, orelse=orelse, iter=over) | ast.AsyncFor(body=body, orelse=orelse, iter=over):
            yield from ((block, Guard.FREE) for block in ((orelse,) if _is_empty(over) else (body, orelse)))
        case ast.While(body=body, test=test) if not (isinstance(test, ast.Constant) and not test.value):
            yield body, Guard.FREE
        case ast.Match(cases=cases):
            yield from ((case.body, Guard.CONDITIONAL) for case in cases)


def _branches(test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], Guard]]:
    if isinstance(test, ast.Constant):
        yield body if test.value else orelse, Guard.FREE
    else:
        yield body, Guard.CONDITIONAL
        yield orelse, Guard.CONDITIONAL


def _tried(node: ast.Try) -> Iterator[tuple[list[ast.stmt], Guard]]:
    yield node.body, Guard.SWALLOWED if any(_swallows(handler) for handler in node.handlers) else Guard.FREE
    for handler in node.handlers:
        yield handler.body, Guard.CONDITIONAL
    yield node.orelse, Guard.FREE
    yield node.finalbody, Guard.FREE


def _is_empty(over: ast.expr) -> bool:
    return isinstance(over, ast.List | ast.Tuple | ast.Set) and not over.elts


def _swallows(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {name_of(kind).rpartition(".")[2] if kind is not None else "" for kind in kinds}
    told = any(isinstance(node, ast.Raise | ast.Assert) for part in handler.body for node in ast.walk(part))
    failing = any("fail" in name_of(call.func).lower() for part in handler.body for call in _own(part, ast.Call))
    return bool(names & _SWALLOWED) and not told and not failing


def _suppresses(item: ast.withitem) -> bool:
    call = item.context_expr
    if not isinstance(call, ast.Call):
        return False
    kinds = {name_of(kind).rpartition(".")[2] for kind in call.args}
    caught = name_of(call.func).rpartition(".")[2] in {"suppress", "raises", "assertRaises"}
    return caught and bool(kinds & {"AssertionError", "BaseException"})


def _live_children(node: ast.If | ast.Try | ast.With) -> Iterator[ast.stmt]:
    for block, _ in _blocks(node):
        yield from block


def _own(node: ast.AST, kind: type[ast.Call]) -> Iterator[ast.Call]:
    """Yield the calls in a statement's own expressions, not those in the blocks it holds."""
    waiting = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt | ast.ExceptHandler)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, kind):
            yield part
        waiting += [child for child in ast.iter_child_nodes(part) if not isinstance(child, ast.stmt)]


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return (argument.arg for argument in every if argument.arg not in {"self", "cls"})


def _marks(decorators: list[ast.expr]) -> Iterator[Skip]:
    for node in decorators:
        call = node if isinstance(node, ast.Call) else None
        kind = name_of(call.func if call else node).rpartition(".")[2]
        if kind in _SKIPS:
            condition = call.args[0] if call and call.args else None
            fixed = isinstance(condition, ast.Constant) and bool(condition.value) and kind != "skipUnless"
            yield Skip(ast.unparse(node), node.lineno, _SKIPS[kind] or fixed)


def _module_marks(node: ast.stmt) -> Iterator[Skip]:
    if isinstance(node, ast.Assign) and any(name_of(target) == "pytestmark" for target in node.targets):
        yield from _marks(node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value])
    elif (skip := _skip_of(node)) is not None:
        yield Skip(skip, node.lineno, always=True)


def _off(statements: list[ast.stmt]) -> Iterator[Skip]:
    """Find `__test__ = False`, which keeps a whole module or class from being collected."""
    for node in statements:
        if isinstance(node, ast.Assign) and any(name_of(target) == "__test__" for target in node.targets):
            if isinstance(node.value, ast.Constant) and not node.value.value:
                yield Skip("__test__ = False", node.lineno, always=True)
        elif isinstance(node, ast.Assign) and any(name_of(target) == "pytestmark" for target in node.targets):
            yield from _module_marks(node)


def _switched_off(statements: list[ast.stmt]) -> frozenset[str]:
    """Name what is taken away after its definition: bound again, deleted, or given `__test__ = False`."""
    defined: set[str] = set()
    off: set[str] = set()
    for node in statements:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            defined.add(node.name)
            off.discard(node.name)
        elif isinstance(node, ast.Assign | ast.Delete):
            names = {name_of(target).removesuffix(".__test__") for target in node.targets}
            off |= names & defined
    return frozenset(off)


def _skip_of(node: ast.stmt) -> str | None:
    value = node.value if isinstance(node, ast.Expr) else node.exc if isinstance(node, ast.Raise) else None
    call = value.func if isinstance(value, ast.Call) else value
    if call is None or name_of(call).rpartition(".")[2] not in _CALLED_SKIPS:
        return None
    return ast.unparse(node).split("\n")[0]


def _cases(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the written-out parameters: the product over the decorators, 0 where code makes them."""
    cases = 1
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and name_of(mark.func).rpartition(".")[2] in {"parametrize", "expand", "data"}:
            tables = [*mark.args[-1:], *(word.value for word in mark.keywords if word.arg == "argvalues")]
            written = [table.elts for table in tables if isinstance(table, ast.List | ast.Tuple)]
            made = not written or any(isinstance(row, ast.Starred) for row in written[-1])
            cases *= 0 if made else len(written[-1])
    return cases
