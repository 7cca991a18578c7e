"""Sinks for which it matters how their argument is put together.

Layer: scanners. Imports `scope`, `values` and `text`; does no I/O.
Trust: arguments are hostile; a shape that can't be told keeps the finding.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from . import text
from .findings import Place
from .patterns import explodes
from .scope import Arguments, Scope
from .values import NO_TAINT, PARAMETER, UNKNOWN, Taints, Value, join_all

Shape: TypeAlias = "Callable[[Taints, Value, Arguments, ast.AST, Scope], Taints]"

_SHELLS = frozenset(
    {
        "sh",
        "bash",
        "dash",
        "zsh",
        "ksh",
        "cmd",
        "cmd.exe",
        "powershell",
        "powershell.exe",
        "pwsh",
        "env",
        "ssh",
        "python",
        "python3",
        "perl",
        "ruby",
        "node",
        "sudo",
        "su",
        "xargs",
        "busybox",
    }
)
_RUNS_TEXT = frozenset({"-c", "/c", "/C", "-Command", "-e", "-lc", "-ic", "-ec", "--command", "/k"})
_FIXED_HOST = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:/?/?[^/?#@\\]+[/?#]|/(?![/\\])[^{]")
_OWN_PAGE = re.compile(r"/(?![/\\])|\?|#|[a-zA-Z0-9_-]+[/?#]")


def _argv(taint: Taints, value: Value, given: Arguments, node: ast.AST, scope: Scope) -> Taints:
    """A list of arguments is harmless but for the program's own name, or where the program is a shell."""
    shell = given.keywords.get("shell")
    if shell is not None and shell.truth() is not False:
        return taint
    objects = [thing for _, thing in scope.objects(value) if thing.kind == "list"]
    if not objects:
        return frozenset(one for one in taint if one.kind != PARAMETER)
    parts = [thing.fields.get(0, thing.rest or UNKNOWN) for thing in objects]
    first = join_all(parts)
    words = {str(word) for thing in objects for part in thing.fields.values() for word in part.known or ()}
    program = {str(one).rpartition("/")[2].rpartition("\\")[2] for one in first.known or ()}
    if program & _SHELLS and words & _RUNS_TEXT:
        return taint
    ours = frozenset(
        one for one in scope.deep(first) if one.kind != PARAMETER and not {"clean:shell", "clean:every"} & one.facts
    )
    if ours and not (first.pieces and isinstance(first.pieces[0], str)):
        return ours
    rest = frozenset(one for one in taint if one.kind != PARAMETER)
    if rest and scope.module.asked and not _after_dashes(objects[0].fields.values()):
        place = Place(scope.line(node), getattr(node, "col_offset", 0) + 1, "an argument")
        scope.analysis.findings.report("argument-injection", place, rest)
    return NO_TAINT


def _after_dashes(parts: Iterable[Value]) -> bool:
    return any(one.single() == "--" for one in parts)


def _address(taint: Taints, value: Value, given: Arguments, node: ast.AST, scope: Scope) -> Taints:
    """An address whose host is known text leads nowhere else."""
    del given, node, scope
    if not isinstance(value.text[0] if value.text else "", str):
        return frozenset(one for one in taint if not _own_path(one.facts))
    return NO_TAINT if _FIXED_HOST.match(text.prefix(value)) else taint


def _own_path(facts: frozenset[str]) -> bool:
    return "is:/" in facts and bool(facts & {"not://", "no://"})


def _page(taint: Taints, value: Value, given: Arguments, node: ast.AST, scope: Scope) -> Taints:
    """Only text becomes a page as it is."""
    del given, node
    things = scope.objects(value)
    if any(thing.kind in {"dict", "instance"} for _, thing in things):
        return NO_TAINT
    pairs = [thing for _, thing in things if thing.kind == "list" and thing.size is not None and thing.size > 0]
    if pairs:
        first = [one.fields[0] for one in pairs]
        kept = frozenset(each for one in first for each in one.taint)
        return taint & kept
    return NO_TAINT if "@response" in value.names else taint


def _query_object(taint: Taints, value: Value, given: Arguments, node: ast.AST, scope: Scope) -> Taints:
    """Text can't be an operator; what was read from a structured body can."""
    del given, node
    if value.taint:
        return frozenset(one for one in taint if not {"clean:nosql", "clean:every"} & one.facts)
    kept = NO_TAINT
    for _, thing in scope.objects(value):
        parts = [
            scope.deep(one) for one in [*thing.fields.values(), *([thing.rest] if thing.rest else [])] if not one.pieces
        ]
        kept |= frozenset(
            one
            for part in parts
            for one in part & taint
            if _STRUCTURED.search(one.label) and "clean:nosql" not in one.facts
        )
        where = thing.fields.get("$where")
        if where is not None:
            kept |= where.taint
    return kept


_STRUCTURED = re.compile(r"json|data|body|media|post|loads")


def _slow_pattern(taint: Taints, value: Value, given: Arguments, node: ast.AST, scope: Scope) -> Taints:
    """A pattern that may take for ever does so with text that somebody else chooses."""
    del value
    receiver = called_on(node)
    objects = scope.objects(scope.engine.value(receiver, scope)) if receiver is not None else []
    held = [thing.fields["pattern"] for _, thing in objects if "pattern" in thing.fields]
    patterns = [one for each in held or given.positional[:1] for one in each.known or ()]
    return taint if any(isinstance(one, str) and explodes(one) for one in patterns) else NO_TAINT


def _upload(taint: Taints, value: Value, given: Arguments, node: ast.AST, scope: Scope) -> Taints:
    """A stored file keeps the ending that its sender gave it."""
    del given, scope
    receiver = called_on(node)
    ends = value.pieces is None or not isinstance(value.pieces[-1], str)
    return taint if receiver is not None and ends else NO_TAINT


def called_on(node: ast.AST) -> ast.expr | None:
    """Return what a method is called on."""
    return node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None


def _ldap_filter(taint: Taints, value: Value, given: Arguments, node: ast.AST, scope: Scope) -> Taints:
    """A search whose text begins like a filter of a directory is one."""
    del given, node, scope
    return taint if text.prefix(value).lstrip().startswith("(") else NO_TAINT


def _sax_argument(taint: Taints, value: Value, given: Arguments, node: ast.AST, scope: Scope) -> Taints:
    """Python's own parsers resolve external entities only when they are told to."""
    del value, node
    parser = given.get(1, "parser")
    return NO_TAINT if parser is None else _told(taint, parser, scope)


def _sax_receiver(taint: Taints, value: Value, given: Arguments, node: ast.AST, scope: Scope) -> Taints:
    del value, given
    receiver = called_on(node)
    return NO_TAINT if receiver is None else _told(taint, scope.engine.value(receiver, scope), scope)


def _told(taint: Taints, parser: Value, scope: Scope) -> Taints:
    for _, thing in scope.objects(parser):
        for key, one in thing.fields.items():
            if isinstance(key, str) and "external" in key and one.truth() is not False:
                return taint
    return NO_TAINT


def _lxml_parser(taint: Taints, value: Value, given: Arguments, node: ast.AST, scope: Scope) -> Taints:
    """Lxml resolves entities unless its parser is told not to."""
    del value, node
    parser = given.get(1, "parser")
    for _, thing in scope.objects(parser or UNKNOWN):
        resolve = thing.fields.get("resolve_entities")
        if resolve is not None and (resolve.truth() is False or resolve.single() == "internal"):
            return NO_TAINT
    return taint


SHAPES: dict[str, Shape] = {
    "argv": _argv,
    "address": _address,
    "page": _page,
    "query-object": _query_object,
    "ldap-filter": _ldap_filter,
    "slow-pattern": _slow_pattern,
    "upload": _upload,
    "sax-argument": _sax_argument,
    "sax-receiver": _sax_receiver,
    "lxml-parser": _lxml_parser,
}
