"""The rules of the scanners that compare: each has cases that trip it, and cases that must not."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from countermark_scanners import catalogue, language
from countermark_scanners.finding import Hit
from countermark_scanners.question import DELETED, Question

SAMPLES = Path(__file__).parent / "samples"
SCANNERS = ("dependencies", "elsewhere", "licences", "tampering")
RULES = [(scanner, rule) for scanner in SCANNERS for rule in catalogue.load(scanner)]


def question(case: dict) -> Question:
    """Spell a case as a question; `before` left out is a new file, an empty `after` a deleted one."""
    after, path = case["after"].encode(), case["path"]
    before = case["before"].encode() if "before" in case else None
    beside = {name: text.encode() for name, text in case.get("beside", {}).items()}
    kind = language.file_type(path, after) if after else DELETED
    return Question(kind, after, path, before, {path: after, **beside})


def look(scanner: str, asked: Question) -> list[Hit]:
    found: list[Hit] = import_module(f"countermark_scanners.{scanner}").look(asked)
    return found


def each(kind: str) -> Iterator[object]:
    for scanner, rule in RULES:
        path = SAMPLES / scanner / f"{rule}.toml"
        table = tomllib.loads(path.read_text()) if path.is_file() else {}
        assert table.get(kind), f"{scanner}/{rule} needs a {kind} case"
        for case in table[kind]:
            yield pytest.param(scanner, rule, case, id=f"{rule}: {case['about']}")


BAD, GOOD = list(each("bad")), list(each("good"))


@pytest.mark.parametrize(("scanner", "rule", "case"), BAD)
def test_a_bad_case_trips_its_rule(scanner: str, rule: str, case: dict) -> None:
    hits = look(scanner, question(case))
    assert f"countermark/{rule}" in {hit.rule for hit in hits}, hits
    lines = case["after"].count("\n") + 1
    assert all(1 <= hit.line <= lines for hit in hits)


@pytest.mark.parametrize(("scanner", "rule", "case"), GOOD)
def test_a_good_case_does_not_trip_its_rule(scanner: str, rule: str, case: dict) -> None:
    hits = look(scanner, question(case))
    assert f"countermark/{rule}" not in {hit.rule for hit in hits}, hits


@pytest.mark.parametrize(("scanner", "rule", "case"), BAD)
def test_a_file_that_nobody_changed_is_no_news(scanner: str, rule: str, case: dict) -> None:
    text = case["after"].encode()
    asked = Question(language.file_type(case["path"], text), text, case["path"], text, {})
    told_anyway = {"countermark/test-file-removed"}  # wherever tests stand out of a runner's sight, in the base too
    assert {hit.rule for hit in look(scanner, asked)} <= told_anyway


@pytest.mark.parametrize(("scanner", "name"), RULES)
def test_a_rule_says_what_it_found_in_sentences(scanner: str, name: str) -> None:
    rule = catalogue.load(scanner)[name]
    assert rule.message.endswith(".")
    assert rule.remediation.endswith(".")
    assert not rule.title.endswith(".")
    words = {field for _, field, _, _ in string.Formatter().parse(rule.message) if field}
    assert all(re.fullmatch(r"[a-z_]+", word) for word in words)


def test_every_file_of_cases_belongs_to_a_rule() -> None:
    found = {(path.parent.name, path.stem) for scanner in SCANNERS for path in (SAMPLES / scanner).glob("*.toml")}
    assert found == set(RULES)
