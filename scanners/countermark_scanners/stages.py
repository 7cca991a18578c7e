"""What a policy may demand beyond reading files: run the change's command, and see whether flaws would be noticed.

Layer: scanners, above `scan`. Imports `dynamic` and `mutants`.
Trust: the demands are the protected policy's. A demanded stage that did not run to its end is a missing one, and the
score is 0; one that was not demanded is said to have not run, in every output, and nothing is claimed of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from .dynamic.rerun import tests
from .dynamic.stage import Outcome, run
from .dynamic.verdict import PLACE
from .errors import ScannerError
from .mutants.detection import NotRun, detection_cap, missing_stage
from .mutants.judging import Trial, detect
from .novelty import compare, sightings
from .result import DYNAMIC
from .score import score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .demands import Demands, Whole
    from .dynamic.plan import Plan
    from .dynamic.sandbox import Sandbox, Tree
    from .dynamic.stage import Stage
    from .finding import Hit
    from .mutants.detection import Confidence
    from .novelty import Sighting
    from .result import ScanResult
    from .scan import Means


class Tools(NamedTuple):
    """With what the stages work: the scanners, the way to a sandbox, and where to say what goes on."""

    means: Means
    sandbox: Callable[[], Sandbox]
    progress: Callable[[str], None]


def go_on(result: ScanResult, whole: Whole, demands: Demands, tools: Tools) -> ScanResult:
    """Run what is demanded after the scan, and score all of it together."""
    if demands.plan is not None:
        tools.progress("running the declared command in isolation")
        result = _ran(result, demands.plan, whole, tools)
    if demands.detection:
        tools.progress("injecting flaws")
        result = _detected(result, whole, demands, tools)
    return result


def _ran(result: ScanResult, plan: Plan, whole: Whole, tools: Tools) -> ScanResult:
    try:
        tree = whole.tree()
        outcome = run(plan, tree, tools.sandbox(), base=whole.base_tree())
    except ScannerError as error:
        return _missing(result, DYNAMIC, f"{DYNAMIC}: {error.message}")
    new, old = compare(_sighted(tree, outcome), _sighted(tree, outcome, standing=True))
    both = (*result.new_findings, *new), (*result.old_findings, *old)
    result = _scored(replace(result, dynamic=outcome, new_findings=both[0], old_findings=both[1]))
    if isinstance(outcome, Outcome) and outcome.unscanned:
        return _missing(result, DYNAMIC, f"{DYNAMIC}: {outcome.unscanned}")
    return result


def _sighted(tree: Tree, stage: Stage, *, standing: bool = False) -> list[Sighting]:
    if not isinstance(stage, Outcome):
        return []
    sides: tuple[Mapping[str, tuple[Hit, ...]], ...] = (stage.standing,) if standing else (stage.standing, stage.hits)
    found: list[Sighting] = []
    for path, hits in ((path, side[path]) for side in sides for path in sorted(side)):  # no new one merges with an old
        content = tree[path][1] if path in tree and not path.startswith(PLACE) else b""
        found += sightings(path, content.decode("utf-8", "replace"), {DYNAMIC: hits})
    return found


def _detected(result: ScanResult, whole: Whole, demands: Demands, tools: Tools) -> ScanResult:
    try:
        found = _detection(whole, demands, tools)
    except ScannerError as error:
        found = NotRun(error.message)
    result = replace(result, detection=found, caps=detection_cap(found, demands.detection))
    if stage := missing_stage(found, demands.detection):
        reason = found.reason if isinstance(found, NotRun) else ""
        return _missing(result, stage[0], f"{stage[0]}: {reason}")
    return _scored(result)


def _detection(whole: Whole, demands: Demands, tools: Tools) -> Confidence:
    """Ask the scanners, and the project's own tests where the policy declares how to run them."""
    asked = None if demands.plan is None else tests(demands.plan, whole.tree(), tools.sandbox())
    trial = Trial(tests=asked, seconds=demands.detection_seconds)
    return detect(
        whole.files, whole.base, means=tools.means, trial=trial, progress=tools.progress, special=whole.special
    )


def _missing(result: ScanResult, stage: str, why: str) -> ScanResult:
    error = why if result.error is None else f"{result.error}; {why}"
    return _scored(replace(result, error=error), (*result.score.missing, stage))


def _scored(result: ScanResult, missing: tuple[str, ...] | None = None) -> ScanResult:
    absent = result.score.missing if missing is None else missing
    figure = score(result.new_findings, gaps=result.gaps, missing=absent, caps=result.caps)
    return replace(result, score=figure)
