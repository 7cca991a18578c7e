"""The parts of the analysis put together, and the way through a whole file.

Layer: scanners. Imports every other part; does no I/O.
Trust: the file and those beside it are hostile. Everything is under one budget, and what is beyond it is `Unreadable`.

1. The file's own code is run. 2. Each function and method is run as if anybody had called it, those that answer
requests with untrusted parameters. 3. What they left in shared objects is joined, and 2 repeated until nothing is new.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import Unreadable
from . import attributes, calls, expressions, functions, handlers, modules, sinks, statements, stores
from .scope import Analysis, Arguments, Entry, Module, Scope, Summary
from .state import Obj, State, held, join_objects
from .values import UNKNOWN, Function, Value

MAX_ROUNDS = 8
_PRECISE_ROUNDS = 2  # after these, values that many functions share are widened


@dataclass(frozen=True, slots=True)
class Parts:
    """The engine: each question goes to the module that answers it."""

    def value(self, node: ast.AST, scope: Scope) -> Value:
        """Say what an expression may be."""
        return expressions.value(node, scope)

    def body(self, statements_: Sequence[ast.stmt], scope: Scope) -> None:
        """Run statements."""
        statements.body(statements_, scope)

    def call(self, callee: Value, arguments: Arguments, node: ast.AST, scope: Scope) -> Value:
        """Call a value."""
        return calls.call_value(callee, arguments, node, scope)

    def method(self, receiver: Value, name: str, arguments: Arguments, node: ast.AST, scope: Scope) -> Value:
        """Call a method by its name."""
        return calls.method(receiver, name, arguments, node, scope)

    def attribute(self, receiver: Value, name: str, node: ast.AST, scope: Scope) -> Value:
        """Read an attribute."""
        return attributes.attribute(receiver, name, node, scope)

    def element(self, receiver: Value, index: Value, node: ast.AST, scope: Scope) -> Value:
        """Read an element."""
        return attributes.element(receiver, index, node, scope)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Bind a target."""
        stores.assign(target, value, scope)

    def imported(self, name: str, level: int, scope: Scope) -> Value | None:
        """Return a module of the change."""
        return modules.imported(name, level, scope)

    def summary(self, function: Function, scope: Scope) -> Summary:
        """Return what a function does with its parameters."""
        return summary(function, scope)


def run(analysis: Analysis, module: Module, state: State) -> None:
    """Analyse the file asked about."""
    scope = Scope(analysis, state, module.frame, module)
    modules.run(module, scope)
    base = scope.state
    for rounds in range(MAX_ROUNDS):
        handled = len(analysis.handlers)
        after = _round(analysis, module, base)
        news = [_learned(base, number, thing, rounds) for number, thing in after.items()]
        if not any(news) and handled == len(analysis.handlers):
            return
    raise Unreadable(f"flow: shared values that change for more than {MAX_ROUNDS} rounds")


def _learned(base: State, number: int, thing: Obj, rounds: int) -> bool:
    """Keep what is known by now of a shared object; say whether any of it is new."""
    old = base.read(number)
    if rounds >= _PRECISE_ROUNDS and old is not None:
        thing.fields = {key: _widened(old.fields.get(key), one) for key, one in thing.fields.items()}
        thing.rest = None if thing.rest is None else _widened(old.rest, thing.rest)
    base.put(number, thing)
    return old is None or (thing.fields, thing.rest, thing.size) != (old.fields, old.rest, old.size)


def _widened(old: Value | None, new: Value) -> Value:
    """What still changes is some constant and one of the places known by now; only untrusted data may still arrive."""
    if old is None or old == new:
        return new
    return Value(None, new.taint, old.names, old.refs)


def _round(analysis: Analysis, module: Module, base: State) -> dict[int, Obj]:
    """Run every function once; return the shared objects about which something new is known."""
    _instances(analysis, module, base)
    changed: dict[int, Obj] = {}
    seen: set[ast.AST] = set()
    waiting = [(one, base) for one in analysis.functions if one.module == module.frame and base.read(one.frame)]
    while waiting:
        function, state = waiting.pop(0)
        if function.node in seen:
            continue
        seen.add(function.node)
        before = set(analysis.functions)
        end = entry(analysis, module, function, state.branched())
        _collect(base, end, changed)
        waiting += [
            (one, end)
            for one in analysis.functions
            if (one not in before or not base.read(one.frame)) and one.module == module.frame and end.read(one.frame)
        ]
    return changed


def _collect(base: State, end: State, changed: dict[int, Obj]) -> None:
    """Join what a function left in objects that others see."""
    for number, old in base.objects.items():
        new = end.objects.get(number)
        if new is None or new is old:
            continue
        known = changed.get(number, old)
        joined = join_objects(known, new)
        if joined.fields != known.fields or joined.rest != known.rest or joined.size != known.size:
            changed[number] = joined
    for number, new in end.objects.items():
        if number not in base.objects and new.kind == "outside" and number not in changed:
            changed[number] = new
    _bring(base, end, changed)


def _bring(base: State, end: State, changed: dict[int, Obj]) -> None:
    """Bring along what shared objects now hold, and what that holds."""
    waiting = [one for thing in changed.values() for one in held(thing)]
    while waiting:
        number = waiting.pop()
        thing = end.objects.get(number)
        if thing is None or number in base.objects or number in changed:
            continue
        changed[number] = thing
        waiting += held(thing)


def _instances(analysis: Analysis, module: Module, base: State) -> None:
    """Make the instance that stands for all of each class, as its constructor leaves it."""
    for number in list(analysis.classes):
        scope = Scope(analysis, base, module.frame, module)
        me = handlers.canonical(number, scope)
        made = next(one for one in me.refs if isinstance(one, int))
        thing = base.read(number)
        if thing is None or base.read(made) is not None:
            continue
        own = Value(refs=frozenset([number]))
        base.put(made, Obj("instance", made_of=(own,)))
        starter = attributes.find((own,), "__init__", scope)
        for one in starter.refs if starter is not None else ():
            if isinstance(one, Function) and one.module == module.frame:
                end = entry(analysis, module, one, base.branched(), me)
                left = end.read(made)
                if left is not None:
                    fields = {key: _flag_forgotten(value) for key, value in left.fields.items()}
                    base.put(made, Obj("instance", fields, left.rest, made_of=(own,)))
                    _keep_parts(base, end)


def _flag_forgotten(one: Value) -> Value:
    """A field that starts as a number, a truth or nothing will change; a text is more often a setting."""
    return UNKNOWN if one.known is not None and not all(isinstance(each, str) for each in one.known) else one


def _keep_parts(base: State, end: State) -> None:
    for number, thing in end.objects.items():
        if number not in base.objects and thing.kind != "frame":
            base.put(number, thing)


def entry(analysis: Analysis, module: Module, function: Function, state: State, me: Value | None = None) -> State:
    """Run a function as somebody outside would call it; return the state it leaves."""
    outer = Scope(analysis, state, function.frame, module)
    how = handlers.entry_of(function, outer)
    if me is None and function.owner is not None and _has_receiver(function, outer):
        me = handlers.canonical(function.owner, outer)
    given = handlers.parameters(function, how, me, outer)
    analysis.looked_into = 0
    inner = functions.entered(function, given, function.node, outer)
    inner.context = ("entry", id(function.node))
    inner.fixed_route = how is not None and how.fixed
    analysis.active.append(function.node)
    try:
        result = functions.run(function, inner)
    finally:
        analysis.active.pop()
    _answered(function, how, inner, result)
    return inner.state


def _has_receiver(function: Function, scope: Scope) -> bool:
    node = function.node
    kinds = [] if isinstance(node, ast.Lambda) else [scope.engine.value(one, scope) for one in node.decorator_list]
    return not any("builtins.staticmethod" in one.names for one in kinds)


def _answered(function: Function, how: Entry | None, inner: Scope, result: Value) -> None:
    """Check what becomes of an answer."""
    if how is not None and how.html:
        for value, state, node in inner.returned:
            probe = Scope(inner.analysis, state, inner.frame, inner.module)
            sinks.returned(value, node if node is not None else function.node, probe)
    if isinstance(function.node, ast.Lambda) and how is not None and how.html:
        sinks.returned(result, function.node, inner)
    name = "" if isinstance(function.node, ast.Lambda) else function.node.name
    if name and sinks.is_secret(name):
        for value, _, node in inner.returned:
            sinks.predictable(value.taint, f"the result of {name}", node or function.node, inner)


def summary(function: Function, scope: Scope) -> Summary:
    """Return what a function does with its parameters, whoever calls it; runs it once for that."""
    analysis = scope.analysis
    known = analysis.summaries.get(id(function.node))
    if known is not None:
        return known
    analysis.summaries[id(function.node)] = Summary()  # what a function that calls itself finds
    module = analysis.frames[function.module]
    active, looked = analysis.active, analysis.looked_into
    analysis.active = [function.node]
    try:
        outer = Scope(analysis, scope.state.branched(), function.frame, module, site=scope.line(function.node))
        given = handlers.parameters(function, None, None, outer)
        inner = functions.entered(function, given, function.node, outer)
        result = functions.run(function, inner)
    finally:
        analysis.active, analysis.looked_into = active, looked
    names = [
        one.arg for one in (*function.node.args.posonlyargs, *function.node.args.args, *function.node.args.kwonlyargs)
    ]
    title = "a lambda" if isinstance(function.node, ast.Lambda) else function.node.name
    line = outer.line(function.node)
    reached = analysis.findings.reached
    found = {name: reached.get((line, f"parameter {name} of {title}"), []) for name in names}
    analysis.summaries[id(function.node)] = made = Summary(result, found)
    return made
