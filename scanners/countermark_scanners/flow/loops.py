"""Loops: run until nothing new is known, or element by element where there are few.

Layer: scanners. Imports `scope`, `state`, `values`, `attributes` and `guards`; does no I/O.
Trust: loops are hostile. After some rounds what still changes is taken as unknown, and a loop that tells something new
for too long is `Unreadable`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from ..errors import Unreadable
from .attributes import iterated
from .guards import narrow
from .scope import Loop, Scope
from .state import State, join_states, same
from .values import UNKNOWN, Value, stepped

MAX_ROUNDS = 64
_PRECISE_ROUNDS = 3  # after these, what still changes is taken as unknown


def run_while(node: ast.While, scope: Scope) -> None:
    """Run a loop that goes on while a test holds."""

    def turn() -> bool:
        truth = scope.engine.value(node.test, scope).truth()
        if truth is False:
            return False
        leaving.append(scope.state.branched())
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


def run_for(node: ast.For | ast.AsyncFor, scope: Scope) -> None:
    """Run a loop over the elements of something."""
    source = scope.engine.value(node.iter, scope)
    if _each(node, source, scope):
        return

    def turn() -> bool:
        leaving.append(scope.state.branched())
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
    for one in thing.ordered() or []:
        if scope.state.dead:
            break
        scope.engine.assign(node.target, one, scope)
        scope.engine.body(node.body, scope)
        for end in loop.continued:
            scope.state = join_states(scope.state, end)
        loop.continued = []
    _after_loop(scope)
    return True


def _loop(turn: Callable[[], bool], leaving: list[State], scope: Scope) -> None:
    """Run a loop's body until nothing new is known; the state is then where the loop ends by itself."""
    loop = Loop()
    scope.loops.append(loop)
    entry = scope.state
    for rounds in range(MAX_ROUNDS):
        before = entry.branched()
        scope.state = entry
        if not turn():
            leaving.append(before)
            break
        for one in loop.continued:
            scope.state = join_states(scope.state, one)
        loop.continued = []
        if rounds >= _PRECISE_ROUNDS:
            _blur(before, scope.state)
        entry = join_states(before.branched(), scope.state)
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
