"""What a policy may demand beyond reading files: run the change's command, and see whether flaws would be noticed.

Layer: scanners, above `scan`. Imports `dynamic` and `mutants`.
Trust: the demands are the protected policy's. A demanded stage that did not run to its end is a missing one, and the
score is 0; one that was not demanded is said to have not run, in every output, and nothing is claimed of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import dynamic
from .dynamic.verdict import PLACE
from .errors import ScannerError
from .mutants.detection import Detection, NotRun, detection_cap, missing_stage
from .mutants.judging import Trial, detect
from .novelty import compare, sightings
from .score import score

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .dynamic.stage import Stage
    from .finding import Hit
    from .mutants.detection import Confidence
    from .novelty import Sighting
    from .result import ScanResult
    from .scan import Means

DYNAMIC = "dynamic"


@dataclass(frozen=True, slots=True)
class Demands:
    """What a policy demands: a plan to run, and the least share of injected flaws (thousandths) that is noticed.

    0 demands no share, and no flaw is injected. `detection_seconds` is for the project's tests, which are asked about
    what no scanner notices.
    """

    plan: dynamic.Plan | None = None
    detection: int = 0
    detection_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Whole:
    """A change with all that surrounds it: the changed files on both sides, and how to read both whole trees."""

    files: Mapping[str, bytes]
    base: Mapping[str, bytes]
    special: Mapping[str, str]
    tree: Callable[[], dynamic.Tree]
    base_tree: Callable[[], dynamic.Tree]


def go_on(
    result: ScanResult,
    whole: Whole,
    demands: Demands,
    *,
    means: Means,
    sandbox: dynamic.Sandbox,
    progress: Callable[[str], None],
) -> ScanResult:
    """Run what is demanded after the scan, and score all of it together."""
    if demands.plan is not None:
        progress("running the declared command in isolation")
        result = _ran(result, demands.plan, whole, sandbox)
    if demands.detection:
        progress("injecting flaws")
        result = _detected(result, whole, demands, means, sandbox, progress)
    return result


def _ran(result: ScanResult, plan: dynamic.Plan, whole: Whole, sandbox: dynamic.Sandbox) -> ScanResult:
    try:
        tree = whole.tree()
        outcome = dynamic.run(plan, tree, sandbox, base=whole.base_tree())
    except ScannerError as error:
        return _missing(result, DYNAMIC, f"{DYNAMIC}: {error.message}")
    new, old = compare(_sighted(tree, outcome), _sighted(tree, outcome, standing=True))
    both = (*result.new_findings, *new), (*result.old_findings, *old)
    result = _scored(replace(result, dynamic=outcome, new_findings=both[0], old_findings=both[1]))
    if isinstance(outcome, dynamic.Outcome) and outcome.unscanned:
        return _missing(result, DYNAMIC, f"{DYNAMIC}: {outcome.unscanned}")
    return result


def _sighted(tree: dynamic.Tree, stage: Stage, *, standing: bool = False) -> list[Sighting]:
    if not isinstance(stage, dynamic.Outcome):
        return []
    sides: tuple[Mapping[str, tuple[Hit, ...]], ...] = (stage.standing,) if standing else (stage.hits, stage.standing)
    found: list[Sighting] = []
    for path in sorted({path for side in sides for path in side}):
        content = tree[path][1] if path in tree and not path.startswith(PLACE) else b""
        hits = tuple(hit for side in sides for hit in side.get(path, ()))
        found += sightings(path, content.decode("utf-8", "replace"), {DYNAMIC: hits})
    return found


def _detected(
    result: ScanResult,
    whole: Whole,
    demands: Demands,
    means: Means,
    sandbox: dynamic.Sandbox,
    progress: Callable[[str], None],
) -> ScanResult:
    tests = None if demands.plan is None else dynamic.tests(demands.plan, whole.tree(), sandbox)
    trial = Trial(tests=tests, seconds=demands.detection_seconds)
    try:
        found: Confidence = detect(
            whole.files, whole.base, means=means, trial=trial, progress=progress, special=whole.special
        )
    except ScannerError as error:
        found = NotRun(error.message)
    result = replace(result, detection=found, caps=detection_cap(found, demands.detection))
    if stage := missing_stage(found, demands.detection):
        reason = found.reason if isinstance(found, NotRun) else ""
        return _missing(result, stage[0], f"{stage[0]}: {reason}")
    return _scored(result)


def _missing(result: ScanResult, stage: str, why: str) -> ScanResult:
    error = why if result.error is None else f"{result.error}; {why}"
    return _scored(replace(result, error=error), (*result.score.missing, stage))


def _scored(result: ScanResult, missing: tuple[str, ...] | None = None) -> ScanResult:
    absent = result.score.missing if missing is None else missing
    figure = score(result.new_findings, gaps=result.gaps, missing=absent, caps=result.caps)
    return replace(result, score=figure)


def said(result: ScanResult) -> tuple[str, ...]:
    """Say of each stage beyond the scan what it did, in a line each; what was not demanded did not run."""
    return _said_dynamic(result.dynamic), _said_detection(result.detection)


def _said_dynamic(stage: Stage | None) -> str:
    if not isinstance(stage, dynamic.Outcome):
        return f"dynamic stage: {dynamic.NotRun().reason}"
    runs = ", ".join(f"{run.machine}: exit code {run.code} after {run.milliseconds} ms" for run in stage.runs)
    incomplete = f"; incomplete: {stage.unscanned}" if stage.unscanned else ""
    return f"dynamic stage: ran ({stage.isolation}; {runs}){incomplete}"


def _said_detection(found: Confidence | None) -> str:
    if found is None:
        return "injected flaws: not run: the policy demands no share"
    if isinstance(found, Detection):
        return f"injected flaws: {found.noticed} of {found.total} were noticed; tests: {found.tests.value}"
    return f"injected flaws: not run: {found.reason}" if isinstance(found, NotRun) else "injected flaws: none to inject"
