"""What goes beyond reading files, by the policy's word: run in isolation, or said to have not run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from countermark_scanners.dynamic import bubblewrap
from countermark_service.gate import scanning

from .conftest import Scene

HONEST = """\
import unittest


class T(unittest.TestCase):
    def test_sum(self) -> None:
        self.assertEqual(1 + 1, 2)
"""
CALLS_HOME = HONEST + "\n\nimport socket\nsocket.socket().connect_ex(('192.0.2.1', 443))\n"
RUN = {"image": "host", "command": ["/usr/bin/python3", "-m", "unittest", "discover"], "budgetSeconds": 60}


@pytest.fixture
def asking(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Scan for real, with one quick scanner."""
    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", scanning.scan_landing)
    return scene


def ask(scene: Scene, **sections: Any) -> None:
    scene.git("checkout", "-q", "main")
    place = scene.root / ".countermark/policy.json"
    policy = json.loads(place.read_text())
    policy["score"]["scanners"] = ["ruff"]
    place.write_text(json.dumps({**policy, **sections}))
    scene.commit("another policy")
    scene.branch("asked")


def test_what_no_policy_demands_is_said_to_have_not_run_in_every_output(asking: Scene, tmp_path: Path) -> None:
    ask(asking)
    asking.change({"tests/test_sum.py": HONEST})
    places = {name: tmp_path / name for name in ("json", "summary", "comment", "text")}
    asking.must("gate", *(f"--output={name}={path}" for name, path in places.items()), "--record", "never")
    document = json.loads(places["json"].read_text())
    assert document["dynamic"] == document["detection"] == {"outcome": "not-run"}
    for name in ("summary", "comment", "text"):
        said = places[name].read_text()
        assert "not run: the policy declares no command" in said, name
        assert "not run: the policy demands no share" in said, name


def test_a_declared_command_without_isolation_at_hand_is_inconclusive(
    asking: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bubblewrap, "_PLACES", (tmp_path,))
    ask(asking, dynamic=RUN)
    asking.change({"tests/test_sum.py": HONEST})
    document = asking.gate("--record", "never")
    assert document["exitCode"] == 20
    assert document["score"] == 0


def test_a_share_of_noticed_flaws_that_is_not_reached_refuses(asking: Scene) -> None:
    ask(asking, detection={"minimum": 100, "budgetSeconds": 1})
    asking.change(
        {"app.py": "def enter(user):\n    if not user.allowed:\n        raise PermissionError\n    return 1\n"}
    )
    document = asking.gate("--record", "never")
    assert document["exitCode"] == 10
    assert document["detection"]["total"] > 0
    assert document["score"] == 60


def test_a_command_that_the_change_itself_brings_is_not_run(asking: Scene) -> None:
    ask(asking)
    policy = json.loads((asking.root / ".countermark/policy.json").read_text())
    asking.write({".countermark/policy.json": json.dumps({**policy, "dynamic": RUN})})
    asking.must("claim", ".countermark/policy.json")
    asking.commit("I declare")
    assert asking.gate("--record", "never")["dynamic"] == {"outcome": "not-run"}


@pytest.mark.parts
@pytest.mark.parametrize(
    ("content", "code", "rule"),
    [
        pytest.param(HONEST, 0, None, id="honest"),
        pytest.param(CALLS_HOME, 10, "countermark/run-network", id="calls-home"),
    ],
)
def test_what_would_land_is_run_where_it_can_do_no_harm(
    asking: Scene, content: str, code: int, rule: str | None
) -> None:
    ask(asking, dynamic=RUN)
    asking.change({"test_sum.py": content})
    document = asking.gate("--record", "never")
    assert document["exitCode"] == code, document["reasons"]
    assert document["dynamic"]["outcome"] == "ran"
    rules = {finding["rule"] for finding in document["findings"]}
    assert (rule in rules) if rule else not any(name.startswith("countermark/run-") for name in rules)
