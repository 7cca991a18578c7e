"""Every way to hide a flaw from a scanner that gave a clean exit elsewhere, tried on the real tools, in one scan."""

from __future__ import annotations

from pathlib import Path

import pytest

from countermark_ledger import canonical
from countermark_scanners.report import NotCovered, Unscanned
from countermark_scanners.result import ScanResult
from countermark_scanners.scan import Means, scan
from countermark_scanners.score import Verdict, score

from .tricks import CONFIGURATION, FLAW, TRICKS

ACCEPTED = ("text/prose", "empty", "image/*", "font/*")
SPECIAL = {"symlink/link.py": "symlink", "submodule/sub": "submodule"}


def files() -> dict[str, bytes]:
    return {f"{name}/{path}": content for name, (path, content) in TRICKS.items()}


def quiet(_message: str) -> None:
    return


@pytest.fixture(scope="module")
def result() -> ScanResult:
    planted = {**files(), **CONFIGURATION, "benign.py": b"def f(x: int) -> int:\n    return x + 1\n"}
    return scan(planted, {}, special=SPECIAL, progress=quiet)


def test_no_scanner_fails_on_the_tricks(result: ScanResult) -> None:
    assert result.error is None


@pytest.mark.parametrize("name", sorted(TRICKS))
def test_a_flaw_hidden_by(name: str, result: ScanResult) -> None:
    mine = [finding for finding in result.new_findings if finding.path.startswith(f"{name}/")]
    gaps = [gap for gap in result.gaps if gap.path.startswith(f"{name}/")]
    refused = [path for path, _ in result.not_covered(accepted=ACCEPTED) if path.startswith(f"{name}/")]
    assert score(mine, gaps=gaps).verdict() is Verdict.FAILED or refused
    if not gaps and not refused:
        assert {78, 502} <= {finding.cwe for finding in mine}


@pytest.mark.parametrize("name", sorted(name for name, (path, _) in TRICKS.items() if path.endswith(".py")))
def test_a_module_is_either_read_by_every_scanner_or_has_a_reason(name: str, result: ScanResult) -> None:
    (row,) = [row for row in result.coverage if row.path.startswith(f"{name}/")]
    complete = row.scanners == ("source", "bandit", "ruff", "semgrep")
    assert complete or isinstance(row.report, Unscanned | NotCovered)


def test_a_benign_file_among_them_stays_clean(result: ScanResult) -> None:
    assert [finding for finding in result.new_findings if finding.path == "benign.py"] == []


def test_every_suppression_marker_is_a_finding(result: ScanResult) -> None:
    marked = {f.path.split("/")[0] for f in result.new_findings if f.rule == "countermark/suppression-marker"}
    assert {"nosec", "nosemgrep", "noqa", "all-markers-at-once", "noqa-for-the-whole-file"} <= marked


def test_removing_every_marker_and_every_configuration_file_changes_no_penalty(result: ScanResult) -> None:
    names = ("nosec", "nosemgrep", "noqa", "all-markers-at-once")
    plain = [f for f in result.new_findings if f.path == "plain/a.py"]
    for name in names:
        mine = [f for f in result.new_findings if f.path.startswith(f"{name}/") and f.severity]
        assert [(f.cwe, f.severity, f.confidence, f.line) for f in mine] == [
            (f.cwe, f.severity, f.confidence, f.line) for f in plain if f.severity
        ]


def test_three_tools_agree_on_one_flaw_and_it_counts_once(result: ScanResult) -> None:
    shell = [f for f in result.new_findings if f.path == "plain/a.py" and f.cwe == 78 and f.severity]
    assert [f.scanner for f in shell] == ["bandit+ruff+semgrep"]


def test_a_new_flaw_where_the_file_already_had_one_is_new() -> None:
    one_more = FLAW + b"def g(c):\n    subprocess.run(c, shell=True)\n"
    result = scan({"a.py": one_more}, {"a.py": FLAW}, progress=quiet)
    assert [(f.cwe, f.line) for f in result.new_findings] == [(78, 6)]
    again = scan({"a.py": one_more}, {"a.py": FLAW}, progress=quiet)
    assert canonical.dumps(result.to_json()) == canonical.dumps(again.to_json())


def test_configuration_beside_the_process_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in CONFIGURATION.items():
        (tmp_path / name).write_bytes(content)
    for module in ("bandit", "json", "ruff", "semgrep", "ast", "tokenize"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit(0)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SEMGREP_RULES", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    result = scan({"a.py": FLAW}, {}, progress=quiet)
    assert result.error is None
    assert {78, 502} <= {finding.cwe for finding in result.new_findings}


@pytest.mark.parametrize("tool", ["bandit", "ruff", "semgrep"])
def test_a_tool_replaced_by_one_that_always_says_clean_is_an_error(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from countermark_scanners import registry
    from countermark_scanners import tool as runner

    clean = {
        "bandit": '{"metrics": {}, "errors": [], "results": []}',
        "ruff": "[]",
        "semgrep": '{"results": [], "errors": [], "paths": {"scanned": []}}',
    }
    fake = tmp_path / tool
    fake.write_text(f"#!/usr/bin/python3\nprint({clean[tool]!r})\n")
    fake.chmod(0o755)
    monkeypatch.setattr(runner, "program", lambda _name: str(fake))
    result = scan({"a.py": FLAW}, {}, means=Means(registry.named([tool])), progress=quiet)
    assert result.error is not None
    assert result.score.verdict() is Verdict.INCONCLUSIVE
