"""Conditions that make a value harmless on the branch where they hold.

Layer: scanners. Imports `scope`, `values`, `subjects`, `attributes` and `patterns`; does no I/O.
Trust: conditions are hostile: one that looks like a check and isn't must change nothing.

A condition is about variables. `subjects` finds them behind calls that keep what matters (`x.lower()`, `str(x)`) or
that take a part (`urlparse(x).netloc`), and `narrow` writes down what the branch knows. An assignment forgets it.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import replace

from .attributes import members
from .patterns import harmless
from .scope import Scope
from .state import State, join_states
from .subjects import HOST, INNER, PART, SAME, Subject, add_facts, change, peek, watched
from .values import NO_TAINT, UNKNOWN, Value, constant, less_sure

_PREFIXES = frozenset({"os.path.commonpath()", "os.path.commonprefix()"})
_FIXED_HOST = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@]+[/?#]|/(?![/\\]).")
_EVERY = "every"


def narrow(test: ast.expr, scope: Scope, *, wanted: bool) -> None:
    """Write down what holds where `test` is true (or false, when that is what is wanted)."""
    if scope.state.dead:
        return
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            narrow(operand, scope, wanted=not wanted)
        case ast.BoolOp(op=op, values=parts):
            _parts(parts, isinstance(op, ast.And), scope, wanted=wanted)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            _compared(left, op, right, scope, wanted=wanted)
        case ast.Call():
            _called(test, scope, wanted=wanted)
        case ast.NamedExpr(target=target, value=inner):
            narrow(inner, scope, wanted=wanted)
            _truth(target, scope, wanted=wanted)
        case ast.Name() | ast.Attribute() | ast.Subscript():
            _truth(test, scope, wanted=wanted)


def _parts(parts: list[ast.expr], both: bool, scope: Scope, *, wanted: bool) -> None:  # noqa: FBT001  # which operator
    """`and` that holds, `or` that does not: every part is known. Otherwise any one of the parts decided."""
    if both is wanted:
        for one in parts:
            narrow(one, scope, wanted=wanted)
        return
    ends: State | None = None
    for number, one in enumerate(parts):
        last = number == len(parts) - 1
        before = None if last else scope.state.branched()
        narrow(one, scope, wanted=wanted)
        ends = scope.state if ends is None else join_states(ends, scope.state)
        if before is not None:
            scope.state = before
            narrow(one, scope, wanted=not wanted)
    if ends is not None:
        scope.state = ends


def _truth(node: ast.expr, scope: Scope, *, wanted: bool) -> None:
    if isinstance(node, ast.Name) and (kept := scope.tests.get((scope.frame, node.id))) is not None:
        found = scope.lookup(node.id)
        if found is not None and found[1] is kept[1]:
            del scope.tests[scope.frame, node.id]  # what it was computed from may name the variable itself
            narrow(kept[0], scope, wanted=wanted)
            scope.tests[scope.frame, node.id] = kept
    for one in watched(node, scope):
        if one.how == HOST and not wanted:
            add_facts([one], ("clean:redirect",), scope)
        elif one.how == SAME:
            change(one, lambda old: _of_truth(old, wanted=wanted), scope)


def _of_truth(old: Value, *, wanted: bool) -> Value:
    if old.known is None:
        return old
    kept = [one for one in old.known if bool(one) is wanted]
    return replace(old, known=tuple(kept)) if kept else old


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr, scope: Scope, *, wanted: bool) -> None:
    match op:
        case ast.Eq() | ast.Is():
            _equal(left, right, scope, wanted=wanted)
        case ast.NotEq() | ast.IsNot():
            _equal(left, right, scope, wanted=not wanted)
        case ast.In():
            _inside(left, right, scope, wanted=wanted)
        case ast.NotIn():
            _inside(left, right, scope, wanted=not wanted)


def _equal(left: ast.expr, right: ast.expr, scope: Scope, *, wanted: bool) -> None:
    for one, other in ((left, right), (right, left)):
        value = operand(other, scope)
        if not wanted:
            if value.known is not None and len(value.known) == 1:
                _unlike(watched(one, scope), value, scope)
            continue
        if _is_common_prefix(one, scope):
            add_facts(_inside_call(one, scope), ("clean:path",), scope)
        elif value.known is not None or _is_fixed(value, scope):
            _became(watched(one, scope), value, scope)


def operand(node: ast.expr, scope: Scope) -> Value:
    """Return an operand of a test as it was computed for the test."""
    found = scope.seen.get(id(node))
    return peek(node, scope) if found is None else found


def _unlike(found: list[Subject], value: Value, scope: Scope) -> None:
    excluded = value.single()
    for one in found:
        if one.how == SAME:
            change(one, lambda old: _excluding(old, excluded), scope)
        if one.how == HOST and excluded != "":
            continue


def _excluding(old: Value, excluded: object) -> Value:
    if old.known is None or len(old.known) < 2:  # noqa: PLR2004  # of one constant nothing can be taken away
        return old
    kept = tuple(one for one in old.known if one != excluded or type(one) is not type(excluded))
    return replace(old, known=kept) if kept else old


def _is_fixed(value: Value, scope: Scope) -> bool:
    """Say whether an untainted value stands for a list or setting of the program's own."""
    return not scope.deep(value) and not any(one.endswith("[]") for one in value.names)


def _became(found: list[Subject], value: Value, scope: Scope) -> None:
    """The subject equals something of the program's own."""
    for one in found:
        if one.how == SAME:
            known = value.known
            change(one, lambda old, known=known: Value(known, NO_TAINT, old.names, old.refs), scope)  # type: ignore[misc]  # one of several shapes, told apart above
        elif one.how == HOST:
            add_facts([one], ("clean:redirect", "clean:ssrf"), scope)
        elif one.how == PART:
            add_facts([one], ("clean:upload",), scope)


def _inside(left: ast.expr, right: ast.expr, scope: Scope, *, wanted: bool) -> None:
    needle, container = operand(left, scope), operand(right, scope)
    needle_text = needle.single()
    if isinstance(needle_text, (str, bytes)):
        if not wanted and needle_text:
            _lacks(watched(right, scope), str(needle_text), scope)
        return
    if not wanted:
        return
    if isinstance(right, ast.Attribute) and right.attr == "parents":
        add_facts([one for one in watched(right.value, scope) if one.how == SAME], ("clean:path",), scope)
        return
    known = members(container, scope)
    if known is not None or isinstance(container.single(), (str, bytes)) or _is_fixed(container, scope):
        _became(watched(left, scope), constant(*known) if known else UNKNOWN, scope)


def _lacks(found: list[Subject], needle: str, scope: Scope) -> None:
    for one in found:
        if one.how == SAME:
            add_facts([one], (f"no:{needle}",), scope)
        elif one.how == INNER:
            add_facts([one], (f"inner:{needle}",), scope)


def _is_common_prefix(node: ast.expr, scope: Scope) -> bool:
    return isinstance(node, ast.Call) and bool({f"{one}()" for one in peek(node.func, scope).names} & _PREFIXES)


def _inside_call(node: ast.expr, scope: Scope) -> list[Subject]:
    found: list[Subject] = []
    for argument in node.args if isinstance(node, ast.Call) else []:
        for one in argument.elts if isinstance(argument, (ast.List, ast.Tuple)) else [argument]:
            found += watched(one, scope)
    return found


def _called(node: ast.Call, scope: Scope, *, wanted: bool) -> None:
    callee = peek(node.func, scope)
    names = {f"{one}()" for one in callee.names}
    for name in names & scope.model.guards.keys():
        if wanted:
            receiver = (
                [node.func.value] if name.startswith("@") and isinstance(node.func, ast.Attribute) else node.args[:1]
            )
            add_facts(
                [each for one in receiver for each in watched(one, scope)], tuple(scope.model.guards[name]), scope
            )
    if isinstance(node.func, ast.Attribute):
        _method(node, node.func, scope, wanted=wanted)
    _matched(node, names, scope, wanted=wanted)
    if "builtins.isinstance()" in names and wanted and len(node.args) == 2:  # noqa: PLR2004  # a value and its type
        _typed(node.args[0], node.args[1], scope)
    if (kept := scope.verdicts.get(id(node))) is not None:
        for subject, facts in kept[0 if wanted else 1]:
            add_facts([subject], tuple(facts), scope)
    elif not callee.refs and _is_foreign(callee):
        for one in [each for argument in node.args for each in watched(argument, scope)]:
            change(one, lambda old: replace(old, taint=less_sure(old.taint)) if old.taint else old, scope)


def _is_foreign(callee: Value) -> bool:
    """Say whether the callee is of the project, and not among the files: it may be a check of any quality."""
    roots = {one.lstrip(".").partition(".")[0] for one in callee.names}
    return bool(roots) and not any(one in sys.stdlib_module_names or one.startswith("@") for one in roots)


def _method(node: ast.Call, func: ast.Attribute, scope: Scope, *, wanted: bool) -> None:
    found = [one for one in watched(func.value, scope) if one.how == SAME]
    argument = operand(node.args[0], scope) if node.args else UNKNOWN
    if func.attr in {"startswith", "endswith"}:
        for text in [one for one in argument.known or () if isinstance(one, str)]:
            _edge(found, func.attr, text, scope, wanted=wanted)
        if wanted and func.attr == "startswith" and not scope.deep(argument):
            _below(found, scope)
    elif f"str.{func.attr}" in scope.model.guards and wanted and not node.args:
        add_facts(found, tuple(scope.model.guards[f"str.{func.attr}"]), scope)
    elif func.attr == "is_relative_to" and wanted:
        _below(found, scope)
    elif func.attr == "endswith" and wanted:
        add_facts(found, ("clean:upload",), scope)


def _below(found: list[Subject], scope: Scope) -> None:
    """A path without `..` and links that begins with the right folder lies below it."""
    for one in found:
        change(one, _if_resolved, scope)


def _if_resolved(old: Value) -> Value:
    done = frozenset(
        replace(one, facts=one.facts | {"clean:path"}) if "resolved" in one.facts else one for one in old.taint
    )
    return replace(old, taint=done, pieces=None) if done != old.taint else old


def _edge(found: list[Subject], name: str, text: str, scope: Scope, *, wanted: bool) -> None:
    if not wanted:
        if name == "startswith":
            add_facts(found, (f"not:{text}",), scope)
        return
    word = "is" if name == "startswith" else "ends"
    facts = [f"{word}:{text}"]
    if name == "startswith" and _FIXED_HOST.match(text):
        facts += ["clean:redirect", "clean:ssrf"]
    if name == "endswith":
        facts += ["clean:upload"]
    add_facts(found, tuple(facts), scope)


def _matched(node: ast.Call, names: set[str], scope: Scope, *, wanted: bool) -> None:
    """A pattern that allows only harmless letters, over the whole text."""
    if not wanted:
        return
    for function in ("match", "fullmatch", "search"):
        if f"re.{function}()" in names and len(node.args) > 1:
            pattern: object = peek(node.args[0], scope).single()
            target = node.args[1]
        elif f"re.compile().{function}()" in names and node.args and isinstance(node.func, ast.Attribute):
            pattern, target = _peek_pattern(node.func.value, scope), node.args[0]
        else:
            continue
        facts = harmless(pattern, function) if isinstance(pattern, str) else ()
        if facts:
            add_facts([one for one in watched(target, scope) if one.how == SAME], facts, scope)


def _peek_pattern(node: ast.expr, scope: Scope) -> object:
    if isinstance(node, ast.Call) and node.args:
        return peek(node.args[0], scope).single()
    objects = scope.objects(peek(node, scope))
    return objects[0][1].fields["pattern"].single() if objects and "pattern" in objects[0][1].fields else None


def _typed(target: ast.expr, kind: ast.expr, scope: Scope) -> None:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    names = {name for one in kinds for name in peek(one, scope).names}
    found = [one for one in watched(target, scope) if one.how == SAME]
    if names and all(scope.model.among(one, "safe-annotations") for one in names):
        add_facts(found, (f"clean:{_EVERY}",), scope)
    elif names == {"builtins.str"}:
        add_facts(found, ("clean:nosql",), scope)
