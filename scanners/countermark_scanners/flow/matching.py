"""`match` statements: which cases can be reached, and what they bind.

Layer: scanners. Imports `scope`, `state`, `values`, `attributes`, `folding` and `guards`; does no I/O.
Trust: subjects and patterns are hostile; a case that can't be ruled out is taken.
"""

from __future__ import annotations

import ast

from .attributes import iterated
from .folding import compare
from .guards import narrow
from .scope import Scope
from .state import State, join_states
from .subjects import SAME, Subject, subjects
from .values import UNKNOWN, Value, constant, join, tainted


def match(node: ast.Match, scope: Scope) -> None:
    """Run each case that may fit."""
    subject = scope.engine.value(node.subject, scope)
    found = subjects(node.subject, scope)
    after = State(scope.state.budget, dead=True)
    for case in node.cases:
        fits = _fits(case.pattern, subject, scope)
        if fits is False:
            continue
        rest = scope.state.branched()
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
