"""Binding: variables, attributes, elements, and what must not be stored where.

Layer: scanners. Imports `scope`, `state`, `values`, `attributes` and `sinks`; does no I/O.
Trust: targets are hostile; parts that can't be told apart are joined, never lost.
"""

from __future__ import annotations

import ast

from . import sinks
from .attributes import find, iterated
from .scope import Arguments, Scope
from .state import Obj
from .subjects import change, subjects
from .values import (
    RANDOM,
    UNKNOWN,
    Key,
    Value,
    constant,
    join,
    referring,
    tainted,
)


def assign(target: ast.expr, value: Value, scope: Scope) -> None:
    """Bind any target."""
    match target:
        case ast.Name(id=name):
            _secret(name, value, target, scope)
            scope.bind(name, value)
        case ast.Attribute():
            _attribute(target, value, scope)
        case ast.Subscript():
            _element(target, value, scope)
        case ast.Tuple() | ast.List():
            unpack(target, value, None, scope)
        case ast.Starred(value=inner):
            assign(inner, value, scope)


def _secret(name: str, value: Value, target: ast.expr, scope: Scope) -> None:
    """A variable whose name says secret is one."""
    if value.taint and sinks.is_secret(name):
        random = frozenset(one for one in value.taint if one.kind == RANDOM)
        if random:
            sinks.predictable(random, name, target, scope)


def unpack(target: ast.Tuple | ast.List, value: Value, source: ast.expr | None, scope: Scope) -> None:
    """Bind several targets, each to its own part where the parts are known."""
    parts = _parts(value, scope)
    stars = [at for at, one in enumerate(target.elts) if isinstance(one, ast.Starred)]
    if parts is not None and not stars and len(parts) == len(target.elts):
        for one, part in zip(target.elts, parts, strict=True):
            assign(one, part, scope)
        return
    each = iterated(value, target, scope)
    for at, one in enumerate(target.elts):
        if isinstance(one, ast.Starred):
            made = scope.allocate(one, Obj("list", rest=each))
            assign(one, made, scope)
        elif parts is not None and stars and (at < stars[0] or len(target.elts) - at <= len(parts)):
            assign(one, parts[at if at < stars[0] else at - len(target.elts)], scope)
        else:
            assign(one, each, scope)
    del source


def _parts(value: Value, scope: Scope) -> list[Value] | None:
    objects = scope.objects(value)
    if len(objects) != 1 or value.taint or objects[0][1].kind != "list":
        single = value.single()
        return [constant(one) for one in single] if isinstance(single, str) and len(single) < 8 else None  # noqa: PLR2004  # short
    return objects[0][1].ordered()


def _attribute(target: ast.Attribute, value: Value, scope: Scope) -> None:
    _other(target.value, scope)
    receiver = scope.engine.value(target.value, scope)
    _secret(target.attr, value, target, scope)
    objects = scope.objects(receiver)
    strong = len(objects) == 1 and len(receiver.refs) == 1
    for number, thing in objects:
        if thing.kind in {"instance", "class", "module", "dict", "api"}:
            setter = find(thing.made_of, target.attr, scope) if thing.kind == "instance" else None
            if setter is not None and "builtins.property()" in setter.names:
                scope.state.write(number).rest = value
            store(number, target.attr, value, scope, strong=strong)
    for name in receiver.names:
        place = scope.model.place(f"{name}.{target.attr}")
        sinks.stored(place, UNKNOWN, value, target, scope)
        if not objects and (value.refs or value.taint or value.names) and not name.startswith("@request"):
            _outside(f"{name}.{target.attr}", value, scope)


def _other(node: ast.expr, scope: Scope) -> None:
    """What is written to may read otherwise from now on."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    if isinstance(node, ast.Name) and node.id in scope.watched:
        scope.forget(node.id)


def store(number: int, key: Key, value: Value, scope: Scope, *, strong: bool) -> None:
    """Write one part; where the object may be another one, what was there may still be."""
    thing = scope.state.read(number)
    if thing is None:
        return
    for other in sorted(scope.analysis.joined.get(number, ())):
        if other not in scope.analysis.joined:
            store(other, key, value, scope, strong=False)
    old = thing.fields.get(key, thing.rest)
    held = value if strong or old is None else join(old, value)
    scope.state.set(number, key, scope.few(held) if held.refs else held)


def _outside(name: str, value: Value, scope: Scope) -> None:
    """An attribute of a module or object that is not among the files keeps what is stored in it."""
    number = scope.analysis.number("outside", name)
    old = scope.state.read(number)
    scope.state.put(number, Obj("outside", {"value": value if old is None else join(old.fields["value"], value)}))


def _element(target: ast.Subscript, value: Value, scope: Scope) -> None:
    _other(target.value, scope)
    receiver = scope.engine.value(target.value, scope)
    if isinstance(target.slice, ast.Slice):
        _slice(receiver, value, target, scope)
        return
    index = scope.engine.value(target.slice, scope)
    _secret_key(index, value, target, scope)
    for name in receiver.names:
        sinks.stored(f"{scope.model.place(name)}[]", index, value, target, scope)
    objects = scope.objects(receiver)
    strong = len(objects) == 1 and len(receiver.refs) == 1
    for number, thing in objects:
        _set_item(number, thing, index, value, target, scope, strong=strong)
    if not objects and receiver.names:
        _outside_item(receiver, index, value, scope)
    if value.taint and not objects:
        for one in subjects(target.value, scope)[:1]:
            change(one, lambda old: Value(old.known, old.taint | value.taint, old.names, old.refs), scope)


def _set_item(  # noqa: PLR0913  # which object, which part, what, where, and how sure
    number: int, thing: Obj, index: Value, value: Value, target: ast.Subscript, scope: Scope, *, strong: bool
) -> None:
    if thing.kind in {"instance", "class"}:
        method = find(thing.made_of, "__setitem__", scope)
        if method is not None:
            bound = scope.engine.attribute(referring(number), "__setitem__", target, scope)
            scope.engine.call(bound, Arguments((index, value)), target, scope)
            return
    single = index.single()
    if single is not ... and not (thing.kind == "list" and thing.size is None):
        key = single + thing.size if isinstance(single, int) and single < 0 and thing.size is not None else single
        store(number, key, value, scope, strong=strong)
        return
    written = scope.state.write(number)
    if thing.kind == "list" and index.known is None:
        written.blur()
    held = join(value, tainted(index.taint)) if index.taint else value
    if index.known is not None and thing.kind == "dict":
        for key in index.known:
            store(number, key, value, scope, strong=False)
        return
    written.rest = held if written.rest is None else join(written.rest, held)
    written.fields = {key: join(one, held) for key, one in written.fields.items()} if held.taint else written.fields


def _outside_item(receiver: Value, index: Value, value: Value, scope: Scope) -> None:
    """A container that is not among the files keeps what is stored in it, under names nobody knows."""
    del index
    for name in receiver.names:
        if not name.startswith("@") and (value.taint or value.refs):
            _outside(f"{name}[]", value, scope)


def _secret_key(index: Value, value: Value, target: ast.expr, scope: Scope) -> None:
    keys = [one for one in index.known or () if isinstance(one, str)]
    shaped = [one for one in index.text if isinstance(one, str)]
    for one in (keys or shaped)[:1]:
        _secret(one, value, target, scope)


def _slice(receiver: Value, value: Value, target: ast.Subscript, scope: Scope) -> None:
    for one in (target.slice.lower, target.slice.upper) if isinstance(target.slice, ast.Slice) else ():
        if one is not None:
            scope.engine.value(one, scope)
    each = iterated(value, target, scope)
    for number, _ in scope.objects(receiver):
        thing = scope.state.write(number)
        thing.blur()
        thing.rest = each if thing.rest is None else join(thing.rest, each)


def delete(target: ast.expr, scope: Scope) -> None:
    """Forget a variable or a part."""
    if isinstance(target, ast.Name):
        found = scope.lookup(target.id)
        if found is not None and found[0] == scope.frame:
            scope.state.write(scope.frame).fields.pop(target.id, None)
    elif isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
        key = scope.engine.value(target.slice, scope).single()
        objects = scope.objects(scope.engine.value(target.value, scope))
        for number, thing in objects:
            _remove(number, thing, key, scope, strong=len(objects) == 1)


def _remove(number: int, thing: Obj, key: object, scope: Scope, *, strong: bool) -> None:
    if (
        thing.kind == "list"
        and thing.size is not None
        and isinstance(key, int)
        and -thing.size <= key < thing.size
        and strong
    ):
        parts = thing.ordered() or []
        del parts[key]
        written = scope.state.write(number)
        written.fields, written.size = dict(enumerate(parts)), len(parts)
    elif thing.kind == "list":
        scope.state.write(number).blur()
    elif strong and key is not ... and isinstance(key, (str, int)):
        scope.state.write(number).fields.pop(key, None)
