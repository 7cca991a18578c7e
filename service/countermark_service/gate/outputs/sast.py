"""GitLab's SAST report, schema 15.2.1: what the scanners found.

Reasons about people and evidence are no vulnerabilities; they stand in the code quality and JUnit reports, and here
as messages.

Trust: GitLab renders descriptions as its Markdown, so every hostile text in one is a code span.
Source: gitlab-org/security-products/security-report-schemas, dist/sast-report-format.json
"""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from countermark_ledger import __version__, canonical, shape
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_scanners.finding import Finding
from countermark_service.gate.outputs import markdown
from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.speaking.report import NOT_ENFORCING, Report

VERSION = "15.2.1"
_MAX_NAME = 255
_TOOL: dict[str, Json] = {
    "id": "countermark",
    "name": "Countermark",
    "vendor": {"name": "Countermark"},
    "version": __version__,
}


def spell(report: Report, _setting: Setting) -> bytes:
    """Spell the scan and each new finding."""
    found: list[Json] = [_vulnerability(finding) for finding in report.findings]
    return canonical.dumps({"version": VERSION, "scan": _scan(report), "vulnerabilities": found}) + b"\n"


def _scan(report: Report) -> dict[str, Json]:
    result = report.decision.facts.scan if report.decision else None
    at = shape.spell_time(report.decision.facts.evaluated).removesuffix("Z") if report.decision else _NEVER
    complete = result is not None and result.error is None and not result.gaps
    messages: list[Json] = [{"level": "warn", "value": safe(issue.message)} for issue in report.reasons]
    if report.observing:
        messages.append({"level": "info", "value": NOT_ENFORCING})
    return {
        "analyzer": _TOOL,
        "scanner": _TOOL,
        "type": "sast",
        "start_time": at,
        "end_time": at,
        "status": "success" if complete else "failure",
        "messages": messages,
    }


_NEVER = "1970-01-01T00:00:00"
"""The format demands a time, and a run that decided nothing has none."""


def _vulnerability(finding: Finding) -> Json:
    own = f"countermark:{finding.fingerprint}:{finding.line}"
    line = max(1, finding.line)
    return {
        "id": str(uuid5(NAMESPACE_URL, own)),
        "name": safe(finding.rule)[:_MAX_NAME],
        "description": markdown.code(finding.message),
        "severity": finding.severity.word.capitalize(),
        "solution": markdown.code(finding.remediation),
        "location": {"file": safe(finding.path), "start_line": line, "end_line": line},
        "identifiers": _identifiers(finding),
    }


def _identifiers(finding: Finding) -> list[Json]:
    rule: Json = {"type": "countermark_rule", "name": safe(finding.rule), "value": safe(finding.rule)}
    if finding.cwe is None:
        return [rule]
    number = str(finding.cwe)
    url = f"https://cwe.mitre.org/data/definitions/{number}.html"
    return [rule, {"type": "cwe", "name": f"CWE-{number}", "value": number, "url": url}]
