"""Our semgrep rules: each has its metadata, a sample that trips it and one that does not, tried with semgrep itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import countermark_policies
from countermark_scanners import semgrep
from countermark_scanners.finding import Confidence, Severity
from countermark_scanners.question import Question
from countermark_scanners.report import Unscanned
from countermark_scanners.tool import ToolLimits

SAMPLES = Path(__file__).parent / "samples"
MARKER = re.compile(r"^\s*# (ruleid|ok): ([a-z0-9-]+)$")
REQUIRED_CWE = frozenset(
    {22, 78, 79, 89, 90, 94, 95, 208, 295, 319, 321, 327, 328, 330, 338, 347, 377, 489, 502, 601, 611, 614}
    | {643, 732, 776, 798, 915, 916, 918, 942, 1004, 1333, 1336}
)


def rules() -> Iterator[dict]:
    for name in countermark_policies.names(semgrep.RULES):
        yield from yaml.safe_load(countermark_policies.read(name))["rules"]


RULES = {rule["id"]: rule for rule in rules()}


@pytest.fixture(scope="module")
def tripped() -> dict[str, set[tuple[str, int]]]:
    asked = {path.name: Question("python", path.read_bytes()) for path in sorted(SAMPLES.glob("*.py.txt"))}
    answers = semgrep.SCANNER.run(asked, ToolLimits())
    found = {}
    for name, answer in answers.items():
        assert not isinstance(answer, Unscanned), answer
        found[name] = {(hit.rule.removeprefix("countermark/"), hit.line) for hit in answer}
    return found


def markers(kind: str, rule: str) -> list[tuple[str, int]]:
    found = []
    for path in sorted(SAMPLES.glob("*.py.txt")):
        for number, line in enumerate(path.read_text().split("\n"), start=1):
            if (match := MARKER.match(line)) and match.groups() == (kind, rule):
                found.append((path.name, number + 1))
    return found


def test_the_pack_is_wide_enough() -> None:
    assert len(RULES) >= 40
    found = {int(rule["metadata"]["cwe"].removeprefix("CWE-")) for rule in RULES.values()}
    assert found >= REQUIRED_CWE, f"no rule for {sorted(REQUIRED_CWE - found)}"


def test_no_two_rules_share_a_name() -> None:
    assert len(list(rules())) == len(RULES)


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_has_its_metadata_and_samples_and_they_tell_it_apart(
    name: str, tripped: dict[str, set[tuple[str, int]]]
) -> None:
    rule = RULES[name]
    about = rule["metadata"]
    assert set(about) == {"cwe", "owasp", "severity", "confidence", "remediation"}
    assert re.fullmatch(r"CWE-\d+", about["cwe"])
    assert re.fullmatch(r"A\d\d:2021", about["owasp"])
    assert Severity[about["severity"].upper()] > Severity.INFO
    assert about["confidence"].upper() in Confidence.__members__
    assert about["remediation"].endswith(".")
    assert rule["message"].endswith(".")
    positive, negative = markers("ruleid", name), markers("ok", name)
    assert positive, "a rule needs a sample that trips it"
    assert negative, "a rule needs a sample that does not"
    for sample, line in positive:
        assert (name, line) in tripped[sample], f"{sample}:{line} does not trip {name}"
    for sample, line in negative:
        assert (name, line) not in tripped[sample], f"{sample}:{line} trips {name}"


def test_every_marker_names_a_rule() -> None:
    named = {
        m[2] for path in SAMPLES.glob("*.py.txt") for line in path.read_text().split("\n") if (m := MARKER.match(line))
    }
    assert named == set(RULES)
