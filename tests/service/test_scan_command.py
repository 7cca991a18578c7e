"""`countermark scan`: every file has a line, a file that was not read has its reason, and only clean is 0."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from countermark_ledger.canonical import Json
from countermark_scanners import tool
from countermark_scanners.finding import Confidence, Finding, Severity
from countermark_scanners.report import NotCovered, Report, Scanned, Unscanned
from countermark_scanners.result import CoverageRow, ScanResult
from countermark_scanners.score import Gap, score
from countermark_service.cli import parsing
from countermark_service.exits import Exit

if TYPE_CHECKING:
    from conftest import Desk

HIGH = Finding("f" * 64, "ruff/S602", 78, Severity.HIGH, Confidence.HIGH, "a.py", 2, "a shell", "leave it off", "ruff")


def row(path: str, report: Report) -> CoverageRow:
    return CoverageRow(path, "0" * 64, "python", 1, (), report, new=True)


def result(*rows: CoverageRow, findings: tuple[Finding, ...] = (), error: str | None = None) -> ScanResult:
    gaps = tuple(Gap(one.path, one.sha256, one.report.reason) for one in rows if isinstance(one.report, Unscanned))
    figure = score(findings, gaps=gaps, missing=["ruff"] if error else [])
    return ScanResult((), rows, findings, (), gaps, figure, error)


def scanned(desk: Desk, monkeypatch: pytest.MonkeyPatch, found: ScanResult, *words: str) -> tuple[int, str]:
    """Run the command with scanners that found this."""
    monkeypatch.setattr(parsing.load("scan"), "scan_landing", lambda *_: lambda *_: found)
    desk.commit(**{"a.py": "one\n"})
    code, out, _ = desk.run("scan", *words)
    return code, out


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        pytest.param(result(row("a.py", Scanned(()))), Exit.PASS, "scanned      a.py (python)\n", id="clean"),
        pytest.param(result(findings=(HIGH,)), Exit.POLICY, "high     a.py:2 ruff/S602 a shell\n", id="a-high"),
        pytest.param(
            result(row("a.py", Unscanned("does not parse: line 1"))),
            Exit.POLICY,
            "unscanned    a.py (python): does not parse: line 1\n",
            id="unscanned",
        ),
        pytest.param(
            result(row("a.py", NotCovered("python"))), Exit.PASS, "not-covered  a.py (python)\n", id="no-tool"
        ),
        pytest.param(result(error="ruff: gone"), Exit.INCONCLUSIVE, "score 0 of 100 (ruff: gone)\n", id="broken-tool"),
    ],
)
def test_a_scan_says_what_became_of_each_file(
    found: ScanResult, code: Exit, said: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = scanned(desk, monkeypatch, found)
    assert answer[0] == code
    assert said in answer[1]


def test_a_scan_writes_sarif_beside_its_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    place = desk.root.parent / "scan.sarif"
    scanned(desk, monkeypatch, result(findings=(HIGH,)), "--sarif", str(place))
    written: dict[str, Json] = json.loads(place.read_text())
    assert written["version"] == "2.1.0"


def test_what_was_scanned_once_is_known_to_the_next_scan(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.commit(**{"a.py": "import pickle\n\n\ndef f(x):\n    return pickle.loads(x)\n"})
    before = desk.run("scan", "--json")
    monkeypatch.setattr(tool, "run", lambda *_, **__: pytest.fail("a tool was started"))
    assert desk.run("scan", "--json") == before
    assert before[0] == Exit.POLICY


def test_a_checkout_that_is_not_set_up_is_scanned_without_a_cache(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(desk.root.parent / "nowhere"))
    caches: list[object] = []
    monkeypatch.setattr(
        parsing.load("scan"),
        "scan_landing",
        lambda _step, cache, _others: caches.append(cache) or (lambda *_: result()),
    )
    desk.commit(**{"a.py": "one\n"})
    assert desk.run("scan")[0] == Exit.PASS
    assert caches == [None]
