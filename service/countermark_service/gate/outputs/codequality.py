"""GitLab's code quality report: a list of issues, each at a line of a file.

The format has no place for a reason about no file, and an empty list reads as clean: such a reason stands at the
policy, whose rule it is about.
Source: https://docs.gitlab.com/ci/testing/code_quality/
"""

from __future__ import annotations

from countermark_ledger import canonical
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_scanners.finding import Severity
from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.policy import POLICY_PATH
from countermark_service.gate.speaking.report import NOT_ENFORCING, Issue, Kind, Report

_SEVERITY = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "major",
    Severity.MEDIUM: "minor",
    Severity.LOW: "minor",
    Severity.INFO: "info",
}


def spell(report: Report, _setting: Setting) -> bytes:
    """Spell every issue."""
    prefix = f"{NOT_ENFORCING}. " if report.observing else ""
    return canonical.dumps([_issue(issue, prefix) for issue in report.issues]) + b"\n"


def _issue(issue: Issue, prefix: str) -> Json:
    hint = f" hint: {issue.hint}" if issue.hint else ""
    return {
        "description": prefix + safe(f"{issue.message}{hint}"),
        "check_name": safe(issue.rule),
        "fingerprint": issue.fingerprint,
        "severity": "blocker" if issue.kind is Kind.REASON else _SEVERITY[issue.severity],
        "location": {"path": safe(issue.path or POLICY_PATH), "lines": {"begin": (issue.lines or (1, 1))[0]}},
    }
