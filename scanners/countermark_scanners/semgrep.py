"""semgrep with our own rules: offline, without configuration, size limit or `nosemgrep`.

Layer: scanners. One member of the family in `registry`.
Trust: semgrep reads hostile code in its own process; its JSON is hostile until `parse` returns.

Only the rules of languages that are among the files are loaded. semgrep parses a file only where a rule's words
occur in it, so a file it cannot parse would be clean for not being looked at: a rule without words, which never
matches, makes it parse every one (Python has a parser of its own before: `source`).

`--experimental` chooses semgrep's native front end: the same engine and output in a fifth of the time.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import countermark_policies

from . import ambiguity, output, suppressions, tool
from .errors import OutputMalformed
from .finding import Confidence, Hit, Severity
from .language import PYTHON
from .report import Unscanned
from .scanner import Answers, Program, Scanner, installed
from .semgrep_planted import PLANTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .canary import Answer
    from .output import Value
    from .question import Question
    from .tool import Completed, ToolLimits

NAME = "semgrep"
RULES = "rules/semgrep/"
PACKS = {
    ".py": "python",
    ".js": "javascript",
    ".ts": "javascript",
    ".tsx": "javascript",
    ".go": "go",
    ".java": "java",
    ".sh": "shell",
    ".dockerfile": "dockerfile",
    ".yml": "github-actions",
    ".tf": "terraform",
}
"""The folder of rules by the end of the neutral name."""
_ENGINES = {
    "javascript": ("javascript", "typescript"),
    "go": ("go",),
    "java": ("java",),
    "shell": ("bash",),
    "dockerfile": ("dockerfile",),
    "github-actions": ("yaml",),
    "terraform": ("hcl",),
}
"""What semgrep calls the languages of a folder."""
_CWE = re.compile(r"CWE-([0-9]+)")
_OPTIONS = (
    *("--experimental", "--metrics=off", "--disable-version-check", "--oss-only"),
    *("--disable-nosem", "--no-git-ignore", "--max-target-bytes", "0", "--no-exclude-minified-files"),
    *("--no-rewrite-rule-ids", "--project-root", ".", "--timeout", "30", "--error", "--json"),
)


def rule_files(pack: str) -> tuple[str, ...]:
    """Name the files of a folder of rules."""
    return countermark_policies.names(f"{RULES}{pack}/")


def _command(room: Path, names: list[str]) -> list[str]:
    rules = room / "rules"
    rules.mkdir()
    packs = sorted({PACKS[PurePosixPath(name).suffix] for name in names})
    for name in (name for pack in packs for name in rule_files(pack)):
        (rules / name.removeprefix(RULES).replace("/", "-")).write_bytes(countermark_policies.read(name))
    engines = [engine for pack in packs for engine in _ENGINES.get(pack, ())]
    if engines:
        (rules / "parse.json").write_bytes(_parse_rule(engines))
    jobs = str(os.cpu_count() or 1)
    program = [tool.interpreter(), "-I", tool.program(NAME), "scan"]
    return [*program, *_OPTIONS, "--jobs", jobs, "--config", str(rules), "."]


def _parse_rule(engines: list[str]) -> bytes:
    never = [{"pattern": "$ANY"}, {"metavariable-comparison": {"comparison": "1 == 2"}}]
    about = {"id": "parse", "severity": "INFO", "message": "Parsed.", "patterns": never}
    return json.dumps({"rules": [{**about, "languages": engines}]}).encode()


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
    digest = hashlib.sha256()
    for planted in PLANTED.values():
        digest.update(hashlib.sha256(planted.question.content).digest())
    for name in countermark_policies.names(RULES):
        digest.update(name.encode() + b"\x00" + hashlib.sha256(countermark_policies.read(name)).digest())
    for module in ("ambiguity.py", "suppressions.py", "semgrep.py"):
        digest.update(hashlib.sha256(Path(__file__).with_name(module).read_bytes()).digest())
    return digest.hexdigest()


_PROGRAM = Program(NAME, _command, parse, PLANTED)


def _run(questions: Mapping[str, Question], limits: ToolLimits) -> Answers:
    """Ask about every text that is one program to every reader."""
    refused: Answers = {
        key: Unscanned(why)
        for key, one in questions.items()
        if (why := ambiguity.unclear_in(one.language, one.content))
    }
    answers = _PROGRAM({key: one for key, one in questions.items() if key not in refused}, limits)
    return {key: _with_markers(questions[key], answer) for key, answer in answers.items()} | refused


def _with_markers(question: Question, answer: Answer) -> Answer:
    """Add what asks scanners to look away; of Python `source` tells it."""
    if isinstance(answer, Unscanned) or question.language == PYTHON:
        return answer
    return (*answer, *suppressions.markers(question.content.decode("utf-8"), question.language))


_LANGUAGES = frozenset(PLANTED)
SCANNER = Scanner(NAME, _version, _rules_sha256, _run, covers=_LANGUAGES, reads=_LANGUAGES, distributions=(NAME,))
