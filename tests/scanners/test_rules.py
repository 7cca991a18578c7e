"""Every rule of ours has a sample that trips it and one that must not, and no two rules share a name.

A rule is a row of a catalogue. Its samples are files in `samples/SCANNER/RULE/`, or folders there with `before.NAME`
and `after.NAME`; for scanners that only compare, cases in `samples/SCANNER/RULE.toml` (`test_comparing_rules.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from countermark_scanners import catalogue, language, registry
from countermark_scanners.finding import Hit
from countermark_scanners.native import Child
from countermark_scanners.question import Question

from .test_comparing_rules import SCANNERS as COMPARING

SAMPLES = Path(__file__).parent / "samples"
OURS = [scanner.name for scanner in registry.DEFAULT if isinstance(scanner.run, Child)]
RULES = [(scanner, rule) for scanner in OURS if scanner not in COMPARING for rule in sorted(catalogue.load(scanner))]


def samples(kind: str) -> Iterator[object]:
    for scanner, rule in RULES:
        found = sorted((SAMPLES / scanner / rule).glob(f"{kind}*"))
        assert found, f"{scanner}/{rule} needs a sample that is {kind}"
        for path in found:
            yield pytest.param(scanner, rule, path, id=f"{rule}/{path.name}")


def look(scanner: str, path: Path) -> list[Hit]:
    """Look at a file, or at `after.NAME` of a folder, which was `before.NAME` in the base."""
    after = next(path.glob("after.*")) if path.is_dir() else path
    before = next(path.glob("before.*"), None) if path.is_dir() else None
    content, name = after.read_bytes(), after.name.removeprefix("after.").removesuffix(".txt")
    was = None if before is None else before.read_bytes()
    asked = Question(language.file_type(name, content), content, name, was, {name: content})
    found: list[Hit] = import_module(f"countermark_scanners.{scanner}").look(asked)
    return [hit for hit in found if not hit.clears]


@pytest.mark.parametrize(("scanner", "rule", "path"), list(samples("bad")))
def test_a_bad_sample_trips_its_rule(scanner: str, rule: str, path: Path) -> None:
    hits = look(scanner, path)
    assert f"countermark/{rule}" in {hit.rule for hit in hits}, hits
    assert all(hit.line >= 1 for hit in hits)


@pytest.mark.parametrize(("scanner", "rule", "path"), list(samples("good")))
def test_a_good_sample_does_not_trip_its_rule(scanner: str, rule: str, path: Path) -> None:
    assert f"countermark/{rule}" not in {hit.rule for hit in look(scanner, path)}


def test_no_two_rules_share_a_name() -> None:
    names = Counter(rule for scanner in OURS for rule in catalogue.load(scanner))
    assert [name for name, times in names.items() if times > 1] == []


def test_no_sample_is_left_without_its_rule() -> None:
    found = {
        (path.parent.parent.name, path.parent.name) for scanner in OURS for path in (SAMPLES / scanner).glob("*/*")
    }
    assert found - set(RULES) == set()


@pytest.mark.parametrize("scanner", OURS)
def test_every_rule_of_a_catalogue_says_what_a_finding_needs(scanner: str) -> None:
    rules = catalogue.load(scanner)
    assert rules
    assert all(rule.message.endswith(".") or "{" in rule.message for rule in rules.values())
    assert all(rule.remediation.endswith(".") for rule in rules.values())


@pytest.mark.parametrize("scanner", OURS)
def test_a_catalogue_whose_scanner_is_known_is_read_by_it_alone(scanner: str) -> None:
    (member,) = registry.named([scanner])
    assert isinstance(member.run, Child)
    assert member.run.module == f"countermark_scanners.{scanner}"
    assert {rule for rule, _ in member.run.planted} <= set(catalogue.load(scanner))
