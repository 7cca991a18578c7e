"""The words of the Makefile: each is explained, and CI uses nothing else."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()


def words() -> set[str]:
    found = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert found is not None
    return set(found[1].split())


def test_every_word_is_explained_in_one_line_of_help() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    explained = dict(re.findall(r"^  make (\S+) +(\S.*)$", done.stdout, re.MULTILINE))
    assert set(explained) == words()
    assert {"setup", "demo", "test", "test-parts", "check", "bench", "bench-scanners", "clean"} <= words()
    assert max(len(line) for line in done.stdout.splitlines()) < 120


def test_every_word_that_runs_something_sets_the_machine_up_first() -> None:
    rules = dict(re.findall(r"^([a-z-]+):(.*?)##", MAKEFILE, re.MULTILINE))
    without = {word for word, needs in rules.items() if "setup" not in needs.split()}
    assert without == {"help", "setup", "clean", "check"}
    assert rules["check"].split() == ["lint", "types", "imports", "coverage"]


@pytest.mark.parametrize("variable", ["DATA", "PATH"])
def test_the_scanners_are_measured_on_the_folder_that_is_named_under_either_name(variable: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,cwe\n")
    argv = ["make", "bench-scanners", "DATASET=labelled", f"{variable}={tmp_path}"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{tmp_path}/labels.csv: expected the columns path, cwe, vulnerable" in done.stderr


def test_ci_uses_the_words_of_the_makefile_and_nothing_else() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "set -euo pipefail" in script
    lines = [line for line in script.splitlines() if line and not line.startswith(("#", "set ", "cd ", "export "))]
    assert lines == ["make check", "make test-parts"]
