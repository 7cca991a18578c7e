"""The detection confidence in the score's terms: more noticed never lowers, and not run is never a share."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from countermark_scanners.mutants.detection import (
    CAP,
    STAGE,
    Confidence,
    Detection,
    NothingToInject,
    NotRun,
    Outcome,
    Row,
    TestsUse,
    detection_cap,
    missing_stage,
)

ROW = Row("00", "weak-hash", 327, "a.py", 3, "a -> b", "the hash were MD5", Outcome.UNNOTICED, "")
MINIMA = st.integers(0, 1000)
OUTCOMES = st.lists(st.sampled_from(Outcome), min_size=1, max_size=30)


def detection(outcomes: list[Outcome], *unread: tuple[str, str]) -> Detection:
    rows = tuple(replace(ROW, outcome=outcome) for outcome in outcomes)
    return Detection(rows, len(rows), 0, unread, TestsUse.RAN)


def at_most(found: Confidence, minimum: int) -> int:
    """Say what a clean change could score: nothing when a stage is missing, otherwise its lowest cap."""
    return 0 if missing_stage(found, minimum) else min([100, *(cap for _, cap in detection_cap(found, minimum))])


def test_the_share_is_rounded_down_and_of_everything_that_was_tried() -> None:
    found = detection([Outcome.BY_TESTS, Outcome.BY_SCANNERS, Outcome.NOT_JUDGED])
    assert (found.noticed, found.judged, found.total, found.per_mille) == (2, 2, 3, 666)


def test_a_share_below_the_minimum_caps_and_one_that_reaches_it_does_not() -> None:
    half = detection([Outcome.BY_TESTS, Outcome.UNNOTICED])
    assert detection_cap(half, 501) == (("of the injected flaws fewer than 501 in 1000 were noticed", CAP),)
    assert detection_cap(half, 500) == ()


def test_a_file_in_which_nothing_could_be_tried_caps_whatever_was_noticed_elsewhere() -> None:
    found = detection([Outcome.BY_TESTS], ("big.py", "larger than 524288 bytes"))
    assert detection_cap(found, 1) == (("a changed file in which no flaw could be tried", CAP),)


def test_nothing_to_inject_caps_nothing_and_is_not_missing() -> None:
    assert at_most(NothingToInject(), 1000) == 100


def test_a_stage_that_did_not_run_is_missing_where_it_is_demanded() -> None:
    assert missing_stage(NotRun("x"), 1) == (STAGE,)
    assert missing_stage(NotRun("x"), 0) == ()


@given(OUTCOMES, MINIMA, st.integers(0), st.sampled_from([Outcome.BY_SCANNERS, Outcome.BY_TESTS]))
def test_noticing_more_never_lowers(outcomes: list[Outcome], minimum: int, at: int, better: Outcome) -> None:
    more = list(outcomes)
    more[at % len(more)] = better
    assert at_most(detection(more), minimum) >= at_most(detection(outcomes), minimum)


@given(OUTCOMES, MINIMA)
def test_another_flaw_that_nobody_noticed_or_judged_never_raises(outcomes: list[Outcome], minimum: int) -> None:
    for worse in (Outcome.UNNOTICED, Outcome.NOT_JUDGED):
        more = detection([*outcomes, worse])
        assert at_most(more, minimum) <= at_most(detection(outcomes), minimum)
        assert more.per_mille < 1000


@given(OUTCOMES, MINIMA, MINIMA)
def test_a_higher_minimum_never_raises(outcomes: list[Outcome], one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert at_most(detection(outcomes), high) <= at_most(detection(outcomes), low)


@given(st.integers(1, 30), st.integers(1, 1000))
def test_none_judged_reaches_no_minimum(total: int, minimum: int) -> None:
    found = detection([Outcome.NOT_JUDGED] * total)
    assert (found.judged, found.per_mille) == (0, 0)
    assert at_most(found, minimum) == CAP
    assert at_most(NotRun("nobody judged"), minimum) == 0


@given(OUTCOMES, st.text())
def test_nothing_is_demanded_by_a_policy_that_demands_nothing(outcomes: list[Outcome], reason: str) -> None:
    assert at_most(detection(outcomes, ("a", "b")), 0) == at_most(NotRun(reason), 0) == 100


def test_a_document_holds_no_fractions_and_names_what_nobody_noticed() -> None:
    assert detection([Outcome.BY_SCANNERS, Outcome.UNNOTICED, Outcome.UNNOTICED]).to_json() == {
        "outcome": "measured",
        "noticed": 1,
        "judged": 3,
        "total": 3,
        "perMille": 333,
        "found": 3,
        "dropped": 0,
        "tests": "ran",
        "unread": [],
        "rows": [
            replace(ROW, outcome=outcome).to_json()
            for outcome in (Outcome.BY_SCANNERS, Outcome.UNNOTICED, Outcome.UNNOTICED)
        ],
    }
    assert ROW.to_json()["sentence"] == "nobody would have noticed if the hash were MD5 on line 3 of a.py"
    assert NothingToInject().to_json() == {"outcome": "nothing-to-inject"}
    assert NotRun("why").to_json() == {"outcome": "not-run", "reason": "why"}
