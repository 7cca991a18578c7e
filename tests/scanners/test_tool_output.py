"""What tools write is decided on results AND exit code; every surprise is an error, never an empty list."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from countermark_scanners import bandit, canary, ruff, semgrep, table
from countermark_scanners.errors import OutputMalformed, ScannerBlind, ScannerError, ToolFailed
from countermark_scanners.finding import Confidence, Hit, Severity
from countermark_scanners.report import Unscanned
from countermark_scanners.scanner import Answers
from countermark_scanners.tool import Completed

Parse = Callable[[Completed, frozenset[str]], Answers]
NAMES = frozenset({"f000001.py"})
BANDIT_ROW = {
    "filename": "./f000001.py",
    "test_id": "B602",
    "issue_severity": "HIGH",
    "issue_confidence": "HIGH",
    "line_number": 6,
    "col_offset": 4,
    "issue_text": "shell",
}
BANDIT = {"metrics": {"_totals": {}, "./f000001.py": {}}, "errors": [], "results": [BANDIT_ROW]}
RUFF_ROW = {"filename": "/x/f000001.py", "code": "S602", "message": "shell", "location": {"row": 6, "column": 5}}
RUFF_LOG = b"[2026][ruff::diagnostics][DEBUG] Checking: /x/f000001.py\n"
ABOUT = {"cwe": "CWE-78", "severity": "high", "confidence": "medium", "remediation": "Do not."}
SEMGREP_ROW = {
    "path": "f000001.py",
    "check_id": "os-system",
    "start": {"line": 6, "col": 5},
    "extra": {"message": "shell", "metadata": ABOUT},
}
SEMGREP = {"results": [SEMGREP_ROW], "errors": [], "paths": {"scanned": ["f000001.py"]}, "skipped_rules": []}


def done(report: Any, *, code: int = 1, log: bytes = RUFF_LOG) -> Completed:
    return Completed(code, json.dumps(report).encode(), log)


@pytest.mark.parametrize(
    ("parse", "report", "rule", "confidence"),
    [
        pytest.param(bandit.parse, BANDIT, "bandit/B602", Confidence.HIGH, id="bandit"),
        pytest.param(ruff.parse, [RUFF_ROW], "ruff/S602", Confidence.HIGH, id="ruff"),
        pytest.param(semgrep.parse, SEMGREP, "countermark/os-system", Confidence.MEDIUM, id="semgrep"),
    ],
)
def test_a_report_becomes_hits_with_our_own_words(parse: Parse, report: Any, rule: str, confidence: Confidence) -> None:
    (hit,) = parse(done(report), NAMES)["f000001.py"]
    assert (hit.rule, hit.flaw, hit.line, hit.column) == (rule, "CWE-78", 6, 5)
    assert (hit.severity, hit.confidence) == (Severity.HIGH, confidence)


@pytest.mark.parametrize("code", [0, 2, 7, -9, -11, 125])
@pytest.mark.parametrize(
    ("parse", "report"),
    [
        pytest.param(bandit.parse, BANDIT, id="bandit"),
        pytest.param(ruff.parse, [RUFF_ROW], id="ruff"),
        pytest.param(semgrep.parse, SEMGREP, id="semgrep"),
    ],
)
def test_an_exit_code_that_disagrees_with_the_results_is_an_error(parse: Parse, report: Any, code: int) -> None:
    with pytest.raises(ToolFailed, match="expected exit code"):
        parse(done(report, code=code), NAMES)


@pytest.mark.parametrize("raw", [b"", b"not json", b"[" * 100_000, b"7", b'{"results": []}', b"[7]", b'[{"a": 1}]'])
@pytest.mark.parametrize("parse", [bandit.parse, ruff.parse, semgrep.parse])
def test_output_of_another_shape_is_an_error(parse: Parse, raw: bytes) -> None:
    with pytest.raises(OutputMalformed):
        parse(Completed(1, raw, RUFF_LOG), NAMES)


@pytest.mark.parametrize(
    ("parse", "report", "log"),
    [
        pytest.param(bandit.parse, {**BANDIT, "metrics": {"_totals": {}}}, b"", id="bandit"),
        pytest.param(ruff.parse, [RUFF_ROW], b"", id="ruff"),
        pytest.param(semgrep.parse, {**SEMGREP, "paths": {"scanned": []}}, b"", id="semgrep"),
        pytest.param(semgrep.parse, {**SEMGREP, "paths": {}}, b"", id="semgrep-without-a-list"),
        pytest.param(semgrep.parse, {**SEMGREP, "skipped_rules": [{}]}, b"", id="semgrep-skipped-a-rule"),
        pytest.param(semgrep.parse, {**SEMGREP, "errors": [{"type": "Rule parse error"}]}, b"", id="semgrep-bad-rule"),
    ],
)
def test_a_file_or_rule_the_tool_did_not_run_is_an_error(parse: Parse, report: Any, log: bytes) -> None:
    with pytest.raises(OutputMalformed):
        parse(done(report, log=log), NAMES)


@pytest.mark.parametrize(
    ("parse", "report"),
    [
        pytest.param(
            bandit.parse, {**BANDIT, "errors": [{"filename": "./f000001.py", "reason": "broke"}]}, id="bandit"
        ),
        pytest.param(ruff.parse, [RUFF_ROW, {**RUFF_ROW, "code": None, "message": "broke"}], id="ruff"),
        pytest.param(
            semgrep.parse,
            {**SEMGREP, "errors": [{"path": "f000001.py", "type": "Timeout", "message": "broke"}]},
            id="semgrep",
        ),
    ],
)
def test_a_file_the_tool_gave_up_on_is_unscanned_whatever_it_found_there(parse: Parse, report: Any) -> None:
    answer = parse(done(report), NAMES)["f000001.py"]
    assert isinstance(answer, Unscanned)
    assert "broke" in answer.reason


@pytest.mark.parametrize(
    ("parse", "report"),
    [
        pytest.param(bandit.parse, {**BANDIT, "results": [{**BANDIT_ROW, "test_id": "B999"}]}, id="bandit"),
        pytest.param(ruff.parse, [{**RUFF_ROW, "code": "S999"}], id="ruff"),
        pytest.param(
            semgrep.parse,
            {**SEMGREP, "results": [{**SEMGREP_ROW, "extra": {"message": "m", "metadata": {**ABOUT, "cwe": "none"}}}]},
            id="semgrep",
        ),
    ],
)
def test_a_rule_we_did_not_ask_for_is_an_error(parse: Parse, report: Any) -> None:
    with pytest.raises(OutputMalformed):
        parse(done(report), NAMES)


def test_a_constant_command_is_low_in_both_tools() -> None:
    (hit,) = bandit.parse(done({**BANDIT, "results": [{**BANDIT_ROW, "issue_severity": "LOW"}]}), NAMES)["f000001.py"]
    assert hit.severity is Severity.LOW
    (hit,) = ruff.parse(done([{**RUFF_ROW, "message": "`shell=True` seems safe"}]), NAMES)["f000001.py"]
    assert hit.severity is Severity.LOW


def test_bandits_doubt_lowers_our_confidence() -> None:
    row = {**BANDIT_ROW, "issue_confidence": "LOW"}
    (hit,) = bandit.parse(done({**BANDIT, "results": [row]}), NAMES)["f000001.py"]
    assert hit.confidence is Confidence.LOW


def seen(*flaws: tuple[int, int]) -> tuple[Hit, ...]:
    return tuple(Hit("r", cwe, Severity.HIGH, Confidence.HIGH, line, 1, "m", "r") for cwe, line in flaws)


def test_a_scanner_that_sees_the_canary_passes() -> None:
    canary.PYTHON.check("any", seen((78, 6), (502, 7), (89, 1)))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((), id="silent"),
        pytest.param(seen((78, 6)), id="sees-one-of-two"),
        pytest.param(seen((78, 7), (502, 6)), id="on-other-lines"),
        pytest.param(Unscanned("broke"), id="could-not-read-it"),
    ],
)
def test_a_scanner_that_does_not_see_the_canary_is_blind(answer: tuple[Hit, ...] | Unscanned) -> None:
    with pytest.raises(ScannerBlind, match="planted"):
        canary.PYTHON.check("any", answer)


def test_every_number_of_the_table_has_a_remedy_and_a_tool() -> None:
    assert len(table.rules()) > 60
    for number, rule in table.rules().items():
        assert number.isdigit()
        assert rule.remediation.endswith(".")
        assert set(rule.confidence) <= {"bandit", "ruff"}
        assert rule.confidence


def test_every_failure_of_a_scanner_is_one_family() -> None:
    assert issubclass(ToolFailed, ScannerError)
    assert issubclass(ScannerBlind, ScannerError)
