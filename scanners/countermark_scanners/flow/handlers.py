"""Which functions answer requests, and what their parameters are.

Layer: scanners. Imports `scope`, `values` and `attributes`; does no I/O.
Trust: names and annotations are hostile; a function that is not known to answer requests still has parameters that
anybody may have called it with.
"""

from __future__ import annotations

import ast

from .attributes import outside_bases
from .scope import Arguments, Entry, Scope
from .values import LOCAL, PARAMETER, REMOTE, UNKNOWN, Function, Method, Taint, Value, named, referring, tainted

_VERBS = frozenset(
    {
        "get",
        "post",
        "put",
        "delete",
        "patch",
        "head",
        "options",
        "dispatch",
        "do_GET",
        "do_POST",
        "do_PUT",
        "do_DELETE",
        "do_HEAD",
        "do_PATCH",
        "handle",
        "get_queryset",
        "list",
        "create",
        "retrieve",
        "update",
        "partial_update",
        "destroy",
        "form_valid",
        "dispatch_request",
        "on_message",
        "get_object",
        "get_context_data",
        "perform_create",
        "prepare",
        "on_get",
        "on_post",
    }
)
_UNWRAPPED = frozenset({"Optional", "Annotated", "Union", "Final", "ClassVar", "Awaitable"})
_REQUEST_NAMES = frozenset({"request", "req"})


def entry_of(function: Function, scope: Scope) -> Entry | None:
    """Say how a function is reached from outside; None when nobody knows."""
    found = scope.analysis.handlers.get(function.node)
    if found is not None:
        return found
    if function.owner is None or isinstance(function.node, ast.Lambda):
        return None
    owner = scope.state.read(function.owner)
    bases = (
        frozenset(scope.model.place(f"{one}()") for one in outside_bases(owner.made_of, scope))
        if owner
        else frozenset()
    )
    if bases & scope.model.lists["handler-bases"] and function.node.name in _VERBS:
        return Entry(REMOTE, html="flask.views.MethodView()" in bases)
    return None


def register(given: Arguments, scope: Scope) -> None:
    """Note the functions among the arguments of a call that makes a route."""
    for one in given.each():
        for ref in one.refs:
            function = ref if isinstance(ref, Function) else ref.function if isinstance(ref, Method) else None
            if function is not None and function.node not in scope.analysis.handlers:
                scope.analysis.handlers[function.node] = Entry(REMOTE)
                scope.analysis.functions.setdefault(function)


def parameters(function: Function, entry: Entry | None, me: Value | None, scope: Scope) -> Arguments:
    """Make the arguments of an unknown caller."""
    arguments = function.node.args
    listed = [*arguments.posonlyargs, *arguments.args]
    defaults = dict(
        zip([one.arg for one in listed[len(listed) - len(arguments.defaults) :]], arguments.defaults, strict=True)
    )
    defaults |= {
        one.arg: node for one, node in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if node is not None
    }
    positional = [me] if me is not None and listed else []
    given: dict[str, Value] = {}
    views = _is_view(function, listed[len(positional) :], entry, scope)
    for one in [*listed[len(positional) :], *arguments.kwonlyargs]:
        given[one.arg] = _parameter(one, defaults.get(one.arg), function, entry or views, scope)
    rest = tainted(frozenset([_origin("args", function, entry, scope)])) if arguments.vararg is not None else None
    others = tainted(frozenset([_origin("kwargs", function, entry, scope)])) if arguments.kwarg is not None else None
    return Arguments(tuple(positional), given, rest, others)


def _is_view(function: Function, listed: list[ast.arg], entry: Entry | None, scope: Scope) -> Entry | None:
    """A function of a Django file that takes a request first is a view or helps one."""
    if entry is not None or not listed or "django" not in scope.module.imports:
        return None
    return Entry(REMOTE, sure=1) if _is_request(listed[0], function, scope) else None


def _origin(name: str, function: Function, entry: Entry | None, scope: Scope) -> Taint:
    title = "a lambda" if isinstance(function.node, ast.Lambda) else function.node.name
    line = scope.line(function.node)
    if entry is not None:
        word = "command line" if entry.kind == LOCAL else "request"
        return Taint(entry.kind, f"parameter {name} of the {word}", line, entry.sure, here=scope.module.asked)
    return Taint(PARAMETER, f"parameter {name} of {title}", line, here=scope.module.asked)


def _parameter(one: ast.arg, default: ast.expr | None, function: Function, entry: Entry | None, scope: Scope) -> Value:  # noqa: PLR0911  # one case a line
    if default is not None and _injected(default, scope):
        return Value(names=frozenset(scope.model.place(f"{kind}()") for kind in _annotation(one.annotation, scope)))
    kinds = _annotation(one.annotation, scope)
    if kinds and all(_is_safe(kind, scope) for kind in kinds):
        return UNKNOWN
    typed = frozenset(scope.model.place(f"{kind}()") for kind in kinds)
    if any(kind.startswith("@") for kind in typed) and "@request" not in typed:
        return Value(names=typed)
    if "@request" in typed or _is_request(one, function, scope):
        return named("@request")
    if _is_environ(one.arg, function):
        return named("@wsgi-environ")
    if entry is not None and entry.converted(one.arg):
        return UNKNOWN
    taint = frozenset([_origin(one.arg, function, entry, scope)])
    return Value(taint=taint, names=typed, refs=frozenset())


def _injected(default: ast.expr, scope: Scope) -> bool:
    names = scope.engine.value(default.func, scope).names if isinstance(default, ast.Call) else frozenset()
    return any(scope.model.among(f"{one}()", "injected") for one in names)


def _annotation(node: ast.expr | None, scope: Scope) -> list[str]:  # noqa: PLR0911  # one case a line
    """List the places an annotation means; unions and wrappers are opened."""
    match node:
        case None:
            return []
        case ast.Constant(value=str() as text):
            try:
                return _annotation(ast.parse(text, mode="eval").body, scope)
            except (SyntaxError, ValueError, RecursionError):
                return []  # no type: the parameter may be anything
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return [*_annotation(left, scope), *_annotation(right, scope)]
        case ast.Constant():
            return []
        case ast.Subscript(value=value, slice=inner):
            name = value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""
            if name not in _UNWRAPPED:
                return _annotation(value, scope)
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return [kind for one in (parts[:1] if name == "Annotated" else parts) for kind in _annotation(one, scope)]
        case ast.Name() | ast.Attribute():
            value_of = scope.engine.value(node, scope)
            inner_bases = [
                place for _, thing in scope.objects(value_of) for place in outside_bases(thing.made_of, scope)
            ]
            return sorted({*value_of.names, *(f"{place}()" for place in inner_bases)})
    return []


def _is_safe(kind: str, scope: Scope) -> bool:
    return scope.model.among(kind, "safe-annotations")


def _is_request(one: ast.arg, function: Function, scope: Scope) -> bool:
    """Say whether a parameter is a request: by its usual name, or by what is read from it."""
    if one.annotation is not None and _annotation(one.annotation, scope):
        return False
    if one.arg in _REQUEST_NAMES and scope.module.imports & scope.model.lists["web-frameworks"]:
        return True
    marks = scope.model.lists["request-attributes"]
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in marks
        and isinstance(node.value, ast.Name)
        and node.value.id == one.arg
        for node in ast.walk(function.node)
    )


def _is_environ(name: str, function: Function) -> bool:
    """Say whether a parameter is the environment of a WSGI call: by the keys that are read from it."""
    for node in ast.walk(function.node):
        match node:
            case ast.Subscript(value=ast.Name(id=found), slice=ast.Constant(value=str() as key)) if found == name:
                pass
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=found), attr="get"), args=[ast.Constant(value=str() as key), *_]
            ) if found == name:
                pass
            case _:
                continue
        if key in _WSGI_KEYS:
            return True
    return False


_WSGI_KEYS = frozenset({"PATH_INFO", "QUERY_STRING", "wsgi.input", "HTTP_COOKIE", "SCRIPT_NAME", "HTTP_HOST"})


def canonical(number: int, scope: Scope) -> Value:
    """Return the instance that stands for every instance of a class."""
    thing = scope.state.read(number)
    names = frozenset[str]()
    if thing is not None:
        names = frozenset(scope.model.place(f"{one}()") for one in outside_bases(thing.made_of, scope))
    made = scope.analysis.number("instance", number)
    return Value(names=names, refs=referring(made).refs)
