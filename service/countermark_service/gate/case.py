"""A case: one policy and the facts that it is asked about, with what the ledger answers for each row under it.

Trust: both were verified before; whoever has the same policy and the same input has the same case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from countermark_ledger.coverage import Answer, Landing, Row, cover
from countermark_ledger.testimony import Testimony
from countermark_service.gate.input import Input
from countermark_service.gate.policy import PERCENT, Policy


def rows_of(policy: Policy, landing: Landing, testimony: Testimony, at: datetime) -> tuple[Row, ...]:
    """Answer for each path that differs: step 5, under this policy, at a time (UTC)."""
    near = {commit: behind for commit, behind in landing.positions.items() if behind <= policy.max_base_distance}
    return cover(replace(landing, positions=near), testimony, policy.rules(at))


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule is asked about. `rows` are in order of their paths; none where no evidence could be judged."""

    policy: Policy
    input: Input
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, policy: Policy, seen: Input) -> Case:
        """Let the ledger answer for each row under this policy."""
        if seen.landing is None or seen.testimony is None:
            return cls(policy, seen, ())
        return cls(policy, seen, rows_of(policy, seen.landing, seen.testimony, seen.evaluated))

    @property
    def used(self) -> frozenset[str]:
        """Name every statement that an answer rests on, and the status that all of them rest on."""
        status = {self.input.status.source} if self.input.status else set()
        return frozenset({edge.source for row in self.rows for edge in row.chain} | status)

    @property
    def unaccounted(self) -> tuple[Row, ...]:
        """List the rows that nobody answers for and that no person must: what `coverage.minimum` is about."""
        return tuple(
            row for row in self.rows if row.answer is Answer.UNACCOUNTED and not self.must_be_covered(row.path)
        )

    @property
    def covered_percent(self) -> int:
        """Give the share of rows that are covered, in percent, rounded down; 100 where nothing changes."""
        covered = sum(row.answer is Answer.COVERED for row in self.rows)
        return PERCENT * covered // len(self.rows) if self.rows else PERCENT

    @property
    def let_pass(self) -> tuple[Row, ...]:
        """List the rows that the policy lets pass although nobody answers for them."""
        return self.unaccounted if self.covered_percent >= self.policy.minimum_coverage else ()

    def must_be_covered(self, path: str) -> bool:
        """Tell whether no share is enough for a path.

        People answer for it, git can't even spell it safely, or an override asks for more evidence than elsewhere:
        where weak evidence is refused, none at all is no better.
        """
        return self.is_refused(path) or self.is_protected(path) or self.policy.asks_more_of(path)

    def is_refused(self, path: str) -> bool:
        """Tell whether nothing can answer for a path."""
        return self.input.landing is not None and path in self.input.landing.refused

    def is_protected(self, path: str) -> bool:
        """Tell whether only people may answer for a path."""
        return self.policy.is_protected(path)

    def changed(self) -> Sequence[str]:
        """List every path that would be different."""
        return [row.path for row in self.rows]
