"""Comprehensions: element by element where they are few and known, and once for all otherwise.

Layer: scanners. Imports `scope`, `state`, `values`, `attributes` and `guards`; does no I/O.
Trust: what is looped over is hostile; a condition narrows what is collected like any other.
"""

from __future__ import annotations

import ast

from .attributes import iterated
from .guards import narrow
from .scope import Scope
from .state import Obj, join_states, sequence
from .values import Value, join, tainted

_SHORT = 64  # elements that are followed one by one


def of_elements(node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope) -> Value:
    """Evaluate a list, set or generator."""
    ordered = _mapped(node, scope)
    if ordered is not None:
        return ordered
    before = scope.state.branched()
    alive = _generators(node.generators, scope)
    each = scope.engine.value(node.elt, scope) if alive else None
    scope.state = join_states(scope.state, before)
    return scope.allocate(node, Obj("list", rest=each))


def _mapped(node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope) -> Value | None:
    """Follow a comprehension over a short list of constants one by one: names are spelled like that."""
    only = node.generators[0]
    if len(node.generators) != 1 or only.ifs or isinstance(node, ast.SetComp):
        return None
    objects = scope.objects(scope.engine.value(only.iter, scope))
    if len(objects) != 1 or objects[0][1].kind != "list" or not (0 < (objects[0][1].size or 0) <= _SHORT):
        return None
    thing = objects[0][1]
    found: list[Value] = []
    for one in thing.ordered() or []:
        scope.engine.assign(only.target, one, scope)
        found.append(scope.engine.value(node.elt, scope))
    return scope.allocate(node, sequence(found))


def _generators(generators: list[ast.comprehension], scope: Scope) -> bool:
    for one in generators:
        source = scope.engine.value(one.iter, scope)
        scope.engine.assign(one.target, iterated(source, one.iter, scope), scope)
        for test in one.ifs:
            if scope.engine.value(test, scope).truth() is False:
                return False
            narrow(test, scope, wanted=True)
    return True


def of_pairs(node: ast.DictComp, scope: Scope) -> Value:
    """Evaluate a dictionary."""
    before = scope.state.branched()
    alive = _generators(node.generators, scope)
    key, each = scope.engine.value(node.key, scope), scope.engine.value(node.value, scope)
    scope.state = join_states(scope.state, before)
    made = Obj("dict")
    if alive:
        made.rest = join(each, tainted(key.taint)) if key.taint else each
    return scope.allocate(node, made)
