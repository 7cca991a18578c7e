"""Who is measured: real programs on a small folder, each with its own process, answer and CPU seconds."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from contenders import Answer, Contender, Reported, everyone

from countermark_scanners import registry
from countermark_scanners.finding import Severity

FLAW = "import subprocess\n\n\ndef run(word):\n    subprocess.run('ls ' + word, shell=True)\n"
EVERYONE = {contender.name: contender for contender in everyone()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    (root / "deep").mkdir(parents=True)
    (root / "deep" / "flawed.py").write_text(FLAW)
    (root / "sound.py").write_text("def add(one, two):\n    return one + two\n")
    return root


def test_everyone_is_ours_the_stock_programs_and_each_of_ours_alone() -> None:
    alone = {f"our {scanner.name}" for scanner in registry.DEFAULT}
    assert set(EVERYONE) == {"ours", "bandit", "ruff S", "semgrep"} | alone
    assert len(alone) >= 3


@pytest.mark.parametrize("name", ["ours", "bandit", "ruff S", "semgrep"])
def test_a_contender_sees_a_flaw_leaves_the_sound_file_alone_and_names_the_broken(name: str, folder: Path) -> None:
    (folder / "broken.py").write_text("def (:\n")
    answer = EVERYONE[name].ask(folder)
    assert answer.error is None
    assert 78 in answer.numbers()["deep/flawed.py"]
    assert "sound.py" not in answer.numbers()
    assert answer.unread == ("broken.py",)
    assert answer.cpu_seconds > 0


def test_ours_says_which_files_it_has_no_rules_for(folder: Path) -> None:
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    assert EVERYONE["ours"].ask(folder).not_covered == ("picture.png",)


def read_nothing(_raw: bytes, _root: Path) -> Answer:
    rows = tuple(Reported("a.py", "rule", 89, severity) for severity in Severity)
    return Answer(rows, (), 0, 0)


def test_what_costs_no_points_reports_nothing(folder: Path) -> None:
    printing = Contender("printing", lambda _: [sys.executable, "-c", "print('said')"], read_nothing)
    assert Severity.INFO not in {one.severity for one in printing.ask(folder).reported}
    assert len(printing.ask(folder).reported) == len(Severity) - 1


@pytest.mark.parametrize("program", ["raise SystemExit(2)", "import os; os.kill(os.getpid(), 9)", "pass"])
def test_a_contender_that_fails_or_says_nothing_has_an_error_and_is_not_clean(program: str, folder: Path) -> None:
    failing = Contender("failing", lambda _: [sys.executable, "-c", program], read_nothing)
    answer = failing.ask(folder)
    assert answer.error is not None
    assert answer.reported == ()


def test_the_seconds_of_a_child_are_counted(folder: Path) -> None:
    work = "sum(range(3_000_000)); print('said')"
    alone = Contender("alone", lambda _: [sys.executable, "-c", work], read_nothing).ask(folder)
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)"
    within = Contender("within", lambda _: [sys.executable, "-c", parent], read_nothing).ask(folder)
    assert within.cpu_seconds > alone.cpu_seconds / 2


def test_a_rule_of_ruff_that_our_table_does_not_know_is_noise_without_a_number(folder: Path) -> None:
    row = {"code": "S999", "filename": str(folder / "sound.py")}
    answer = EVERYONE["ruff S"].read(json.dumps([row]).encode(), folder)
    assert answer.reported == (Reported("sound.py", "ruff/S999", None, Severity.LOW),)
