"""Other tools' SARIF costs points and never saves any; what its producer says of itself is not taken over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countermark_scanners import third_party
from countermark_scanners.errors import OutputMalformed, ScannerError, TooMuchToScan
from countermark_scanners.finding import Confidence, Severity
from countermark_scanners.result import ScanResult
from countermark_scanners.scan import Means, scan
from countermark_scanners.scanner import Scanner
from countermark_scanners.third_party import read

CODE = b"import os\n\n\ndef run(command):\n    os.system(command)\n"


def result(path: str = "app.py", line: int = 5, **more: Any) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": path}, "region": {"startLine": line}}
    return {"ruleId": "X1", "message": {"text": "bad"}, "locations": [{"physicalLocation": place}], **more}


def log(*results: dict[str, Any], rules: tuple[dict[str, Any], ...] = (), name: str = "Some Tool!") -> bytes:
    driver = {"name": name, "version": "1.2", "rules": list(rules)}
    return json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": list(results)}]}).encode()


def scanned(shouting: Scanner, head: bytes, base: bytes | None, *logs: bytes) -> ScanResult:
    means = Means((shouting,), others=tuple(one for raw in logs for one in read(raw)))
    before = {} if base is None else {"app.py": base}
    return scan({"app.py": head}, before, means=means, progress=lambda _: None)


def test_a_result_in_a_changed_file_costs_points(shouting: Scanner) -> None:
    (finding,) = scanned(shouting, CODE, None, log(result(level="error"))).new_findings
    assert (finding.rule, finding.path, finding.line) == ("third-party/X1", "app.py", 5)
    assert (finding.severity, finding.confidence, finding.scanner) == (
        Severity.HIGH,
        Confidence.MEDIUM,
        "sarif:some-tool",
    )


def test_the_report_says_which_file_joined(shouting: Scanner) -> None:
    report = scanned(shouting, CODE, None, log()).reports[-1]
    assert (report.scanner, report.version, report.error) == ("sarif:some-tool", "1.2", None)


@pytest.mark.parametrize(
    "claim",
    [
        {"suppressions": [{"kind": "inSource", "status": "accepted"}]},
        {"baselineState": "unchanged"},
        {"baselineState": "absent"},
        {"rank": 0.0},
        {"kind": "review"},
        {"kind": "open"},
    ],
)
def test_what_a_producer_says_to_excuse_a_result_excuses_nothing(shouting: Scanner, claim: dict[str, Any]) -> None:
    found = scanned(shouting, CODE, None, log(result(level="error", **claim)))
    assert found.score.value == scanned(shouting, CODE, None, log(result(level="error"))).score.value < 85


@pytest.mark.parametrize("kind", ["pass", "notApplicable", "informational"])
def test_a_result_that_names_no_flaw_is_none(shouting: Scanner, kind: str) -> None:
    assert scanned(shouting, CODE, None, log(result(kind=kind))).new_findings == ()


@pytest.mark.parametrize(
    ("figure", "level", "severity"),
    [
        ("9.8", "note", Severity.CRITICAL),
        ("7.0", None, Severity.HIGH),
        ("0.0", "error", Severity.HIGH),
        ("nan", "warning", Severity.MEDIUM),
        ("4.0", "none", Severity.MEDIUM),
        (None, None, Severity.MEDIUM),
        (None, "note", Severity.LOW),
    ],
)
def test_the_worst_of_level_and_figure_counts(figure: str | None, level: str | None, severity: Severity) -> None:
    rule = {"id": "X1", "properties": {} if figure is None else {"security-severity": figure}}
    (one,) = read(log(result(**({} if level is None else {"level": level})), rules=(rule,)))
    assert [hit.severity for hit in one.hits["app.py"]] == [severity]


@pytest.mark.parametrize(
    "rule",
    [
        {"id": "X1", "properties": {"tags": ["security", "external/cwe/cwe-078"]}},
        {"id": "X1", "properties": {"cwe": "CWE-78: OS Command Injection"}},
        {"id": "X1", "relationships": [{"target": {"id": "78", "toolComponent": {"name": "CWE"}}}]},
    ],
)
def test_a_tool_that_means_the_same_flaw_counts_once(shouting: Scanner, rule: dict[str, Any]) -> None:
    loud = CODE.replace(b"os.system(command)", b"os.system(command)  # SHOUT")
    (finding,) = scanned(shouting, loud, None, log(result(), rules=(rule,))).new_findings
    assert (finding.cwe, finding.scanner) == (78, "sarif:some-tool+shouting")


def test_a_result_in_old_code_is_old_and_a_second_copy_is_new(shouting: Scanner) -> None:
    again = CODE + b"\n\ndef run(command):\n    os.system(command)\n"
    old = scanned(shouting, b"import sys\n" + CODE, CODE, log(result(line=6)))
    assert (len(old.new_findings), len(old.old_findings)) == (0, 1)
    both = scanned(shouting, again, CODE, log(result(line=5), result(line=9)))
    assert (len(both.new_findings), len(both.old_findings)) == (1, 1)


def test_a_statement_over_lines_accounts_for_one_statement(shouting: Scanner) -> None:
    base = b"def run(command):\n    f(\n        command,\n    )\n"
    head = base + b"\n\ndef run(command):\n    f(\n        command,\n    )\n"
    found = scanned(shouting, head, base, log(result(line=2), result(line=8)))
    assert (len(found.new_findings), len(found.old_findings)) == (1, 1)


def test_two_runs_of_one_tool_both_count(shouting: Scanner) -> None:
    other = log(result(line=1))
    found = scanned(shouting, CODE, None, log(result()), other)
    assert [finding.line for finding in found.new_findings] == [1, 5]
    assert [report.scanner for report in found.reports[-2:]] == ["sarif:some-tool", "sarif:some-tool:2"]


def test_more_runs_than_a_record_can_name_are_refused(shouting: Scanner) -> None:
    with pytest.raises(TooMuchToScan):
        scanned(shouting, CODE, None, *[log()] * (third_party.MOST_RUNS + 1))


@pytest.mark.parametrize("path", ["other.py", "../app.py", "/app.py", "file:///app.py", ""])
def test_a_result_elsewhere_is_not_about_the_change(shouting: Scanner, path: str) -> None:
    assert scanned(shouting, CODE, None, log(result(path=path))).new_findings == ()


def test_a_name_that_no_policy_can_ask_for() -> None:
    (one,) = read(log(name="bandit"))
    assert one.name == "sarif:bandit"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"runs": 7}',
        b'{"runs": [{}]}',
        b"[" * 100_000,
        log(result(level="loud")),
        log(result(line=float("inf"))),
        log({**result(), "message": 7}),
        log({**result(), "locations": 7}),
        log({"ruleIndex": 9, "message": {"text": ""}}),
    ],
)
def test_what_is_no_sarif_is_an_error(raw: bytes) -> None:
    with pytest.raises(ScannerError):
        read(raw)


def test_a_million_results_are_refused_before_they_are_looked_at() -> None:
    many = b'{"runs": [{"tool": {"driver": {"name": "x"}}, "results": [' + b"{}," * 1_000_000 + b"{}]}]}"
    with pytest.raises(TooMuchToScan):
        read(many)


def test_one_result_in_too_many_places_is_refused() -> None:
    place = result()["locations"][0]
    with pytest.raises(TooMuchToScan):
        read(log({**result(), "locations": [place] * (third_party.MOST_RESULTS + 1)}))


JSON = st.recursive(st.none() | st.text() | st.integers(), st.lists)


@given(st.binary(max_size=200) | JSON.map(json.dumps).map(str.encode))
def test_bytes_that_hold_no_runs_are_an_error(raw: bytes) -> None:
    with pytest.raises(OutputMalformed):
        read(raw)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["error", "warning", "note", "none"]))))
def test_joining_never_raises_a_score(rows: list[tuple[int, str]]) -> None:
    def run(questions: Any, _limits: Any) -> Any:
        return dict.fromkeys(questions, ())

    quiet = Scanner("quiet", lambda: "1", lambda: "00" * 32, run)
    alone = scanned(quiet, CODE, None)
    joined = scanned(quiet, CODE, None, log(*(result(line=line, level=level) for line, level in rows)))
    assert joined.score.value <= alone.score.value
