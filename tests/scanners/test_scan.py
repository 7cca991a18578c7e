"""The scan as a whole, with fakes of the one shape: nothing falls between, no failure is clean."""

from __future__ import annotations

import pytest

from countermark_ledger import canonical
from countermark_scanners import registry
from countermark_scanners.errors import TooMuchToScan, UnknownScanner
from countermark_scanners.report import NotCovered, Scanned, Unscanned
from countermark_scanners.result import ScanResult
from countermark_scanners.sarif import FINGERPRINT, to_sarif
from countermark_scanners.scan import Limits, Means, scan
from countermark_scanners.scanner import Scanner
from countermark_scanners.score import Verdict
from countermark_scanners.tool import ToolLimits


def quiet(_message: str) -> None:
    return


def run(files: dict[str, bytes], base: dict[str, bytes], *scanners: Scanner, **more: dict[str, str]) -> ScanResult:
    return scan(files, base, means=Means(scanners), progress=quiet, **more)


FILES = {
    "app.py": b"SHOUT(1)\n",
    "clean.py": b"x = 1\n",
    "broken.py": b"x = (\n",
    "notes.md": b"# Notes\n",
    "run.js": b"alert(1)\n",
    "link": b"target.py",
}


def test_every_file_is_scanned_or_unscanned_or_not_covered(shouting: Scanner) -> None:
    result = run(FILES, {}, shouting, special={"link": "symlink"})
    rows = {row.path: row for row in result.coverage}
    assert set(rows) == set(FILES)
    assert {path: type(row.report) for path, row in rows.items()} == {
        "app.py": Scanned,
        "clean.py": Scanned,
        "broken.py": Unscanned,
        "notes.md": NotCovered,
        "run.js": NotCovered,
        "link": NotCovered,
    }
    assert rows["app.py"].scanners == ("source", "shouting")
    python = {path for path in FILES if path.endswith(".py")}
    assert [set(report.files) for report in result.reports] == [python, python]


def test_only_new_files_of_types_the_policy_does_not_accept_are_listed(shouting: Scanner) -> None:
    result = run(FILES, {"run.js": FILES["run.js"]}, shouting, special={"link": "symlink"})
    assert result.not_covered(accepted=["text/*"]) == (("link", "symlink"),)
    changed = run(FILES, {"run.js": b"old\n"}, shouting, special={"link": "symlink"})
    assert changed.not_covered(accepted=["text/prose", "symlink"]) == (("run.js", "javascript"),)


def test_only_what_is_new_counts(shouting: Scanner) -> None:
    result = run({"app.py": b"SHOUT(1)\nSHOUT(2)\n"}, {"old.py": b"SHOUT(1)\n"}, shouting)
    assert ([f.line for f in result.new_findings], [f.line for f in result.old_findings]) == ([2], [1])
    assert run({"app.py": b"SHOUT(1)\n"}, {"app.py": b"SHOUT(1)\n"}, shouting).score.value == 100


def test_a_broken_file_is_a_gap_only_when_these_bytes_are_new_at_this_path(shouting: Scanner) -> None:
    broken = {"a.py": b"x = (\n"}
    assert run(broken, broken, shouting).gaps == ()
    assert run(broken, {}, shouting).score.verdict() is Verdict.FAILED
    assert run(broken, {"a.py": b"x = [\n"}, shouting).score.value == 60


def test_a_waived_gap_passes_and_the_raw_score_keeps_it(shouting: Scanner) -> None:
    result = run({"a.py": b"x = (\n"}, {}, shouting)
    (gap,) = result.gaps
    waived = result.scored({gap.fingerprint})
    assert (waived.value, waived.raw) == (100, 60)


def test_a_scanner_that_fails_makes_the_scan_inconclusive_and_nothing_clean(
    shouting: Scanner, failing: Scanner
) -> None:
    result = run({"clean.py": b"x = 1\n"}, {}, shouting, failing)
    assert result.error == "failing: it fell over"
    assert result.score.verdict() is Verdict.INCONCLUSIVE
    assert result.score.value == 0
    (row,) = result.coverage
    assert isinstance(row.report, Unscanned)
    assert result.scored(set()).verdict() is Verdict.INCONCLUSIVE


def test_a_scanner_that_leaves_a_file_out_has_failed(shouting: Scanner, skipping: Scanner) -> None:
    result = run({"a.py": b"x = 1\n", "b.py": b"x = 2\n"}, {}, skipping)
    assert result.error is not None
    assert "expected 2 answers, found 1" in result.error
    assert result.score.value == 0


def test_a_scanner_that_is_not_installed_is_an_error(shouting: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    from countermark_scanners import tool
    from countermark_scanners.errors import ToolMissing

    def missing(name: str) -> str:
        raise ToolMissing(f"{name} is missing")

    monkeypatch.setattr(tool, "program", missing)
    result = scan({"a.py": b"x = 1\n"}, {}, progress=quiet)
    assert {report.scanner for report in result.reports if report.error} == {"bandit", "ruff", "semgrep"}
    assert result.score.verdict() is Verdict.INCONCLUSIVE


def test_a_change_past_the_limits_is_refused_before_any_work(shouting: Scanner) -> None:
    with pytest.raises(TooMuchToScan, match="found 2"):
        scan({"a": b"", "b": b""}, {}, means=Means((shouting,), Limits(files=1)), progress=quiet)
    with pytest.raises(TooMuchToScan):
        scan({"a": b"xx"}, {}, means=Means((shouting,), Limits(total_bytes=1)), progress=quiet)


def test_the_same_bytes_give_the_same_result_whatever_the_order(shouting: Scanner) -> None:
    backwards = dict(reversed(FILES.items()))
    assert canonical.dumps(run(FILES, {}, shouting).to_json()) == canonical.dumps(
        run(backwards, {}, shouting).to_json()
    )


def test_benign_files_change_nothing(shouting: Scanner) -> None:
    alone = run({"app.py": b"SHOUT(1)\n"}, {}, shouting)
    among = run({"app.py": b"SHOUT(1)\n", **{f"{n}.py": b"x = %d\n" % n for n in range(9)}}, {}, shouting)
    assert (among.score, among.new_findings) == (alone.score, alone.new_findings)


def test_equal_texts_are_read_once_and_reported_everywhere(shouting: Scanner) -> None:
    result = run({"a.py": b"SHOUT(1)\n", "b.py": b"SHOUT(1)\n"}, {}, shouting)
    assert [f.path for f in result.new_findings] == ["a.py", "b.py"]


def test_an_empty_change_is_clean(shouting: Scanner) -> None:
    assert run({}, {}, shouting).score.value == 100


def test_progress_names_each_scanner(shouting: Scanner) -> None:
    said: list[str] = []
    scan({}, {}, means=Means((shouting,)), progress=said.append)
    assert said[-1] == "shouting: done"


def test_scanners_are_named_by_policy_and_never_discovered() -> None:
    assert [s.name for s in registry.named(["ruff", "bandit"])] == ["ruff", "bandit"]
    with pytest.raises(UnknownScanner, match=r"expected one of bandit, .*, found evil"):
        registry.named(["evil"])


def test_a_policy_without_scanners_is_refused_and_not_clean() -> None:
    with pytest.raises(UnknownScanner, match="expected at least one"):
        registry.named([])


def test_sarif_names_flaws_as_the_report_does(shouting: Scanner) -> None:
    result = run({"a b.py": b"SHOUT(1)\n", "c.py": b"x = (\n"}, {"d.py": b""}, shouting)
    log = to_sarif(result)
    (run_,) = log["runs"]  # type: ignore[misc]  # Json is a union
    gap, flaw = run_["results"]
    assert log["version"] == "2.1.0"
    assert gap["ruleId"] == "countermark/unscanned"
    assert flaw["partialFingerprints"] == {FINGERPRINT: result.new_findings[0].fingerprint}
    assert flaw["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.py"
    assert (flaw["level"], flaw["baselineState"]) == ("error", "new")
    rules = {rule["id"]: rule for rule in run_["tool"]["driver"]["rules"]}
    assert {row["ruleId"] for row in run_["results"]} == set(rules)
    assert rules["fake/shout"]["properties"]["tags"] == ["security", "external/cwe/cwe-078"]
    assert run_["invocations"][0]["executionSuccessful"] is True
    assert canonical.dumps(log)


def test_sarif_says_that_a_scanner_failed(failing: Scanner) -> None:
    (run_,) = to_sarif(run({"a.py": b""}, {}, failing))["runs"]  # type: ignore[misc]  # Json is a union
    (invocation,) = run_["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "failing: it fell over"


def test_sarif_keeps_to_what_readers_take_and_says_what_it_left_out(
    shouting: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countermark_scanners.sarif.MOST_RESULTS", 2)
    result = run({"a.py": b"SHOUT(1)\nSHOUT(2)\nSHOUT(3)\n"}, {"b.py": b"SHOUT(1)\n"}, shouting)
    (run_,) = to_sarif(result)["runs"]  # type: ignore[misc]  # Json is a union
    assert [row["baselineState"] for row in run_["results"]] == ["new", "new"]
    note = run_["invocations"][0]["toolExecutionNotifications"][0]
    assert note["message"]["text"] == "1 results were left out"


def test_tool_limits_have_room_for_a_large_change_and_an_end() -> None:
    assert 0 < ToolLimits().wall_seconds <= 600
