"""Edits that mean nothing, at the very statements that are weakened: who notices them judges spelling, not meaning.

Layer: scanners. Imports `edit` and `text`; does no I/O.
Trust: the text is hostile. Its author may have written tests that compare the source with a digest of it: those
would notice every flaw that we put in, and nobody else's.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .edit import Edit, apply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .text import Span, Text

_REMARK = "\n# end of file\n"


def placebo(text: Text, spans: Sequence[Span]) -> tuple[Edit, ...]:
    """Add a comment, and `pass` in front of every statement that one of the spans lies in, as far as that parses."""
    end = len(text.content)
    edits = [Edit(end, end, _REMARK)]
    for at in sorted({_start(text, span) for span in spans}):
        tried = [*edits, Edit(at, at, _passing(text, at))]
        if _parses(apply(text.content, tuple(tried))):
            edits = tried
    return tuple(edits)


def _start(text: Text, span: Span) -> int:
    """Find where the innermost statement begins that a span lies in, with its decorators."""
    around = [
        min(text.span(one)[0] - (one is not node) for one in (node, *getattr(node, "decorator_list", ())))
        for node in ast.walk(text.tree)
        if isinstance(node, ast.stmt) and text.span(node)[1] >= span[1]
    ]
    return max((start for start in around if start <= span[0]), default=0)


def _passing(text: Text, at: int) -> str:
    line = text.content[text.content.rfind(b"\n", 0, at) + 1 : at]
    return "pass; " if line.strip() else f"pass\n{line.decode('utf-8')}"


def _parses(content: bytes) -> bool:
    try:
        ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True
