"""A policy lands like any change although no scanner knows JSON; otherwise nobody could ever change one."""

from __future__ import annotations

import json

import pytest

from countermark_scanners import registry
from countermark_scanners.scanner import Scanner
from countermark_service.gate import scanning

from .conftest import Scene


@pytest.fixture
def typed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A scene whose files are told apart for real, by the one scanner that is no choice."""
    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", scanning.scan_landing)
    monkeypatch.setattr(registry, "named", lambda names: tuple(map(blind, names)))
    return scene


def blind(name: str) -> Scanner:
    """A scanner of that name that reads every file and finds nothing."""
    return Scanner(name, lambda: "0", lambda: "0" * 64, lambda contents, _limits: dict.fromkeys(contents, ()))


def change_policy(scene: Scene) -> None:
    path = scene.root / ".countermark" / "policy.json"
    policy = json.loads(path.read_text())
    policy["score"]["threshold"] = 90
    path.write_text(json.dumps(policy))


def test_an_enforcing_gate_lets_a_person_change_the_policy(typed: Scene) -> None:
    change_policy(typed)
    typed.must("claim")
    typed.commit("ask for more")
    assert typed.code() == 0


def test_an_enforcing_first_policy_lands(typed: Scene) -> None:
    digest = json.loads(typed.must("init", "--json"))["bootstrap"]
    assert typed.code("--tip", "main~1", "--bootstrap", digest, head="main") == 0


@pytest.mark.parametrize("path", ["data.json", ".countermark/other.json", "sub/.countermark/policy.json"])
def test_no_other_file_of_that_type_does(typed: Scene, path: str) -> None:
    typed.write({path: "{}\n"})
    typed.must("claim")
    typed.commit()
    answer = typed.gate()
    assert (answer["exitCode"], answer["reasons"][0]["path"]) == (10, path)


def test_a_link_or_a_program_in_the_place_of_the_policy_does_not(typed: Scene) -> None:
    place = typed.root / ".countermark" / "policy.json"
    place.unlink()
    place.symlink_to("../app.py")
    typed.must("claim")
    typed.commit()
    assert typed.code() == 10
    place.unlink()
    place.write_text("#!/bin/sh\n")
    typed.must("claim")
    typed.commit()
    assert typed.code() == 10


@pytest.mark.parametrize("name", ["policy.json", "trust-root.json"])
def test_a_policy_that_nobody_could_read_afterwards_does_not_land(typed: Scene, name: str) -> None:
    (typed.root / ".countermark" / name).write_text("{}\n")
    typed.must("claim")
    typed.commit()
    answer = typed.gate()
    assert (answer["exitCode"], "could not be read" in answer["reasons"][0]["message"]) == (10, True)
