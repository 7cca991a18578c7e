"""The report as Markdown, for a page of the platform. `summary` and `comment` are this, with their own limits.

Trust: nothing hostile is ever Markdown: it stands in a code span or a fenced block that is longer than any run of
backticks in it, on one line (`safe`). There is no link, no HTML, no image, no mention and no table with it inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from countermark_ledger.display import safe
from countermark_service.exits import MEANING
from countermark_service.gate.decision import Decision
from countermark_service.gate.reason import Reason
from countermark_service.gate.speaking.document import split_view
from countermark_service.gate.speaking.report import NOT_ENFORCING, Issue, Kind, Report, last_signed, where

MAX_TEXT = 500
_TICKS = re.compile(r"`+")


def code(text: str) -> str:
    """Spell a hostile text as a code span."""
    shown = _short(text)
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def block(text: str) -> list[str]:
    """Spell a hint as a fenced block of its own, indented below a list's item."""
    shown = _short(text)
    fence = "`" * max(3, _longest_run(shown) + 1)
    return [f"  {fence}sh", f"  {shown}", f"  {fence}"]


def render(report: Report, limit: int) -> bytes:
    """Render within a number of bytes; what does not fit is counted, from the least grave upwards."""
    head = [*_headline(report), ""]
    tail = [*_tail(report), ""]
    room = limit - _size([*head, *tail]) - _size([_left_out(len(report.issues))])
    shown: list[str] = []
    left = 0
    for title, items in _sections(report):
        for number, item in enumerate(items):
            lines = [*(["", f"### {title}", ""] if number == 0 else []), *item]
            room -= _size(lines)
            if room < 0:
                left += 1
            else:
                shown += lines
    return "\n".join([*head, *shown, *([_left_out(left)] if left else []), *tail]).encode("utf-8")


def _short(text: str) -> str:
    shown = safe(text)
    return shown if len(shown) <= MAX_TEXT else f"{shown[:MAX_TEXT]}..."


def _longest_run(text: str) -> int:
    return max((len(run) for run in _TICKS.findall(text)), default=0)


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode("utf-8")) + 1 for line in lines)


def _left_out(count: int) -> str:
    return f"\n**{count} more were left out here**: this page has a limit. The JSON report has all of them."


def _headline(report: Report) -> Iterator[str]:
    yield f"## Countermark: {report.word} ({report.code.value}, {MEANING[report.code]})"
    if report.observing:
        yield f"\n**{NOT_ENFORCING}.**"
    if report.decision is None:
        yield "\nNothing was decided."
        return
    yield ""
    yield from (f"- {name}: {value}" for name, value in _facts(report, report.decision))


def _facts(report: Report, decision: Decision) -> Iterator[tuple[str, str]]:
    root, coverage, lines = decision.facts.root, report.coverage, report.unattributed_lines
    yield "change", f"{code(root.head)} to {code(root.protected_ref)} at {code(root.tip)}"
    yield "coverage", coverage.words if coverage else "unknown"
    yield "lines that nobody accounts for", "unknown" if lines is None else str(lines)
    scan = decision.facts.scan
    yield "score", f"{decision.score} of 100, the policy asks for {decision.facts.threshold}" if scan else "unknown"
    for line in scan.stages if scan else ():
        name, _, found = line.partition(": ")
        yield name, code(found)
    yield "split view", split_view(decision)
    yield "verdict", code(decision.verdict) if decision.verdict else "PRELIMINARY: unsigned, and counted by nobody"


def _sections(report: Report) -> Iterator[tuple[str, list[list[str]]]]:
    yield "Why", [_reason(reason) for reason in report.reasons]
    yield "What scanners found", [_finding(issue) for issue in report.issues if issue.kind is Kind.FINDING]


def _finding(issue: Issue) -> list[str]:
    place = code(f"{issue.path}:{issue.lines[0] if issue.lines else 1}")
    fix = [f"  Fix: {code(issue.hint)}"] if issue.hint else []
    return [f"- {issue.severity.word} {place} {code(issue.message)}", *fix]


def _reason(reason: Reason) -> list[str]:
    place = f"{code(reason.path + where(reason))}: " if reason.path else ""
    signed = last_signed(reason)
    return [
        f"- {place}{code(reason.message)} ({reason.code.value})",
        *([f"  Last signed: {code(signed)}"] if signed else []),
        *([*block(reason.hint)] if reason.hint else []),
    ]


def _tail(report: Report) -> Iterator[str]:
    if report.reasons:
        yield "\nAfter mending it, push the commit and its evidence:\n\n```sh\ncountermark bundles push\n```"
