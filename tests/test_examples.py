"""The sample application is clean, and the scripted agents do what their first line says."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
AGENTS = sorted(path for path in (EXAMPLES / "agents").glob("*.py") if path.stem != "editing")
ENV = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    leave_out = shutil.ignore_patterns("__pycache__", "*.sqlite3")
    return shutil.copytree(EXAMPLES / "shop", tmp_path / "shop", ignore=leave_out)


def python(shop: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, *arguments]
    return subprocess.run(argv, cwd=shop, env=ENV, capture_output=True, text=True, check=False)


def run_agent(shop: Path, name: str) -> None:
    done = python(shop, str(EXAMPLES / "agents" / f"{name}.py"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def assert_tests_pass(shop: Path) -> None:
    done = python(shop, "-m", "unittest")
    assert done.returncode == 0, done.stderr
    assert "\nOK\n" in done.stderr


def rules_tripped(shop: Path) -> set[str]:
    """What bandit and ruff's security rules find, suppressions ignored."""
    bandit = python(shop, "-m", "bandit", "--quiet", "--ignore-nosec", "--format", "json", "--recursive", ".")
    ruff_options = ("--isolated", "--no-cache", "--ignore-noqa", "--select", "S", "--output-format", "json")
    ruff = python(shop, "-m", "ruff", "check", *ruff_options, ".")
    report = json.loads(bandit.stdout)
    assert report["errors"] == []
    return {row["test_id"] for row in report["results"]} | {row["code"] for row in json.loads(ruff.stdout)}


def test_the_shop_passes_its_tests_and_is_clean(shop: Path) -> None:
    assert_tests_pass(shop)
    assert rules_tripped(shop) == set()


def test_the_careful_agent_leaves_a_shop_that_passes_its_tests_and_is_clean(shop: Path) -> None:
    run_agent(shop, "good_change")
    assert (shop / "tests" / "test_rate_limit.py").exists()
    assert_tests_pass(shop)
    assert rules_tripped(shop) == set()


def test_the_careless_agent_leaves_a_shop_that_passes_its_tests_and_is_not_clean(shop: Path) -> None:
    run_agent(shop, "insecure_change")
    assert_tests_pass(shop)
    assert {"B301", "B602", "S301", "S602"} <= rules_tripped(shop)


def test_there_are_two_agents() -> None:
    assert [path.stem for path in AGENTS] == ["good_change", "insecure_change"]


@pytest.mark.parametrize("agent", AGENTS, ids=lambda path: path.stem)
def test_an_agent_says_first_that_it_is_a_script(agent: Path) -> None:
    docstring = ast.get_docstring(ast.parse(agent.read_text())) or ""
    assert docstring.startswith("This is a script, not a model")


@pytest.mark.parametrize("agent", AGENTS, ids=lambda path: path.stem)
def test_an_agent_stops_at_a_shop_it_does_not_know(agent: Path, shop: Path) -> None:
    run_agent(shop, agent.stem)
    before = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}
    assert python(shop, str(agent)).returncode != 0
    assert {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()} == before
