"""GitHub's annotations, as workflow commands: reasons are errors, findings are warnings and notices.

The worst come first, because the platform shows ten of each type and step and drops the rest without a word.

Trust: a command ends with its line and its properties with `::`, so both are escaped as the runner's own toolkit
does, after everything that a terminal would obey was spelled out.
Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from countermark_ledger.display import safe
from countermark_scanners.finding import Severity
from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.speaking.report import NOT_ENFORCING, Issue, Kind, Report

_MAX_TEXT = 4000


def spell(report: Report, setting: Setting) -> bytes:
    """Spell the commands, one a line."""
    return "".join(f"{line}\n" for line in commands(report, setting)).encode("utf-8")


def commands(report: Report, setting: Setting) -> Iterator[str]:
    """Yield the commands, at most the setting's number of each type; what is left out is said in a line."""
    by_type: dict[str, list[Issue]] = {"error": [], "warning": [], "notice": []}
    for issue in report.issues:
        by_type[_type(issue, observing=report.observing)].append(issue)
    for name, issues in by_type.items():
        yield from (_command(name, issue) for issue in issues[: setting.annotations])
    left = sum(max(0, len(issues) - setting.annotations) for issues in by_type.values())
    if left:
        yield f"{left} more annotations were left out: the platform shows {setting.annotations} of a type"
    if report.observing:
        yield f"::notice title=Countermark::{NOT_ENFORCING}"


def data(text: str) -> str:
    """Escape what follows the second `::`."""
    return _shortened(text).replace("%", "%25").replace("\n", "%0A")


def property_(text: str) -> str:
    """Escape the value of a property."""
    return data(text).replace(":", "%3A").replace(",", "%2C")


def _shortened(text: str) -> str:
    shown = "\n".join(safe(line) for line in text.split("\n"))
    return shown if len(shown) <= _MAX_TEXT else f"{shown[:_MAX_TEXT]}..."


def _type(issue: Issue, *, observing: bool) -> str:
    if issue.kind is Kind.REASON:
        return "warning" if observing else "error"
    return "warning" if issue.severity >= Severity.HIGH else "notice"


def _command(name: str, issue: Issue) -> str:
    text = [safe(issue.message), *([f"hint: {safe(issue.hint)}"] if issue.hint else [])]
    return f"::{name} {','.join(_properties(issue))}::{data(chr(10).join(text))}"


def _properties(issue: Issue) -> Sequence[str]:
    found = [f"title={property_(issue.rule)}"]
    if issue.path is not None:
        found.append(f"file={property_(safe(issue.path))}")
    if issue.lines is not None:
        found += [f"line={issue.lines[0]}", f"endLine={issue.lines[1]}"]
    return found
