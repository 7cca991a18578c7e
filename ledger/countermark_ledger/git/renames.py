"""Merges that only work because git followed a rename are conflicts here.

Layer: ledger git. Imports nothing of ours but `trees`; does no I/O.
Trust: git before 2.50 ignores `merge.renames=false`, so one version would land what another refuses. The
landing tree is compared with what a merge by path alone must give, and any other outcome names its paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..node import Mode
from .trees import Difference, Entry

_MERGED_BY_LINES = {Mode.FILE, Mode.EXECUTABLE}


def followed(offered: Iterable[Difference], tip: Mapping[str, Entry | None], landed: Iterable[Difference]) -> set[str]:
    """Name the paths whose landing entry no merge by path gives.

    `offered` is merge base to head, `tip` holds the tip's entries of those paths, `landed` is tip to landing.
    """
    rows = {row.path: row for row in landed}
    judged = {row.path for row in offered}
    return {path for path in rows if path not in judged} | set(_misplaced(offered, tip, rows))


def _misplaced(
    offered: Iterable[Difference], tip: Mapping[str, Entry | None], landed: Mapping[str, Difference]
) -> Iterator[str]:
    for path, base, head in offered:
        ours = tip[path]
        landing = landed[path].after if path in landed else ours
        if ours in (base, head):
            expected = landing == head
        else:
            sides = (base, ours, head, landing)
            expected = all(side is not None and side.mode in _MERGED_BY_LINES for side in sides)
        if not expected:
            yield path
