"""Running sums: findings that are split over many small changes add up (ATTACKS.md, replay).

Trust: points come from verdicts that hold; what is left out of them is not in the sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class Points(NamedTuple):
    """What one signer's new findings cost all in all, and over how many landings that is spread."""

    signer: str
    points: int
    landings: int


def summed(landings: Iterable[tuple[tuple[str, int], ...]]) -> tuple[Points, ...]:
    """Add up the points of landings by signer, the most first."""
    cost: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for points in landings:
        cost.update(dict(points))
        times.update(dict(points).keys())
    ordered = sorted(cost, key=lambda signer: (-cost[signer], signer))
    return tuple(Points(signer, cost[signer], times[signer]) for signer in ordered)
