"""Methods of text, and of what somebody else made.

Layer: scanners. Imports `scope`, `values`, `folding`, `text`, `attributes` and `containers`; does no I/O.
Trust: receivers and arguments are hostile; containers have bounded parts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from . import folding, sinks, text
from .attributes import element, iterated, shown
from .containers import BY_KIND, LONGEST
from .scope import Arguments, Scope
from .state import Obj
from .values import (
    UNKNOWN,
    Taints,
    Value,
    constant,
    decoded,
    join_all,
    join_taints,
    tainted,
    with_fact,
)

_TEXT_KEEPING = frozenset(
    {
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "title",
        "capitalize",
        "swapcase",
        "casefold",
        "expandtabs",
        "zfill",
        "ljust",
        "rjust",
        "center",
        "removeprefix",
        "removesuffix",
        "encode",
        "copy",
        "tobytes",
        "format_map",
        "__str__",
        "hex",
    }
)
_TEXT_SPLITTING = frozenset({"split", "rsplit", "splitlines", "partition", "rpartition"})
_TEXT_TELLING = frozenset(
    {
        "startswith",
        "endswith",
        "isdigit",
        "isalpha",
        "isalnum",
        "isdecimal",
        "isnumeric",
        "isidentifier",
        "isspace",
        "isupper",
        "islower",
        "istitle",
        "isascii",
        "isprintable",
        "find",
        "rfind",
        "index",
        "rindex",
        "count",
        "__len__",
        "__contains__",
        "bit_length",
    }
)


def call(receiver: Value, name: str, given: Arguments, node: ast.AST, scope: Scope) -> Value | None:  # noqa: PLR0911  # one case a line
    """Call a method of a built-in type; None when the receiver is nothing of the kind."""
    known = folding.method(receiver, name, given.positional) if not given.keywords else None
    if known is not None:
        return known
    found: list[Value] = []
    for number, thing in scope.objects(receiver):
        handler = BY_KIND.get(thing.kind)
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


def _text(receiver: Value, name: str, given: Arguments, node: ast.AST, scope: Scope) -> Value | None:  # noqa: PLR0911  # one case a line
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


def _split(receiver: Value, name: str, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    single = receiver.single()
    if isinstance(single, (str, bytes)) and name in {"split", "rsplit", "splitlines"}:
        parts = folding.split(single, name, given.positional)
        if parts is not None and len(parts) <= LONGEST:
            return scope.allocate(
                node, Obj("list", {at: constant(one) for at, one in enumerate(parts)}, size=len(parts))
            )
    return scope.allocate(node, Obj("list", rest=tainted(receiver.taint)), "split")


def _replace(receiver: Value, given: Arguments, node: ast.AST, scope: Scope) -> Value:
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
    return with_fact(taint, f"doubled:{removed}") if doubled else decoded(taint)


_ESCAPES = {
    ("<", "&lt;"): ("clean:xss",),
    ("\n", ""): ("clean:log", "clean:header"),
    ("\n", " "): ("clean:log", "clean:header"),
}


def _join(receiver: Value, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    source = given.positional[0] if given.positional else UNKNOWN
    things = [thing for _, thing in scope.objects(source)]
    if len(things) == 1 and things[0].kind == "list" and things[0].size is not None and not source.taint:
        return text.join_parts(receiver, [shown(one, scope) for one in things[0].ordered() or []])
    inner = iterated(source, node, scope)
    taint = join_taints(join_taints(receiver.taint, scope.deep(inner)), source.taint)
    return text.build([*receiver.text, taint] if receiver.known is None else [taint])


def _format(receiver: Value, given: Arguments, node: ast.AST, scope: Scope) -> Value:
    pattern = receiver.single()
    if not isinstance(pattern, str):
        if given.each():
            sinks.formatted(receiver.taint, node, scope)
        return tainted(join_taints(receiver.taint, scope.deep_all(given.each())))

    def part(name: str) -> Value:
        head, *more = [one for one in re.split(r"[.\[\]]+", name) if one]
        value = given.get(int(head)) if head.isdigit() else given.get(-1, head)
        for one in more if value is not None else ():
            index = constant(int(one) if one.isdigit() else one)
            value = element(value, index, node, scope) if value is not None else None
        return UNKNOWN if value is None else shown(value, scope)

    return text.braces(pattern, part) or tainted(scope.deep_all(given.each()))


_TEXT_SPECIAL: dict[str, Callable[[Value, Arguments, ast.AST, Scope], Value]] = {
    "replace": _replace,
    "join": _join,
    "format": _format,
    "translate": lambda receiver, _given, _node, _scope: tainted(decoded(receiver.taint)),
}
