"""SARIF 2.1.0, for code-scanning pages and editors.

Layer: scanners. Imports `finding`, `result` and `score`; does no I/O.
Trust: paths are percent-encoded and messages are plain text, never Markdown.

`partialFingerprints` carries our own name of the flaw, so that a page follows it through renames and edits
elsewhere in the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from .finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from countermark_ledger.canonical import Json

    from .result import ScanResult

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 25_000  # what the largest reader of SARIF accepts in one run
FINGERPRINT = "countermark/v1"
_LEVELS = {
    Severity.CRITICAL: ("error", "9.5"),
    Severity.HIGH: ("error", "8.0"),
    Severity.MEDIUM: ("warning", "5.5"),
    Severity.LOW: ("note", "3.0"),
    Severity.INFO: ("none", "0.0"),
}
_GAP_RULE = "countermark/unscanned"


def to_sarif(result: ScanResult) -> dict[str, Json]:
    """Spell a result as one SARIF log with one run; the worst and newest results come first."""
    new = [(finding, "new") for finding in _worst_first(result.new_findings)]
    old = [(finding, "unchanged") for finding in _worst_first(result.old_findings)]
    chosen = (new + old)[: MOST_RESULTS - len(result.gaps)]
    results: list[Json] = [_gap(gap.path, gap.reason, gap.fingerprint) for gap in result.gaps]
    results += [_result(finding, state) for finding, state in chosen]
    run: dict[str, Json] = {
        "tool": {"driver": _driver(finding for finding, _ in chosen), "extensions": _extensions(result)},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(result, len(new) + len(old) - len(chosen))],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _worst_first(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: (-f.severity, -f.confidence, f.path, f.line, f.fingerprint))


def _driver(findings: Iterable[Finding]) -> dict[str, Json]:
    about = {finding.rule: finding for finding in sorted(findings, key=lambda f: (f.rule, f.severity))}
    rules: list[Json] = [_rule(about[name]) for name in sorted(about)]
    return {"name": "countermark", "rules": [*rules, _gap_rule()]}


def _rule(finding: Finding) -> dict[str, Json]:
    level, figure = _LEVELS[finding.severity]
    tags: list[Json] = ["security"]
    if finding.cwe is not None:
        tags.append(f"external/cwe/cwe-{finding.cwe:03}")
    return {
        "id": finding.rule,
        "shortDescription": {"text": finding.rule if finding.cwe is None else f"CWE-{finding.cwe}"},
        "help": {"text": finding.remediation},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": tags, "security-severity": figure},
    }


def _gap_rule() -> dict[str, Json]:
    return {
        "id": _GAP_RULE,
        "shortDescription": {"text": "A changed file was not scanned"},
        "help": {"text": "Make the file parse as UTF-8 Python, or ask for a waiver of exactly these bytes."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["security"], "security-severity": "8.0"},
    }


def _result(finding: Finding, state: str) -> dict[str, Json]:
    return {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity][0],
        "message": {"text": f"{finding.message} ({finding.remediation})"},
        "locations": [_location(finding.path, max(1, finding.line))],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "baselineState": state,
        "properties": {"confidence": finding.confidence.word, "scanner": finding.scanner},
    }


def _gap(path: str, reason: str, fingerprint: str) -> dict[str, Json]:
    return {
        "ruleId": _GAP_RULE,
        "level": "error",
        "message": {"text": f"not scanned: {reason}"},
        "locations": [_location(path, 1)],
        "partialFingerprints": {FINGERPRINT: fingerprint},
        "baselineState": "new",
    }


def _location(path: str, line: int) -> dict[str, Json]:
    uri = quote(path.encode("utf-8", "surrogateescape"))
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}}


def _extensions(result: ScanResult) -> list[Json]:
    return [
        {"name": report.scanner, "version": report.version, "properties": {"rulesSha256": report.rules_sha256}}
        for report in result.reports
    ]


def _invocation(result: ScanResult, left_out: int) -> dict[str, Json]:
    notes: list[Json] = []
    if result.error is not None:
        notes.append({"level": "error", "message": {"text": result.error}})
    if left_out:
        notes.append({"level": "warning", "message": {"text": f"{left_out} results were left out"}})
    return {"executionSuccessful": result.error is None, "toolExecutionNotifications": notes}
