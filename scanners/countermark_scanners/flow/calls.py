"""What a call gives, and what it reaches: functions of the change, the library by its tables, and the unknown.

Layer: scanners. Imports `scope`, `values`, `attributes`, `sinks`, `library`, `methods` and `functions`; does no I/O.
Trust: callees and arguments are hostile; what can't be followed keeps the untrusted data of all its arguments.
"""

from __future__ import annotations

import ast

from . import dynamic, folding, functions, library, methods, sinks
from .attributes import iterated, sourced
from .handlers import register
from .scope import ANYTHING, Arguments, Scope
from .state import Obj, keyed
from .subjects import add_facts, subjects
from .values import (
    NO_TAINT,
    RANDOM,
    REMOTE,
    UNKNOWN,
    Function,
    Method,
    Partial,
    Taints,
    Value,
    decoded,
    join_all,
    join_taints,
    less_sure,
    tainted,
    with_fact,
)

MAX_CALLBACKS = 4
NO_NAMES: frozenset[str] = frozenset()


def call(node: ast.Call, scope: Scope) -> Value:
    """Evaluate a call expression."""
    if isinstance(node.func, ast.Attribute):
        receiver = scope.engine.value(node.func.value, scope)
        given = arguments(node, scope)
        return method(receiver, node.func.attr, given, node, scope)
    callee = scope.engine.value(node.func, scope)
    return call_value(callee, arguments(node, scope), node, scope)


def arguments(node: ast.Call, scope: Scope) -> Arguments:
    """Evaluate what a call is given."""
    positional: list[Value] = []
    rest = others = None
    for one in node.args:
        if isinstance(one, ast.Starred):
            inner = scope.engine.value(one.value, scope)
            lists = [thing.ordered() for _, thing in scope.objects(inner) if thing.kind == "list"]
            if len(lists) == 1 and len(inner.refs) == 1 and rest is None and lists[0] is not None:
                scope.analysis.budget.spend(len(lists[0]) // 4)
                positional += lists[0]
            else:
                rest = iterated(inner, one, scope)
        else:
            value = scope.engine.value(one, scope)
            scope.seen[id(one)] = value
            positional.append(value)
    keywords: dict[str, Value] = {}
    for each in node.keywords:
        value = scope.engine.value(each.value, scope)
        if each.arg is not None:
            keywords[each.arg] = value
            continue
        for _, thing in scope.objects(value):
            keywords |= {key: part for key, part in thing.fields.items() if isinstance(key, str)}
            others = thing.rest if thing.rest is not None else others
        if value.taint:
            others = tainted(value.taint)
    return Arguments(tuple(positional), keywords, rest, others)


def method(receiver: Value, name: str, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    """Call `receiver.name(...)`."""
    callee = scope.engine.attribute(receiver, name, node, scope)
    if scope.model.among(name, "registers"):
        register(given, scope)
    if name in _NAMED and given.positional:
        return dynamic.get_attribute(Arguments((receiver, *given.positional)), node, scope) or UNKNOWN
    found = [_by_refs(callee, given, node, scope)] if callee.refs else []
    if callee.names and _is_listed(callee.names, scope):
        found.append(_by_names(callee.names, given, node, scope, receiver))
        return join_all(found)
    if found and not (callee.names or receiver.taint):
        return join_all(found)
    builtin = methods.call(receiver, name, given, node, scope)
    if builtin is not None:
        return join_all([*found, builtin])
    if not any(one.startswith("@") and not one.startswith("@request.") for one in callee.names):
        sinks.by_method(name, receiver, given, node, scope)
    if callee.names:
        found.append(_by_names(callee.names, given, node, scope, receiver))
    return join_all(found) if found else _unknown(receiver, given, node, scope)


def _is_listed(names: frozenset[str], scope: Scope) -> bool:
    """Say whether a table or a special case knows one of these functions."""
    listed = scope.model.listed
    return any(f"{one}()" in listed or f"{one}()" in library.SPECIAL or one == "dynamic()" for one in names)


def call_value(callee: Value, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    """Call a value, whatever it may be."""
    found: list[Value] = []
    if callee.refs:
        found.append(_by_refs(callee, given, node, scope))
    if callee.names:
        found.append(_by_names(callee.names, given, node, scope, None))
    if callee.taint and not found:
        if any(one.kind == REMOTE for one in callee.taint) and "clean:attribute" not in set[str]().union(
            *[one.facts for one in callee.taint]
        ):
            sinks.report("dynamic-code", callee.taint, "a call of it", node, scope)
        found.append(tainted(callee.taint))
    if not found:
        found.append(_unknown(callee, given, node, scope))
    return join_all(found)


def _by_refs(callee: Value, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    found: list[Value] = []
    functions_first = sorted(
        (one for one in callee.refs if isinstance(one, Function)),
        key=lambda one: (one.node.lineno, one.node.col_offset),
    )
    if "builtins.property()" in callee.names:
        functions_first = []
    found += [functions.invoke(one, given, node, scope) for one in functions_first]
    for one in sorted((ref for ref in callee.refs if isinstance(ref, Method)), key=_method_order):
        if one.function is not None:
            more = Arguments((one.receiver, *given.positional), given.keywords, given.rest, given.others)
            found.append(functions.invoke(one.function, more, node, scope))
        else:
            found.append(method(one.receiver, one.name, given, node, scope))
    for ref in callee.refs:
        if isinstance(ref, Partial):
            keywords = {**dict(ref.keywords), **given.keywords}
            more = Arguments((*ref.arguments, *given.positional), keywords, given.rest, given.others)
            found.append(call_value(ref.callee, more, node, scope))
    for number, thing in scope.objects(callee):
        found.append(functions.construct_or_call(number, thing, given, node, scope))
    return join_all(found)


def _method_order(one: Method) -> tuple[str, int]:
    return one.name, 0 if one.function is None else one.function.node.lineno


def _by_names(names: frozenset[str], given: Arguments, node: ast.AST, scope: Scope, receiver: Value | None) -> Value:
    return join_all(_by_name(one, given, node, scope, receiver) for one in sorted(names))


def _by_name(name: str, given: Arguments, node: ast.AST, scope: Scope, receiver: Value | None) -> Value:
    place = f"{name}()"
    model = scope.model
    if model.among(place, "ends"):
        scope.state.dead = True
        return UNKNOWN
    base, _, last = name.rpartition(".")
    if base in _TYPES and given.positional:
        more = Arguments(given.positional[1:], given.keywords, given.rest, given.others)
        return method(given.positional[0], last, more, node, scope)
    if model.among(place, "register-calls"):
        register(given, scope)
    if name == ANYTHING:
        return _anything(given, node, scope)
    special = library.SPECIAL.get(place)
    if special is not None:
        found = special(given, node, scope)
        if found is not None:
            return found
    if name == "dynamic()" or model.among(name, "dynamic-anything"):
        sinks.dynamic(given, node, scope)
    known = folding.call(place, given.positional) if not given.keywords else None
    if known is not None:
        return known
    if place not in model.listed:
        callbacks(given, node, scope)
        sinks.mass_assigned(name, given, node, scope)
    reached = sinks.by_place(place, receiver, given, node, scope)
    result = _result(place, receiver, given, node, scope, reached=reached)
    return _allocated(place, result, given, node, scope)


def _anything(given: Arguments, node: ast.AST, scope: Scope) -> Value:
    """Call one of more functions than are told apart: with untrusted data that can't be followed."""
    taint = scope.deep_all(given.each())
    if any(one.kind == REMOTE for one in taint):
        sinks.dynamic(given, node, scope)
    return tainted(less_sure(taint))


def _result(  # what is called, on what, with what, where, and what came of it
    place: str, receiver: Value | None, given: Arguments, node: ast.AST, scope: Scope, *, reached: bool | None
) -> Value:
    model = scope.model
    parts = given.each() if receiver is None else [receiver, *given.each()]
    typed = model.place(place)
    names = frozenset([typed]) if typed in model.prefixes or place.removesuffix("()") in model.prefixes else NO_NAMES
    taint = sourced(frozenset([place, typed]), node, scope)
    if place in model.asserts and isinstance(node, ast.Call):
        add_facts(
            [one for each in node.args[:1] for one in subjects(each, scope) if one.how == "same"],
            tuple(model.asserts[place]),
            scope,
        )
    passed = scope.deep_all(parts)
    if not passed:
        return Value(taint=taint, names=names)
    if place in model.safe:
        return Value(taint=join_taints(taint, frozenset(one for one in passed if one.kind == RANDOM)), names=names)
    kept = _kept(place, passed, scope, reached=reached)
    if kept is None:
        own = NO_TAINT if receiver is None else scope.deep(receiver)
        kept = join_taints(own, less_sure(scope.deep_all(given.each())))
    return Value(taint=join_taints(taint, kept), names=names, pieces=None)


def _kept(place: str, passed: Taints, scope: Scope, *, reached: bool | None) -> Taints | None:
    """Return what is left of the untrusted data in the result of a library call; None when no table says."""
    model = scope.model
    facts = tuple(model.cleans.get(place, ()))
    if place in model.decodes:
        return with_fact(decoded(passed), *facts)
    if place in model.keeps or facts:
        if place in _RESOLVES:
            facts = (*facts, "resolved")
        return with_fact(passed, *facts) if facts else passed
    if reached is not None:
        return passed if reached else NO_TAINT
    return None


_NAMED = frozenset({"__getattribute__"})
_TYPES = frozenset({"builtins.str", "builtins.bytes", "builtins.list", "builtins.dict", "builtins.object"})
_RESOLVES = frozenset({"os.path.realpath()", "os.path.abspath()", "os.path.normpath()", "@path.resolve()"})


def _allocated(place: str, result: Value, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    """Give containers and parsers of the library an object of their own, so that their parts are told apart."""
    model = scope.model
    source = given.positional[0] if given.positional else None
    if model.among(place, "allocates-list"):
        return _copied(source, "list", result, node, scope)
    if model.among(place, "allocates-dict"):
        made = _copied(source if place != "collections.defaultdict()" else None, "dict", result, node, scope)
        for number, _ in scope.objects(made):
            for key, one in given.keywords.items():
                scope.state.set(number, key, one)
        return made
    kind = model.objects.get(place) or model.objects.get(model.place(place))
    if kind is None:
        return result
    thing = Obj(kind)
    if kind == "text":
        thing.fields["text"] = Value(known=("",)) if source is None else source
    elif kind == "api":
        thing.fields = keyed(given.keywords)
        if source is not None:
            thing.fields["pattern"] = source
    found = scope.allocate(node, thing, place)
    return Value(taint=result.taint if kind != "text" else NO_TAINT, names=result.names, refs=found.refs)


def _copied(source: Value | None, kind: str, result: Value, node: ast.AST, scope: Scope) -> Value:
    objects = [] if source is None else [thing for _, thing in scope.objects(source)]
    made = Obj(kind, size=0 if kind == "list" else None)
    if len(objects) == 1 and objects[0].kind == kind:
        made = objects[0].copy()
    elif (source is not None and (objects or source.taint or source.known is None)) or source is not None:
        made = Obj(kind, rest=iterated(source, node, scope))
    found = scope.allocate(node, made, "copied")
    return Value(taint=result.taint if not objects else NO_TAINT, refs=found.refs)


def _unknown(callee: Value, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    """Call something nobody can look into: it may call what it is given, and return any of it."""
    callbacks(given, node, scope)
    taint = scope.deep_all(given.each())
    return tainted(join_taints(callee.taint, less_sure(taint)))


def callbacks(given: Arguments, node: ast.AST, scope: Scope) -> None:
    """Call the callables among the arguments with what stands after them."""
    positional = given.positional
    for at, one in enumerate(positional[:MAX_CALLBACKS]):
        if is_callable(one, scope):
            scope.engine.call(one, Arguments(positional[at + 1 :], {}, given.rest), node, scope)
    target = given.keywords.get("target")
    if target is not None and is_callable(target, scope):
        inner = [thing for key in ("args",) if key in given.keywords for _, thing in scope.objects(given.keywords[key])]
        parts = [each for one in inner for each in one.ordered() or []]
        scope.engine.call(target, Arguments(tuple(parts)), node, scope)


def is_callable(one: Value, scope: Scope) -> bool:
    """Say whether a value is worth calling: code of the change, or a place that is dangerous."""
    if any(isinstance(ref, (Function, Method, Partial)) for ref in one.refs):
        return True
    return any(f"{name}()" in scope.model.sinks for name in one.names)


def compared_secret(left: Value, right: Value, node: ast.AST, scope: Scope) -> None:
    """A request's value that is compared with a random one: the random one is meant to be a secret."""
    if not (left.taint and right.taint):
        return
    for one, other in ((left.taint, right.taint), (right.taint, left.taint)):
        if any(each.kind == RANDOM for each in one) and any(each.kind == REMOTE for each in other):
            sinks.predictable(one, "a comparison with a request's value", node, scope)
