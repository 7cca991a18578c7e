"""Which variables a condition is about, behind calls that keep what matters or take a part.

Layer: scanners. Imports `scope` and `values`; does no I/O.
Trust: expressions are hostile; looking at one changes nothing but what a branch knows.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace

from .scope import Scope
from .state import READ
from .values import UNKNOWN, Key, Value, constant, with_fact

SAME, PARSED, HOST, PART, INNER = "same", "parsed", "host", "part", "inner"
_KEEPING = frozenset({"lower", "upper", "strip", "casefold", "encode", "decode", "lstrip", "rstrip", "as_posix"})
_PARSERS = frozenset({"urllib.parse.urlparse()", "urllib.parse.urlsplit()", "urlparse.urlparse()", "yarl.URL()"})
_KEEPING_CALLS = frozenset({"builtins.str()", "pathlib.Path()", "os.fspath()", "os.path.normpath()", "builtins.bool()"})
_HOSTS = frozenset({"netloc", "hostname", "host"})


@dataclass(frozen=True, slots=True)
class Subject:
    """A variable or part of an object that a condition is about, and how the condition looks at it."""

    number: int
    key: Key
    how: str = SAME


def subjects(node: ast.expr, scope: Scope, how: str = SAME) -> list[Subject]:  # noqa: PLR0911  # one case a line
    """Find the variables a condition is about, when it looks at `node`."""
    match node:
        case ast.Name(id=name):
            return _variable(name, scope, how)
        case ast.NamedExpr(target=target):
            return subjects(target, scope, how)
        case ast.Attribute(value=inner, attr=attr):
            return _attribute(node, inner, attr, scope, how)
        case ast.Call(func=ast.Attribute(value=inner, attr=attr), args=arguments):
            if attr in _KEEPING:
                return subjects(inner, scope, how)
            if attr in {"split", "rsplit", "partition", "rpartition", "splitext"}:
                return subjects(inner, scope, PART)
            return _call(node, arguments, scope, how)
        case ast.Call(args=arguments):
            return _call(node, arguments, scope, how)
        case ast.Subscript(value=inner, slice=index):
            return _subscript(inner, index, scope, how)
        case ast.Await(value=inner) | ast.Starred(value=inner):
            return subjects(inner, scope, how)
    return []


def watched(node: ast.expr, scope: Scope) -> list[Subject]:
    """Find the variables a test is about; an expression that is read from one, and again later, stands for itself."""
    found = subjects(node, scope)
    if any(one.how == SAME for one in found):
        return found
    key = path_of(node)
    if key is None:
        return found
    value = scope.engine.value(node, scope)
    if not value.taint or value.refs:
        return found
    scope.watched.add(key[1])
    scope.state.set(scope.frame, key, value)
    return [*found, Subject(scope.frame, key)]


def path_of(node: ast.expr) -> tuple[str, ...] | None:
    """Name an expression that reads the same each time: names, attributes, known keys, `.get(key)`."""
    inner: ast.expr = node
    while not isinstance(inner, ast.Name):
        match inner:
            case ast.Attribute(value=value) | ast.Subscript(value=value, slice=ast.Constant()):
                inner = value
            case ast.Call(func=ast.Attribute(value=value, attr="get"), args=arguments, keywords=[]) if _constants(
                arguments
            ):
                inner = value
            case _:
                return None
    return None if inner is node else (READ, inner.id, ast.unparse(node))


def _constants(nodes: list[ast.expr]) -> bool:
    return bool(nodes) and all(isinstance(one, ast.Constant) for one in nodes)


def read_again(node: ast.expr, scope: Scope) -> Value | None:
    """Return what a test told about an expression like this one."""
    key = path_of(node)
    if key is None or key[1] not in scope.watched:
        return None
    frame = scope.state.read(scope.frame)
    return None if frame is None else frame.fields.get(key)


def _variable(name: str, scope: Scope, how: str) -> list[Subject]:
    found = scope.lookup(name)
    if found is None:
        return []
    number, value = found
    more: list[Subject] = []
    if value.about is not None:
        origin, key, then, kind = value.about
        thing = scope.state.read(origin)
        if thing is not None and thing.fields.get(key) is then:
            more = [Subject(origin, key, _composed(kind, how))]
    return [Subject(number, name, how), *more]


def _composed(kind: str, how: str) -> str:
    if kind is PARSED or kind == PARSED:
        return HOST if how == HOST else PART
    return kind if how == SAME else how


def _attribute(node: ast.Attribute, inner: ast.expr, attr: str, scope: Scope, how: str) -> list[Subject]:
    own = [Subject(number, attr, how) for number, thing in scope.objects(peek(inner, scope)) if attr in thing.fields]
    if own:
        return own
    if attr in _HOSTS:
        return subjects(inner, scope, HOST)
    if attr in {"suffix", "name", "scheme", "path", "ext"}:
        return subjects(inner, scope, PART)
    del node
    return []


def _call(node: ast.Call, arguments: list[ast.expr], scope: Scope, how: str) -> list[Subject]:
    names = {f"{one}()" for one in peek(node.func, scope).names}
    if names & _PARSERS and arguments:
        return subjects(arguments[0], scope, HOST if how == HOST else PARSED if how == SAME else how)
    if names & _KEEPING_CALLS and arguments:
        return subjects(arguments[0], scope, how)
    if names & {"os.path.splitext()", "mimetypes.guess_type()"} and arguments:
        return subjects(arguments[0], scope, PART)
    return []


def _subscript(inner: ast.expr, index: ast.expr, scope: Scope, how: str) -> list[Subject]:
    if isinstance(index, ast.Slice):
        middle = (
            how == SAME
            and isinstance(index.lower, ast.Constant)
            and index.lower.value == 1
            and _is_minus_one(index.upper)
        )
        return subjects(inner, scope, INNER if middle else PART)
    key = peek(index, scope).single()
    own = [
        Subject(number, key, how)
        for number, thing in scope.objects(peek(inner, scope))
        if key is not ... and key in thing.fields
    ]
    return own or subjects(inner, scope, PART)


def _is_minus_one(node: ast.expr | None) -> bool:
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
        and node.operand.value == 1
    )


def peek(node: ast.expr, scope: Scope) -> Value:  # noqa: PLR0911  # one case a line
    """Say what an expression is, without a step that could change anything."""
    match node:
        case ast.Constant(value=value) if value is not ...:
            return constant(value)
        case ast.Name(id=name):
            found = scope.lookup(name)
            return scope.engine.value(node, scope) if found is None else found[1]
        case ast.Attribute(value=inner, attr=attr):
            return scope.engine.attribute(peek(inner, scope), attr, node, scope)
        case ast.Tuple() | ast.List() | ast.Set() | ast.Dict() | ast.BinOp() | ast.JoinedStr() | ast.UnaryOp():
            return scope.engine.value(node, scope)
        case ast.Subscript(value=inner, slice=index) if not isinstance(index, ast.Slice):
            return scope.engine.element(peek(inner, scope), peek(index, scope), node, scope)
        case ast.Call(func=ast.Name(id="frozenset" | "set" | "list" | "tuple"), args=[inner]):
            return peek(inner, scope)
        case ast.Call(func=ast.Attribute(value=inner, attr="keys"), args=[]):
            return peek(inner, scope)
    return UNKNOWN


def change(subject: Subject, how: Callable[[Value], Value], scope: Scope) -> None:
    """Rewrite what a subject holds."""
    thing = scope.state.read(subject.number)
    if thing is not None and subject.key in thing.fields:
        old = thing.fields[subject.key]
        new = how(old)
        if new != old:
            scope.state.set(subject.number, subject.key, new)


def add_facts(found: list[Subject], facts: tuple[str, ...], scope: Scope) -> None:
    """Add facts to all that these subjects hold."""
    for one in found:
        change(one, lambda old: faced(old, facts), scope)


def faced(old: Value, facts: tuple[str, ...]) -> Value:
    """Return a value whose origins have these facts."""
    if not old.taint:
        return old
    pieces = None
    if old.pieces is not None:
        pieces = tuple(one if isinstance(one, str) else with_fact(one, *facts) for one in old.pieces)
    return replace(old, taint=with_fact(old.taint, *facts), pieces=pieces)
