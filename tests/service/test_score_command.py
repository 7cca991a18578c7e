"""Every lost point has its finding, its line, who wrote it and the fix; the sum can be done by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from countermark_ledger.canonical import Json
from countermark_scanners.finding import Confidence, Finding, Severity
from countermark_scanners.result import ScanResult
from countermark_scanners.score import Gap, score
from countermark_service import scoring
from countermark_service.cli import parsing
from countermark_service.exits import Exit

from .conftest import Desk

GAP = Gap("b.bin", "0" * 64, "does not parse")


def finding(name: str, line: int, severity: Severity, path: str = "app.py") -> Finding:
    return Finding(name * 64, "a-rule", 78, severity, Confidence.HIGH, path, line, "a flaw", "Mend it.", "ruff")


def result(*findings: Finding, gaps: tuple[Gap, ...] = (), missing: tuple[str, ...] = ()) -> ScanResult:
    figure = score(findings, gaps=gaps, missing=missing)
    return ScanResult((), (), findings, (), gaps, figure, "; ".join(missing) or None)


def explained(desk: Desk, monkeypatch: pytest.MonkeyPatch, found: ScanResult, *words: str) -> tuple[int, str]:
    monkeypatch.setattr(parsing.load("score"), "scan_landing", lambda *_: lambda *_: found)
    code, out, _ = desk.run("score", "explain", *words)
    return code, out


def by_coder(desk: Desk) -> None:
    desk.must("record", "--agent", "coder", "--commit", "by coder", "--", "sh", "-c", "echo three >> app.py")


def row(document: Json, line: int) -> dict[str, Json]:
    (found,) = [one for one in document["losses"] if one["line"] == line]
    return found


def test_each_point_names_its_line_its_author_and_its_fix(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    by_coder(desk)
    last = len((desk.root / "app.py").read_text().splitlines())
    code, out = explained(desk, monkeypatch, result(finding("f", last, Severity.HIGH)))
    assert code == Exit.POLICY
    assert f" -45  app.py:{last}  high, high confidence  a-rule CWE-78" in out
    assert "written by coder (observed)" in out
    assert "fix: Mend it." in out
    assert "at most 60: a high of high confidence (app.py:" in out


def test_a_line_that_an_agent_did_not_write_is_not_given_to_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    by_coder(desk)
    last = len((desk.root / "app.py").read_text().splitlines())
    found = result(finding("e", 1, Severity.MEDIUM), finding("f", last, Severity.MEDIUM))
    document = json.loads(explained(desk, monkeypatch, found, "--json")[1])
    assert row(document, last)["author"]["name"] == "coder"
    assert (row(document, 1)["author"] or {}).get("name") != "coder"


def test_the_rows_add_up_to_the_score(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    by_coder(desk)
    found = [finding("a", 1, Severity.HIGH), finding("b", 2, Severity.MEDIUM), finding("c", 1, Severity.LOW)]
    document = json.loads(explained(desk, monkeypatch, result(*found, gaps=(GAP,)), "--json")[1])
    lost = sum(one["points"] for one in document["losses"])
    assert document["score"] == min(100 - lost, *(cap["atMost"] for cap in document["caps"]))
    assert [cap["places"] for cap in document["caps"]] == [["app.py:1"], ["b.bin"]]


def test_what_did_not_run_is_said_and_nothing_counts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    by_coder(desk)
    code, out = explained(desk, monkeypatch, result(missing=("ruff",)))
    assert code == Exit.INCONCLUSIVE
    assert "nothing counts: ruff did not run to the end" in out
    assert out.endswith("score 0 of 100\n")


def test_a_clean_change_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    by_coder(desk)
    assert explained(desk, monkeypatch, result()) == (Exit.PASS, "100\nscore 100 of 100\n")


def test_where_no_ledger_is_nobody_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    by_coder(desk)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nowhere"))
    _, out = explained(desk, monkeypatch, result(finding("f", 1, Severity.MEDIUM)))
    assert f"written by nobody known: {scoring.NO_LEDGER}" in out


def test_a_deleted_file_and_a_line_that_is_not_there_have_no_author(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.commit(**{"gone.py": "x\n"})
    desk.commit(**{"gone.py": None, "app.py": "one\n"})
    found = result(finding("a", 1, Severity.MEDIUM, "gone.py"), finding("b", 99, Severity.MEDIUM))
    document = json.loads(explained(desk, monkeypatch, found, "--json")[1])
    assert row(document, 1)["authorUnknown"] == scoring.DELETED
    assert row(document, 99)["authorUnknown"] == "the finding names no line of the file"


def test_lines_that_a_merge_made_have_no_author(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"line {number}\n" for number in range(40)]
    desk.commit(**{"long.py": "".join(lines)})
    desk.git("branch", "base")
    desk.commit(**{"long.py": "".join(["top\n", *lines])})
    desk.git("checkout", "-q", "-b", "other", "base")
    desk.commit(**{"long.py": "".join([*lines, "end\n"])})
    found = result(finding("a", 1, Severity.MEDIUM, "long.py"))
    document = json.loads(explained(desk, monkeypatch, found, "--base", "main", "--head", "other", "--json")[1])
    assert row(document, 1)["authorUnknown"] == scoring.MERGED
