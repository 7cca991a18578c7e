"""The look at the start-up: what could make Python load a checkout's code, and what our children inherit."""

from __future__ import annotations

import gc
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from countermark_ledger import command, startup

CLEAN = {"PATH": "/usr/bin", "HOME": "/home/me", "PYTHON_VERSION": "3.13.1", "PYTHONUNBUFFERED": "1"}


class Process:
    """A process that is just starting: its environment, `sys.path`, flags, arguments and directory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
        self._patch = monkeypatch
        self.checkout = checkout
        monkeypatch.chdir(checkout)
        self.environ = dict(CLEAN)
        self.start([str(checkout.parent / "site-packages")])

    def start(
        self, path: Sequence[str], environ: Mapping[str, str] = CLEAN, *, isolated: int = 0, flag: int = 0
    ) -> None:
        self.environ = dict(environ)
        flags = SimpleNamespace(isolated=isolated, ignore_environment=flag or isolated)
        self._patch.setattr(os, "environ", self.environ)
        self._patch.setattr(sys, "path", list(path))
        self._patch.setattr(sys, "flags", flags)
        self._patch.setattr(sys, "argv", ["countermark", "gate", "--head", "x"])
        self._patch.setattr(sys, "executable", "/venv/bin/python")


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Process:
    (tmp_path / "checkout" / "sub").mkdir(parents=True)
    return Process(monkeypatch, tmp_path / "checkout")


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as left:
        startup.check("countermark_service")
    assert left.value.code == 2
    return capsys.readouterr().err


def test_a_normal_environment_is_let_through(process: Process, capsys: pytest.CaptureFixture[str]) -> None:
    startup.check("countermark_service")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("entry", ["", ".", "HERE", "HERE/", "sub/..", "ABOVE"])
def test_the_directory_it_runs_in_or_one_above_it_on_the_path_is_refused(
    entry: str, process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    named = entry.replace("HERE", str(process.checkout)).replace("ABOVE", str(process.checkout.parent))
    process.start(["/usr/lib/python3", named])
    said = refusal(capsys)
    assert said.startswith("countermark: start-up: Python looks for modules in ")
    assert said.endswith("hint: /venv/bin/python -I -m countermark_service gate ...\n")


def test_a_link_to_the_directory_is_the_directory(process: Process, capsys: pytest.CaptureFixture[str]) -> None:
    link = process.checkout.parent / "link"
    link.symlink_to(process.checkout)
    process.start([str(link)])
    assert "Python looks for modules in" in refusal(capsys)


def test_a_folder_with_a_longer_name_or_below_is_another_one(process: Process) -> None:
    process.start([str(process.checkout) + "-venv", str(process.checkout / ".venv")])
    startup.check("countermark_service")


@pytest.mark.parametrize(
    "name",
    ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX", "PYTHONINSPECT", "PYTHONX"],
)
def test_a_variable_that_can_choose_code_is_refused_by_its_name(
    name: str, process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    process.start([], {**CLEAN, name: "anything"})
    assert f"start-up: {name} is set" in refusal(capsys)


@pytest.mark.parametrize("name", sorted(startup.HARMLESS))
def test_a_variable_that_chooses_no_code_is_let_through(name: str, process: Process) -> None:
    process.start([], {name: "1"})
    startup.check("countermark_service")


def test_where_python_ignores_the_environment_it_is_scrubbed_and_not_refused(process: Process) -> None:
    process.start([], {**CLEAN, "PYTHONPATH": "."}, isolated=1)
    startup.check("countermark_service")
    process.start([], {**CLEAN, "PYTHONPATH": "."}, flag=1)
    startup.check("countermark_service")
    assert "PYTHONPATH" not in process.environ


def test_even_isolated_a_checkout_on_the_path_is_refused(process: Process, capsys: pytest.CaptureFixture[str]) -> None:
    process.start([str(process.checkout)], isolated=1)
    assert "hint: install countermark into an environment outside of the checkout" in refusal(capsys)


def test_what_steers_python_git_and_the_loader_is_not_inherited(process: Process) -> None:
    hostile = dict.fromkeys(("GIT_DIR", "GIT_EXEC_PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES"), "x")
    process.start([], {**CLEAN, **hostile})
    startup.check("countermark_service")
    assert process.environ == {"PATH": "/usr/bin", "HOME": "/home/me"}


def test_a_hostile_path_entry_can_not_steer_the_terminal(process: Process, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = process.checkout / "\x1b[2Jevil"
    hostile.mkdir()
    process._patch.chdir(hostile)
    process.start([str(hostile)])
    assert "\x1b" not in refusal(capsys)


@pytest.mark.parametrize(("code", "way"), [(12, "exit"), (0, "_exit")])
def test_the_verifiers_own_start_is_looked_at_before_anything_runs(
    code: int, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def leave(code: int) -> NoReturn:
        order.append(f"_exit {code}")
        raise SystemExit(code)

    monkeypatch.setattr(sys, "argv", ["countermark_ledger", "verify", "x"])
    monkeypatch.setattr(gc, "disable", lambda: None)  # for this very process, too
    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(startup, "check", lambda module: order.append(f"check {module}"))
    monkeypatch.setattr(command, "main", lambda words: order.append(f"main {words}") or code)
    with pytest.raises(SystemExit) as left:
        runpy.run_module("countermark_ledger", run_name="__main__")
    assert left.value.code == code
    assert order[:2] == ["check countermark_ledger", "main ['verify', 'x']"]
    assert order[2:] == ([f"_exit {code}"] if way == "_exit" else [])


def test_importing_the_verifiers_main_module_runs_nothing() -> None:
    assert callable(runpy.run_module("countermark_ledger.__main__", run_name="imported")["main"])
