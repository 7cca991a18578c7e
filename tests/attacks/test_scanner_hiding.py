"""What can stand in a scan's way beside the files themselves, tried on the real tools in this process.

`test_scanner_attacks` asks the gate about every trick that hides a flaw inside of a file.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from countermark_ledger import canonical
from countermark_scanners.scan import Means, scan
from countermark_scanners.score import Verdict

from .tricks import CONFIGURATION, FLAW


def quiet(_message: str) -> None:
    return


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
