"""ruff's security rules, run as a program: isolated, without cache, deaf to `noqa`.

Layer: scanners. One member of the family in `registry`.
Trust: ruff reads hostile code in its own process; its JSON is hostile until `parse` returns.

ruff names the files it read only in its log, so the log is read: a file that is not in it was not scanned.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from . import canary, output, table, tool
from .errors import OutputMalformed
from .finding import Confidence, Hit, Severity
from .report import Unscanned
from .scanner import Answers, Program, Scanner, installed

if TYPE_CHECKING:
    from .output import Value
    from .tool import Completed

NAME = "ruff"
_NEWEST = "py314"  # the newest grammar ruff knows: older targets call newer syntax an error
_READ = re.compile(rb"\[DEBUG\] Checking: (\S+)$", re.MULTILINE)
_LITERAL = "seems safe"  # ruff's words for shell=True on a constant command


def _command(_room: Path, _names: list[str]) -> list[str]:
    codes = ",".join(f"S{number}" for number in table.numbers(NAME))
    return [
        *(tool.program(NAME), "check", "--verbose", "--isolated", "--no-cache", "--ignore-noqa"),
        *("--no-respect-gitignore", "--no-fix", "--target-version", _NEWEST),
        *("--select", codes, "--output-format", "json", "."),
    ]


def parse(done: Completed, names: frozenset[str]) -> Answers:
    """Read ruff's report; the planted file makes 1 the only exit code of a complete run."""
    report = output.rows(output.parse(done, NAME, frozenset({1})), NAME)
    seen = {PurePosixPath(raw.decode("utf-8", "replace")).name for raw in _READ.findall(done.stderr)}
    if seen != names:
        raise OutputMalformed(f"ruff: expected {len(names)} files in the log, found {len(seen)}")
    hits: dict[str, list[Hit]] = {name: [] for name in names}
    unread: Answers = {}
    for row in report:
        name = PurePosixPath(output.text(row, "filename")).name
        code = str(row.get("code"))
        if code.startswith("S"):
            hits[name].append(_hit(row))
        else:
            unread[name] = Unscanned(f"ruff: {code}: {output.text(row, 'message')}")
    return {name: tuple(found) for name, found in hits.items()} | unread


def _hit(row: dict[str, Value]) -> Hit:
    code, message = output.text(row, "code"), output.text(row, "message")
    rule = table.rule(code)
    place = output.table(row.get("location"), NAME)
    return Hit(
        rule=f"ruff/{code}",
        cwe=rule.cwe,
        severity=min(rule.severity, Severity.LOW) if _LITERAL in message else rule.severity,
        confidence=Confidence(rule.confidence[NAME]),
        line=output.number(place, "row"),
        column=output.number(place, "column"),
        message=message,
        remediation=rule.remediation,
    )


def _version() -> str:
    return installed(NAME)


def _rules_sha256() -> str:
    return table.sha256(NAME, canary.SOURCE)


SCANNER = Scanner(NAME, _version, _rules_sha256, Program(NAME, _command, parse), distributions=(NAME,))
