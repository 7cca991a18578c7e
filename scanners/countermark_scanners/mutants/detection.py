"""How much of what could be weakened anybody would notice: the detection confidence beside the score.

Layer: scanners. Imports `edit`; does no I/O. Whole numbers only: a share is so many of a thousand, rounded down.
Trust: paths and code in the rows are hostile text; whoever prints one escapes it.

The share is of everything that was tried. What nobody got to judge was not noticed, so that slow tests hide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from countermark_ledger.canonical import Json

WHOLE: Final = 1000
CAP: Final = 60  # what an unread file costs: a change in which no flaw would be seen was not seen either
STAGE: Final = "injected flaws"


class Outcome(StrEnum):
    """What became of one flaw."""

    BY_SCANNERS = "noticed-by-scanners"
    BY_TESTS = "noticed-by-tests"
    UNNOTICED = "unnoticed"
    NOT_JUDGED = "not-judged"

    @property
    def noticed(self) -> bool:
        """Say whether somebody would have seen it."""
        return self in {Outcome.BY_SCANNERS, Outcome.BY_TESTS}


class TestsUse(StrEnum):
    """What the project's own tests had to say, and why it did not count where it did not."""

    __test__ = False  # this is no test

    NOT_GIVEN = "not given: judged by the scanners alone"
    RAN = "ran"
    OUT_OF_TIME = "ran out of time"
    COULD_NOT_RUN = "could not run: judged by the scanners alone"
    FAIL_ANYWAY = "fail without any flaw: judged by the scanners alone"


@dataclass(frozen=True, slots=True)
class Row:
    """One flaw that was put in. `line` is in the head; `by` names who noticed it, or why nobody judged it."""

    id: str
    kind: str
    cwe: int
    path: str
    line: int
    diff: str
    loss: str
    outcome: Outcome
    by: str

    @property
    def sentence(self) -> str:
        """Say it to the developer."""
        whether = "somebody" if self.outcome.noticed else "nobody"
        return f"{whether} would have noticed if {self.loss} on line {self.line} of {self.path}"

    def to_json(self) -> dict[str, Json]:
        """Spell the row."""
        place: dict[str, Json] = {
            "id": self.id,
            "kind": self.kind,
            "cwe": self.cwe,
            "path": self.path,
            "line": self.line,
        }
        return {**place, "diff": self.diff, "sentence": self.sentence, "outcome": self.outcome.value, "by": self.by}


@dataclass(frozen=True, slots=True)
class Detection:
    """Flaws were put in, and somebody could judge. `found` counts all that could have been, `dropped` what broke.

    `unread` lists (path, why) of changed Python in which no flaw could be tried.
    """

    rows: tuple[Row, ...]
    found: int
    dropped: int
    unread: tuple[tuple[str, str], ...]
    tests: TestsUse

    @property
    def noticed(self) -> int:
        """Count the flaws that somebody noticed."""
        return sum(row.outcome.noticed for row in self.rows)

    @property
    def judged(self) -> int:
        """Count the flaws of which everybody who was to judge them said something."""
        return sum(row.outcome is not Outcome.NOT_JUDGED for row in self.rows)

    @property
    def total(self) -> int:
        """Count the flaws that were put in."""
        return len(self.rows)

    @property
    def said(self) -> str:
        """Say it in a line."""
        return f"injected flaws: {self.noticed} of {self.total} were noticed; tests: {self.tests.value}"

    @property
    def per_mille(self) -> int:
        """Give the share of the total that was noticed, in thousandths, rounded down."""
        return self.noticed * WHOLE // self.total

    @property
    def unnoticed(self) -> tuple[Row, ...]:
        """List what nobody noticed."""
        return tuple(row for row in self.rows if not row.outcome.noticed)

    def to_json(self) -> dict[str, Json]:
        """Spell it with strings and whole numbers only."""
        return {
            "outcome": "measured",
            "noticed": self.noticed,
            "judged": self.judged,
            "total": self.total,
            "perMille": self.per_mille,
            "found": self.found,
            "dropped": self.dropped,
            "tests": self.tests.value,
            "unread": [{"path": path, "reason": why} for path, why in self.unread],
            "rows": [row.to_json() for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class NothingToInject:
    """No changed line of Python can be weakened in a way that we know. This says nothing for or against the change."""

    @property
    def said(self) -> str:
        """Say it in a line."""
        return "injected flaws: none, for nothing that changed can be weakened in a known way"

    def to_json(self) -> dict[str, Json]:
        """Spell it."""
        return {"outcome": "nothing-to-inject"}


@dataclass(frozen=True, slots=True)
class NotRun:
    """Nobody judged anything. This is never a share of any size."""

    reason: str

    @property
    def said(self) -> str:
        """Say it in a line."""
        return f"injected flaws: not run: {self.reason}"

    def to_json(self) -> dict[str, Json]:
        """Spell it."""
        return {"outcome": "not-run", "reason": self.reason}


Confidence: TypeAlias = Detection | NothingToInject | NotRun


def detection_cap(found: Confidence, minimum: int) -> tuple[tuple[str, int], ...]:
    """Give the caps of a score, as (reason, at most), for a policy that demands `minimum` thousandths; 0 demands none.

    A changed file in which nothing could be tried caps as well: a flaw in it would have been missed by all of this.
    """
    if not minimum or not isinstance(found, Detection):
        return ()
    below = (f"of the injected flaws fewer than {minimum} in {WHOLE} were noticed", CAP)
    blind = ("a changed file in which no flaw could be tried", CAP)
    return (*((below,) if found.per_mille < minimum else ()), *((blind,) if found.unread else ()))


def missing_stage(found: Confidence, minimum: int) -> tuple[str, ...]:
    """Name the stage among those that a score lacks, when a policy demands it and it did not run."""
    return (STAGE,) if minimum and isinstance(found, NotRun) else ()
