"""What an audit comes to: how many landings of each kind, what each signer's findings cost, and the one exit code.

Trust: counted from verdicts that hold. What is left out of a window is not in the sums; the window is in the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from countermark_ledger.checkpoint import TreeHead
from countermark_service.auditing import CODE, Kind, Landed
from countermark_service.exits import Exit, first
from countermark_service.points import Points, summed


@dataclass(slots=True)
class Tally:
    """Counts landings as they go by; `heads` are the log's heads that prove the verdicts."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    heads: set[TreeHead] = field(default_factory=set)
    _points: list[tuple[tuple[str, int], ...]] = field(default_factory=list)

    def counting(self, landed: Iterable[Landed]) -> Iterator[Landed]:
        """Hand landings on, and count each."""
        for one in landed:
            self.kinds[one.kind] += 1
            if one.verdict is not None:
                self.heads.add(one.verdict.head)
                self._points.append(one.verdict.verdict.points)
            yield one

    @property
    def points(self) -> tuple[Points, ...]:
        """Give the running sums, the most first (ATTACKS.md: findings split over many small changes)."""
        return summed(self._points)

    @property
    def code(self) -> Exit:
        """Give the code of all landings together: 0 only when there is nothing to say against any."""
        return first(CODE[kind] for kind in self.kinds if kind in CODE)
