"""Rates: what share of the flaws was reported, what share of the rest was, and how far apart the two are.

All figures are percentages. A macro figure is the mean over categories, so that a large category weighs as much as
a small one. A rate over nothing is None, never 0 or 100.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from datasets import Case


@dataclass(frozen=True, slots=True)
class Rates:
    """True and false positive rate of one category."""

    tpr: float | None
    fpr: float | None

    @property
    def youden(self) -> float | None:
        """How much more often flawed files are reported than sound ones: 100 is perfect, 0 is a coin."""
        return None if self.tpr is None or self.fpr is None else self.tpr - self.fpr


@dataclass(frozen=True, slots=True)
class Figures:
    """Rates by category, and their means."""

    by_category: dict[str, Rates]

    @property
    def tpr(self) -> float | None:
        """Mean share of flaws reported."""
        return _mean(rates.tpr for rates in self.by_category.values())

    @property
    def fpr(self) -> float | None:
        """Mean share of sound files reported."""
        return _mean(rates.fpr for rates in self.by_category.values())

    @property
    def youden(self) -> float | None:
        """Mean over the categories that have both flawed and sound files."""
        return _mean(rates.youden for rates in self.by_category.values())


def rates(cases: Iterable[Case], reported: Mapping[str, frozenset[int]]) -> Figures:
    """Judge every case: it is reported when a number found in its file is one of those that meet its label."""
    answers: dict[str, dict[bool, list[bool]]] = {}
    for case in cases:
        found = not case.cwes.isdisjoint(reported.get(case.path, ()))
        answers.setdefault(case.category, {True: [], False: []})[case.vulnerable].append(found)
    return Figures({name: Rates(_share(sides[True]), _share(sides[False])) for name, sides in sorted(answers.items())})


def _share(answers: list[bool]) -> float | None:
    return 100 * sum(answers) / len(answers) if answers else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
