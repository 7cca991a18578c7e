"""Who notices an injected flaw: the scanners, all flaws in one scan, then the project's own tests, one flaw at a time.

Layer: scanners, above `scan`. Imports `scan`, `injecting` and `detection`; reads a clock that it is given.
Trust: the change is hostile, and so are its tests, which its author wrote. What they say counts only while they let the
head pass, before and after, and let edits pass that mean nothing: tests that always fail notice nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from countermark_scanners.renames import origins
from countermark_scanners.report import Scanned
from countermark_scanners.scan import Means, scan
from countermark_scanners.score import penalty

from .detection import Confidence, Detection, NothingToInject, NotRun, Outcome, Row, TestsUse
from .injecting import Bounds, inject

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from countermark_scanners.finding import Finding
    from countermark_scanners.result import ScanResult

    from .injecting import Injected, Mutant

    Change: TypeAlias = tuple[Mapping[str, bytes], Mapping[str, bytes]]

Tests: TypeAlias = "Callable[[Mapping[str, bytes]], bool | None]"


@dataclass(frozen=True, slots=True)
class Trial:
    """With what a change is tried: the bounds, and the project's tests.

    `tests` is given the files that differ from the head, and says whether it noticed (a test failed), None when it
    could not tell. No run is started once `seconds` are over, but for one of the head itself when flaws were noticed.
    """

    bounds: Bounds = field(default_factory=Bounds)
    tests: Tests | None = None
    seconds: int = 300
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Said:
    """What one judge said: who noticed each flaw that was noticed, and of which flaws it said anything, by number."""

    noticed: Mapping[int, str]
    judged: frozenset[int]


def detect(
    files: Mapping[str, bytes],
    base: Mapping[str, bytes],
    *,
    means: Means,
    trial: Trial,
    progress: Callable[[str], None],
    special: Collection[str] = (),
) -> Confidence:
    """Put flaws into what is new in `files`, and say who notices. Raises a `ScannerError` when they can't be made.

    `special` are the paths that are no regular files: what a link says is no code, whatever it looks like.
    """
    files = {path: content for path, content in files.items() if path not in special}
    injected = inject(files, base, trial.bounds, means.limits.tool)
    if not injected.mutants:
        return _without(injected)
    progress(f"{len(injected.mutants)} injected flaws of {injected.found}")
    scanned = by_scanners(injected.mutants, (files, base), means, progress)
    waiting = [number for number in range(len(injected.mutants)) if number not in scanned.noticed]
    tested, use = by_tests(injected, waiting, trial)
    rows = tuple(_row(number, one, scanned, tested, use) for number, one in enumerate(injected.mutants))
    if all(row.outcome is Outcome.NOT_JUDGED for row in rows):
        return NotRun("nobody judged any of the injected flaws")
    return Detection(rows, injected.found, injected.dropped, injected.unread, use)


def _without(injected: Injected) -> Confidence:
    if injected.unread:
        path, why = injected.unread[0]
        return NotRun(f"{len(injected.unread)} changed files could not be weakened, such as {path}: {why}")
    if injected.dropped:
        return NotRun(f"none of {injected.found} flaws left a program that parses")
    return NothingToInject()


def by_scanners(mutants: Sequence[Mutant], change: Change, means: Means, progress: Callable[[str], None]) -> Said:
    """Scan every mutant, and every file that they are mutants of, in one scan; a failed scanner has judged nothing.

    A flaw is noticed when findings of one kind cost its file more than they cost the head of it. Where the scanners put
    them says nothing: a check that is gone is often seen at what it protected.
    """
    files, base = change
    was = origins(files, base)
    heads = {one.path: f"head/{one.path}" for one in mutants}
    places = [f"{number}/{one.path}" for number, one in enumerate(mutants)]
    here = {place: one.content for place, one in zip(places, mutants, strict=True)}
    here |= {place: files[path] for path, place in heads.items()}
    pasts = {
        **dict(zip(places, (one.path for one in mutants), strict=True)),
        **{at: path for path, at in heads.items()},
    }
    before = {place: base[was[path]] for place, path in pasts.items() if path in was}
    ours = replace(means, others=())  # a report from elsewhere was not made of any mutant, whatever paths it names
    result = scan(here, before, means=ours, progress=progress)
    if result.error is not None:
        return Said({}, frozenset())
    read = {row.path for row in result.coverage if isinstance(row.report, Scanned)}
    judged = [n for n, one in enumerate(mutants) if {places[n], heads[one.path]} <= read]
    costs = _costs(result)
    worse = {n: costs.get(places[n], Counter()) - costs.get(heads[mutants[n].path], Counter()) for n in judged}
    return Said({n: min(more) for n, more in worse.items() if more}, frozenset(judged))


def _costs(result: ScanResult) -> dict[str, Counter[str]]:
    """Add up the points by file and flaw. A flaw that changes its line or its name is no new one."""
    costs: dict[str, Counter[str]] = {}
    for finding in (*result.new_findings, *result.old_findings):
        costs.setdefault(finding.path, Counter())[_flaw(finding)] += penalty(finding)
    return costs


def _flaw(finding: Finding) -> str:
    return finding.rule if finding.cwe is None else f"CWE-{finding.cwe}"


def by_tests(injected: Injected, waiting: Sequence[int], trial: Trial) -> tuple[Said, TestsUse]:
    """Run the tests on each mutant that is still unnoticed."""
    nothing = Said({}, frozenset())
    if trial.tests is None:
        return nothing, TestsUse.NOT_GIVEN
    run = _Run(trial.tests, trial.clock, trial.clock() + trial.seconds, injected.placebos)
    if not run.has_time():
        return nothing, TestsUse.OUT_OF_TIME
    if (failed := trial.tests({})) is not False:
        return nothing, TestsUse.COULD_NOT_RUN if failed is None else TestsUse.FAIL_ANYWAY
    answers = {number: answer for number in waiting if (answer := run.judge(injected.mutants[number])) is not None}
    noticed = {number: "tests" for number, failed in answers.items() if failed}
    if noticed and trial.tests({}) is not False:
        return nothing, TestsUse.FAIL_ANYWAY
    return Said(noticed, frozenset(answers)), TestsUse.OUT_OF_TIME if run.stopped else TestsUse.RAN


@dataclass(slots=True)
class _Run:
    """The tests at work, and what they said of each file's placebo."""

    tests: Tests
    clock: Callable[[], float]
    until: float
    placebos: Mapping[str, bytes]
    fooled: dict[str, bool | None] = field(default_factory=dict)
    stopped: bool = False

    def has_time(self) -> bool:
        """Say whether another run may start; one that may not is remembered."""
        self.stopped = self.stopped or self.clock() >= self.until
        return not self.stopped

    def judge(self, mutant: Mutant) -> bool | None:
        """Say whether the tests notice the mutant, None when they can't tell it from an edit that means nothing."""
        path = mutant.path
        if path not in self.fooled and self.has_time():
            self.fooled[path] = self.tests({path: self.placebos[path]})
        if self.fooled.get(path) is not False or not self.has_time():
            return None
        return self.tests({path: mutant.content})


def _row(number: int, mutant: Mutant, scanned: Said, tested: Said, use: TestsUse) -> Row:
    outcome, by = _outcome(number, scanned, tested, use)
    kind = mutant.kind
    place = (mutant.path, mutant.line, mutant.diff)
    return Row(mutant.id, kind.name, kind.cwe, *place, kind.loss, outcome, by)


def _outcome(number: int, scanned: Said, tested: Said, use: TestsUse) -> tuple[Outcome, str]:
    if number in scanned.noticed:
        return Outcome.BY_SCANNERS, scanned.noticed[number]
    if number in tested.noticed:
        return Outcome.BY_TESTS, tested.noticed[number]
    if number in tested.judged or (number in scanned.judged and use is not TestsUse.OUT_OF_TIME):
        return Outcome.UNNOTICED, ""
    return Outcome.NOT_JUDGED, "no time was left" if use is TestsUse.OUT_OF_TIME else "the scanners could not"
