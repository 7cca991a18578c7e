"""Old findings in functions that the change touches: they cost nothing, and whoever is there anyway should see them.

Layer: scanners. Imports `lines` and `sides`; does no I/O.
Trust: texts are hostile. What this finds is for people: no figure depends on it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from .lines import Place, places

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .finding import Finding
    from .sides import Sides


def nearby(old: Iterable[Finding], sides: Sides) -> tuple[Finding, ...]:
    """Keep the findings whose function, class or module level has other statements than it had in the base."""
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for finding in old:
        by_path[finding.path].append(finding)
    return tuple(finding for path, findings in by_path.items() for finding in _touched(path, findings, sides))


def _touched(path: str, findings: list[Finding], sides: Sides) -> list[Finding]:
    origin = sides.origins.get(path)
    if path not in sides.head or origin is None:
        return []
    ours, theirs = (_told(file.content) for file in (sides.head[path], sides.base[origin]))
    here, there = Counter(ours.values()), Counter(theirs.values())
    contexts = {place.context for place in (here - there) + (there - here)}
    return [finding for finding in findings if ours.get(finding.line, Place("", "")).context in contexts]


def _told(content: bytes) -> dict[int, Place]:
    return places(content.decode("utf-8", "replace"))
