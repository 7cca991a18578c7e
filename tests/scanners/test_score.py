"""The score, version 1: its reference points, and every property it must have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_scanners.finding import Confidence, Finding, Severity
from countermark_scanners.score import PENALTY, Gap, Score, Verdict, score

Make = Callable[..., Finding]
SEVERITIES = st.sampled_from(Severity)
CONFIDENCES = st.sampled_from(Confidence)
FINDINGS = st.builds(
    Finding,
    fingerprint=st.sampled_from("abcdefghijklmnopqrstuvwxyz"),
    rule=st.just("rule"),
    cwe=st.none(),
    severity=SEVERITIES,
    confidence=CONFIDENCES,
    path=st.sampled_from(["a.py", "b.py"]),
    line=st.just(1),
    message=st.just("m"),
    remediation=st.just("r"),
    scanner=st.just("s"),
)
LISTS = st.lists(FINDINGS, max_size=30)
GAPS = st.lists(st.builds(Gap, st.sampled_from("xyz"), st.just("00"), st.just("broken")), max_size=3)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        pytest.param([], 100, id="clean"),
        pytest.param(["medium/high"], 92, id="one-medium"),
        pytest.param(["medium/high"] * 2, 84, id="two-mediums"),
        pytest.param(["high/medium"], 65, id="one-high"),
        pytest.param(["high/high"], 55, id="one-high-of-high-confidence"),
        pytest.param(["high/confirmed"], 40, id="one-confirmed-high"),
        pytest.param(["high/low"], 90, id="one-unsure-high"),
        pytest.param(["low/high"] * 10, 90, id="ten-lows"),
        pytest.param(["low/confirmed"] * 300, 90, id="three-hundred-lows"),
        pytest.param(["critical/low"], 0, id="any-critical"),
        pytest.param(["info/confirmed"] * 50, 100, id="suppression-markers"),
    ],
)
def test_the_reference_points_hold(levels: list[str], expected: int, finding: Make) -> None:
    found = [finding(str(n), *level.split("/")) for n, level in enumerate(levels)]
    assert score(found).value == score(found).raw == expected


def test_the_penalty_table_is_the_published_one() -> None:
    assert {severity.word: row for severity, row in PENALTY.items()} == {
        "critical": (100, 100, 100, 100),
        "high": (10, 35, 45, 60),
        "medium": (2, 5, 8, 12),
        "low": (0, 1, 1, 2),
        "info": (0, 0, 0, 0),
    }


def test_an_unscanned_file_caps_the_score_at_sixty() -> None:
    result = score([], gaps=[Gap("a.py", "00", "does not parse")])
    assert (result.value, result.caps) == (60, (("a changed file that was not scanned", 60),))


def test_a_missing_stage_is_inconclusive_and_never_a_hundred() -> None:
    result = score([], missing=["semgrep"])
    assert (result.value, result.raw, result.verdict()) == (0, 0, Verdict.INCONCLUSIVE)


def test_the_threshold_is_eighty_five(finding: Make) -> None:
    assert score([finding("a")]).verdict() is Verdict.PASSED
    assert score([finding("a"), finding("b")]).verdict() is Verdict.FAILED


def test_a_waiver_changes_the_value_and_never_the_raw_score(finding: Make) -> None:
    gap = Gap("a.py", "00", "does not parse")
    waived = score([finding("a", "high")], gaps=[gap], waived={"a", gap.fingerprint})
    assert (waived.value, waived.raw) == (100, 55)


def test_a_waiver_of_an_unscanned_file_holds_for_those_bytes_at_that_path_only() -> None:
    gaps = [Gap("a.py", "00", "r"), Gap("a.py", "01", "r"), Gap("b.py", "00", "r")]
    assert len({gap.fingerprint for gap in gaps}) == 3


@given(LISTS, FINDINGS, GAPS)
def test_adding_a_finding_never_raises_the_score(found: list[Finding], more: Finding, gaps: list[Gap]) -> None:
    assert score([*found, more], gaps=gaps).value <= score(found, gaps=gaps).value


@given(LISTS, FINDINGS, SEVERITIES)
def test_raising_a_severity_never_raises_the_score(found: list[Finding], one: Finding, worse: Severity) -> None:
    raised = replace(one, severity=max(one.severity, worse))
    assert score([*found, raised]).value <= score([*found, one]).value


@given(LISTS, FINDINGS, CONFIDENCES)
def test_raising_a_confidence_never_raises_the_score(found: list[Finding], one: Finding, more: Confidence) -> None:
    raised = replace(one, confidence=max(one.confidence, more))
    assert score([*found, raised]).value <= score([*found, one]).value


@given(LISTS, st.randoms(use_true_random=False))
def test_order_and_duplicates_change_nothing(found: list[Finding], random: object) -> None:
    shuffled = found + found[: len(found) // 2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types it as object
    assert _figures(score(shuffled)) == _figures(score(found))


@given(LISTS, st.sampled_from(Confidence))
def test_any_critical_blocks(found: list[Finding], sure: Confidence) -> None:
    critical = replace(_one("zz"), severity=Severity.CRITICAL, confidence=sure)
    assert score([*found, critical]).value == 0


@given(LISTS, st.sampled_from([c for c in Confidence if c >= Confidence.MEDIUM]))
def test_any_high_of_medium_confidence_blocks(found: list[Finding], sure: Confidence) -> None:
    high = replace(_one("zz"), severity=Severity.HIGH, confidence=sure)
    assert score([*found, high]).verdict() is Verdict.FAILED


@given(LISTS)
def test_an_unscanned_changed_file_blocks(found: list[Finding]) -> None:
    assert score(found, gaps=[Gap("a.py", "00", "r")]).verdict() is Verdict.FAILED


@given(LISTS, GAPS, st.sets(st.sampled_from(["bandit", "ruff"]), min_size=1))
def test_a_missing_stage_is_never_decided(found: list[Finding], gaps: list[Gap], missing: set[str]) -> None:
    assert score(found, gaps=gaps, missing=missing).verdict() is Verdict.INCONCLUSIVE


@given(st.lists(CONFIDENCES, max_size=200))
def test_lows_alone_never_block(sure: list[Confidence]) -> None:
    lows = [replace(_one(str(n)), severity=Severity.LOW, confidence=c) for n, c in enumerate(sure)]
    assert score(lows).verdict() is Verdict.PASSED


@given(LISTS, GAPS)
def test_anyone_can_recompute_the_score_from_its_list(found: list[Finding], gaps: list[Gap]) -> None:
    told = score(found, gaps=gaps)
    least = min([100, *(cap for _, cap in told.caps)])
    assert told.value == max(0, min(least, 100 - sum(points for _, points in told.lost)))


@given(LISTS)
def test_suppression_markers_cost_nothing(found: list[Finding]) -> None:
    marker = replace(_one("marker"), severity=Severity.INFO, confidence=Confidence.CONFIRMED)
    assert _figures(score([*found, marker])) == _figures(score(found))


@given(LISTS, GAPS, st.sets(st.sampled_from("abcdefgh")))
def test_waivers_never_change_the_raw_score_and_never_lower_the_value(
    found: list[Finding], gaps: list[Gap], waived: set[str]
) -> None:
    plain, with_waivers = score(found, gaps=gaps), score(found, gaps=gaps, waived=waived)
    assert with_waivers.raw == plain.raw == plain.value <= with_waivers.value


def _figures(result: Score) -> tuple[int, object, object]:
    return result.value, result.caps, result.lost


def _one(name: str) -> Finding:
    return Finding(name, "r", None, Severity.LOW, Confidence.LOW, "a.py", 1, "m", "r", "s")
