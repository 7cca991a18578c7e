"""What an expression may be.

Layer: scanners. Imports `scope`, `values`, `folding`, `text`, `attributes`, `calls` and `comprehensions`; does no I/O.
Trust: expressions are hostile; every one costs a step of the budget.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable

from . import calls, comprehensions, folding, text
from .attributes import awaited, element, iterated, members, shown, sliced
from .guards import narrow
from .scope import Scope
from .state import Obj, join_states, sequence
from .subjects import read_again
from .values import (
    NO_TAINT,
    NONE,
    UNKNOWN,
    Function,
    Piece,
    Value,
    constant,
    join,
    join_all,
    named,
    referring,
    tainted,
)

_BUILTINS = frozenset(dir(builtins))
_TRUE, _FALSE, _EITHER = Value(known=(True,)), Value(known=(False,)), Value(known=(True, False))


def value(node: ast.AST, scope: Scope) -> Value:
    """Say what an expression may be, and note its effects in the state."""
    scope.analysis.budget.spend()
    if scope.watched and isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        told = read_again(node, scope)
        if told is not None:
            return told
    handler = _BY_TYPE.get(type(node))
    return UNKNOWN if handler is None else handler(node, scope)


def _constant(node: ast.Constant, scope: Scope) -> Value:
    del scope
    return UNKNOWN if node.value is ... else constant(node.value)


def _name(node: ast.Name, scope: Scope) -> Value:
    found = scope.lookup(node.id)
    if found is not None:
        return found[1]
    if node.id == "__builtins__":
        return named("builtins")
    if node.id == "__name__":
        return UNKNOWN
    stars = [f"{module}.{node.id}" for module in scope.module.stars]
    if node.id in _BUILTINS:
        stars.append(f"builtins.{node.id}")
    if not stars:
        return UNKNOWN
    from_star = [scope.engine.attribute(named(one.rpartition(".")[0]), node.id, node, scope) for one in stars]
    return join_all(from_star)


def _attribute(node: ast.Attribute, scope: Scope) -> Value:
    return scope.engine.attribute(scope.engine.value(node.value, scope), node.attr, node, scope)


def _subscript(node: ast.Subscript, scope: Scope) -> Value:
    receiver = scope.engine.value(node.value, scope)
    if isinstance(node.slice, ast.Slice):
        marks = [
            NONE if one is None else scope.engine.value(one, scope) for one in (node.slice.lower, node.slice.upper)
        ]
        step = NONE if node.slice.step is None else scope.engine.value(node.slice.step, scope)
        return sliced(receiver, marks, step, node, scope)
    return element(receiver, scope.engine.value(node.slice, scope), node, scope)


def _binary(node: ast.BinOp, scope: Scope) -> Value:
    left, right = scope.engine.value(node.left, scope), scope.engine.value(node.right, scope)
    return operated(type(node.op), left, right, node, scope)


def operated(kind: type[ast.operator], left: Value, right: Value, node: ast.AST, scope: Scope) -> Value:
    """Return the value of `left kind right`."""
    known = folding.binary(kind, left, right)
    if known is not None:
        return known
    if kind is ast.Mod and isinstance(pattern := left.single(), str):
        return _formatted(pattern, right, scope)
    if kind is ast.Add:
        return _added(left, right, node, scope)
    taint = scope.deep_all([left, right])
    if kind is ast.Div and (left.names | right.names):
        # a path joined to another: an absolute right side replaces the left one
        names = frozenset(one for one in left.names | right.names if one == "@path")
        return Value(taint=taint, names=names, pieces=(*_slashed(left), *right.text) if right.taint else None)
    return tainted(taint)


def _slashed(left: Value) -> tuple[Piece, ...]:
    return left.text if left.taint else (NO_TAINT,)


def _formatted(pattern: str, right: Value, scope: Scope) -> Value:
    objects = scope.objects(right)
    things = [thing for _, thing in objects if thing.kind in {"list", "dict"}]

    def part(key: int | str) -> Value:
        found = [thing.fields.get(key) or thing.rest or UNKNOWN for thing in things]
        return shown(join_all(found), scope) if things else shown(right, scope)

    return text.percent(pattern, part) or tainted(scope.deep(right))


def _added(left: Value, right: Value, node: ast.AST, scope: Scope) -> Value:
    lists = [thing for _, thing in scope.objects(left) if thing.kind == "list"]
    others = [thing for _, thing in scope.objects(right) if thing.kind == "list"]
    if len(lists) == 1 and len(others) == 1:
        first, second = lists[0], others[0]
        known, more = first.ordered(), second.ordered()
        if known is not None and more is not None:
            made = sequence([*known, *more])
        else:
            made = Obj("list", rest=join(first.any_part(), second.any_part()))
        return scope.allocate(node, made, "added")
    if left.refs or right.refs:
        parts = [left, right, *(thing.any_part() for thing in [*lists, *others])]
        return scope.allocate(node, Obj("list", rest=join_all(parts)), "added")
    return text.concatenate(left, right)


def _unary(node: ast.UnaryOp, scope: Scope) -> Value:
    operand = scope.engine.value(node.operand, scope)
    return folding.unary(type(node.op), operand) or UNKNOWN


def _boolean(node: ast.BoolOp, scope: Scope) -> Value:
    """`a and b`, `a or b`: what comes after is evaluated where what came before was true, or false."""
    wanted = isinstance(node.op, ast.And)
    found: list[Value] = []
    skipped = None
    for number, part in enumerate(node.values):
        one = scope.engine.value(part, scope)
        truth = one.truth()
        last = number == len(node.values) - 1
        if truth is not wanted or last:
            found.append(_as_truth(one, truth=not wanted) if not last else one)
        if truth is (not wanted):
            break
        if not last:
            before = scope.state.branched()
            skipped = before if skipped is None else join_states(skipped, before)
            narrow(part, scope, wanted=wanted)
    if skipped is not None:
        scope.state = join_states(scope.state, skipped)
    return join_all(found)


def _as_truth(one: Value, *, truth: bool) -> Value:
    """Keep of a value what it can be when its truth is known."""
    if one.known is None:
        return one if truth else (UNKNOWN if not one.refs else one)
    return constant(*[each for each in one.known if bool(each) is truth])


def _compare(node: ast.Compare, scope: Scope) -> Value:
    left = _noted(node.left, scope)
    results: list[Value | None] = []
    for kind, comparator in zip(node.ops, node.comparators, strict=True):
        right = _noted(comparator, scope)
        results.append(compared(type(kind), left, right, node, scope))
        left = right
    truths = [None if one is None else one.truth() for one in results]
    if any(one is False for one in truths):
        return _FALSE
    return _TRUE if all(truths) else _EITHER


def _noted(node: ast.expr, scope: Scope) -> Value:
    """Evaluate an operand, for whoever asks what the test proves."""
    found = scope.engine.value(node, scope)
    scope.seen[id(node)] = found
    return found


def compared(kind: type[ast.cmpop], left: Value, right: Value, node: ast.AST, scope: Scope) -> Value | None:
    """Fold a comparison, also with containers of constants."""
    calls.compared_secret(left, right, node, scope)
    known = folding.compare(kind, left, right)
    if known is not None or kind not in {ast.In, ast.NotIn} or left.known is None:
        return known
    choices = members(right, scope)
    if choices is None:
        return None
    inside = {one in choices for one in left.known}
    return constant(*[one is (kind is ast.In) for one in inside])


def _conditional(node: ast.IfExp, scope: Scope) -> Value:
    truth = scope.engine.value(node.test, scope).truth()
    if truth is not None:
        return scope.engine.value(node.body if truth else node.orelse, scope)
    other = scope.state.branched()
    narrow(node.test, scope, wanted=True)
    first = scope.engine.value(node.body, scope)
    after, scope.state = scope.state, other
    narrow(node.test, scope, wanted=False)
    second = scope.engine.value(node.orelse, scope)
    scope.state = join_states(after, scope.state)
    return join(first, second)


def _joined(node: ast.JoinedStr, scope: Scope) -> Value:
    pieces: list[Piece] = []
    for part in node.values:
        one = scope.engine.value(part, scope)
        pieces += text.spelled(shown(one, scope))
    return text.build(pieces)


def _field(node: ast.FormattedValue, scope: Scope) -> Value:
    if node.format_spec is not None:
        scope.engine.value(node.format_spec, scope)
    return scope.engine.value(node.value, scope)


def _sequence(node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Value:
    found: list[Value] = []
    ordered = True
    for part in node.elts:
        if isinstance(part, ast.Starred):
            inner = scope.engine.value(part.value, scope)
            objects = [thing for _, thing in scope.objects(inner)]
            known = objects[0].ordered() if len(objects) == 1 and objects[0].kind == "list" else None
            if known is not None:
                scope.analysis.budget.spend(len(known) // 4)
                found += known
                continue
            ordered = False
            found.append(iterated(inner, part, scope))
        else:
            found.append(scope.engine.value(part, scope))
    made = sequence(found)
    if not ordered:
        made.blur()
    return scope.allocate(node, made)


def _dict(node: ast.Dict, scope: Scope) -> Value:
    made = Obj("dict")
    for key, each in zip(node.keys, node.values, strict=True):
        one = scope.engine.value(each, scope)
        if key is None:
            inner = scope.objects(one)
            for _, thing in inner:
                made.fields.update(thing.fields)
                made.rest = (
                    thing.rest
                    if made.rest is None
                    else made.rest
                    if thing.rest is None
                    else join(made.rest, thing.rest)
                )
            if not inner:
                made.rest = one if made.rest is None else join(made.rest, one)
            continue
        known = scope.engine.value(key, scope)
        single = known.single()
        if single is ...:
            kept = Value(taint=known.taint) if known.taint else UNKNOWN
            made.rest = join_all([one, *([made.rest] if made.rest else []), *([kept] if kept.taint else [])])
        else:
            made.fields[single] = one
    return scope.allocate(node, made)


def _lambda(node: ast.Lambda, scope: Scope) -> Value:
    function = Function(node, scope.frame, scope.module.frame)
    return referring(function)


def _walrus(node: ast.NamedExpr, scope: Scope) -> Value:
    found = scope.engine.value(node.value, scope)
    scope.engine.assign(node.target, found, scope)
    return found


def _await(node: ast.Await, scope: Scope) -> Value:
    return awaited(scope.engine.value(node.value, scope))


def _yield(node: ast.Yield, scope: Scope) -> Value:
    if node.value is not None:
        scope.yielded.append(scope.engine.value(node.value, scope))
    return UNKNOWN


def _yield_from(node: ast.YieldFrom, scope: Scope) -> Value:
    source = scope.engine.value(node.value, scope)
    scope.yielded.append(iterated(source, node, scope))
    return tainted(source.taint)


def _starred(node: ast.Starred, scope: Scope) -> Value:
    return scope.engine.value(node.value, scope)


def _slice(node: ast.Slice, scope: Scope) -> Value:
    for one in (node.lower, node.upper, node.step):
        if one is not None:
            scope.engine.value(one, scope)
    return UNKNOWN


_BY_TYPE: dict[type[ast.AST], Callable[..., Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.JoinedStr: _joined,
    ast.FormattedValue: _field,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Set: _sequence,
    ast.Dict: _dict,
    ast.ListComp: comprehensions.of_elements,
    ast.SetComp: comprehensions.of_elements,
    ast.GeneratorExp: comprehensions.of_elements,
    ast.DictComp: comprehensions.of_pairs,
    ast.Lambda: _lambda,
    ast.NamedExpr: _walrus,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
    ast.Starred: _starred,
    ast.Slice: _slice,
    ast.Call: calls.call,
}
