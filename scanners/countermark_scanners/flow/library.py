"""Library functions that are more than a row of a table: they call, build, import or run what they are given.

Layer: scanners. Imports `scope`, `state`, `values`, `attributes` and `sinks`; does no I/O.
Trust: text that would be run is parsed and analysed, never run; nested text counts against the same depth.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from . import fstrings, sinks
from .attributes import attribute, element, iterated, shown
from .scope import MAX_CALLS, Arguments, Scope
from .state import Obj
from .values import (
    REMOTE,
    UNKNOWN,
    Function,
    Method,
    Partial,
    Value,
    constant,
    join_all,
    named,
    referring,
    tainted,
)

Special: TypeAlias = "Callable[[Arguments, ast.expr, Scope], Value | None]"
_SHORT = 64
_STRICT = re.compile(r"[\w.]+")


def _getattr(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
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


def _import(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
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
            found.append(named(one) if module is None else module)
    return join_all(found)


def _dunder_import(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    """`__import__('a.b')` gives `a`."""
    name = given.get(0, "name")
    if name is not None and name.known is not None and given.get(3, "fromlist") is None:
        roots = [one.partition(".")[0] for one in name.known if isinstance(one, str)]
        given = Arguments((constant(*roots),))
    return _import(given, node, scope)


def _run_text(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    """`eval`, `exec` and `compile` of known text: the text is code like any other."""
    source = given.get(0, "source", "expression")
    if source is None or source.known is None:
        return None
    if len(scope.analysis.active) >= MAX_CALLS:
        sinks.dynamic(given, node, scope)
        return UNKNOWN
    scope.analysis.active.append(node)
    try:
        return join_all(_run_one(one, node, scope) for one in source.known if isinstance(one, (str, bytes)))
    finally:
        scope.analysis.active.pop()


def _run_one(source: str | bytes, node: ast.expr, scope: Scope) -> Value:
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


def _compile(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    del node, scope
    source = given.get(0, "source")
    return source if source is not None and source.known is not None else None


def _partial(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    del node, scope
    if not given.positional:
        return None
    return referring(Partial(given.positional[0], given.positional[1:], tuple(sorted(given.keywords.items()))))


def _mapped(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    """`map(f, xs, ...)`: one call stands for all; short lists of constants are followed one by one."""
    if len(given.positional) < 2:  # noqa: PLR2004  # a function and what it is called with
        return None
    function, *sources = given.positional
    ordered = [_ordered(one, scope) for one in sources]
    if all(one is not None for one in ordered):
        rows = list(zip(*[one for one in ordered if one is not None], strict=False))
        found = [scope.engine.call(function, Arguments(tuple(row)), node, scope) for row in rows]
        return scope.allocate(node, Obj("list", dict(enumerate(found)), size=len(found)), "mapped")
    each = tuple(iterated(one, node, scope) for one in sources)
    result = scope.engine.call(function, Arguments(each), node, scope)
    return scope.allocate(node, Obj("list", rest=result), "mapped")


def _ordered(one: Value, scope: Scope) -> list[Value] | None:
    objects = scope.objects(one)
    if len(objects) != 1 or objects[0][1].kind != "list" or one.taint:
        single = one.single()
        return (
            [constant(each) for each in single] if isinstance(single, (str, bytes)) and len(single) <= _SHORT else None
        )
    thing = objects[0][1]
    if thing.size is None or thing.size > _SHORT:
        return None
    return [thing.fields[at] for at in range(thing.size)]


def _filtered(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    if len(given.positional) < 2:  # noqa: PLR2004  # a function and what it is called with
        return None
    each = iterated(given.positional[1], node, scope)
    scope.engine.call(given.positional[0], Arguments((each,)), node, scope)
    return scope.allocate(node, Obj("list", rest=each), "filtered")


def _reduced(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    if len(given.positional) < 2:  # noqa: PLR2004  # a function and what it is called with
        return None
    each = iterated(given.positional[1], node, scope)
    first = given.get(2, "initial") or each
    return join_all([scope.engine.call(given.positional[0], Arguments((first, each)), node, scope), first])


def _sorted(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    source = given.get(0)
    if source is None:
        return None
    key = given.keywords.get("key")
    each = iterated(source, node, scope)
    if key is not None:
        scope.engine.call(key, Arguments((each,)), node, scope)
    return scope.allocate(node, Obj("list", rest=each), "sorted")


def _reversed(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    parts = _ordered(given.get(0) or UNKNOWN, scope)
    if parts is None:
        return _sorted(given, node, scope)
    return scope.allocate(node, Obj("list", dict(enumerate(parts[::-1])), size=len(parts)), "reversed")


def _enumerated(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    each = iterated(given.get(0) or UNKNOWN, node, scope)
    pair = scope.allocate(node, Obj("list", {0: UNKNOWN, 1: each}, size=2), "pair")
    return scope.allocate(node, Obj("list", rest=pair), "pairs")


def _zipped(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    parts = [iterated(one, node, scope) for one in given.positional]
    pair = scope.allocate(node, Obj("list", dict(enumerate(parts)), size=len(parts)), "pair")
    return scope.allocate(node, Obj("list", rest=pair), "pairs")


def _nexted(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    each = iterated(given.get(0) or UNKNOWN, node, scope)
    return join_all([each, *given.positional[1:]])


def _str(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    del node
    source = given.get(0, "object")
    if source is None or source.known is not None:
        return None
    found = shown(source, scope)
    return Value(taint=found.taint, pieces=found.pieces, names=frozenset(one for one in source.names if one == "@path"))


def _super(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
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


def _type(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    """`type(x)` is a class, `type(name, bases, parts)` makes one."""
    if len(given.positional) == 3:  # noqa: PLR2004  # a name, bases and parts
        bases = _ordered(given.positional[1], scope) or []
        parts = [thing for _, thing in scope.objects(given.positional[2]) if thing.kind == "dict"]
        fields = {key: one for thing in parts for key, one in thing.fields.items()}
        return scope.allocate(node, Obj("class", fields, made_of=tuple(bases)), "made")
    one = given.get(0) or UNKNOWN
    kinds = [thing.made_of[0] for _, thing in scope.objects(one) if thing.kind == "instance" and thing.made_of]
    return join_all(kinds) if kinds else None


def _setattr(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
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


def _vars(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    one = given.get(0)
    if one is None:
        return referring(scope.frame)
    return attribute(one, "__dict__", node, scope)


def _globals(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    del given, node
    return Value(names=frozenset(["builtins.globals()"]), refs=frozenset([scope.module.frame]))


def _locals(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    del given, node
    return Value(names=frozenset(["builtins.globals()"]), refs=frozenset([scope.frame]))


def _getter(kind: str) -> Special:
    def make(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
        del node, scope
        return Value(refs=frozenset([Partial(named(f"~{kind}"), given.positional, ())]))

    return make


def _got_attribute(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
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


def _got_item(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    *keys, receiver = given.positional or (UNKNOWN,)
    return join_all(element(receiver, one, node, scope) for one in keys)


def _called_method(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    name, *rest = given.positional or (UNKNOWN,)
    receiver = rest.pop() if rest else UNKNOWN
    more = Arguments(tuple(rest))
    return join_all(
        scope.engine.method(receiver, one, more, node, scope) for one in name.known or () if isinstance(one, str)
    )


def _applied(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    """Functions that call what they are given with the rest: `executor.submit(f, x)`."""
    if not given.positional:
        return None
    more = Arguments(given.positional[1:], given.keywords, given.rest, given.others)
    return scope.engine.call(given.positional[0], more, node, scope)


def _applied_second(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    return _applied(Arguments(given.positional[1:], given.keywords, given.rest, given.others), node, scope)


def _first(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    """Functions that give back what they are given, run or wrapped."""
    del node, scope
    return given.get(0, "main", "fut", "aw")


def _wrapped(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    """`sync_to_async(f)` is `f`, called later."""
    return _first(given, node, scope)


def _joined_path(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    """A joined path begins with its first part, unless a later one is absolute."""
    del node
    parts = [shown(one, scope) for one in given.positional]
    if any(one.known is None for one in parts) and given.rest is None and parts:
        first = parts[0].text if parts[0].text else (frozenset(),)
        rest = scope.deep_all(parts[1:])
        free = frozenset(one for one in rest if not {"no:/"} & one.facts)
        pieces = (*first, "/", rest) if not free else (rest,)
        return Value(taint=scope.deep_all(parts), pieces=pieces)
    return None


def _substituted(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
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


def _set_feature(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
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


def _subclasses(given: Arguments, node: ast.expr, scope: Scope) -> Value | None:
    sinks.dynamic(given, node, scope)
    return named("dynamic()")


SPECIAL: dict[str, Special] = {
    "builtins.getattr()": _getattr,
    "builtins.__import__()": _dunder_import,
    "importlib.import_module()": _import,
    "importlib.__import__()": _dunder_import,
    "importlib.reload()": _first,
    "builtins.eval()": _run_text,
    "builtins.exec()": _run_text,
    "builtins.compile()": _compile,
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
    "builtins.type()": _type,
    "builtins.setattr()": _setattr,
    "builtins.vars()": _vars,
    "builtins.globals()": _globals,
    "builtins.locals()": _locals,
    "operator.attrgetter()": _getter("attrgetter"),
    "operator.itemgetter()": _getter("itemgetter"),
    "operator.methodcaller()": _getter("methodcaller"),
    "~attrgetter()": _got_attribute,
    "~itemgetter()": _got_item,
    "~methodcaller()": _called_method,
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
    "builtins.object.__subclasses__()": _subclasses,
}
