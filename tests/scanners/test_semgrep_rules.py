"""Our semgrep rules: each has its metadata, a sample that trips it and one that does not, tried with semgrep itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
import yaml

import countermark_policies
from countermark_scanners import materialise, semgrep
from countermark_scanners.finding import Confidence, Severity
from countermark_scanners.question import Question
from countermark_scanners.report import Unscanned
from countermark_scanners.tool import ToolLimits

SAMPLES = Path(__file__).parent / "samples" / "semgrep"
MARKER = re.compile(r"^\s*(?:#|//) (ruleid|ok): ([a-z0-9-]+)$")
LANGUAGE = {end: language for language, end in materialise._ENDS.items()}
WIDTH = {
    "python": {
        *(22, 78, 79, 89, 90, 94, 95, 208, 295, 319, 321, 327, 328, 330, 338, 347, 377, 489, 502, 601, 611, 614),
        *(643, 732, 776, 798, 915, 916, 918, 942, 1004, 1333, 1336),
    },
    "javascript": {22, 78, 79, 89, 94, 346, 942, 347, 502, 601, 798, 918, 943, 1321, 1333, 1004, 614},
    "go": {22, 78, 79, 89, 190, 295, 327, 328, 338, 400, 601, 798, 918},
    "java": {22, 78, 79, 89, 90, 94, 295, 327, 328, 330, 352, 501, 502, 601, 611, 614, 643, 798, 918},
    "shell": {78, 377, 494, 732, 798},
    "dockerfile": {250, 494, 798, 1357},
    "github-actions": {78, 94, 829, 1357, 250},
    "terraform": {250, 284, 732, 311, 798},
}
"""The weaknesses that each folder must at least tell."""
PACKS = {
    pack: {
        rule["id"]: rule
        for name in semgrep.rule_files(pack)
        for rule in yaml.safe_load(countermark_policies.read(name))["rules"]
    }
    for pack in WIDTH
}
RULES = {name: rule for rules in PACKS.values() for name, rule in rules.items()}
FILES = {f"{path.parent.name}/{path.name}": path for path in sorted(SAMPLES.glob("*/*.txt"))}
Tripped = dict[str, set[tuple[str, int]]]


def samples() -> Iterator[tuple[str, int, str, str]]:
    """Give (file, line, kind, rule) of every marker; it speaks of the line below."""
    for name, path in FILES.items():
        for number, line in enumerate(path.read_text().split("\n"), start=2):
            if match := MARKER.match(line):
                yield name, number, *match.groups()


@pytest.fixture(scope="module")
def tripped() -> Tripped:
    asked = {
        name: Question(LANGUAGE[PurePosixPath(name.removesuffix(".txt")).suffix], path.read_bytes())
        for name, path in FILES.items()
    }
    answers = semgrep.SCANNER.run(asked, ToolLimits())
    found = {}
    for name, answer in answers.items():
        assert not isinstance(answer, Unscanned), (name, answer)
        found[name] = {(hit.rule.removeprefix("countermark/"), hit.line) for hit in answer}
    return found


@pytest.mark.parametrize("pack", sorted(WIDTH))
def test_a_pack_is_wide_enough(pack: str) -> None:
    found = {int(rule["metadata"]["cwe"].removeprefix("CWE-")) for rule in PACKS[pack].values()}
    assert found >= WIDTH[pack], f"no rule for {sorted(WIDTH[pack] - found)}"


def test_every_pack_is_loaded_for_some_language_and_each_has_its_planted_file() -> None:
    assert set(semgrep.PACKS.values()) == set(PACKS)
    assert {materialise._ENDS[language] for language in semgrep.PLANTED} == set(semgrep.PACKS)
    assert sum(map(len, PACKS.values())) == len(list(yaml_rules())) == len(RULES)


def yaml_rules() -> Iterator[dict]:
    for name in countermark_policies.names(semgrep.RULES):
        yield from yaml.safe_load(countermark_policies.read(name))["rules"]


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_has_its_metadata_and_samples_and_they_tell_it_apart(name: str, tripped: Tripped) -> None:
    rule = RULES[name]
    about = rule["metadata"]
    assert set(about) == {"cwe", "owasp", "severity", "confidence", "remediation"}
    assert re.fullmatch(r"CWE-\d+", about["cwe"])
    assert re.fullmatch(r"A\d\d:2021", about["owasp"])
    assert Severity[about["severity"].upper()] > Severity.INFO
    assert about["confidence"].upper() in Confidence.__members__
    assert about["remediation"].endswith(".")
    assert rule["message"].endswith(".")
    mine = [(file, line, kind) for file, line, kind, rule in samples() if rule == name]
    assert {kind for _, _, kind in mine} == {"ruleid", "ok"}, "a rule needs both kinds of samples"
    for file, line, kind in mine:
        assert ((name, line) in tripped[file]) == (kind == "ruleid"), f"{file}:{line} against {kind}"


def test_every_marker_names_a_rule() -> None:
    assert {rule for _, _, _, rule in samples()} == set(RULES)
