"""The default target of a makefile: what `make` alone runs.

Layer: scanners, a part of `elsewhere`. Imports nothing of ours; does no I/O.
Trust: the text is hostile; included files and generated rules are not followed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

_NAMES = frozenset({"makefile", "gnumakefile", "justfile"})
_TARGET = re.compile(r"(?![.#\s])([^\s:=#][^:=#]{0,200}?)\s*::?(?!=)([^=]*)")
_GOAL = re.compile(r"\.DEFAULT_GOAL\s*[:?]?=\s*(\S+)")


@dataclass(frozen=True, slots=True)
class Target:
    """A target, its line, and the lines that it runs with the targets it needs first."""

    name: str
    line: int
    recipe: tuple[str, ...]


def is_makefile(path: str) -> bool:
    """Say whether `make` or `just` reads the file without being told to."""
    return PurePosixPath(path).name in _NAMES


def default(text: str) -> Target | None:
    """Find the target that runs when none is named; None when the file has none."""
    lines = text.split("\n")
    targets = [(number, match) for number, line in enumerate(lines) if (match := _TARGET.fullmatch(line))]
    goal = next((match[1] for line in lines if (match := _GOAL.match(line.strip()))), None)
    chosen = next(((n, match) for n, match in targets if goal in {None, match[1].strip()}), None)
    if chosen is None:
        return None
    number, match = chosen
    recipe = [match[2].strip()]
    for line in lines[number + 1 :]:
        if line.strip() and not line.startswith(("\t", " ", "#")):
            break
        recipe += [line.strip()] if line.strip() and not line.strip().startswith("#") else []
    return Target(match[1].strip(), number + 1, tuple(recipe))
