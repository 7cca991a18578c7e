"""What a refusal looks like: the block that a guard leads to, and not the work that a condition allows.

Layer: scanners. Imports `text` and `words`; does no I/O.
Trust: the text is hostile.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from .text import last_name
from .words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONG: Final = 3  # a longer block that returns something does work of its own
_ENDING: Final = frozenset({"abort", "exit", "_exit", "fail", "error", "halt"})
_SAYING_NO: Final = frozenset(
    {"abort", "bad", "denied", "error", "errors", "exception", "fail", "failed", "failure", "forbidden", "found"}
    | {"invalid", "login", "missing", "refused", "reject", "rejected", "unauthorized", "unprocessable"}
    | {"400", "401", "403", "404", "405", "409", "413", "415", "422", "429"}
)


def fails(last: ast.stmt) -> bool:
    """Say whether a block ends in an error."""
    match last:
        case ast.Raise():
            return True
        case ast.Expr(value=ast.Call(func=function)):
            return last_name(function) in _ENDING
        case ast.Return(value=ast.Call(func=function)):
            return last_name(function) == "abort"
        case _:
            return False


def refuses(body: Sequence[ast.stmt]) -> bool:
    """Say whether a block ends in an error, or gives up soon: with nothing, with a no, or with the next round."""
    return fails(body[-1]) or (len(body) <= _LONG and _gives_up(body[-1]))


def is_guard(node: ast.AST | None) -> bool:
    """Say whether a node is an `if` that only refuses."""
    return isinstance(node, ast.If) and not node.orelse and refuses(node.body)


def _gives_up(last: ast.stmt) -> bool:
    match last:
        case ast.Continue() | ast.Return(value=None):
            return True
        case ast.Return(value=ast.expr() as value):
            return _is_nothing(value) or bool(_SAYING_NO & words(value))
        case _:
            return False


def _is_nothing(value: ast.expr) -> bool:
    match value:
        case ast.Constant(value=constant):
            return not constant
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(keys=parts):
            return not parts
        case _:
            return False
