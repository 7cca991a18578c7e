"""Library functions that are more than a row of a table: they call, order or wrap what they are given.

Layer: scanners. Imports `scope`, `state`, `values`, `attributes` and `dynamic`; does no I/O.
Trust: arguments are hostile; a function that is handed over is called with what it would be called with.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import TypeAlias

from . import dynamic
from .attributes import iterated, shown
from .dynamic import ordered
from .scope import Arguments, Scope
from .state import Obj, sequence
from .values import (
    UNKNOWN,
    Partial,
    Value,
    join_all,
    named,
    referring,
    tainted,
    with_fact,
)

Special: TypeAlias = "Callable[[Arguments, ast.AST, Scope], Value | None]"


def _partial(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    del node, scope
    if not given.positional:
        return None
    return referring(Partial(given.positional[0], given.positional[1:], tuple(sorted(given.keywords.items()))))


def _mapped(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`map(f, xs, ...)`: one call stands for all; short lists of constants are followed one by one."""
    if len(given.positional) < 2:  # noqa: PLR2004  # a function and what it is called with
        return None
    function, *sources = given.positional
    lists = [ordered(one, scope) for one in sources]
    if all(one is not None for one in lists):
        rows = list(zip(*[one for one in lists if one is not None], strict=False))
        found = [scope.engine.call(function, Arguments(tuple(row)), node, scope) for row in rows]
        return scope.allocate(node, sequence(found), "mapped")
    each = tuple(iterated(one, node, scope) for one in sources)
    result = scope.engine.call(function, Arguments(each), node, scope)
    return scope.allocate(node, Obj("list", rest=result), "mapped")


def _filtered(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    if len(given.positional) < 2:  # noqa: PLR2004  # a function and what it is called with
        return None
    each = iterated(given.positional[1], node, scope)
    scope.engine.call(given.positional[0], Arguments((each,)), node, scope)
    return scope.allocate(node, Obj("list", rest=each), "filtered")


def _reduced(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    if len(given.positional) < 2:  # noqa: PLR2004  # a function and what it is called with
        return None
    each = iterated(given.positional[1], node, scope)
    first = given.get(2, "initial") or each
    return join_all([scope.engine.call(given.positional[0], Arguments((first, each)), node, scope), first])


def _sorted(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    source = given.get(0)
    if source is None:
        return None
    key = given.keywords.get("key")
    each = iterated(source, node, scope)
    if key is not None:
        scope.engine.call(key, Arguments((each,)), node, scope)
    return scope.allocate(node, Obj("list", rest=each), "sorted")


def _reversed(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    parts = ordered(given.get(0) or UNKNOWN, scope)
    if parts is None:
        return _sorted(given, node, scope)
    return scope.allocate(node, sequence(parts[::-1]), "reversed")


def _enumerated(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    each = iterated(given.get(0) or UNKNOWN, node, scope)
    pair = scope.allocate(node, sequence([UNKNOWN, each]), "pair")
    return scope.allocate(node, Obj("list", rest=pair), "pairs")


def _zipped(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    parts = [iterated(one, node, scope) for one in given.positional]
    pair = scope.allocate(node, sequence(parts), "pair")
    return scope.allocate(node, Obj("list", rest=pair), "pairs")


def _nexted(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    each = iterated(given.get(0) or UNKNOWN, node, scope)
    return join_all([each, *given.positional[1:]])


def _str(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    del node
    source = given.get(0, "object")
    if source is None or source.known is not None:
        return None
    found = shown(source, scope)
    return Value(
        taint=with_fact(found.taint, "clean:nosql"),
        pieces=found.pieces,
        names=frozenset(one for one in source.names if one == "@path"),
    )


def _super(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`super()`: the bases of the class that the method stands in, with the same first argument."""
    del given, node
    function = scope.function
    if function is None or function.owner is None or isinstance(function.node, ast.Lambda):
        return None
    owner = scope.state.read(function.owner)
    names = [one.arg for one in (*function.node.args.posonlyargs, *function.node.args.args)]
    me = scope.lookup(names[0]) if names else None
    if owner is None or me is None:
        return None
    number = scope.analysis.number("super", function.owner, scope.frame)
    held = {key: one for _, thing in scope.objects(me[1]) for key, one in thing.fields.items()}
    scope.state.put(number, Obj("instance", held, made_of=owner.made_of))
    return Value(taint=me[1].taint, names=me[1].names, refs=frozenset([number]))


def _getter(kind: str) -> Special:
    def make(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
        del node, scope
        return Value(refs=frozenset([Partial(named(f"~{kind}"), given.positional, ())]))

    return make


def _applied(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """Functions that call what they are given with the rest: `executor.submit(f, x)`."""
    if not given.positional:
        return None
    more = Arguments(given.positional[1:], given.keywords, given.rest, given.others)
    return scope.engine.call(given.positional[0], more, node, scope)


def _applied_second(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    return _applied(Arguments(given.positional[1:], given.keywords, given.rest, given.others), node, scope)


def _first(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """Functions that give back what they are given, run or wrapped."""
    del node, scope
    return given.get(0, "main", "fut", "aw")


def _wrapped(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`sync_to_async(f)` is `f`, called later."""
    return _first(given, node, scope)


def _joined_path(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """A joined path begins with its first part, unless a later one is absolute."""
    del node
    parts = [shown(one, scope) for one in given.positional]
    if any(one.known is None for one in parts) and given.rest is None and parts:
        first = parts[0].text or (frozenset(),)
        rest = scope.deep_all(parts[1:])
        free = frozenset(one for one in rest if not {"no:/"} & one.facts)
        pieces = (*first, "/", rest) if not free else (rest,)
        return Value(taint=scope.deep_all(parts), pieces=pieces)
    return None


def _substituted(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`re.sub(pattern, to, text)`: a pattern of all but harmless letters, replaced by nothing, cleans."""
    pattern, put, source = given.get(0, "pattern"), given.get(1, "repl"), given.get(2, "string")
    if pattern is None or source is None or put is None:
        return None
    known, to = pattern.single(), put.single()
    if isinstance(known, str) and _REMOVES.fullmatch(known) and isinstance(to, str) and _PLAIN.fullmatch(to):
        return UNKNOWN
    if any(not isinstance(ref, int) for ref in put.refs):
        scope.engine.call(put, Arguments((tainted(scope.deep(source)),)), node, scope)
    return None


_REMOVES = re.compile(r"\[\^(?:\\w|\\d|\\-|\\\.|[A-Za-z0-9_. -])+\]\+?|\\W\+?|\\D\+?")
_PLAIN = re.compile(r"[A-Za-z0-9_-]*")


def _set_feature(given: Arguments, node: ast.AST, scope: Scope) -> Value | None:
    """`parser.setFeature(name, state)`: what the parser is told."""
    receiver = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
    feature, told = given.get(0), given.get(1)
    if receiver is None or feature is None or told is None:
        return None
    words = [str(one) for one in feature.known or ()] + sorted(feature.names)
    for number, _ in scope.objects(scope.engine.value(receiver, scope)):
        for word in words:
            scope.state.set(number, "external" if _EXTERNAL.search(word) else word, told)
    return UNKNOWN


_EXTERNAL = re.compile(r"external|feature_external_[gp]es")


SPECIAL: dict[str, Special] = {
    "builtins.getattr()": dynamic.get_attribute,
    "builtins.__import__()": dynamic.dunder_import,
    "importlib.import_module()": dynamic.import_module,
    "importlib.__import__()": dynamic.dunder_import,
    "importlib.reload()": _first,
    "builtins.eval()": dynamic.run_text,
    "builtins.exec()": dynamic.run_text,
    "builtins.compile()": dynamic.compile_text,
    "functools.partial()": _partial,
    "functools.partialmethod()": _partial,
    "builtins.map()": _mapped,
    "itertools.starmap()": _mapped,
    "builtins.filter()": _filtered,
    "functools.reduce()": _reduced,
    "builtins.sorted()": _sorted,
    "builtins.reversed()": _reversed,
    "builtins.enumerate()": _enumerated,
    "builtins.zip()": _zipped,
    "builtins.next()": _nexted,
    "builtins.anext()": _nexted,
    "builtins.str()": _str,
    "builtins.super()": _super,
    "builtins.type()": dynamic.make_type,
    "builtins.setattr()": dynamic.set_attribute,
    "builtins.vars()": dynamic.parts_of,
    "builtins.globals()": dynamic.module_parts,
    "builtins.locals()": dynamic.frame_parts,
    "operator.attrgetter()": _getter("attrgetter"),
    "operator.itemgetter()": _getter("itemgetter"),
    "operator.methodcaller()": _getter("methodcaller"),
    "~attrgetter()": dynamic.got_attribute,
    "~itemgetter()": dynamic.got_item,
    "~methodcaller()": dynamic.called_method,
    "operator.call()": _applied,
    "asyncio.to_thread()": _applied,
    "builtins.apply()": _applied,
    "concurrent.futures.ThreadPoolExecutor().submit()": _applied,
    "concurrent.futures.ProcessPoolExecutor().submit()": _applied,
    "asyncio.get_event_loop().run_in_executor()": _applied_second,
    "asyncio.get_running_loop().run_in_executor()": _applied_second,
    "contextvars.copy_context().run()": _applied,
    "atexit.register()": _applied,
    "asyncio.run()": _first,
    "asyncio.wait_for()": _first,
    "asyncio.shield()": _first,
    "asyncio.create_task()": _first,
    "asyncio.ensure_future()": _first,
    "asgiref.sync.sync_to_async()": _wrapped,
    "asgiref.sync.async_to_sync()": _wrapped,
    "functools.wraps()": lambda _given, _node, _scope: UNKNOWN,
    "functools.lru_cache()": lambda _given, _node, _scope: UNKNOWN,
    "copy.copy()": _first,
    "copy.deepcopy()": _first,
    "typing.cast()": lambda given, _node, _scope: given.get(1, "val"),
    "os.path.join()": _joined_path,
    "posixpath.join()": _joined_path,
    "re.sub()": _substituted,
    "@sax-parser.setFeature()": _set_feature,
    "builtins.object.__subclasses__()": dynamic.subclasses,
}
