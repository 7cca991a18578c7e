"""Who is measured: our whole registry, each of our scanners alone, and the stock programs beside them.

Every contender answers in a process of its own, so that its CPU seconds are its own and its children's. The stock
programs run as their users run them: with their own defaults and deaf to nothing. Only a finding that costs points
counts as a report; one of severity info reports nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import certifi

import countermark_policies
from countermark_scanners import registry, table
from countermark_scanners.errors import OutputMalformed
from countermark_scanners.finding import Confidence, Severity
from countermark_scanners.score import PENALTY

OURS = "ours"
_HERE = Path(__file__).parent
_BIN = Path(sys.executable).parent
_PACK = Path(countermark_policies.__file__).parent / "rules" / "semgrep"
_CWE = re.compile(r"CWE-([0-9]+)")
_RUFF = ("check", "--isolated", "--no-cache", "--target-version", "py314", "--select", "S", "--output-format", "json")
_SEMGREP = ("scan", "--metrics=off", "--disable-version-check", "--oss-only", "--json", "--config", str(_PACK))


@dataclass(frozen=True, slots=True)
class Reported:
    """One thing one contender said about one file. `cwe` is None where the tool names no kind of flaw."""

    path: str
    rule: str
    cwe: int | None
    severity: Severity


@dataclass(frozen=True, slots=True)
class Answer:
    """What a contender said about a folder, what it could not read, and what that took.

    `not_covered` are the files that it says it has no rules for; only ours says so, the others are silent.
    """

    reported: tuple[Reported, ...]
    unread: tuple[str, ...]
    cpu_seconds: float
    wall_seconds: float
    error: str | None = None
    not_covered: tuple[str, ...] = ()

    def numbers(self) -> dict[str, frozenset[int]]:
        """Give the CWE numbers found in each file."""
        found: dict[str, set[int]] = {}
        for one in self.reported:
            if one.cwe is not None:
                found.setdefault(one.path, set()).add(one.cwe)
        return {path: frozenset(numbers) for path, numbers in found.items()}


@dataclass(frozen=True, slots=True)
class Contender:
    """A name, the command that answers about a folder, and the reader of its output."""

    name: str
    command: Callable[[Path], list[str]]
    read: Callable[[bytes, Path], Answer]

    def ask(self, root: Path) -> Answer:
        """Run the command; a contender that fails has an error in place of an answer."""
        with tempfile.TemporaryDirectory(prefix="countermark-bench-") as scratch:
            code, complaint, spent = _run(self.command(root), Path(scratch))
            raw = Path(scratch, "stdout").read_bytes()
        if code not in {0, 1} or not raw:  # 1 is how the stock programs say that they found something
            return Answer((), (), *spent, error=f"exit code {code}: {complaint[-300:]}")
        answer = self.read(raw, root)
        counted = tuple(one for one in answer.reported if one.severity > Severity.INFO)
        return replace(answer, reported=counted, cpu_seconds=spent[0], wall_seconds=spent[1])


def everyone(only: Collection[str] | None = None) -> tuple[Contender, ...]:
    """List our registry, the stock programs, and each of our scanners alone; or those of them that are named."""
    alone = (_of_ours(f"our {scanner.name}", scanner.name) for scanner in registry.DEFAULT)
    every = (_of_ours(OURS), *STOCK, *alone)
    return tuple(one for one in every if only is None or one.name in only)


def _of_ours(name: str, *scanners: str) -> Contender:
    return Contender(name, lambda root: [sys.executable, "-I", str(_HERE / "ask.py"), str(root), *scanners], _read_ours)


def _run(argv: list[str], scratch: Path) -> tuple[int, str, tuple[float, float]]:
    """Run a program in a home of its own; give its exit code, its last words, and its CPU and wall seconds."""
    began = time.perf_counter()
    paths = {"HOME": str(scratch), "TMPDIR": str(scratch), "PATH": os.pathsep.join((str(_BIN), "/usr/bin", "/bin"))}
    env = {**paths, "LC_ALL": "C.UTF-8", "SSL_CERT_FILE": certifi.where(), "PYTHONDONTWRITEBYTECODE": "1"}
    with Path(scratch, "stdout").open("wb") as out, Path(scratch, "stderr").open("wb") as err:
        child = subprocess.Popen(argv, cwd=scratch, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    complaint = Path(scratch, "stderr").read_bytes().decode("utf-8", "replace")
    return child.returncode, complaint, (usage.ru_utime + usage.ru_stime, time.perf_counter() - began)


def _read_ours(raw: bytes, _root: Path) -> Answer:
    said = json.loads(raw)
    rows = (Reported(row["path"], row["rule"], row["cwe"], _severity(row)) for row in said["findings"])
    return Answer(tuple(rows), tuple(said["unread"]), 0, 0, said["error"], tuple(said["notCovered"]))


def _severity(row: dict[str, str]) -> Severity:
    """Take a finding's severity; one whose severity and confidence cost no points together reports nothing."""
    level = Severity[row["severity"].upper()]
    return level if PENALTY[level][Confidence[row["confidence"].upper()]] else Severity.INFO


def _read_bandit(raw: bytes, root: Path) -> Answer:
    said = json.loads(raw)
    rows = (
        Reported(
            _relative(row["filename"], root),
            f"bandit/{row['test_id']}",
            row.get("issue_cwe", {}).get("id"),
            Severity[row["issue_severity"]],
        )
        for row in said["results"]
    )
    return Answer(tuple(rows), _unread((row["filename"] for row in said["errors"]), root), 0, 0)


def _read_ruff(raw: bytes, root: Path) -> Answer:
    rows, unread = [], []
    for row in json.loads(raw):
        if str(row["code"]).startswith("S"):
            cwe, severity = _numbered(row["code"])
            rows.append(Reported(_relative(row["filename"], root), f"ruff/{row['code']}", cwe, severity))
        else:
            unread.append(row["filename"])
    return Answer(tuple(rows), _unread(unread, root), 0, 0)


def _numbered(code: str) -> tuple[int | None, Severity]:
    """Say what a rule of ruff means: ruff names no CWE, so our table of the shared numbers does."""
    try:
        rule = table.rule(code)
    except OutputMalformed:  # a rule that our scans never ask for, such as S101; it still counts as noise
        return None, Severity.LOW
    return rule.cwe, rule.severity


def _read_semgrep(raw: bytes, root: Path) -> Answer:
    said = json.loads(raw)
    rows = (_semgrep_row(row, root) for row in said["results"])
    unread = (row["path"] for row in said["errors"] if "path" in row)
    return Answer(tuple(rows), _unread(unread, root), 0, 0)


def _semgrep_row(row: Mapping[str, object], root: Path) -> Reported:
    extra = row["extra"]
    about = extra["metadata"] if isinstance(extra, dict) else {}
    found = _CWE.match(about["cwe"])
    rule = str(row["check_id"]).rpartition(".")[2]
    cwe = int(found[1]) if found else None
    return Reported(_relative(str(row["path"]), root), f"semgrep/{rule}", cwe, Severity[about["severity"].upper()])


def _relative(path: str, root: Path) -> str:
    return Path(path).resolve().relative_to(root.resolve()).as_posix()


def _unread(paths: Iterable[str], root: Path) -> tuple[str, ...]:
    return tuple(sorted({_relative(path, root) for path in paths}))


STOCK = (
    Contender("bandit", lambda root: [str(_BIN / "bandit"), "-q", "-r", "-f", "json", str(root)], _read_bandit),
    Contender("ruff S", lambda root: [str(_BIN / "ruff"), *_RUFF, str(root)], _read_ruff),
    Contender("semgrep", lambda root: [str(_BIN / "semgrep"), *_SEMGREP, str(root)], _read_semgrep),
)
