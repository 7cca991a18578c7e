"""Definitions and imports: functions, classes, modules.

Layer: scanners. Imports `scope`, `state`, `values`, `attributes` and `sinks`; does no I/O.
Trust: a module of the change is run like any other code, once, under the same budget.
"""

from __future__ import annotations

import ast

from . import sinks
from .attributes import attribute
from .scope import Arguments, Entry, Scope
from .state import Obj, sequence
from .values import LOCAL, REMOTE, Function, Value, constant, join_all, named, referring


def define_function(node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
    """Bind a function, decorated."""
    frame = scope.frame
    here = scope.state.read(frame)
    owner = frame if here is not None and here.kind == "class" else None
    parent = here.parent if here is not None and here.kind == "class" and here.parent is not None else frame
    function = Function(node, parent, scope.module.frame, owner)
    scope.analysis.functions[function] = None
    value = referring(function)
    for decorator in reversed(node.decorator_list):
        value = _decorated(decorator, value, function, scope)
    scope.bind(node.name, value)


def _decorated(decorator: ast.expr, value: Value, function: Function, scope: Scope) -> Value:
    given = scope.engine.value(decorator, scope)
    entry = _entry(decorator, given, scope)
    if entry is not None:
        scope.analysis.handlers[function.node] = entry
    if given.names & {"django.views.decorators.csrf.csrf_exempt"}:
        sinks.stated("no-forgery-check", "csrf_exempt", decorator, scope)
    own = [one for one in given.refs if not isinstance(one, int)]
    if own:
        result = scope.engine.call(Value(refs=frozenset(own)), Arguments((value,)), decorator, scope)
        return result if any(not isinstance(one, int) for one in result.refs) else value
    names = {f"{one}()" for one in given.names} & _KEPT
    return Value(names=value.names | names, refs=value.refs)


_KEPT = frozenset(
    {
        "builtins.property()",
        "builtins.staticmethod()",
        "builtins.classmethod()",
        "functools.cached_property()",
    }
)


def _entry(decorator: ast.expr, given: Value, scope: Scope) -> Entry | None:
    """Say what a decorator makes of a function: the route of a request, a command, or nothing known."""
    model = scope.model
    if any(model.among(one, "routes") for one in given.names):
        return _route(decorator, scope)
    if any(model.among(one, "views") for one in given.names):
        return Entry(REMOTE)
    if any(model.among(one, "local-commands") for one in given.names):
        return Entry(LOCAL)
    if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute) and not given.refs:
        first = decorator.args[0] if decorator.args else None
        if decorator.func.attr in model.lists["route-methods"] and isinstance(first, ast.Constant):
            return _route(decorator, scope) if isinstance(first.value, str) and first.value.startswith("/") else None
    return None


def _route(decorator: ast.expr, scope: Scope) -> Entry:
    html = bool(scope.module.imports & scope.model.lists["html-frameworks"])
    if not isinstance(decorator, ast.Call):
        return Entry(REMOTE, html=html)
    path = scope.engine.value(decorator.args[0], scope).single() if decorator.args else None
    page = next((one.value for one in decorator.keywords if one.arg == "response_class"), None)
    if page is not None:
        html = any(name.endswith("HTMLResponse") for name in scope.engine.value(page, scope).names)
    return Entry(REMOTE, path if isinstance(path, str) else "", html)


def define_class(node: ast.ClassDef, scope: Scope) -> None:
    """Run a class's body and bind it."""
    bases = tuple(scope.engine.value(one, scope) for one in node.bases)
    made = Obj("class", made_of=bases, parent=scope.frame)
    value = scope.allocate(node, made)
    number = next(one for one in value.refs if isinstance(one, int))
    for keyword in node.keywords:
        if keyword.arg == "metaclass":
            scope.state.set(number, "__metaclass__", scope.engine.value(keyword.value, scope))
    names = [one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
    listed = scope.allocate(node, sequence(constant(name) for name in names), "annotations")
    scope.state.set(number, "__annotations__", listed)
    inner = Scope(scope.analysis, scope.state, number, scope.module, scope.context, scope.function, scope.site)
    inner.engine.body(node.body, inner)
    scope.state = inner.state
    if scope.state.dead:
        return
    scope.analysis.classes[number] = None
    for decorator in node.decorator_list:
        scope.engine.value(decorator, scope)
    scope.bind(node.name, value)


def import_module(node: ast.Import, scope: Scope) -> None:
    """`import a.b.c as d`."""
    for one in node.names:
        scope.module.imports.add(one.name.partition(".")[0])
        root = one.name.partition(".")[0]
        wanted = one.name if one.asname else root
        found = scope.engine.imported(wanted, 0, scope)
        if one.asname is None and found is None and "." in one.name:
            scope.engine.imported(one.name, 0, scope)
        value = named(scope.model.place(wanted)) if found is None else found
        scope.bind(one.asname or root, value)


def import_from(node: ast.ImportFrom, scope: Scope) -> None:
    """`from a.b import c as d`."""
    base = "." * node.level + (node.module or "")
    scope.module.imports.add(base.partition(".")[0])
    module = scope.engine.imported(node.module or "", node.level, scope)
    for one in node.names:
        if one.name == "*":
            _star(module, base, scope)
            continue
        parts = []
        if module is not None:
            parts = [thing.fields[one.name] for _, thing in scope.objects(module) if one.name in thing.fields]
        if not parts:
            inner = scope.engine.imported(f"{node.module}.{one.name}" if node.module else one.name, node.level, scope)
            parts = [] if inner is None else [inner]
        outside = attribute(named(scope.model.place(base)), one.name, node, scope)
        scope.bind(one.asname or one.name, join_all(parts) if parts else outside)


def _star(module: Value | None, base: str, scope: Scope) -> None:
    if module is None:
        scope.module.stars.append(base)
        return
    for _, thing in scope.objects(module):
        for name, value in list(thing.fields.items()):
            if isinstance(name, str) and not name.startswith("_"):
                scope.bind(name, value)
