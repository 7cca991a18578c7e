"""bandit, run as a program without configuration and deaf to `nosec`.

Layer: scanners. One member of the family in `registry`.
Trust: bandit reads hostile code in its own process; its JSON is hostile until `parse` returns.

bandit exits 0 for a file it could not read and lists it under `errors`; here that file is `Unscanned`.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from . import canary, fstrings, output, table, tool
from .errors import OutputMalformed, Unreadable
from .finding import Confidence, Hit, Severity
from .report import Unscanned
from .scanner import Answers, Program, Scanner, installed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .canary import Answer
    from .fstrings import Older
    from .output import Value
    from .question import Question
    from .tool import Completed, ToolLimits

NAME = "bandit"
_FORMAT = re.compile(rb"\b(f|rf|fr)[\"']", re.IGNORECASE)
_READS_ALL = sys.version_info >= (3, 12)  # PEP 701


def _command(_room: Path, _names: list[str]) -> list[str]:
    tests = ",".join(f"B{number}" for number in table.numbers(NAME))
    options = ["--ignore-nosec", "--quiet", "--format", "json", "--tests", tests, "--recursive", "."]
    return [tool.interpreter(), "-I", tool.program(NAME), *options]


def parse(done: Completed, names: frozenset[str]) -> Answers:
    """Read bandit's report; the planted file makes 1 the only exit code of a complete run."""
    report = output.table(output.parse(done, NAME, frozenset({1})), NAME)
    metrics = output.table(report.get("metrics"), NAME)
    seen = {_name(path) for path in metrics if path != "_totals"}
    if seen != names:
        raise OutputMalformed(f"bandit: expected figures for {len(names)} files, found {len(seen)}")
    hits: dict[str, list[Hit]] = {name: [] for name in names}
    for row in output.rows(report.get("results"), NAME):
        hits[_name(output.text(row, "filename"))].append(_hit(row))
    answers: Answers = {name: tuple(found) for name, found in hits.items()}
    for row in output.rows(report.get("errors"), NAME):
        answers[_name(output.text(row, "filename"))] = Unscanned(f"bandit: {output.text(row, 'reason')}")
    return answers


def _hit(row: dict[str, Value]) -> Hit:
    rule_id = output.text(row, "test_id")
    rule = table.rule(rule_id)
    severity, sure = output.text(row, "issue_severity"), output.text(row, "issue_confidence")
    return Hit(
        rule=f"bandit/{rule_id}",
        cwe=rule.cwe,
        severity=min(rule.severity, Severity.LOW) if severity == "LOW" else rule.severity,
        confidence=min(rule.confidence[NAME], Confidence[sure]),
        line=output.number(row, "line_number"),
        column=output.number(row, "col_offset") + 1,
        message=output.text(row, "issue_text"),
        remediation=rule.remediation,
    )


def _name(path: str) -> str:
    return PurePosixPath(path).name


def _version() -> str:
    return installed(NAME)


def _rules_sha256() -> str:
    spelling = Path(fstrings.__file__).read_bytes()
    return table.sha256(NAME, canary.SOURCE, spelling)


_PROGRAM = Program(NAME, _command, parse)


def run(questions: Mapping[str, Question], limits: ToolLimits) -> Answers:
    """Answer for every question; bandit reads with this Python's parser, so later format strings are respelled."""
    formats = {key: one for key, one in questions.items() if not _READS_ALL and _FORMAT.search(one.content)}
    spelled = {key: found for key, one in formats.items() if (found := _older(one)) is not None}
    asked = {key: replace(questions[key], content=one.text.encode()) for key, one in spelled.items()}
    answers = _PROGRAM({**questions, **asked}, limits)
    return {key: _placed(answer, spelled[key]) if key in spelled else answer for key, answer in answers.items()}


def _older(question: Question) -> Older | None:
    try:
        found = fstrings.older(question.content.decode("utf-8-sig"))
    except (SyntaxError, ValueError, RecursionError, MemoryError, Unreadable):
        return None  # it is given as it is, and bandit says what it can't read
    return found if found.respelled else None


def _placed(answer: Answer, spelled: Older) -> Answer:
    if isinstance(answer, Unscanned):
        return answer
    return tuple(replace(hit, line=spelled.line(hit.line)) for hit in answer)


SCANNER = Scanner(NAME, _version, _rules_sha256, run, distributions=(NAME,))
