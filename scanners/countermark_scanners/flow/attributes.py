"""Parts of values: attributes, elements, slices, and what iterating gives.

Layer: scanners. Imports `scope`, `values`, `folding` and `text`; does no I/O.
Trust: names come from hostile code; a path of names has a bounded length.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from . import folding, text
from .scope import Arguments, Scope
from .state import Obj, sequence
from .values import (
    FIXED,
    NO_TAINT,
    UNKNOWN,
    Constant,
    Function,
    Method,
    Taint,
    Taints,
    Value,
    constant,
    join_all,
    join_taints,
    named,
    referring,
    tainted,
    with_fact,
)

MAX_PLACE = 120  # characters of a path of names
MAX_DOTS = 5
MAX_BASES = 12
_TOLD_APART = 16  # objects in a container that are told apart when any of them may be meant
_STR = ast.Name("str", ast.Load(), lineno=1, col_offset=0)  # who calls `__str__` when text is built
_NAMESPACES = frozenset({"__dict__", "__globals__", "f_globals", "func_globals", "f_builtins", "f_locals"})


def placed(names: frozenset[str], more: str, scope: Scope) -> frozenset[str]:
    """Return the places one step further along each path; those that lead nowhere are left out."""
    model = scope.model
    found: list[str] = []
    for one in names:
        place = model.place(one + more)
        if place in model.prefixes or one in model.prefixes or _is_plain(place):
            found.append(place)
    return frozenset(found)


def _is_plain(place: str) -> bool:
    """Say whether a place is a short dotted name: a module, or what it holds."""
    return len(place) < MAX_PLACE and place.count(".") <= MAX_DOTS and "(" not in place and "[" not in place


def sourced(names: frozenset[str], node: ast.AST, scope: Scope) -> Taints:
    """Return the untrusted origins that these places are."""
    sources = scope.model.sources
    found = NO_TAINT
    for one in sorted(names):
        source = sources.get(one)
        if source is not None:
            kind = FIXED if scope.fixed_route and one == "@request.path" else source.kind
            found = join_taints(
                found, frozenset([Taint(kind, source.label, scope.line(node), here=scope.module.asked)])
            )
    return found


def attribute(receiver: Value, name: str, node: ast.AST, scope: Scope) -> Value:
    """Read an attribute of everything a value may be."""
    found = [_of_object(number, thing, name, node, scope) for number, thing in scope.objects(receiver)]
    functions = [one for one in receiver.refs if isinstance(one, Function)]
    if functions and name in _NAMESPACES:
        found.append(named("builtins.globals()"))
    places = _namespaced(receiver.names, name, scope)
    taint = join_taints(sourced(places, node, scope), receiver.taint) if receiver.taint or places else NO_TAINT
    if "@path" in receiver.names:
        taint = with_fact(taint, *scope.model.cleans.get(f"@path.{name}", ()))
    places, known = _among_files(places, scope)
    found += known
    from_names = Value(taint=taint, names=places)
    if found and not (taint or places):
        return join_all(found)
    return join_all([*found, from_names]) if found else from_names


def _among_files(places: frozenset[str], scope: Scope) -> tuple[frozenset[str], list[Value]]:
    """Replace places that are modules of the change, and add what was stored under the others."""
    analysis = scope.analysis
    found: list[Value] = []
    for one in sorted(places):
        module = analysis.dotted.get(one)
        if module is not None and scope.state.read(module) is not None:
            found.append(referring(module))
            places -= {one}
        stored = scope.state.read(analysis.numbers.get(("outside", one), 0))
        if stored is not None:
            found.append(stored.fields["value"])
    return places, found


def _namespaced(names: frozenset[str], name: str, scope: Scope) -> frozenset[str]:
    if name == "__class__" or not names:
        return frozenset()
    places = placed(names, f".{name}", scope)
    if scope.model.among(name, "dynamic-modules") and not all(one.startswith("@") for one in names):
        return places | {name}  # a module that another one imports is that module: `shutil.os`
    return places


def _of_object(number: int, thing: Obj, name: str, node: ast.AST, scope: Scope) -> Value:
    me = referring(number)
    if thing.kind == "module":
        return _of_module(number, thing, name, scope)
    if thing.kind not in {"instance", "class"}:
        return UNKNOWN
    if name == "__class__" and thing.kind == "instance":
        return thing.made_of[0]
    if name == "__dict__":
        return me
    if name in thing.fields:
        own = thing.fields[name]
        return bound(own, me, node, scope) if thing.kind == "class" else own
    return _inherited(thing, me, name, node, scope)


def _of_module(number: int, thing: Obj, name: str, scope: Scope) -> Value:
    if name in thing.fields:
        return thing.fields[name]
    module = scope.analysis.frames.get(number)
    if module is None:
        return UNKNOWN
    dotted = module.path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
    return scope.engine.imported(f"{dotted}.{name}", 0, scope) or UNKNOWN


def _inherited(thing: Obj, me: Value, name: str, node: ast.AST, scope: Scope) -> Value:
    found = find(thing.made_of, name, scope)
    if found is not None:
        return bound(found, me, node, scope)
    fallback = find(_lookers(thing), "__getattr__", scope)
    if fallback is not None and name != "__getattr__":
        return scope.engine.call(bound(fallback, me, node, scope), Arguments((constant(name),)), node, scope)
    return UNKNOWN if thing.rest is None else thing.rest


def _lookers(thing: Obj) -> tuple[Value, ...]:
    """Return where `__getattr__` is looked for: the class of an instance, the metaclass of a class."""
    if thing.kind == "instance":
        return thing.made_of
    meta = thing.fields.get("__metaclass__")
    return () if meta is None else (meta,)


def find(bases: Sequence[Value], name: str, scope: Scope, levels: int = MAX_BASES) -> Value | None:
    """Find what classes give their instances under a name, in the order of their bases."""
    for base in bases:
        for _, thing in scope.objects(base):
            if thing.kind != "class":
                continue
            if name in thing.fields:
                return thing.fields[name]
            found = find(thing.made_of, name, scope, levels - 1) if levels else None
            if found is not None:
                return found
    return None


def outside_bases(bases: Sequence[Value], scope: Scope, levels: int = MAX_BASES) -> frozenset[str]:
    """Return the places of the API that classes derive from, at any level."""
    found: frozenset[str] = frozenset()
    for base in bases:
        found |= base.names
        for _, thing in scope.objects(base):
            if thing.kind == "class" and levels:
                found |= outside_bases(thing.made_of, scope, levels - 1)
    return found


def bound(found: Value, receiver: Value, node: ast.AST, scope: Scope) -> Value:
    """Take a value out of a class through `receiver`: functions get their first argument, properties are read."""
    functions = [one for one in found.refs if isinstance(one, Function)]
    if not functions or "builtins.staticmethod()" in found.names:
        return found
    instance = any(thing.kind == "instance" for _, thing in scope.objects(receiver))
    if found.names & {"builtins.property()", "functools.cached_property()"} and instance:
        return join_all(
            scope.engine.call(referring(Method(receiver, "", one)), Arguments(), node, scope) for one in functions
        )
    if "builtins.classmethod()" in found.names:
        receiver = join_all(
            [
                thing.made_of[0] if thing.kind == "instance" else referring(number)
                for number, thing in scope.objects(receiver)
            ]
        )
    elif not instance:
        return found
    others = frozenset(one for one in found.refs if not isinstance(one, Function))
    methods = frozenset(Method(receiver, "", one) for one in functions)
    return Value(taint=found.taint, names=found.names, refs=others | methods)


def element(receiver: Value, index: Value, node: ast.AST, scope: Scope) -> Value:
    """Read `receiver[index]`."""
    known = folding.index(receiver, index)
    if known is not None:
        return known
    found = [_of_container(number, thing, index, node, scope) for number, thing in scope.objects(receiver)]
    places = _looked_up(receiver.names, index, scope)
    taint = join_taints(sourced(places, node, scope), receiver.taint)
    places, stored = _among_files(places, scope)
    found += stored
    if receiver.pieces is not None and not found and isinstance(at := index.single(), int):
        one = text.cut(receiver, at, at + 1) if at >= 0 else None
        if one is not None:
            return one
    if taint or places or not found:
        found.append(Value(taint=taint, names=places))
    return join_all(found)


def _looked_up(names: frozenset[str], index: Value, scope: Scope) -> frozenset[str]:
    """Return the places behind `names[index]`; a namespace of a module gives its members."""
    if not names:
        return names
    found: set[str] = set()
    known = [one for one in index.known or () if isinstance(one, str)]
    for one in names:
        base, _, last = one.rpartition(".")
        if last in _NAMESPACES and base:
            found |= {scope.model.place(f"{base}.{key}") for key in known} or {"dynamic()"}
        elif one == "sys.modules":
            found |= set(known) or {"dynamic()"}
        elif one in {"builtins.globals()", "builtins.locals()"}:
            found |= {"builtins" if key == "__builtins__" else f"builtins.{key}" for key in known} or {"dynamic()"}
    rest = frozenset(one for one in names if one.rpartition(".")[2] not in _NAMESPACES and one not in _TABLES)
    return frozenset(found) | placed(rest, "[]", scope)


_TABLES = frozenset({"sys.modules", "builtins.globals()", "builtins.locals()"})


def _of_container(number: int, thing: Obj, index: Value, node: ast.AST, scope: Scope) -> Value:
    if thing.kind in {"instance", "class"}:
        method = find((*thing.made_of, *(_lookers(thing) if thing.kind == "class" else ())), "__getitem__", scope)
        if method is not None:
            return scope.engine.call(bound(method, referring(number), node, scope), Arguments((index,)), node, scope)
        return UNKNOWN if thing.rest is None else thing.rest
    if thing.kind == "module":
        return join_all(thing.fields.get(key, UNKNOWN) for key in index.known or ())
    if index.known is None:
        return _any(thing, scope)
    return join_all(_at(thing, key) for key in index.known)


def _at(thing: Obj, key: Constant) -> Value:
    if isinstance(key, int) and key < 0 and thing.kind == "list" and thing.size is not None:
        key += thing.size
    found = thing.fields.get(key)
    if found is not None:
        return found
    return UNKNOWN if thing.rest is None else thing.rest


def _any(thing: Obj, scope: Scope) -> Value:
    """Return any part of a container."""
    found = thing.any_part()
    return scope.few(found) if found.refs else found


def sliced(receiver: Value, marks: Sequence[Value], step: Value, node: ast.AST, scope: Scope) -> Value:
    """Read `receiver[start:stop:step]`."""
    known = folding.piece(receiver, [*marks, step])
    if known is not None:
        return known
    start, stop = (one.single() for one in marks)
    objects = [thing for _, thing in scope.objects(receiver) if thing.kind == "list"]
    if objects and not receiver.taint:
        return _part_of_list(objects, (start, stop, step.single()), node, scope)
    whole = step.single() is None and _bound(start) and _bound(stop)
    if receiver.pieces is not None and whole:
        first = start if isinstance(start, int) else None
        cut = text.cut(receiver, first, stop if isinstance(stop, int) else None)
        if cut is not None:
            return cut
    return Value(taint=receiver.taint, names=frozenset(one for one in receiver.names if one == "sys.argv"))


def _bound(mark: object) -> bool:
    return mark is None or isinstance(mark, int)


def _part_of_list(objects: Sequence[Obj], marks: tuple[object, ...], node: ast.AST, scope: Scope) -> Value:
    only = objects[0]
    parts = only.ordered() if len(objects) == 1 else None
    numbers = [one for one in marks if one is None or isinstance(one, int)]
    if parts is not None and len(numbers) == len(marks) and numbers[2] != 0:
        return scope.allocate(node, sequence(parts[slice(*numbers)]))
    return scope.allocate(node, Obj("list", rest=join_all(one.any_part() for one in objects)))


def iterated(source: Value, node: ast.AST, scope: Scope) -> Value:
    """Return what one step of a loop over a value gives."""
    found: list[Value] = []
    for number, thing in scope.objects(source):
        if thing.kind == "dict":
            found += [constant(key) for key in list(thing.fields)[:_TOLD_APART] if not isinstance(key, tuple)]
            found += [tainted(thing.rest.taint)] if thing.rest is not None else []
            found += [UNKNOWN] if len(thing.fields) > _TOLD_APART else []
        elif thing.kind == "list":
            found.append(_any(thing, scope))
        elif thing.kind == "instance" and isinstance(node, ast.expr):
            method = find(thing.made_of, "__iter__", scope)
            if method is not None:
                inner = scope.engine.call(bound(method, referring(number), node, scope), Arguments(), node, scope)
                found.append(UNKNOWN if inner.refs == source.refs else iterated(inner, node, scope))
    if source.known is not None:
        found += [constant(*[each for one in source.known for each in _letters(one)])]
    names = placed(source.names, "[]", scope)
    taint = join_taints(source.taint, sourced(names, node, scope))
    if taint or names or not found:
        found.append(Value(taint=taint, names=names))
    return join_all(found)


def _letters(one: Constant) -> Sequence[Constant]:
    return tuple(one) if isinstance(one, (str, bytes)) else ()


def awaited(one: Value) -> Value:
    """Return what awaiting a value gives: itself, for calls of coroutines are run where they stand."""
    return one


def members(container: Value, scope: Scope) -> dict[Constant, None] | None:
    """Return the constants a container holds, when it holds nothing else."""
    objects = scope.objects(container)
    if len(objects) != 1 or container.taint or container.names:
        return None
    thing = objects[0][1]
    if thing.rest is not None or thing.kind not in {"dict", "list"}:
        return None
    if thing.kind == "dict":
        return {key: None for key in thing.fields if not isinstance(key, tuple)}
    parts = list(thing.fields.values())
    if any(one.known is None for one in parts):
        return None
    return {each: None for one in parts for each in one.known or ()}


def shown(one: Value, scope: Scope) -> Value:
    """Return what a value is as text: an object may spell itself, a container shows all its parts."""
    objects = scope.objects(one)
    if not objects:
        return one
    for number, thing in objects:
        method = find(thing.made_of, "__str__", scope) if thing.kind == "instance" else None
        if method is not None:
            return scope.engine.call(bound(method, referring(number), _STR, scope), Arguments(), _STR, scope)
    return tainted(join_taints(one.taint, scope.deep(one)))
