"""Functions and classes of the change: called by looking into them, or by what is known of them.

Layer: scanners. Imports `scope`, `values`, `attributes`, `guards` and `sinks`; does no I/O.
Trust: code may call itself, or in chains of any length: depth and number of calls that are looked into are bounded, and
what lies deeper is taken from a summary, which loses precision and no untrusted data.
"""

from __future__ import annotations

import ast
from functools import lru_cache

from . import sinks
from .attributes import bound, find, members, outside_bases
from .guards import narrow
from .scope import Arguments, Scope
from .state import Obj, State, keyed, sequence
from .subjects import SAME, Subject, add_facts, watched
from .values import (
    PARAMETER,
    RANDOM,
    UNKNOWN,
    Function,
    Taint,
    Taints,
    Value,
    join,
    join_all,
    less_sure,
    referring,
    tainted,
)

_RECURSIONS = 2


def invoke(function: Function, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    """Call a function of the change."""
    analysis = scope.analysis
    analysis.budget.spend(2)
    precision = analysis.precision
    deep = len(analysis.active) >= precision.calls or analysis.looked_into >= precision.followed
    if analysis.active.count(function.node) >= _RECURSIONS:
        return tainted(less_sure(scope.deep_all(given.each())))
    if deep:
        return _summarised(function, given, node, scope)
    analysis.looked_into += 1
    inner = entered(function, given, node, scope)
    analysis.active.append(function.node)
    try:
        result = run(function, inner)
    finally:
        analysis.active.pop()
    _conclude(function, node, inner, scope)
    if not keeps_frame(function.node):
        inner.state.objects.pop(inner.frame, None)
    scope.state = inner.state
    return _named_random(function, result, node, scope)


def entered(function: Function, given: Arguments, node: ast.AST, scope: Scope) -> Scope:
    """Make the scope of an activation, its parameters bound."""
    analysis = scope.analysis
    module = analysis.frames[function.module]
    context = (*scope.context, id(node))
    frame = analysis.number("frame", id(function.node), context)
    site = scope.site if scope.site is not None else (None if module.asked else scope.line(node))
    if scope.module.asked:
        site = scope.line(node)
    parts = _bound(function.node.args, given, function, scope)
    scope.state.put(frame, Obj("frame", keyed(parts), parent=function.frame))
    inner = Scope(analysis, scope.state, frame, module, context, function, site, scope.fixed_route)
    inner.globals, inner.nonlocals = declared(function.node)
    return inner


def run(function: Function, inner: Scope) -> Value:
    """Run a body whose scope is set up; the scope's state is then where it returns."""
    node = function.node
    if isinstance(node, ast.Lambda):
        return inner.engine.value(node.body, inner)
    inner.engine.body(node.body, inner)
    result = inner.result()
    if is_generator(node):
        made = Obj("list", rest=join_all(inner.yielded) if inner.yielded else None)
        return inner.allocate(node, made, "yielded")
    return result


@lru_cache(maxsize=2048)
def declared(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> tuple[set[str], set[str]]:
    """Return the names that a function declares as global and as nonlocal."""
    found: tuple[set[str], set[str]] = (set(), set())
    for one in [] if isinstance(node, ast.Lambda) else _own(node):
        if isinstance(one, ast.Global):
            found[0].update(one.names)
        elif isinstance(one, ast.Nonlocal):
            found[1].update(one.names)
    return found


@lru_cache(maxsize=2048)
def is_generator(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Say whether a function yields."""
    return any(isinstance(one, (ast.Yield, ast.YieldFrom)) for one in _own(node))


@lru_cache(maxsize=2048)
def keeps_frame(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> bool:
    """Say whether something that is made in a function may still see its variables when it has returned."""
    makes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Yield, ast.YieldFrom)
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return bool(names & {"locals", "vars", "super", "exec", "eval"}) or any(
        isinstance(one, makes) for one in ast.walk(node) if one is not node
    )


def _own(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.AST]:
    """List the nodes of a function that are not of a function inside of it."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        one = waiting.pop()
        found.append(one)
        if not isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting += ast.iter_child_nodes(one)
    return found


def _bound(parameters: ast.arguments, given: Arguments, function: Function, scope: Scope) -> dict[str, Value]:
    names = [one.arg for one in (*parameters.posonlyargs, *parameters.args)]
    found: dict[str, Value] = {}
    for at, name in enumerate(names):
        value = given.get(at, name)
        found[name] = UNKNOWN if value is None else value
        if value is None or (given.rest is not None and value is given.rest):
            default = _default(parameters, at - (len(names) - len(parameters.defaults)), scope, function)
            found[name] = default if value is None else join(value, default)
    for one, default_node in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        value = given.get(-1, one.arg)
        if value is None:
            value = UNKNOWN if default_node is None else _evaluated(default_node, scope, function)
        found[one.arg] = value
    if parameters.vararg is not None:
        more = given.positional[len(names) :]
        made = sequence(more)
        if given.rest is not None:
            made.rest, made.size = given.rest, None
        found[parameters.vararg.arg] = scope.allocate(parameters, made, "star")
    if parameters.kwarg is not None:
        others = {key: one for key, one in given.keywords.items() if key not in found}
        found[parameters.kwarg.arg] = scope.allocate(parameters, Obj("dict", keyed(others), given.others), "stars")
    return found


def _default(parameters: ast.arguments, at: int, scope: Scope, function: Function) -> Value:
    return UNKNOWN if at < 0 else _evaluated(parameters.defaults[at], scope, function)


def _evaluated(node: ast.AST, scope: Scope, function: Function) -> Value:
    if isinstance(node, ast.Constant):
        return scope.engine.value(node, scope)
    outer = Scope(
        scope.analysis, scope.state, function.frame, scope.analysis.frames[function.module], (*scope.context, "default")
    )
    found = scope.engine.value(node, outer)
    scope.state = outer.state
    return found


def _conclude(function: Function, node: ast.AST, inner: Scope, scope: Scope) -> None:
    """Carry what the function checked back to the caller's variables: always, or where its answer is true or false."""
    if not isinstance(node, ast.Call) or isinstance(function.node, ast.Lambda):
        return
    parameters = [one.arg for one in (*function.node.args.posonlyargs, *function.node.args.args)]
    if len(parameters) == len(node.args) + 1:
        parameters = parameters[1:]  # the receiver of a method
    pairs = [
        (name, one)
        for name, argument in zip(parameters, node.args, strict=False)
        for one in watched(argument, scope)
        if one.how == SAME and _is_tainted(one, inner.state)
    ]
    ends = [*inner.returned, *([(UNKNOWN, inner.state, None)] if not inner.returned else [])]
    if not pairs or inner.state.dead:
        return
    always, yes, no = ([_facts(name, ends, inner, when) for name, _ in pairs] for when in (None, True, False))
    for (_, subject), facts in zip(pairs, always, strict=True):
        before = _known_facts(subject, inner.state)
        if facts - before:
            after = Scope(scope.analysis, inner.state, scope.frame, scope.module)
            add_facts([subject], tuple(facts - before), after)
    subjects_of = [one for _, one in pairs]
    scope.verdicts[id(node)] = (list(zip(subjects_of, yes, strict=True)), list(zip(subjects_of, no, strict=True)))


def _is_tainted(subject: Subject, state: State) -> bool:
    thing = state.read(subject.number)
    return thing is not None and subject.key in thing.fields and bool(thing.fields[subject.key].taint)


def _known_facts(subject: Subject, state: State) -> frozenset[str]:
    thing = state.read(subject.number)
    return frozenset() if thing is None else _common(thing.fields[subject.key])


def _common(value: Value) -> frozenset[str]:
    if not value.taint:
        return frozenset(["clean:every"])
    kept: frozenset[str] | None = None
    for one in value.taint:
        kept = one.facts if kept is None else kept & one.facts
    return kept or frozenset()


def _facts(
    name: str,
    ends: list[tuple[Value, State, ast.expr | None]],
    inner: Scope,
    when: bool | None,  # noqa: FBT001  # which answer
) -> frozenset[str]:
    """Return what holds for a parameter at all ends where the answer is (or may be) this one."""
    kept: frozenset[str] | None = None
    for value, state, node in ends:
        if when is not None and value.truth() is (not when):
            continue
        facts = _at_end(name, state, node, inner, when)
        kept = facts if kept is None else kept & facts
    return kept or frozenset()


def _at_end(name: str, state: State, node: ast.expr | None, inner: Scope, when: bool | None) -> frozenset[str]:  # noqa: FBT001  # as above
    if (
        node is not None
        and when is not None
        and isinstance(node, (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Call, ast.Name))
    ):
        probe = Scope(
            inner.analysis, state.branched(), inner.frame, inner.module, inner.context, inner.function, inner.site
        )
        probe.tests, probe.verdicts = inner.tests, inner.verdicts
        narrow(node, probe, wanted=when)
        state = probe.state
    frame = state.read(inner.frame)
    if frame is None or name not in frame.fields:
        return frozenset()
    return _common(frame.fields[name])


def _named_random(function: Function, result: Value, node: ast.AST, scope: Scope) -> Value:
    """A function whose name says secret gives one."""
    random = [one for one in result.taint if one.kind == RANDOM]
    if (
        random
        and isinstance(function.node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and sinks.is_secret(function.node.name)
    ):
        sinks.predictable(frozenset(random), f"the result of {function.node.name}", node, scope)
    return result


def _summarised(function: Function, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    """Call a function by what is known of it, whoever calls."""
    summary = scope.engine.summary(function, scope)
    parts = _bound(function.node.args, given, function, scope)
    for name, rows in summary.reaches.items():
        taint = frozenset(one for one in scope.deep(parts.get(name, UNKNOWN)) if one.kind != PARAMETER)
        for rule, line, place in rows if taint else ():
            sinks.report_at(rule, taint, f"{place} (line {line})", node, scope)
    taint = less_sure(scope.deep_all(given.each()))
    _spread(taint, given, scope)
    return tainted(taint) if given.each() else _without_objects(summary.returned)


def _spread(taint: Taints, given: Arguments, scope: Scope) -> None:
    """What is not looked into may have put anything it was given into anything it was given."""
    untrusted = tainted(frozenset(one for one in taint if one.kind != PARAMETER))
    if not untrusted.taint:
        return
    for one in given.each():
        for number, thing in scope.objects(one):
            if thing.kind in {"list", "dict", "instance", "text"}:
                written = scope.state.write(number)
                written.fields = {key: join(part, untrusted) for key, part in written.fields.items()}
                written.rest = untrusted if written.rest is None else join(written.rest, untrusted)


def _without_objects(value: Value) -> Value:
    return Value(
        value.known, value.taint, value.names, frozenset(one for one in value.refs if not isinstance(one, int))
    )


def construct_or_call(number: int, thing: Obj, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    """Call an object: a class gives an instance, an instance may be callable."""
    if thing.kind == "class":
        return construct(number, thing, given, node, scope)
    if thing.kind == "instance":
        method = find(thing.made_of, "__call__", scope)
        if method is not None:
            return scope.engine.call(bound(method, referring(number), node, scope), given, node, scope)
    if thing.rest is not None:
        return tainted(thing.rest.taint)
    return UNKNOWN


def construct(number: int, thing: Obj, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    """Make an instance of a class of the change."""
    own = referring(number)
    made = scope.allocate(node, Obj("instance", made_of=(own,)), number)
    outside = frozenset(scope.model.place(f"{one}()") for one in outside_bases(thing.made_of, scope))
    starter = find((own,), "__init__", scope)
    if starter is not None:
        scope.engine.call(bound(starter, made, node, scope), given, node, scope)
    else:
        _fill(number, thing, made, given, scope)
    maker = find((own,), "__new__", scope)
    if maker is not None:
        more = Arguments((own, *given.positional), given.keywords, given.rest, given.others)
        return join(made, scope.engine.call(Value(refs=maker.refs), more, node, scope))
    taint = scope.deep_all(given.each()) if outside and starter is None else frozenset[Taint]()
    return Value(taint=less_sure(taint), names=outside, refs=made.refs)


def _fill(number: int, thing: Obj, made: Value, given: Arguments, scope: Scope) -> None:
    """Set the fields of a class without a constructor: a record's fields, in their order, or any by name."""
    annotated = [
        key for key in members(thing.fields.get("__annotations__", UNKNOWN), scope) or () if isinstance(key, str)
    ]
    for instance, _ in scope.objects(made):
        for name, one in zip(
            annotated or [str(at) for at in range(len(given.positional))], given.positional, strict=False
        ):
            scope.state.set(instance, name, one)
        for name, one in given.keywords.items():
            scope.state.set(instance, name, one)
        loose = [one for one in (given.rest, given.others) if one is not None]
        if loose:
            scope.state.write(instance).rest = join_all(loose)
    del number


__all__ = ["construct", "construct_or_call", "declared", "entered", "invoke", "is_generator", "run"]
