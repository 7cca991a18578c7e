"""Code that is named, made or run by text: attributes by name, imports by name, classes from parts, text as code.

Layer: scanners. Imports `scope`, `state`, `values`, `attributes`, `fstrings` and `sinks`; does no I/O.
Trust: text that would be run is parsed and analysed, never run; nested text counts against the same depth. A name that
can't be told makes a call that can't be followed, which is a finding where it matters.
"""

from __future__ import annotations

import ast
import re

from .. import fstrings
from . import sinks
from .attributes import attribute, element
from .scope import Arguments, Scope
from .state import Obj
from .values import REMOTE, UNKNOWN, Function, Value, constant, join_all, named, referring, tainted

MAX_TEXTS = 9  # texts that are run inside of texts and calls
SHORT = 64  # elements that are followed one by one
_STRICT = re.compile(r"[\w.]+")


def get_attribute(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`getattr(x, name)`: an attribute when the name is known, anything when it is not."""
    receiver, name = given.get(0), given.get(1)
    if receiver is None or name is None:
        return None
    more = [given.positional[2]] if len(given.positional) > 2 else []  # noqa: PLR2004  # a default
    if name.known is not None:
        return join_all([*(attribute(receiver, one, node, scope) for one in name.known if isinstance(one, str)), *more])
    if any(one.kind == REMOTE for one in name.taint):
        sinks.by_place("builtins.getattr()", None, given, node, scope)
    if any(_dangerous(one, scope) for one in receiver.names):
        return Value(names=frozenset(["dynamic()"]), taint=name.taint)
    parts = [thing.any_part() for _, thing in scope.objects(receiver) if thing.fields]
    methods = [one for _, thing in scope.objects(receiver) for one in _methods(thing, scope)]
    return join_all([*parts, *methods, *more, tainted(receiver.taint)])


def _dangerous(name: str, scope: Scope) -> bool:
    return (
        scope.model.among(name, "dynamic-modules") or scope.model.among(name, "dynamic-anything") or name == "dynamic()"
    )


def _methods(thing: Obj, scope: Scope) -> list[Value]:
    if thing.kind != "instance" or not thing.made_of:
        return []
    classes = [one for _, one in scope.objects(thing.made_of[0])]
    return [
        one for each in classes for one in each.fields.values() if any(isinstance(ref, Function) for ref in one.refs)
    ]


def import_module(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`__import__(name)` and `importlib.import_module(name)`."""
    name = given.get(0, "name")
    if name is None or name.known is None:
        if name is not None and name.taint:
            sinks.by_place("importlib.import_module()", None, given, node, scope)
        return named("importlib.import_module()")
    found = []
    for one in name.known:
        if isinstance(one, str) and _STRICT.fullmatch(one):
            module = scope.engine.imported(one, 0, scope)
            found.append(named(scope.model.place(one)) if module is None else module)
    return join_all(found)


def dunder_import(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`__import__('a.b')` gives `a`."""
    name = given.get(0, "name")
    if name is not None and name.known is not None and given.get(3, "fromlist") is None:
        roots = [one.partition(".")[0] for one in name.known if isinstance(one, str)]
        given = Arguments((constant(*roots),))
    return import_module(given, node, scope)


def run_text(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`eval`, `exec` and `compile` of known text: the text is code like any other."""
    source = given.get(0, "source", "expression")
    if source is None or source.known is None:
        return None
    if len(scope.analysis.active) >= MAX_TEXTS:
        sinks.dynamic(given, node, scope)
        return UNKNOWN
    scope.analysis.active.append(node)
    try:
        return join_all(_run_one(one, node, scope) for one in source.known if isinstance(one, (str, bytes)))
    finally:
        scope.analysis.active.pop()


def _run_one(source: str | bytes, node: ast.AST, scope: Scope) -> Value:
    text = source if isinstance(source, str) else source.decode("utf-8", "replace")
    try:
        tree = fstrings.parse(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return UNKNOWN  # at run time this is an error too
    for one in ast.walk(tree):
        if hasattr(one, "lineno"):
            ast.copy_location(one, node)  # what is found in it stands where it is run
    scope.analysis.kept.append(tree)
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
        return scope.engine.value(tree.body[0].value, scope)
    scope.engine.body(tree.body, scope)
    return UNKNOWN


def compile_text(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`compile(text)`: the text, until it is run."""
    del node, scope
    source = given.get(0, "source")
    return source if source is not None and source.known is not None else None


def make_type(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`type(x)` is a class, `type(name, bases, parts)` makes one."""
    if len(given.positional) == 3:  # noqa: PLR2004  # a name, bases and parts
        bases = ordered(given.positional[1], scope) or []
        parts = [thing for _, thing in scope.objects(given.positional[2]) if thing.kind == "dict"]
        fields = {key: one for thing in parts for key, one in thing.fields.items()}
        return scope.allocate(node, Obj("class", fields, made_of=tuple(bases)), "made")
    one = given.get(0) or UNKNOWN
    kinds = [thing.made_of[0] for _, thing in scope.objects(one) if thing.kind == "instance" and thing.made_of]
    return join_all(kinds) if kinds else None


def set_attribute(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`setattr(x, name, value)`: what is stored under a name that can't be told may be read under any."""
    if len(given.positional) < 3:  # noqa: PLR2004  # an object, a name and a value
        return None
    receiver, name, value = given.positional[:3]
    for number, thing in scope.objects(receiver):
        for key in name.known or ():
            if isinstance(key, str):
                scope.state.set(number, key, value)
        if name.known is None and thing.kind in {"instance", "class", "module"}:
            held = scope.state.write(number)
            held.rest = value if held.rest is None else join_all([held.rest, value])
    sinks.by_place("builtins.setattr()", None, given, node, scope)
    return UNKNOWN


def parts_of(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`vars(x)`: the parts of a value, by name; of none, those of the frame."""
    one = given.get(0)
    if one is None:
        return referring(scope.frame)
    return attribute(one, "__dict__", node, scope)


def module_parts(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`globals()`: the variables of the module, and the built-ins behind them."""
    del given, node
    return Value(names=frozenset(["builtins.globals()"]), refs=frozenset([scope.module.frame]))


def frame_parts(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`locals()`: the variables of the function."""
    del given, node
    return Value(names=frozenset(["builtins.globals()"]), refs=frozenset([scope.frame]))


def got_attribute(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`attrgetter('a.b')(x)`: the names come first, then what they are read from."""
    *names, receiver = given.positional or (UNKNOWN,)
    found = []
    for one in names:
        for path in one.known or ():
            value = receiver
            for name in str(path).split("."):
                value = attribute(value, name, node, scope)
            found.append(value)
        if one.known is None and any(_dangerous(each, scope) for each in receiver.names):
            found.append(named("dynamic()"))
    return join_all([*found, tainted(receiver.taint)] if receiver.taint else found)


def got_item(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`itemgetter(key)(x)`: the keys come first, then what they are read from."""
    *keys, receiver = given.positional or (UNKNOWN,)
    return join_all(element(receiver, one, node, scope) for one in keys)


def called_method(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`methodcaller(name, ...)(x)`: the name comes first, then the arguments, then the receiver."""
    name, *rest = given.positional or (UNKNOWN,)
    receiver = rest.pop() if rest else UNKNOWN
    more = Arguments(tuple(rest))
    return join_all(
        scope.engine.method(receiver, one, more, node, scope) for one in name.known or () if isinstance(one, str)
    )


def subclasses(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`__subclasses__()`: a way to classes that nothing names."""
    sinks.dynamic(given, node, scope)
    return named("dynamic()")


def ordered(one: Value, scope: Scope) -> list[Value] | None:
    """List the elements of a short sequence or text, when they are known."""
    objects = scope.objects(one)
    if len(objects) != 1 or objects[0][1].kind != "list" or one.taint:
        single = one.single()
        return (
            [constant(each) for each in single] if isinstance(single, (str, bytes)) and len(single) <= SHORT else None
        )
    thing = objects[0][1]
    return None if thing.size is None or thing.size > SHORT else thing.ordered()
