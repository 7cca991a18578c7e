"""Edits by ranges of bytes: everything that is not replaced stays as its author spelled it.

Layer: scanners. Imports `text`; does no I/O.
Trust: the text is hostile; what an edit leaves is parsed again before anybody calls it a mutant.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .text import Span, Text

_OPENING = re.compile(rb"[\s)\\]*\(")
_COMMENT = re.compile(rb"#[^\n]*")
_PLACEHOLDER = re.compile(r"\{(\d+|args|object)\}")


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace the bytes [start, end) by a text."""

    start: int
    end: int
    to: str

    @classmethod
    def of(cls, span: Span, to: str) -> Edit:
        """Replace what stands in a span."""
        return cls(*span, to)


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to weaken code. `loss` ends the sentence "nobody would have noticed if ..."; `data` is its edit's own."""

    name: str
    title: str
    cwe: int
    loss: str
    edit: str
    data: dict[str, Any] = field(hash=False)

    def names(self, key: str) -> frozenset[str]:
        """Give one of its lists of names, empty when it has none of that name."""
        return frozenset(self.data.get(key, ()))


@dataclass(frozen=True, slots=True)
class Site:
    """One place where a kind applies: the code that is weakened, and the edits that do it."""

    kind: Kind
    span: Span
    edits: tuple[Edit, ...]


def apply(content: bytes, edits: tuple[Edit, ...]) -> bytes:
    """Make the edits, which do not overlap."""
    done, at = [], 0
    for edit in sorted(edits):
        if not at <= edit.start <= edit.end <= len(content):
            raise ValueError(f"expected edits side by side within {len(content)} bytes, found {edit}")
        done += [content[at : edit.start], edit.to.encode("utf-8")]
        at = edit.end
    return b"".join([*done, content[at:]])


def arguments(text: Text, call: ast.Call) -> Span | None:
    """Give what stands between a call's brackets; None when comments or a bare generator blur where that is."""
    after = text.span(call.func)[1]
    opening = _OPENING.match(text.content, after)
    bare = len(call.args) == 1 and isinstance(call.args[0], ast.GeneratorExp) and not call.keywords
    return None if opening is None or bare else (opening.end(), text.span(call)[1] - 1)


def filled(text: Text, call: ast.Call, template: str) -> str | None:
    """Fill a template with a call's parts: `{0}` one argument, `{args}` all, `{object}` what a method is of."""
    inside = arguments(text, call)
    wanted = set(_PLACEHOLDER.findall(template))
    parts = {} if inside is None else {"args": text.said(inside)}
    if isinstance(call.func, ast.Attribute):
        parts["object"] = text.operand(call.func.value)
    if not any(isinstance(one, ast.Starred) for one in call.args):
        parts |= {str(number): text.operand(one) for number, one in enumerate(call.args)}
    return _PLACEHOLDER.sub(lambda found: parts[found[1]], template) if wanted <= set(parts) else None


def added_keyword(text: Text, call: ast.Call, keyword: str) -> Edit | None:
    """Add `name=value` as the last argument."""
    inside = arguments(text, call)
    if inside is None:
        return None
    last = max((end for _, end in _arguments(text, call)), default=None)
    tail = b"," if last is None else _COMMENT.sub(b"", text.content[last : inside[1]])
    return Edit(inside[1], inside[1], keyword if b"," in tail else f", {keyword}")


def _arguments(text: Text, call: ast.Call) -> list[Span]:
    return sorted([*(text.span(one) for one in call.args), *(text.span(one) for one in call.keywords)])


def dropped_argument(text: Text, call: ast.Call, argument: ast.expr | ast.keyword) -> Edit:
    """Drop one argument of several, and the comma beside it."""
    every = _arguments(text, call)
    at = every.index(text.span(argument))
    start, end = every[at]
    if at:
        return Edit(every[at - 1][1], end, "")
    return Edit(start, every[1][0] if len(every) > 1 else end, "")


def imports(text: Text, modules: list[str]) -> tuple[Edit, ...] | None:
    """Import what an edit needs, each on a line of its own; None when the text means something else by the name."""
    if any(module.split(".")[0] in text.assigned for module in modules):
        return None
    odd = [module for module in modules if text.imported.get(root := module.split(".")[0], root) != root]
    if odd:
        return None
    missing = [module for module in modules if module not in text.modules]
    at = _first_statement(text)
    lines = "".join(f"import {module}\n" for module in missing)
    return (Edit(at, at, lines),) if missing else ()


def _first_statement(text: Text) -> int:
    """Find where an import may stand: after the docstring and `from __future__`, at the start of a line."""
    for number, node in enumerate(text.tree.body):
        docstring = not number and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
            return text.offset(first, 0)
    return len(text.content)
