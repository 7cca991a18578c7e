"""What a statement does to the state.

Layer: scanners. Imports `scope`, `state`, `values`, `guards`, `stores` and `definitions`; does no I/O.
Trust: statements are hostile; loops are run until nothing new is known, a bounded number of times, and then blurred.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from ..errors import Unreadable
from .attributes import iterated
from .definitions import define_class, define_function, import_from, import_module
from .expressions import operated
from .folding import compare
from .guards import PARSED, SAME, Subject, narrow, subjects
from .scope import Arguments, Loop, Scope
from .state import State, join_states, same
from .stores import assign, delete, unpack
from .values import ERROR, NONE, UNKNOWN, Taint, Value, constant, join, stepped, tainted

MAX_ROUNDS = 64
_PRECISE_ROUNDS = 3  # after these, what still changes is taken as unknown


def body(statements: Sequence[ast.stmt], scope: Scope) -> None:
    """Run statements until the end, or until a point that is never passed."""
    for one in statements:
        if scope.state.dead:
            return
        scope.analysis.budget.spend()
        if scope.raised:
            scope.raised[-1].append(scope.state.fork())
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
    if len(others) == 1 and others[0].size is not None and thing.size is not None:
        for at in range(others[0].size):
            thing.fields[thing.size + at] = others[0].fields[at]
        thing.size += others[0].size
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
    other = scope.state.fork()
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


def _while(node: ast.While, scope: Scope) -> None:
    def turn() -> bool:
        truth = scope.engine.value(node.test, scope).truth()
        if truth is False:
            return False
        leaving.append(scope.state.fork())
        if truth is True:
            leaving[-1].dead = True
        narrow(node.test, scope, wanted=True)
        scope.engine.body(node.body, scope)
        return True

    leaving: list[State] = []
    _loop(turn, leaving, scope)
    if not scope.state.dead:
        narrow(node.test, scope, wanted=False)
        scope.engine.body(node.orelse, scope)
    _after_loop(scope)


def _for(node: ast.For | ast.AsyncFor, scope: Scope) -> None:
    source = scope.engine.value(node.iter, scope)
    if _each(node, source, scope):
        return

    def turn() -> bool:
        leaving.append(scope.state.fork())
        one = iterated(source, node.iter, scope)
        if one.taint:
            one = Value(one.known, stepped(one.taint, f"line {scope.line(node)}"), one.names, one.refs, one.pieces)
        scope.engine.assign(node.target, one, scope)
        scope.engine.body(node.body, scope)
        return True

    leaving: list[State] = []
    _loop(turn, leaving, scope)
    scope.engine.body(node.orelse, scope)
    _after_loop(scope)


_SHORT = 8


def _each(node: ast.For | ast.AsyncFor, source: Value, scope: Scope) -> bool:
    """Follow a loop over a few known elements one by one."""
    objects = scope.objects(source)
    if len(objects) != 1 or objects[0][1].kind != "list" or source.taint or source.names:
        return False
    thing = objects[0][1]
    if thing.size is None or thing.size > _SHORT or node.orelse:
        return False
    loop = Loop()
    scope.loops.append(loop)
    for at in range(thing.size):
        if scope.state.dead:
            break
        scope.engine.assign(node.target, thing.fields[at], scope)
        scope.engine.body(node.body, scope)
        for one in loop.continued:
            scope.state = join_states(scope.state, one)
        loop.continued = []
    _after_loop(scope)
    return True


def _loop(turn: Callable[[], bool], leaving: list[State], scope: Scope) -> None:
    """Run a loop's body until nothing new is known; the state is then where the loop ends by itself."""
    loop = Loop()
    scope.loops.append(loop)
    entry = scope.state
    for rounds in range(MAX_ROUNDS):
        before = entry.fork()
        scope.state = entry
        if not turn():
            leaving.append(before)
            break
        for one in loop.continued:
            scope.state = join_states(scope.state, one)
        loop.continued = []
        if rounds >= _PRECISE_ROUNDS:
            _blur(before, scope.state)
        entry = join_states(before.fork(), scope.state)
        if same(entry, before):
            break
    else:
        raise Unreadable(f"flow: a loop that tells something new for more than {MAX_ROUNDS} rounds")
    end = State(scope.state.budget, dead=True)
    for one in leaving:
        end = join_states(end, one)
    scope.state = end


def _blur(before: State, after: State) -> None:
    """What still changes after some rounds is some constant: forget which."""
    for number, thing in after.objects.items():
        old = before.objects.get(number)
        if old is None or old is thing:
            continue
        for key, one in thing.fields.items():
            if one.known is not None and old.fields.get(key) != one:
                after.set(number, key, UNKNOWN)
        if thing.size is not None and old.size != thing.size:
            after.write(number).blur()


def _after_loop(scope: Scope) -> None:
    loop = scope.loops.pop()
    for one in loop.broken:
        scope.state = join_states(scope.state, one)


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
    scope.raised.append([scope.state.fork()])
    scope.engine.body(node.body, scope)
    reached = scope.raised.pop()
    if not scope.state.dead:
        reached.append(scope.state.fork())
    scope.engine.body(node.orelse, scope)
    after = scope.state
    # any point of the body may have been the last one
    failed = State(after.budget, dead=True)
    for one in reached:
        failed = join_states(failed, one)
    for handler in node.handlers:
        scope.state = failed.fork()
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


def entering(value: Value, node: ast.expr, scope: Scope) -> Value:
    """Return what `with value as` gives: what `__enter__` returns, or the first thing a generator yields."""
    for _, thing in scope.objects(value):
        if thing.kind == "instance":
            result = scope.engine.attribute(value, "__enter__", node, scope)
            if result.refs:
                return scope.engine.call(result, Arguments(), node, scope)
        if thing.kind == "list" and thing.rest is not None and thing.size is None:
            return thing.rest
    return value


def _match(node: ast.Match, scope: Scope) -> None:
    subject = scope.engine.value(node.subject, scope)
    found = subjects(node.subject, scope)
    after = State(scope.state.budget, dead=True)
    for case in node.cases:
        fits = _fits(case.pattern, subject, scope)
        if fits is False:
            continue
        rest = scope.state.fork()
        _capture(case.pattern, subject, found, scope)
        if case.guard is not None:
            truth = scope.engine.value(case.guard, scope).truth()
            fits = fits if truth is True else None if truth is None else False
            narrow(case.guard, scope, wanted=True)
        if fits is not False:
            scope.engine.body(case.body, scope)
            after = join_states(after, scope.state)
        scope.state = rest
        if fits is True:
            scope.state.dead = True
            break
    scope.state = join_states(after, scope.state)


def _fits(pattern: ast.pattern, subject: Value, scope: Scope) -> bool | None:
    match pattern:
        case ast.MatchAs(pattern=None):
            return True
        case ast.MatchAs(pattern=inner) if inner is not None:
            return _fits(inner, subject, scope)
        case ast.MatchValue(value=value):
            known = compare(ast.Eq, subject, scope.engine.value(value, scope))
            return None if known is None else known.truth()
        case ast.MatchSingleton(value=value):
            known = compare(ast.Is, subject, constant(value))
            return None if known is None else known.truth()
        case ast.MatchOr(patterns=patterns):
            answers = [_fits(one, subject, scope) for one in patterns]
            return True if True in answers else None if None in answers else False
    return None


def _capture(pattern: ast.pattern, subject: Value, found: list[Subject], scope: Scope) -> None:
    match pattern:
        case ast.MatchValue(value=value):
            known = scope.engine.value(value, scope)
            for one in found if known.known is not None else []:
                if one.how == SAME:
                    scope.state.set(one.number, one.key, known)
        case ast.MatchOr(patterns=patterns) if all(isinstance(one, ast.MatchValue) for one in patterns):
            for one in found:
                if one.how == SAME:
                    scope.state.set(one.number, one.key, UNKNOWN)
        case ast.MatchAs(pattern=inner, name=name):
            if inner is not None:
                _capture(inner, subject, found, scope)
            if name is not None:
                scope.bind(name, subject)
        case _:
            _capture_parts(pattern, subject, scope)


def _capture_parts(pattern: ast.pattern, subject: Value, scope: Scope) -> None:
    part = iterated(subject, pattern, scope)
    whole = tainted(scope.deep(subject))
    for one in ast.walk(pattern):
        name = (
            one.name
            if isinstance(one, (ast.MatchAs, ast.MatchStar))
            else one.rest
            if isinstance(one, ast.MatchMapping)
            else None
        )
        if name is not None:
            scope.bind(name, join(part, whole) if whole.taint else part)


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
    ast.While: _while,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.Raise: _raise,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Match: _match,
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
