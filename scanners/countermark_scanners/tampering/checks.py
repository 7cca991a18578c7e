"""What a test is made of, in the words every language has: checks, skips, cases.

Layer: scanners, a part of `tampering`. Imports nothing of ours; does no I/O.
Trust: texts and names come from hostile files.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Strength(IntEnum):
    """How much a check rules out: an equality fails on every wrong value, a presence check on almost none."""

    NOTHING = 0
    PRESENCE = 1
    RANGE = 2
    VALUE = 3


class Guard(IntEnum):
    """What stands between a check and the failure of its test."""

    FREE = 0
    CONDITIONAL = 1
    SWALLOWED = 2


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a test insists on. `slack` grows as a tolerance or a bound gets wider; lines start at 1.

    `text` is the check in one spelling, `shape` the same with every literal blanked, `loose` with every bare name
    blanked too (what is left of it in a function of its own), `subject` what is looked at.
    """

    text: str
    shape: str
    subject: str
    strength: Strength
    line: int
    slack: float = 0.0
    guard: Guard = Guard.FREE
    loose: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """A mark that keeps a test from failing. `always` is False when a condition stands before it."""

    text: str
    line: int
    always: bool


@dataclass(frozen=True, slots=True)
class Unit:
    """A test, or a function that tests check with.

    `cases` counts written-out parameters: 1 without any, 0 when code makes them.
    """

    name: str
    line: int
    is_test: bool
    checks: tuple[Check, ...]
    calls: frozenset[str]
    skips: tuple[Skip, ...] = ()
    cases: int = 1

    @property
    def skipped(self) -> bool:
        """Say whether nothing in it can fail."""
        return any(skip.always for skip in self.skips)

    @property
    def identity(self) -> tuple[str, tuple[str, ...]]:
        """Name what a moved test keeps: its own name and every check it makes."""
        return self.name.rpartition(".")[2], tuple(sorted(check.text for check in self.checks))


Units = dict[str, Unit]
