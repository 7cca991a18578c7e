"""Python that bends the run of tests itself: deselecting, ending early, forging results, replacing what is tested.

Layer: scanners, a part of `tampering`. Imports `python_checks` and the rule catalogue; does no I/O.
Trust: the source is hostile; what is found is told only if the file did not hold it before.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .. import catalogue
from .python_checks import name_of
from .vocabulary import NAME

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_TAKING = frozenset({"clear", "remove", "pop", "pytest_deselected"})
_OUTCOMES = frozenset({"outcome", "exitstatus", "wasxfail", "testsfailed", "failed", "passed", "skipped"})
_BENT = re.compile(
    r"(builtins\.)?AssertionError(\..*)?|(pytest|_pytest|unittest)\..*|.*\bTestCase\.(assert\w*|fail\w*|run)|.*\bTestResult\..*"
    r"|.*\.__eq__"
)
_ENDS = {"os._exit", "_exit", "sys.exit", "exit", "quit", "pytest.exit", "SystemExit"}


@dataclass(frozen=True, slots=True)
class Bend:
    """One way a file bends the run: the rule, the code without literals' places, the line."""

    rule: str
    text: str
    line: int


def bends(tree: ast.Module, *, start_up: bool) -> list[Bend]:
    """List what bends the run; `start_up` says that the file is read before any test (conftest and its like)."""
    found = [bend for node in ast.walk(tree) for bend in _anywhere(node)]
    found += _exits(tree, start_up=start_up)
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS) and node.name in {"pytest_collection_modifyitems", "pytest_itemcollected"}:
            found += [Bend("tests-deselected", ast.unparse(part)[:80], part.lineno) for part in _taking(node)]
    return found


def _anywhere(node: ast.AST) -> Iterator[Bend]:
    match node:
        case ast.FunctionDef(
            name="pytest_ignore_collect"
            | "pytest_pyfunc_call"
            | "pytest_runtest_protocol"
            | "pytest_runtest_call" as name
        ):
            yield Bend("tests-deselected", name, node.lineno)
        case ast.Assign(targets=targets) | ast.AugAssign(target=ast.expr() as targets):
            for target in targets if isinstance(targets, list) else [targets]:
                yield from _assigned(target, node)
        case ast.Call(func=func, args=args) if name_of(func).rpartition(".")[2] in {"setattr", "patch", "object"}:
            yield from _patched(name_of(func), args, node)
        case ast.ClassDef(body=body):
            yield from (bend for item in body for bend in _equal_to_all(item))


def _assigned(target: ast.expr, node: ast.Assign | ast.AugAssign) -> Iterator[Bend]:
    name, text = name_of(target), ast.unparse(node)[:80]
    if name in {"collect_ignore", "collect_ignore_glob"}:
        yield Bend("tests-deselected", text, node.lineno)
    elif isinstance(target, ast.Attribute) and (_BENT.fullmatch(name) or _is_outcome(target, node.value)):
        yield Bend("test-result-forged", text, node.lineno)
    elif isinstance(target, ast.Attribute) and _guards(target.attr):
        yield Bend("security-check-replaced", text, node.lineno)


def _is_outcome(target: ast.Attribute, value: ast.expr) -> bool:
    return target.attr in _OUTCOMES and _passes(value)


def _passes(value: ast.expr) -> bool:
    known = isinstance(value, ast.Constant) and value.value in {0, 1, "passed", "skipped"}
    return known or name_of(value).endswith((".OK", ".PASSED"))


def _patched(function: str, arguments: list[ast.expr], node: ast.Call) -> Iterator[Bend]:
    texts = [part.value for part in arguments[:2] if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    names = [*texts, *(name_of(part) for part in arguments[:1])]
    if function.rpartition(".")[2] == "object" and "patch" not in function:
        return
    if any(_BENT.fullmatch(name) for name in names):
        yield Bend("test-result-forged", ast.unparse(node)[:80], node.lineno)
    elif any(_guards(name.rpartition(".")[2]) for name in names):
        yield Bend("security-check-replaced", ast.unparse(node)[:80], node.lineno)


def _guards(name: str) -> bool:
    return re.search(catalogue.load(NAME)["security-check-replaced"].data["names"], name) is not None


def _equal_to_all(item: ast.stmt) -> Iterator[Bend]:
    """Find `__eq__` that is true of everything: whatever a test compares with it passes."""
    if isinstance(item, _FUNCTIONS) and item.name == "__eq__" and len(item.body) == 1:
        only = item.body[0]
        if isinstance(only, ast.Return) and isinstance(only.value, ast.Constant) and only.value.value is True:
            yield Bend("test-result-forged", "def __eq__: return True", item.lineno)


def _taking(hook: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.stmt | ast.expr]:
    """Find what takes tests out of the list that the hook was given, or marks them as skipped."""
    for node in ast.walk(hook):
        if isinstance(node, ast.Delete) or (
            isinstance(node, ast.Assign) and any(isinstance(target, ast.Subscript) for target in node.targets)
        ):
            yield node
        elif isinstance(node, ast.Call):
            name = name_of(node.func).rpartition(".")[2]
            marked = name == "add_marker" and re.search(r"skip|xfail", ast.unparse(node))
            if name in _TAKING or marked:
                yield node


def _exits(tree: ast.Module, *, start_up: bool) -> Iterator[Bend]:
    """Find exits with success that nothing but a run of the file as a program should reach."""
    own = {id(part) for node in tree.body if _is_main(node) for part in ast.walk(node)}
    in_tests = {id(part) for node in ast.walk(tree) if _is_plain_test(node) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and id(node) not in own and name_of(node.func) in _ENDS and _succeeds(node):
            hard = name_of(node.func).endswith("_exit")  # inside a test the soft ones only raise, and fail it
            if hard or start_up or id(node) not in in_tests:
                yield Bend("test-run-ended-early", ast.unparse(node)[:80], node.lineno)


def _is_plain_test(node: ast.AST) -> bool:
    return isinstance(node, _FUNCTIONS) and node.name.startswith("test")


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _succeeds(call: ast.Call) -> bool:
    code = next((word.value for word in call.keywords if word.arg in {"returncode", "code", "status"}), None)
    if code is None and name_of(call.func) != "pytest.exit":
        code = call.args[0] if call.args else ast.Constant(0)
    return isinstance(code, ast.Constant) and code.value in {0, None}
