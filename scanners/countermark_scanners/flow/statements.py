"""What a statement does to the state.

Layer: scanners. Imports `scope`, `state`, `values`, `guards`, `stores`, `definitions`, `loops` and `matching`; does no
I/O.
Trust: statements are hostile; each costs a step of the budget.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from .attributes import iterated
from .definitions import define_class, define_function, import_from, import_module
from .expressions import operated
from .guards import narrow
from .loops import run_for, run_while
from .matching import match
from .scope import Arguments, Scope
from .state import State, join_states, sequence
from .stores import delete, unpack
from .subjects import PARSED, subjects
from .values import ERROR, NONE, Taint, Value, join, stepped, tainted


def body(statements: Sequence[ast.stmt], scope: Scope) -> None:
    """Run statements until the end, or until a point that is never passed."""
    for one in statements:
        if scope.state.dead:
            return
        scope.analysis.budget.spend()
        if scope.raised:
            scope.raised[-1].append(scope.state.branched())
        handler = _BY_TYPE.get(type(one))
        if handler is not None:
            handler(one, scope)


def _expression(node: ast.Expr, scope: Scope) -> None:
    scope.engine.value(node.value, scope)


def _assign(node: ast.Assign, scope: Scope) -> None:
    value = scope.engine.value(node.value, scope)
    for target in node.targets:
        if isinstance(target, ast.Name):
            _bind(target, value, node.value, scope)
        elif isinstance(target, (ast.Tuple, ast.List)):
            unpack(target, value, node.value, scope)
        else:
            scope.engine.assign(target, value, scope)


def _bind(target: ast.Name, value: Value, source: ast.expr, scope: Scope) -> None:
    """Bind a variable, and remember what it was computed from where a later test of it may matter."""
    if value.taint:
        value = _derived(value, source, scope)
    scope.engine.assign(target, value, scope)
    if isinstance(source, (ast.Compare, ast.BoolOp, ast.Call, ast.UnaryOp)):
        found = scope.lookup(target.id)
        if found is not None and not found[1].refs:
            scope.tests[scope.frame, target.id] = (source, found[1])


def _derived(value: Value, source: ast.expr, scope: Scope) -> Value:
    taint = stepped(value.taint, f"line {scope.line(source)}")
    about = None
    for one in [] if isinstance(source, ast.Name) else subjects(source, scope)[:1]:
        thing = scope.state.read(one.number)
        if thing is not None:
            how = PARSED if one.how == PARSED else one.how
            about = (one.number, one.key, thing.fields[one.key], how)
    return Value(value.known, taint, value.names, value.refs, value.pieces, about)


def _annotated(node: ast.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        scope.engine.assign(node.target, scope.engine.value(node.value, scope), scope)


def _augmented(node: ast.AugAssign, scope: Scope) -> None:
    old, more = scope.engine.value(node.target, scope), scope.engine.value(node.value, scope)
    lists = [number for number, thing in scope.objects(old) if thing.kind == "list"]
    if lists and isinstance(node.op, ast.Add):
        for number in lists:
            _extend(number, more, node, scope)
        return
    result = operated(type(node.op), old, more, node, scope)
    if result.taint:
        result = Value(
            result.known, stepped(result.taint, f"line {scope.line(node)}"), result.names, result.refs, result.pieces
        )
    scope.engine.assign(node.target, result, scope)


def _extend(number: int, more: Value, node: ast.AugAssign, scope: Scope) -> None:
    thing = scope.state.write(number)
    others = [other for _, other in scope.objects(more) if other.kind == "list"]
    known, added = thing.ordered(), others[0].ordered() if len(others) == 1 else None
    if known is not None and added is not None:
        scope.analysis.budget.spend((len(known) + len(added)) // 4)
        longer = sequence([*known, *added])
        thing.fields, thing.rest, thing.size = longer.fields, longer.rest, longer.size
        return
    thing.blur()
    one = iterated(more, node, scope)
    thing.rest = one if thing.rest is None else join(thing.rest, one)


def _return(node: ast.Return, scope: Scope) -> None:
    value = NONE if node.value is None else scope.engine.value(node.value, scope)
    if scope.state.dead:
        return
    scope.returned.append((value, scope.state, node.value))
    scope.state = State(scope.state.budget, dead=True)


def _if(node: ast.If, scope: Scope) -> None:
    truth = scope.engine.value(node.test, scope).truth()
    if scope.state.dead:
        return
    other = scope.state.branched()
    if truth is not False:
        narrow(node.test, scope, wanted=True)
        scope.engine.body(node.body, scope)
        after = scope.state
    else:
        after = State(other.budget, dead=True)
    scope.state = other
    if truth is not True:
        narrow(node.test, scope, wanted=False)
        scope.engine.body(node.orelse, scope)
        scope.state = join_states(after, scope.state)
    else:
        scope.state = after


def _break(node: ast.Break, scope: Scope) -> None:
    del node
    if scope.loops:
        scope.loops[-1].broken.append(scope.state)
    scope.state = State(scope.state.budget, dead=True)


def _continue(node: ast.Continue, scope: Scope) -> None:
    del node
    if scope.loops:
        scope.loops[-1].continued.append(scope.state)
    scope.state = State(scope.state.budget, dead=True)


def _raise(node: ast.Raise, scope: Scope) -> None:
    for one in (node.exc, node.cause):
        if one is not None:
            scope.engine.value(one, scope)
    if scope.raised:
        scope.raised[-1].append(scope.state)
    scope.state = State(scope.state.budget, dead=True)


def _try(node: ast.Try, scope: Scope) -> None:
    scope.raised.append([scope.state.branched()])
    scope.engine.body(node.body, scope)
    reached = scope.raised.pop()
    if not scope.state.dead:
        reached.append(scope.state.branched())
    scope.engine.body(node.orelse, scope)
    after = scope.state
    # any point of the body may have been the last one
    failed = State(after.budget, dead=True)
    for one in reached:
        failed = join_states(failed, one)
    for handler in node.handlers:
        scope.state = failed.branched()
        _handle(handler, scope)
        after = join_states(after, scope.state)
    scope.state = after
    if node.finalbody:
        if after.dead:
            scope.state = failed
            scope.engine.body(node.finalbody, scope)
            scope.state.dead = True
        else:
            scope.engine.body(node.finalbody, scope)


def _handle(handler: ast.ExceptHandler, scope: Scope) -> None:
    if handler.name:
        taint = frozenset([Taint(ERROR, "the error", scope.line(handler), here=scope.module.asked)])
        scope.bind(handler.name, tainted(taint))
    scope.engine.body(handler.body, scope)


def _with(node: ast.With | ast.AsyncWith, scope: Scope) -> None:
    for item in node.items:
        value = scope.engine.value(item.context_expr, scope)
        entered = entering(value, item.context_expr, scope)
        if item.optional_vars is not None:
            scope.engine.assign(item.optional_vars, entered, scope)
    scope.engine.body(node.body, scope)


def entering(value: Value, node: ast.AST, scope: Scope) -> Value:
    """Return what `with value as` gives: what `__enter__` returns, or the first thing a generator yields."""
    for _, thing in scope.objects(value):
        if thing.kind == "instance":
            result = scope.engine.attribute(value, "__enter__", node, scope)
            if result.refs:
                return scope.engine.call(result, Arguments(), node, scope)
        if thing.kind == "list" and thing.rest is not None and thing.size is None:
            return thing.rest
    return value


def _assert(node: ast.Assert, scope: Scope) -> None:
    """An assertion is no guard: it is gone when Python is told to optimise."""
    scope.engine.value(node.test, scope)


def _global(node: ast.Global, scope: Scope) -> None:
    scope.globals.update(node.names)


def _nonlocal(node: ast.Nonlocal, scope: Scope) -> None:
    scope.nonlocals.update(node.names)


def _delete(node: ast.Delete, scope: Scope) -> None:
    for target in node.targets:
        delete(target, scope)


_BY_TYPE: dict[type[ast.stmt], Callable[..., None]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Return: _return,
    ast.If: _if,
    ast.While: run_while,
    ast.For: run_for,
    ast.AsyncFor: run_for,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.Raise: _raise,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Match: match,
    ast.Assert: _assert,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
    ast.Delete: _delete,
    ast.FunctionDef: define_function,
    ast.AsyncFunctionDef: define_function,
    ast.ClassDef: define_class,
    ast.Import: import_module,
    ast.ImportFrom: import_from,
}
