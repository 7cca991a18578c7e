"""From behaviours to findings: one for each rule and place, however often it was done.

Layer: scanners, dynamic. Does no I/O.
Trust: causes were written inside the sandbox. They may point a finding at a line, never take one away; a place that is
not in the tree is not taken over.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from .behaviour import Behaviour, said

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from countermark_scanners.catalogue import Rule
    from countermark_scanners.finding import Hit

    from .sandbox import Tree

PLACE = "dynamic:"
_SHOWN = 3
_FIELDS = 4
_LINE_NUMBER = re.compile(r"[0-9]{1,7}")
_TELLING = re.compile(r"[A-Za-z0-9_.~/-]{4,}")


class Causes:
    """What code of the workspace said it was doing, by line."""

    def __init__(self, raw: bytes, tree: Tree) -> None:
        self._said: list[tuple[str, str, int]] = []
        for line in raw.split(b"\n"):
            fields = line.decode("ascii", "replace").split("	")
            if len(fields) == _FIELDS and fields[2] in tree and _LINE_NUMBER.fullmatch(fields[3]):
                self._said.append((" ".join(fields[:2]), fields[2], max(1, int(fields[3]))))

    def of(self, behaviour: Behaviour) -> tuple[str, int] | None:
        """Find the line that spoke of what was done, the most telling word first."""
        words = sorted(_TELLING.findall(behaviour.subject), key=len, reverse=True)
        for word in (*words, *(word.rpartition("/")[2] for word in words if "/" in word)):
            for text, path, line in self._said:
                if len(word) >= 4 and word in text:  # noqa: PLR2004  # a shorter word is everywhere
                    return path, line
        return None


def hits(
    runs: Sequence[tuple[str, Collection[Behaviour], Causes]], rules: Mapping[str, Rule]
) -> dict[str, tuple[Hit, ...]]:
    """Name each broken rule once for each place; one that a single run broke is said to lie dormant in the other."""
    subjects: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    broken: dict[str, set[str]] = defaultdict(set)
    for name, behaviours, causes in runs:
        for behaviour in sorted(behaviours):
            path, line = causes.of(behaviour) or (f"{PLACE}{behaviour.rule}", 1)
            subjects[behaviour.rule, path].setdefault(behaviour.subject, line)
            broken[behaviour.rule].add(name)
    names = [name for name, _, _ in runs]
    found: dict[str, tuple[Hit, ...]] = {}
    for (rule, path), done in sorted(subjects.items()):
        hit = rules[rule].hit(min(done.values()), what=_listed(done), when=_when(broken[rule], names))
        found[path] = (*found.get(path, ()), hit)
    return found


def _listed(subjects: Iterable[str]) -> str:
    every = sorted(subjects)
    rest = len(every) - _SHOWN
    return ", ".join(every[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _when(broken: Collection[str], names: Sequence[str]) -> str:
    if len(broken) == len(names):
        return ""
    return f", only on the {said(' and '.join(sorted(broken)))} machine, dormant on the other"
