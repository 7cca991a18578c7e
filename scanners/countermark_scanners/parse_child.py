"""Parses each file with Python's own parser, in a process that may die of it.

Layer: scanners, started by `source` as `python -I -m countermark_scanners.parse_child`, inside `tool`'s limits.
Trust: the files are hostile; deep or strange code can exhaust the parser, which is why this is not the gate's
own process. Nothing is compiled or run.

Writes one JSON object a line: name, reason it cannot be parsed (or null), whether it does anything a program
does, and every name that is not ASCII as written (the parser itself folds them: PEP 3131). Format strings may be of
a later Python than this one (PEP 701).
"""

from __future__ import annotations

import ast
import io
import json
import sys
import tokenize
import warnings
from pathlib import Path

from countermark_scanners import fstrings
from countermark_scanners.errors import Unreadable

MAX_DEPTH = 200  # syntax trees of real code stay under 70; the tools' own recursion fails from about 300
DOING = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Call)

Answer = dict[str, "str | bool | list[list[int | str]] | None"]


def answer(path: Path) -> Answer:
    """Say whether the file parses, and what only a parser can see in it."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
        does = survey(fstrings.parse(text))
        return {"name": path.name, "reason": None, "program": does, "names": foreign_names(text)}
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError, Unreadable) as error:
        reason = f"{type(error).__name__}: {getattr(error, 'msg', None) or error}"
        return {"name": path.name, "reason": reason[:200], "program": False, "names": []}


def survey(tree: ast.AST) -> bool:
    """Walk the tree level by level; refuse one that is too deep; say whether anything in it acts."""
    does, depth, level = False, 0, [tree]
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise RecursionError(f"nested deeper than {MAX_DEPTH}")
        does = does or any(isinstance(node, DOING) for node in level)
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return does


def foreign_names(text: str) -> list[list[int | str]]:
    """List [line, column, name] of each name with a character outside ASCII."""
    if text.isascii():
        return []
    plain = fstrings.older(text)
    tokens = tokenize.generate_tokens(io.StringIO(plain.text).readline)
    names = (token for token in tokens if token.type == tokenize.NAME and not token.string.isascii())
    return [[plain.line(token.start[0]), token.start[1] + 1, token.string] for token in names]


def main(directory: Path) -> None:
    """Answer for every file of the directory, in name order."""
    warnings.simplefilter("ignore")
    for path in sorted(directory.iterdir()):
        sys.stdout.write(json.dumps(answer(path)) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
