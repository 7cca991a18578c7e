"""Methods of Python's own types: text, lists, dictionaries, text buffers, tables of settings.

Layer: scanners. Imports `scope`, `values`, `folding`, `text` and `attributes`; does no I/O.
Trust: receivers and arguments are hostile; containers have bounded parts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from . import folding, text
from .attributes import element, iterated, shown
from .scope import Arguments, Scope
from .state import Obj
from .values import (
    NO_TAINT,
    UNKNOWN,
    Piece,
    Taints,
    Value,
    constant,
    join,
    join_all,
    join_taints,
    tainted,
    with_fact,
    without_texts,
)

_TEXT_KEEPING = frozenset({
    "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "swapcase", "casefold", "expandtabs", "zfill", "ljust",
    "rjust", "center", "removeprefix", "removesuffix", "encode", "copy", "tobytes", "format_map", "__str__", "hex",
})  # fmt: skip
_TEXT_SPLITTING = frozenset({"split", "rsplit", "splitlines", "partition", "rpartition"})
_TEXT_TELLING = frozenset({
    "startswith", "endswith", "isdigit", "isalpha", "isalnum", "isdecimal", "isnumeric", "isidentifier", "isspace", "isupper",
    "islower", "istitle", "isascii", "isprintable", "find", "rfind", "index", "rindex", "count", "__len__", "__contains__", "bit_length",
})  # fmt: skip
_LONGEST_SPLIT = 32


def call(receiver: Value, name: str, given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    """Call a method of a built-in type; None when the receiver is nothing of the kind."""
    known = folding.method(receiver, name, given.positional) if not given.keywords else None
    if known is not None:
        return known
    found: list[Value] = []
    for number, thing in scope.objects(receiver):
        handler = _BY_KIND.get(thing.kind)
        result = None if handler is None else handler(number, name, given, node, scope)
        if result is not None:
            found.append(result)
    if found and not receiver.taint:
        return join_all(found)
    if receiver.names and not receiver.taint:
        return None
    if receiver.taint or receiver.known is not None or receiver.pieces is not None:
        result = _text(receiver, name, given, node, scope)
        return result if result is None or not found else join_all([*found, result])
    if name == "join" and given.positional:
        return _join(receiver, given, node, scope)
    if name == "format" and not receiver.names:
        return None
    return join_all(found) if found else None


def _text(receiver: Value, name: str, given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    if name in _TEXT_TELLING:
        return UNKNOWN
    if name in _TEXT_KEEPING:
        return _kept(receiver, name)
    if name == "decode":
        return tainted(receiver.taint)
    if name in _TEXT_SPLITTING:
        return _split(receiver, name, given, node, scope)
    special = _TEXT_SPECIAL.get(name)
    if special is not None:
        return special(receiver, given, node, scope)
    if receiver.taint:
        # a method of an object that somebody else made: what it gives is as untrusted
        kept = join_taints(receiver.taint, scope.deep_all(given.each())) if given.positional else receiver.taint
        return None if f"{name}" in scope.model.methods or _has_callables(given) else tainted(kept)
    return None


def _has_callables(given: Arguments) -> bool:
    return any(not isinstance(ref, int) for one in given.positional for ref in one.refs)


def _kept(receiver: Value, name: str) -> Value:
    pieces = receiver.pieces if name in {"strip", "rstrip", "lstrip", "encode"} else None
    return Value(taint=receiver.taint, pieces=pieces)


def _split(receiver: Value, name: str, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    single = receiver.single()
    if isinstance(single, (str, bytes)) and name in {"split", "rsplit", "splitlines"}:
        parts = folding.split(single, name, given.positional)
        if parts is not None and len(parts) <= _LONGEST_SPLIT * 8:
            return scope.allocate(
                node, Obj("list", {at: constant(one) for at, one in enumerate(parts)}, size=len(parts))
            )
    return scope.allocate(node, Obj("list", rest=tainted(receiver.taint)), "split")


def _replace(receiver: Value, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    """A single character that is replaced by text without it is gone for good; longer text may grow back."""
    del node
    old, new = given.get(0, "old"), given.get(1, "new")
    taint = join_taints(receiver.taint, scope.deep_all([one for one in (new,) if one is not None]))
    removed = None if old is None else old.single()
    put = None if new is None else new.single()
    if isinstance(removed, str) and isinstance(put, str) and len(given.positional) == 2:  # noqa: PLR2004  # no count
        taint = _without(taint, removed, put)
    return Value(taint=taint)


def _without(taint: Taints, removed: str, put: str) -> Taints:
    doubled = len(removed) == 1 and put in {removed * 2, "\\" + removed}
    if len(removed) == 1 and removed not in put:
        return with_fact(taint, f"no:{removed}", *_ESCAPES.get((removed, put), ()))
    return with_fact(taint, f"doubled:{removed}") if doubled else without_texts(taint)


_ESCAPES = {
    ("<", "&lt;"): ("clean:xss",),
    ("\n", ""): ("clean:log", "clean:header"),
    ("\n", " "): ("clean:log", "clean:header"),
}


def _join(receiver: Value, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    source = given.positional[0] if given.positional else UNKNOWN
    things = [thing for _, thing in scope.objects(source)]
    if len(things) == 1 and things[0].kind == "list" and things[0].size is not None and not source.taint:
        return text.join_parts(receiver, [shown(things[0].fields[at], scope) for at in range(things[0].size)])
    inner = iterated(source, node, scope)
    taint = join_taints(join_taints(receiver.taint, scope.deep(inner)), source.taint)
    return text.build([*receiver.text, taint] if receiver.known is None else [taint])


def _format(receiver: Value, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    pattern = receiver.single()
    if not isinstance(pattern, str):
        return tainted(join_taints(receiver.taint, scope.deep_all(given.each())))

    def part(name: str) -> Value:
        head, *more = [one for one in re.split(r"[.\[\]]+", name) if one]
        value = given.get(int(head)) if head.isdigit() else given.get(-1, head)
        for one in more if value is not None else ():
            index = constant(int(one) if one.isdigit() else one)
            value = element(value, index, node, scope) if value is not None else None
        return UNKNOWN if value is None else shown(value, scope)

    return text.braces(pattern, part) or tainted(scope.deep_all(given.each()))


_TEXT_SPECIAL: dict[str, Callable[[Value, Arguments, ast.expr, Scope], Value]] = {
    "replace": _replace,
    "join": _join,
    "format": _format,
    "translate": lambda receiver, _given, _node, _scope: tainted(without_texts(receiver.taint)),
}


def _list(number: int, name: str, given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    handler = _LIST.get(name)
    return None if handler is None else handler(number, given, node, scope)


def _append(number: int, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    del node
    thing = scope.state.write(number)
    one = given.get(0) or UNKNOWN
    if thing.size is None or thing.size >= _LONGEST_SPLIT * 8:
        if thing.size is not None:
            thing.blur()
        thing.rest = one if thing.rest is None else join(thing.rest, one)
    else:
        thing.fields[thing.size] = one
        thing.size += 1
    return constant(None)


def _extend(number: int, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    source = given.get(0) or UNKNOWN
    things = [thing for _, thing in scope.objects(source)]
    if len(things) == 1 and things[0].kind == "list" and things[0].size is not None:
        for at in range(things[0].size):
            _append(number, Arguments((things[0].fields[at],)), node, scope)
        return constant(None)
    thing = scope.state.write(number)
    thing.blur()
    one = iterated(source, node, scope)
    thing.rest = one if thing.rest is None else join(thing.rest, one)
    return constant(None)


def _ordered(number: int, scope: Scope) -> list[Value] | None:
    thing = scope.state.read(number)
    if thing is None or thing.size is None:
        return None
    return [thing.fields.get(at, UNKNOWN) for at in range(thing.size)]


def _rewrite(number: int, parts: list[Value], scope: Scope) -> None:
    thing = scope.state.write(number)
    thing.fields = dict(enumerate(parts))
    thing.size = len(parts)


def _pop(number: int, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    return _popped(number, given, -1, scope)


def _popleft(number: int, given: Arguments, node: ast.expr, scope: Scope) -> Value:
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


def _insert(number: int, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    parts, at, one = _ordered(number, scope), (given.get(0) or UNKNOWN).single(), given.get(1) or UNKNOWN
    if parts is not None and isinstance(at, int):
        parts.insert(at, one)
        _rewrite(number, parts, scope)
    else:
        _extend(number, Arguments((tainted(one.taint),)), node, scope)
        thing = scope.state.write(number)
        thing.rest = one if thing.rest is None else join(thing.rest, one)
    return constant(None)


def _remove(number: int, given: Arguments, node: ast.expr, scope: Scope) -> Value:
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


def _clear(number: int, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    thing = scope.state.write(number)
    thing.fields, thing.rest, thing.size = {}, None, 0 if thing.kind == "list" else None
    return constant(None)


def _reverse(number: int, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    parts = _ordered(number, scope)
    if parts is not None:
        _rewrite(number, parts[::-1], scope)
    return constant(None)


def _sort(number: int, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    scope.state.write(number).blur()
    return constant(None)


def _copy(number: int, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    thing = scope.state.read(number)
    return UNKNOWN if thing is None else scope.allocate(node, thing.copy(), "copy", number)


def _nothing(number: int, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    return UNKNOWN


_LIST: dict[str, Callable[[int, Arguments, ast.expr, Scope], Value]] = {
    "append": _append, "add": _append, "put": _append, "put_nowait": _append, "extend": _extend, "update": _extend, "pop": _pop, "popleft": _popleft,
    "insert": _insert, "remove": _remove, "discard": _remove, "clear": _clear, "reverse": _reverse, "sort": _sort, "copy": _copy,
    "index": _nothing, "count": _nothing, "extendleft": _extend, "appendleft": lambda number, given, node, scope: _insert(
        number, Arguments((constant(0), *given.positional)), node, scope), "get": _popleft, "get_nowait": _popleft,
}  # fmt: skip


def _dict(number: int, name: str, given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
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
            made = [scope.allocate(node, one, "item", at) for at, one in enumerate(pairs[:_LONGEST_SPLIT])]
            more = thing.any_part() if len(pairs) > _LONGEST_SPLIT or thing.rest is not None else None
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


def _dict_get(number: int, thing: Obj, name: str, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    index, default = given.get(0) or UNKNOWN, given.get(1, "default")
    known = index.single()
    found = element(Value(refs=frozenset([number])), index, node, scope)
    certain = known is not ... and known in thing.fields
    if name == "setdefault" and default is not None and known is not ... and not certain:
        scope.state.set(number, known, default)
    if certain:
        return found
    return join_all([found, default] if default is not None else [found])


def _update(number: int, given: Arguments, node: ast.expr, scope: Scope) -> Value:
    thing = scope.state.write(number)
    thing.fields |= dict(given.keywords)
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


def _buffer(number: int, name: str, given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    del node
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


def _table(number: int, name: str, given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
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
    del node
    return UNKNOWN if name in {"add_section", "read", "sections", "has_option", "has_section", "options"} else None


_BY_KIND: dict[str, Callable[[int, str, Arguments, ast.expr, Scope], Value | None]] = {
    "list": _list,
    "dict": _dict,
    "text": _buffer,
    "table": _table,
}
