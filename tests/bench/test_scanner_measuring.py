"""The command as a whole, on sets of a few files: the bars, the copy, fixes told apart, and noise by rule."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench" / "scanners"
FLAW = "import subprocess\n\n\ndef run(word):\n    subprocess.run('ls ' + word, shell=True)\n"
SOUND = "import subprocess\n\n\ndef run(word):\n    subprocess.run(['/bin/ls', '--', word], check=True)\n"


def measure(kind: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(BENCH), kind, str(folder), "--only", "ours", "--only", "ruff S", *options]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_labels_are_measured_twice_and_held_against_the_bars(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "labels.csv").write_text("path,cwe,vulnerable\nbad.py,78,true\ngood.py,78,false\n")
    (folder / "bad.py").write_text(FLAW)
    (folder / "good.py").write_text("NAMES = []\n")
    done = measure("labelled", folder, "--cases", str(tmp_path / "cases.csv"))
    assert done.returncode == 0, done.stderr
    assert "2 cases in 1 categories, 2 files; 2 anonymised" in done.stdout
    assert "ours: macro Youden 100.0, bar 75" in done.stdout
    assert "ours: moved by 0.0 points when anonymised, bar 2" in done.stdout
    rows = list(csv.DictReader((tmp_path / "cases.csv").read_text().splitlines()))
    said = {(row["path"], row["reported"]) for row in rows if row["contender"] == "ours"}
    assert said == {("bad.py", "True"), ("good.py", "False")}


def test_a_fix_is_told_apart_when_only_the_flawed_side_is_reported(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("name,cwe\nfixed,78\nsame,78\n")
    for name, side, text in (
        ("fixed", "before", FLAW),
        ("fixed", "after", SOUND.replace("subprocess.run", "print")),
        ("same", "before", FLAW),
        ("same", "after", FLAW + "\n\nADDED = 1\n"),
    ):
        place = tmp_path / name / side / "a.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    done = measure("pairs", tmp_path)
    assert done.returncode == 0, done.stderr
    heads = next(line for line in done.stdout.splitlines() if "told apart" in line).split()
    ours = next(line for line in done.stdout.splitlines() if line.startswith("ours ")).split()
    assert heads[:2] == ["fixes", "seen"]
    assert ours[1:5] == ["2", "2", "1", "1"]


def test_noise_is_told_by_rule_and_by_a_thousand_lines(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(FLAW + "# line\n" * 495)
    done = measure("plain", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 files, 500 lines of Python" in done.stdout
    ours = next(line for line in done.stdout.splitlines() if line.startswith("ours ")).split()
    assert float(ours[2]) == pytest.approx(int(ours[1]) * 2)
    assert int(ours[1]) >= 1


def test_a_folder_that_is_no_set_is_refused_with_the_reason(tmp_path: Path) -> None:
    done = measure("labelled", tmp_path)
    assert done.returncode == 2
    assert "labels.csv: expected a table" in done.stderr
    assert done.stdout == ""
