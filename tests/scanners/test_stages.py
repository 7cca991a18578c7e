"""A demanded stage joins the score or is missing from it; one that was not demanded is said to have not run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from countermark_scanners import catalogue, stages
from countermark_scanners.demands import Demands, Whole
from countermark_scanners.dynamic.errors import NoIsolation
from countermark_scanners.dynamic.plan import Plan
from countermark_scanners.dynamic.stage import Outcome, RunSummary
from countermark_scanners.mutants.detection import CAP, Detection, NothingToInject, NotRun, Row, TestsUse
from countermark_scanners.mutants.detection import Outcome as Fate
from countermark_scanners.result import DYNAMIC, ScanResult
from countermark_scanners.scan import Means
from countermark_scanners.score import Verdict, score
from countermark_scanners.stages import Tools, go_on

PLAN = Plan("host", ("python3", "-m", "unittest"), 10)
CLEAN = ScanResult((), (), (), (), (), score(()), None)
WHOLE = Whole({}, {}, {}, dict, dict)
RUNS = (RunSummary("pipeline", 1, 20, ""),)
HIT = next(iter(catalogue.load(DYNAMIC).values())).hit(1, what="a", when="")


def no_sandbox() -> Any:
    raise NoIsolation("bwrap: found none")


def tools() -> Tools:
    return Tools(Means(()), no_sandbox, lambda _: None)


def outcome(**fields: Any) -> Outcome:
    plain: dict[str, Any] = {"hits": {}, "unscanned": None, "runs": RUNS, "isolation": "walls", "standing": {}}
    return Outcome(**{**plain, **fields})


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Callable[[Outcome], ScanResult]:
    def go(found: Outcome) -> ScanResult:
        monkeypatch.setattr(stages, "run", lambda *_, **__: found)
        return go_on(CLEAN, WHOLE, Demands(PLAN), Tools(Means(()), lambda: None, lambda _: None))  # type: ignore[arg-type, return-value]  # never asked

    return go


@pytest.fixture
def detected(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], ScanResult]:
    def go(found: object) -> ScanResult:
        monkeypatch.setattr(stages, "detect", lambda *_, **__: found)
        return go_on(CLEAN, WHOLE, Demands(detection=500), tools())

    return go


def detection(*fates: Fate) -> Detection:
    rows = tuple(
        Row(str(n), "kind", 78, "a.py", n, "-a +b", "a guard were gone", fate, "") for n, fate in enumerate(fates)
    )
    return Detection(rows, len(rows), 0, (), TestsUse.NOT_GIVEN)


def test_what_was_not_demanded_did_not_run_and_is_said_so() -> None:
    found = go_on(CLEAN, WHOLE, Demands(), tools())
    assert found == CLEAN
    assert found.stages == (
        "dynamic stage: not run: the policy declares no command",
        "injected flaws: not run: the policy demands no share",
    )
    assert found.to_json()["dynamic"] == found.to_json()["detection"] == {"outcome": "not-run"}
    assert found.ran_stages == ()


def test_a_declared_command_without_isolation_is_no_answer() -> None:
    found = go_on(CLEAN, WHOLE, Demands(PLAN), tools())
    assert found.score.verdict() is Verdict.INCONCLUSIVE
    assert (found.score.value, found.error) == (0, "dynamic: bwrap: found none")
    assert found.ran_stages == ()


def test_what_a_run_tried_costs_points_where_it_was_done(ran: Callable[[Outcome], ScanResult]) -> None:
    found = ran(outcome(hits={"dynamic:connects": (HIT,)}))
    (finding,) = found.new_findings
    assert (finding.scanner, finding.path, finding.line) == (DYNAMIC, "dynamic:connects", 1)
    assert found.score.value < 85
    assert found.ran_stages == (DYNAMIC,)


def test_what_the_base_does_as_well_is_old(ran: Callable[[Outcome], ScanResult]) -> None:
    found = ran(outcome(standing={"dynamic:connects": (HIT,)}))
    assert (found.new_findings, [one.scanner for one in found.old_findings]) == ((), [DYNAMIC])
    assert found.score.value == 100


def test_what_is_new_does_not_hide_behind_what_the_base_does_at_the_same_line(
    ran: Callable[[Outcome], ScanResult],
) -> None:
    place = "dynamic:connects"
    found = ran(outcome(hits={place: (HIT,)}, standing={place: (HIT,)}))
    assert (len(found.new_findings), len(found.old_findings)) == (1, 1)
    assert found.new_findings[0].fingerprint != found.old_findings[0].fingerprint
    assert found.score.value < 85


def test_a_failing_command_is_said_and_is_no_finding(ran: Callable[[Outcome], ScanResult]) -> None:
    found = ran(outcome())
    assert found.score.value == 100
    assert found.stages[0] == "dynamic stage: ran (walls; pipeline: exit code 1 after 20 ms)"


def test_a_run_that_was_not_seen_to_its_end_is_no_answer(ran: Callable[[Outcome], ScanResult]) -> None:
    found = ran(outcome(unscanned="out of time", hits={"dynamic:connects": (HIT,)}))
    assert found.score.verdict() is Verdict.INCONCLUSIVE
    assert found.new_findings
    assert found.ran_stages == ()


@pytest.mark.parametrize(
    ("fates", "value"),
    [
        ((Fate.BY_SCANNERS, Fate.UNNOTICED), 100),
        ((Fate.BY_TESTS, Fate.UNNOTICED, Fate.UNNOTICED), CAP),
        ((Fate.BY_TESTS, Fate.NOT_JUDGED, Fate.NOT_JUDGED), CAP),
    ],
)
def test_a_share_below_the_demand_caps_the_score(
    detected: Callable[[object], ScanResult], fates: tuple[Fate, ...], value: int
) -> None:
    found = detected(detection(*fates))
    assert found.score.value == value
    assert found.scored(waived=["everything"]).value == value


def test_a_change_that_cannot_be_weakened_is_not_capped(detected: Callable[[object], ScanResult]) -> None:
    found = detected(NothingToInject())
    assert (found.score.value, found.ran_stages) == (100, ("injected flaws",))


def test_flaws_that_nobody_judged_are_no_answer(detected: Callable[[object], ScanResult]) -> None:
    found = detected(NotRun("no time"))
    assert found.score.verdict() is Verdict.INCONCLUSIVE
    assert found.error == "injected flaws: no time"


def test_a_stage_after_a_failed_scanner_changes_nothing_about_it(detected: Callable[[object], ScanResult]) -> None:
    broken = replace(CLEAN, score=score((), missing=["ruff"]), error="ruff: gone")
    found = go_on(broken, WHOLE, Demands(PLAN), tools())
    assert found.score.missing == ("dynamic", "ruff")
    assert found.error == "ruff: gone; dynamic: bwrap: found none"
    assert detected(detection(Fate.BY_TESTS)).score.value == 100
