"""The dynamic stage: run the declared command on two machines, and judge what it tried.

Layer: scanners, dynamic, the top. Imports every other module of the package.
Trust: the plan is the protected policy's; the tree is hostile. A stage that is not declared did *not run*, which is a
type of its own and never clean; one that is declared and can't be held or watched raises, and the gate answers 20.

Findings are keyed by the path of the line that did it, where that is known, or by `dynamic:<rule>`. They count whether
or not the change touches that path: which line is named was said by the code that is judged.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from countermark_scanners import catalogue

from . import aftermath, decoys, surroundings, verdict
from .behaviour import Behaviour
from .decoys import Needles
from .errors import CannotLayOut, NoIsolation, RecordMalformed
from .observe import observe
from .places import Places
from .sandbox import Job
from .verdict import Causes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from countermark_ledger.canonical import Json
    from countermark_scanners.catalogue import Rule
    from countermark_scanners.finding import Hit

    from .decoys import Decoy
    from .plan import Plan
    from .sandbox import Record, Sandbox, Surroundings, Tree

NAME = "dynamic"
_QUOTED = 400


@dataclass(frozen=True, slots=True)
class NotRun:
    """Nothing was declared, so nothing is claimed."""

    reason: str = "not run: the policy declares no command"

    @property
    def said(self) -> str:
        """Say it in a line."""
        return f"dynamic stage: {self.reason}"

    def to_json(self) -> dict[str, Json]:
        """Spell it for every output."""
        return {"outcome": "not-run", "reason": self.reason}


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run as it is reported: `code` is the command's own, and is no finding; `clock` says what of it was moved."""

    machine: str
    code: int
    milliseconds: int
    clock: str

    def to_json(self) -> dict[str, Json]:
        """Spell the run."""
        return {"machine": self.machine, "code": self.code, "milliseconds": self.milliseconds, "clock": self.clock}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the stage found. `unscanned` is why that is not all, or None; `standing` is done by the base too."""

    hits: Mapping[str, tuple[Hit, ...]]
    unscanned: str | None
    runs: tuple[RunSummary, ...]
    isolation: str
    standing: Mapping[str, tuple[Hit, ...]] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """Say in a line what was run, and how it ended."""
        runs = ", ".join(f"{run.machine}: exit code {run.code} after {run.milliseconds} ms" for run in self.runs)
        incomplete = f"; incomplete: {self.unscanned}" if self.unscanned else ""
        return f"dynamic stage: ran ({self.isolation}; {runs}){incomplete}"

    def log(self) -> str:
        """Say in a few lines what was run, how it ended, and what is not known."""
        lines = [f"dynamic: held and watched by {self.isolation}"]
        for run in self.runs:
            clock = f"; clock moved by {run.clock}" if run.clock else ""
            lines.append(f"dynamic: {run.machine}: exit code {run.code} after {run.milliseconds} ms{clock}")
        if self.unscanned:
            lines.append(f"dynamic: incomplete: {self.unscanned}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Json]:
        """Spell the outcome without its findings, which are listed with the others."""
        runs: list[Json] = [run.to_json() for run in self.runs]
        return {"outcome": "ran", "isolation": self.isolation, "incomplete": self.unscanned, "runs": runs}


Stage: TypeAlias = Outcome | NotRun


@dataclass(frozen=True, slots=True)
class _Judged:
    """One run's record, and what it shows."""

    machine: Surroundings
    record: Record
    behaviours: frozenset[Behaviour]
    incomplete: str


def run(plan: Plan | None, tree: Tree, sandbox: Sandbox, *, base: Tree | None = None) -> Stage:
    """Run the plan's command on both machines. With `base`, what the base does as well is `standing`, not new.

    Raises `NoIsolation` when a plan is declared and the sandbox can't be had, `CannotLayOut` when the tree can't be a
    directory, and `RecordMalformed` when the evidence is not what it must be: each an error, none an answer.
    """
    if plan is None:
        return NotRun()
    isolation, began = sandbox.describe(), time.monotonic()
    head = _both(plan, tree, sandbox, plan.budget_seconds)
    found = {one for judged in head for one in judged.behaviours}
    left = plan.budget_seconds - int(time.monotonic() - began)
    known = _known(plan, base, sandbox, left) if base is not None and found and left > 0 else frozenset()
    reasons = sorted({f"{judged.machine.name} machine: {judged.incomplete}" for judged in head if judged.incomplete})
    new, standing = (_hits(head, tree, kept) for kept in (found - known, found & known))
    return Outcome(new, "; ".join(reasons) or None, tuple(map(_summary, head)), isolation, standing)


def _known(plan: Plan, base: Tree, sandbox: Sandbox, seconds: int) -> frozenset[Behaviour]:
    """Say what the base does; a base that can't be run excuses nothing, so then everything is new."""
    try:
        return frozenset(one for judged in _both(plan, base, sandbox, seconds) for one in judged.behaviours)
    except (NoIsolation, CannotLayOut, RecordMalformed):
        return frozenset()  # a base without the command's program, say: the head was run, and answers for itself


def _both(plan: Plan, tree: Tree, sandbox: Sandbox, seconds: int) -> list[_Judged]:
    """Run on both machines at the same time, each with secrets of its own."""
    rules = catalogue.load(NAME)
    data = rules["run-secret-read"].data
    bait = [decoys.bait(data["decoys"]) for _ in range(2)]
    machines = [surroundings.both(bait[at], data["quiet"])[at] for at in range(2)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [Job(tree, plan.image, plan.command, machine, max(1, seconds)) for machine in machines]
        records = list(pool.map(sandbox.run, jobs))
    return [_judged(job, record, planted, rules) for job, record, planted in zip(jobs, records, bait, strict=True)]


def _judged(job: Job, record: Record, planted: tuple[Decoy, ...], rules: Mapping[str, Rule]) -> _Judged:
    machine, needles = job.surroundings, Needles(planted)
    places = Places.of(rules, machine.home, machine.files)
    seen = observe(record.trace, job.command, places, needles, rules)
    if not seen.started:
        found = record.stderr[-_QUOTED:].decode("utf-8", "replace").strip()
        raise NoIsolation(
            f"dynamic: expected {job.command[0]!r} to start, found: {found}",
            hint="the policy's dynamic.image must hold the program that dynamic.command names",
        )
    every = seen.behaviours | frozenset(aftermath.judge(record, job, places, needles, rules))
    behaviours = frozenset(Behaviour(one.rule, needles.veil(one.subject)) for one in every)
    reasons = [record.incomplete, "more than is searched" if seen.flooded else ""]
    reasons += ["the trace has no end"] if not (seen.ended or record.timed_out) else []
    return _Judged(machine, record, behaviours, "; ".join(reason for reason in reasons if reason))


def _hits(head: list[_Judged], tree: Tree, kept: set[Behaviour]) -> dict[str, tuple[Hit, ...]]:
    runs = [(one.machine.name, one.behaviours & kept, Causes(one.record.causes, tree)) for one in head]
    return verdict.hits(runs, catalogue.load(NAME))


def _summary(judged: _Judged) -> RunSummary:
    record = judged.record
    return RunSummary(judged.machine.name, record.code, round(record.seconds * 1000), record.shifted)
