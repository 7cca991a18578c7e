"""Methods of containers: lists, dictionaries, text buffers, tables of settings.

Layer: scanners. Imports `scope`, `state`, `values`, `text` and `attributes`; does no I/O.
Trust: what is put in and taken out is hostile; parts that can't be told apart are joined, never lost.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from . import text
from .attributes import element, iterated, shown
from .scope import Arguments, Scope
from .state import Obj
from .values import UNKNOWN, Value, constant, join, join_all, tainted

LONGEST = 256  # elements of a list whose order is followed
_PAIRS = 32  # entries of a dictionary that are told apart in a loop over it


def _list(number: int, name: str, given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    handler = _LIST.get(name)
    return None if handler is None else handler(number, given, node, scope)


def _append(number: int, given: Arguments, _node: ast.AST, scope: Scope) -> Value:
    thing = scope.state.write(number)
    one = given.get(0) or UNKNOWN
    if thing.size is None or thing.size >= LONGEST:
        if thing.size is not None:
            thing.blur()
        thing.rest = one if thing.rest is None else join(thing.rest, one)
    else:
        thing.fields[thing.size] = one
        thing.size += 1
    return constant(None)


def _extend(number: int, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    source = given.get(0) or UNKNOWN
    things = [thing for _, thing in scope.objects(source)]
    known = things[0].ordered() if len(things) == 1 and things[0].kind == "list" else None
    if known is not None:
        for one in known:
            _append(number, Arguments((one,)), node, scope)
        return constant(None)
    thing = scope.state.write(number)
    thing.blur()
    one = iterated(source, node, scope)
    thing.rest = one if thing.rest is None else join(thing.rest, one)
    return constant(None)


def _ordered(number: int, scope: Scope) -> list[Value] | None:
    thing = scope.state.read(number)
    return None if thing is None else thing.ordered()


def _rewrite(number: int, parts: list[Value], scope: Scope) -> None:
    thing = scope.state.write(number)
    thing.fields = dict(enumerate(parts))
    thing.size = len(parts)


def _pop(number: int, given: Arguments, _node: ast.AST, scope: Scope) -> Value:
    return _popped(number, given, -1, scope)


def _popleft(number: int, given: Arguments, _node: ast.AST, scope: Scope) -> Value:
    return _popped(number, given, 0, scope)


def _popped(number: int, given: Arguments, otherwise: int, scope: Scope) -> Value:
    parts = _ordered(number, scope)
    index = given.get(0)
    at = otherwise if index is None else index.single()
    if parts and isinstance(at, int) and -len(parts) <= at < len(parts):
        found = parts.pop(at)
        _rewrite(number, parts, scope)
        return found
    thing = scope.state.write(number)
    thing.blur()
    return UNKNOWN if thing.rest is None else thing.rest


def _insert(number: int, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    parts, at, one = _ordered(number, scope), (given.get(0) or UNKNOWN).single(), given.get(1) or UNKNOWN
    if parts is not None and isinstance(at, int):
        parts.insert(at, one)
        _rewrite(number, parts, scope)
    else:
        _extend(number, Arguments((tainted(one.taint),)), node, scope)
        thing = scope.state.write(number)
        thing.rest = one if thing.rest is None else join(thing.rest, one)
    return constant(None)


def _appendleft(number: int, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    return _insert(number, Arguments((constant(0), *given.positional)), node, scope)


def _remove(number: int, given: Arguments, _node: ast.AST, scope: Scope) -> Value:
    parts, gone = _ordered(number, scope), given.get(0) or UNKNOWN
    single = gone.single()
    at = next((at for at, one in enumerate(parts or []) if one.single() is not ... and one.single() == single), None)
    certain = at is not None and all(one.known is not None for one in (parts or [])[:at])
    if parts is not None and at is not None and certain:
        del parts[at]
        _rewrite(number, parts, scope)
    else:
        scope.state.write(number).blur()
    return constant(None)


def _clear(number: int, _given: Arguments, _node: ast.AST, scope: Scope) -> Value:
    thing = scope.state.write(number)
    thing.fields, thing.rest, thing.size = {}, None, 0 if thing.kind == "list" else None
    return constant(None)


def _reverse(number: int, _given: Arguments, _node: ast.AST, scope: Scope) -> Value:
    parts = _ordered(number, scope)
    if parts is not None:
        _rewrite(number, parts[::-1], scope)
    return constant(None)


def _sort(number: int, _given: Arguments, _node: ast.AST, scope: Scope) -> Value:
    scope.state.write(number).blur()
    return constant(None)


def _copy(number: int, _given: Arguments, node: ast.AST, scope: Scope) -> Value:
    thing = scope.state.read(number)
    return UNKNOWN if thing is None else scope.allocate(node, thing.copy(), "copy", number)


def _nothing(_number: int, _given: Arguments, _node: ast.AST, _scope: Scope) -> Value:
    return UNKNOWN


_LIST: dict[str, Callable[[int, Arguments, ast.AST, Scope], Value]] = {
    "append": _append,
    "add": _append,
    "put": _append,
    "put_nowait": _append,
    "extend": _extend,
    "update": _extend,
    "pop": _pop,
    "popleft": _popleft,
    "insert": _insert,
    "remove": _remove,
    "discard": _remove,
    "clear": _clear,
    "reverse": _reverse,
    "sort": _sort,
    "copy": _copy,
    "index": _nothing,
    "count": _nothing,
    "extendleft": _extend,
    "appendleft": _appendleft,
    "get": _popleft,
    "get_nowait": _popleft,
}


def _dict(  # noqa: C901, PLR0911  # one case a method
    number: int, name: str, given: Arguments, node: ast.AST, scope: Scope
) -> Value | None:
    thing = scope.state.read(number)
    if thing is None:
        return None
    me = Value(refs=frozenset([number]))
    match name:
        case "get" | "pop" | "setdefault":
            return _dict_get(number, thing, name, given, node, scope)
        case "values":
            return scope.allocate(
                node, Obj("list", rest=thing.any_part() if thing.fields or thing.rest else None), "values"
            )
        case "keys":
            return me
        case "items":
            pairs = [
                Obj("list", {0: constant(key) if not isinstance(key, tuple) else UNKNOWN, 1: one}, size=2)
                for key, one in thing.fields.items()
            ]
            made = [scope.allocate(node, one, "item", at) for at, one in enumerate(pairs[:_PAIRS])]
            more = thing.any_part() if len(pairs) > _PAIRS or thing.rest is not None else None
            if more is not None:
                made = [scope.allocate(node, Obj("list", {0: tainted(scope.deep(more)), 1: more}, size=2), "items")]
            return scope.allocate(node, Obj("list", dict(enumerate(made)), size=len(made)), "pairs")
        case "update":
            return _update(number, given, node, scope)
        case "copy":
            return _copy(number, given, node, scope)
        case "clear":
            return _clear(number, given, node, scope)
        case "popitem":
            return scope.allocate(node, Obj("list", {0: UNKNOWN, 1: thing.any_part()}, size=2))
    return None


def _dict_get(number: int, thing: Obj, name: str, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    index, default = given.get(0) or UNKNOWN, given.get(1, "default")
    known = index.single()
    found = element(Value(refs=frozenset([number])), index, node, scope)
    certain = known is not ... and known in thing.fields
    if name == "setdefault" and default is not None and known is not ... and not certain:
        scope.state.set(number, known, default)
    if certain:
        return found
    return join_all([found, default] if default is not None else [found])


def _update(number: int, given: Arguments, _node: ast.AST, scope: Scope) -> Value:
    thing = scope.state.write(number)
    for key, each in given.keywords.items():
        thing.fields[key] = each
    for one in given.positional:
        objects = scope.objects(one)
        for _, other in objects:
            thing.fields |= other.fields
            if other.rest is not None:
                thing.rest = other.rest if thing.rest is None else join(thing.rest, other.rest)
        if one.taint or not objects:
            thing.rest = one if thing.rest is None else join(thing.rest, one)
            thing.fields = {key: join(each, one) for key, each in thing.fields.items()} if one.taint else thing.fields
    return constant(None)


def _buffer(number: int, name: str, given: Arguments, _node: ast.AST, scope: Scope) -> Value | None:
    thing = scope.state.read(number)
    if thing is None:
        return None
    held = thing.fields.get("text", UNKNOWN)
    if name in {"write", "writelines"}:
        added = shown(given.get(0) or UNKNOWN, scope)
        whole = text.concatenate(held, added if name == "write" else tainted(scope.deep(added)))
        scope.state.set(number, "text", whole)
        return UNKNOWN
    if name in {"getvalue", "read", "readline", "readlines", "getbuffer"}:
        return held
    if name == "truncate":
        scope.state.set(number, "text", constant(""))
    return UNKNOWN


def _table(number: int, name: str, given: Arguments, _node: ast.AST, scope: Scope) -> Value | None:
    """Tables with sections and options: what is set under one name is not what is under another."""
    table = scope.state.read(number)
    if table is None:
        return None
    keys = [(given.get(at) or UNKNOWN).single() for at in (0, 1)]
    place = tuple(one for one in keys if isinstance(one, str))
    if name == "set" and len(given.positional) > 2:  # noqa: PLR2004  # section, option, value
        value = given.positional[2]
        if len(place) == 2:  # noqa: PLR2004  # both are known
            scope.state.set(number, place, value)
        else:
            held = scope.state.write(number)
            held.rest = value if held.rest is None else join(held.rest, value)
        return constant(None)
    if name in {"get", "getint", "getboolean", "getfloat"} and len(given.positional) > 1:
        found = table.fields.get(place) if len(place) == 2 else table.any_part()  # noqa: PLR2004  # both are known
        return join_all(
            [
                one
                for one in (found, table.rest, given.keywords.get("fallback") if found is None else None)
                if one is not None
            ]
        )
    return UNKNOWN if name in {"add_section", "read", "sections", "has_option", "has_section", "options"} else None


BY_KIND: dict[str, Callable[[int, str, Arguments, ast.AST, Scope], Value | None]] = {
    "list": _list,
    "dict": _dict,
    "text": _buffer,
    "table": _table,
}
