"""semgrep with our own rules: offline, without configuration, size limit or `nosemgrep`.

Layer: scanners. One member of the family in `registry`.
Trust: semgrep reads hostile code in its own process; its JSON is hostile until `parse` returns.

`--experimental` chooses semgrep's native front end: the same engine and output in a fifth of the time.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import countermark_policies

from . import canary, output, tool
from .errors import OutputMalformed
from .finding import Confidence, Hit, Severity
from .report import Unscanned
from .scanner import Answers, Program, Scanner, installed

if TYPE_CHECKING:
    from .output import Value
    from .tool import Completed

NAME = "semgrep"
RULES = "rules/semgrep/python/"
_CWE = re.compile(r"CWE-([0-9]+)")
_OPTIONS = (
    *("--experimental", "--metrics=off", "--disable-version-check", "--oss-only"),
    *("--disable-nosem", "--no-git-ignore", "--max-target-bytes", "0", "--no-exclude-minified-files"),
    *("--no-rewrite-rule-ids", "--project-root", ".", "--timeout", "30", "--error", "--json"),
)


def _command(room: Path, _names: list[str]) -> list[str]:
    rules = room / "rules"
    rules.mkdir()
    for name in countermark_policies.names(RULES):
        (rules / PurePosixPath(name).name).write_bytes(countermark_policies.read(name))
    jobs = str(os.cpu_count() or 1)
    program = [tool.interpreter(), "-I", tool.program(NAME), "scan"]
    return [*program, *_OPTIONS, "--jobs", jobs, "--config", str(rules), "."]


def parse(done: Completed, names: frozenset[str]) -> Answers:
    """Read semgrep's report; the planted file makes 1 the only exit code of a complete run."""
    report = output.table(output.parse(done, NAME, frozenset({1})), NAME)
    seen = _scanned(report)
    if seen != names:
        raise OutputMalformed(f"semgrep: expected {len(names)} scanned files, found {len(seen)}")
    if report.get("skipped_rules"):
        raise OutputMalformed("semgrep: expected every rule to run, found skipped rules")
    hits: dict[str, list[Hit]] = {name: [] for name in names}
    for row in output.rows(report.get("results"), NAME):
        hits[PurePosixPath(output.text(row, "path")).name].append(_hit(row))
    unread: Answers = {}
    for row in output.rows(report.get("errors"), NAME):
        unread |= _unread(row, names)
    return {name: tuple(found) for name, found in hits.items()} | unread


def _scanned(report: dict[str, Value]) -> set[str]:
    scanned = output.table(report.get("paths"), NAME).get("scanned")
    if not isinstance(scanned, list):
        raise OutputMalformed("semgrep: expected the list of scanned paths")
    return {PurePosixPath(str(path)).name for path in scanned}


def _unread(row: dict[str, Value], names: frozenset[str]) -> Answers:
    reason = f"semgrep: {row.get('type')}: {row.get('message')}"[:300]
    name = PurePosixPath(str(row.get("path", ""))).name
    if name not in names:
        raise OutputMalformed(reason)
    return {name: Unscanned(reason)}


def _hit(row: dict[str, Value]) -> Hit:
    extra, start = output.table(row.get("extra"), NAME), output.table(row.get("start"), NAME)
    about = output.table(extra.get("metadata"), NAME)
    cwe = _CWE.match(output.text(about, "cwe"))
    if cwe is None:
        raise OutputMalformed(f"semgrep: rule {output.text(row, 'check_id')} names no CWE")
    return Hit(
        rule=f"countermark/{output.text(row, 'check_id')}",
        cwe=int(cwe[1]),
        severity=Severity[output.text(about, "severity").upper()],
        confidence=Confidence[output.text(about, "confidence").upper()],
        line=output.number(start, "line"),
        column=output.number(start, "col"),
        message=output.text(extra, "message"),
        remediation=output.text(about, "remediation"),
    )


def _version() -> str:
    return installed(NAME)


def _rules_sha256() -> str:
    digest = hashlib.sha256(canary.SOURCE)
    for name in countermark_policies.names(RULES):
        digest.update(name.encode() + b"\x00" + hashlib.sha256(countermark_policies.read(name)).digest())
    return digest.hexdigest()


SCANNER = Scanner(NAME, _version, _rules_sha256, Program(NAME, _command, parse), distributions=(NAME,))
