"""The table of attacks and the tests agree: no row without a test, no test that no row names, none that is skipped."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECTIONS: dict[str, dict[str, object]] = tomllib.loads((HERE / "rows.toml").read_text())
EVERYWHERE = {"test_startup"}
"""A module whose tests belong to rows of several sections."""


def rows() -> list[tuple[str, str, str]]:
    """List (section, attack, `module::name`) of every test that a row names."""
    found = []
    for section, content in SECTIONS.items():
        module, table = content["module"], content["rows"]
        assert isinstance(table, dict)
        for attack, names in table.items():
            found += [(section, attack, name if "::" in name else f"{module}::{name}") for name in names]
    return found


@pytest.fixture(scope="module")
def collected() -> set[str]:
    """Every test of this folder as pytest finds it, as `module::function[case]`."""
    line = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(HERE))
    done = subprocess.run(line, cwd=HERE.parents[1], capture_output=True, text=True, check=True)
    names = {line.rpartition("/")[2].replace(".py::", "::") for line in done.stdout.splitlines() if "::" in line}
    assert len(names) > 500
    return names


def functions(names: set[str]) -> set[str]:
    return {name.partition("[")[0] for name in names}


def test_every_test_that_a_row_names_is_there(collected: set[str]) -> None:
    known = collected | functions(collected)
    assert [row for row in rows() if row[2] not in known] == []


def test_every_test_of_a_section_is_named_by_a_row(collected: set[str]) -> None:
    modules = {str(content["module"]) for content in SECTIONS.values()} | EVERYWHERE
    named = functions({name for _, _, name in rows()})
    assert modules == {name.partition("::")[0] for name in named}
    assert {name for name in functions(collected) if name.partition("::")[0] in modules} - named == set()


def test_every_module_that_asks_the_command_line_is_a_section() -> None:
    modules = {str(content["module"]) for content in SECTIONS.values()}
    asking = {path.stem for path in HERE.glob("test_*.py") if "from .job import" in path.read_text()}
    assert modules == asking - {Path(__file__).stem}
    assert len(modules) >= 8


def test_every_row_says_what_the_attack_is_and_names_a_test_once() -> None:
    attacks = [(section, attack) for section, content in SECTIONS.items() for attack in content["rows"]]  # type: ignore[attr-defined]  # as above
    assert len(attacks) > 80
    assert [attack for _, attack in attacks if not attack.endswith(".") or len(attack) < 20] == []
    assert sorted({(section, attack) for section, attack, _ in rows()}) == sorted(attacks)
    assert len(set(rows())) == len(rows())


def test_no_attack_is_left_out_by_a_mark() -> None:
    """An attack that ends green is a failing test until it is mended; one that can't run here says so on its line."""
    marks = ("skip(", "xfail(", "skip\n", "importorskip")
    for path in HERE.glob("test_*_attacks.py"):
        found = [line for line in path.read_text().splitlines() if any(mark in f"{line}\n" for mark in marks)]
        assert all("strict=True" in line and "reason=" in line for line in found), (path.name, found)
