"""What an audit comes to: how many landings of each kind, what each signer's findings cost, and the one exit code.

Trust: counted from verdicts that hold. What is left out of a window is not in the sums; the window is in the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from countermark_ledger.checkpoint import TreeHead
from countermark_service.auditing import CODE, Kind, Landed
from countermark_service.exits import Exit, first


class Points(NamedTuple):
    """What one signer's new findings cost all in all, and over how many landings that is spread."""

    signer: str
    points: int
    landings: int


@dataclass(slots=True)
class Tally:
    """Counts landings as they go by; `heads` are the log's heads that prove the verdicts."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    heads: set[TreeHead] = field(default_factory=set)
    _cost: Counter[str] = field(default_factory=Counter)
    _times: Counter[str] = field(default_factory=Counter)

    def counting(self, landed: Iterable[Landed]) -> Iterator[Landed]:
        """Hand landings on, and count each."""
        for one in landed:
            self.kinds[one.kind] += 1
            if one.verdict is not None:
                self.heads.add(one.verdict.head)
                spent = dict(one.verdict.verdict.points)
                self._cost.update(spent)
                self._times.update(spent.keys())
            yield one

    @property
    def points(self) -> tuple[Points, ...]:
        """Give the running sums, the most first (ATTACKS.md: findings split over many small changes)."""
        ordered = sorted(self._cost, key=lambda signer: (-self._cost[signer], signer))
        return tuple(Points(signer, self._cost[signer], self._times[signer]) for signer in ordered)

    @property
    def code(self) -> Exit:
        """Give the code of all landings together: 0 only when there is nothing to say against any."""
        return first(CODE[kind] for kind in self.kinds if kind in CODE)
