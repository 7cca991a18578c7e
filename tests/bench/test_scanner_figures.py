"""Rates: what counts as reported, and that a rate over nothing is none."""

from __future__ import annotations

import pytest
from datasets import Case
from figures import rates


def case(path: str, *, category: str = "sqli", cwes: tuple[int, ...] = (89, 564), vulnerable: bool = True) -> Case:
    return Case(path, category, frozenset(cwes), vulnerable)


def reported(**numbers: int) -> dict[str, frozenset[int]]:
    return {path: frozenset({number}) for path, number in numbers.items()}


def test_a_case_is_reported_by_a_number_that_meets_its_label_and_by_no_other() -> None:
    found = rates([case("a"), case("b"), case("c"), case("d")], reported(a=89, b=564, c=79))
    assert found.by_category["sqli"].tpr == 50


def test_youden_is_the_share_of_flaws_less_the_share_of_false_alarms() -> None:
    cases = [case("a"), case("b"), *(case(name, vulnerable=False) for name in "cdef")]
    sqli = rates(cases, reported(a=89, b=89, c=89)).by_category["sqli"]
    assert (sqli.tpr, sqli.fpr, sqli.youden) == (100, 25, 75)


def test_means_are_over_categories_so_a_large_one_weighs_no_more() -> None:
    large = [case(f"large{number}") for number in range(99)]
    found = rates([*large, case("small", category="xss", cwes=(79,))], reported(small=79))
    assert found.tpr == 50


def test_a_rate_over_nothing_is_none_and_joins_no_mean() -> None:
    only_flaws = case("a", category="xss", cwes=(79,))
    found = rates([only_flaws, case("b"), case("c", vulnerable=False)], reported(b=89))
    assert found.by_category["xss"].fpr is None
    assert found.by_category["xss"].youden is None
    assert found.youden == 100
    assert rates([only_flaws], {}).youden is None


@pytest.mark.parametrize("found", [{}, reported(elsewhere=89)])
def test_silence_is_a_coin(found: dict[str, frozenset[int]]) -> None:
    assert rates([case("a"), case("b", vulnerable=False)], found).youden == 0
