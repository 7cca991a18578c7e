"""What is decided after a push and in a merge queue: which commit the change lands on, and by whose policy."""

from __future__ import annotations

import json

import pytest

from countermark_ledger.git.reader import Repository
from countermark_service.checkout import Checkout
from countermark_service.gate.root import Pin, read_root

from .conftest import Scene

POLICY = ".countermark/policy.json"


def _loosen(scene: Scene, branch: str) -> None:
    """Land a policy, without asking anybody, that wants nothing of a score and of protected paths."""
    scene.git("checkout", "-q", branch)
    place = scene.root / POLICY
    policy = json.loads(place.read_text())
    place.write_text(json.dumps(policy | {"mode": "observe"}))
    scene.commit("loosened")


def test_a_push_is_judged_from_the_commit_before_it(scene: Scene) -> None:
    before = scene.git("rev-parse", "main")
    scene.change({"app.py": "two = 2\n"})
    scene.land("work")
    document = scene.gate("--tip", before, "--landed", head="main")
    assert (document["exitCode"], document["tip"], document["head"]) == (0, before, scene.git("rev-parse", "main"))
    assert document["landingTree"] == scene.git("rev-parse", "main^{tree}")
    assert document["coverage"] == {"covered": 1, "rows": 1}


def test_a_push_of_something_unsigned_is_refused_after_the_fact(scene: Scene) -> None:
    before = scene.git("rev-parse", "main")
    scene.git("checkout", "-q", "main")
    scene.write({"app.py": "two = 2\n"})
    scene.commit("pushed past the gate")
    assert scene.code("--tip", before, "--landed", head="main") == 11


def test_a_push_that_brings_its_own_policy_is_judged_by_the_one_before(scene: Scene) -> None:
    before = scene.git("rev-parse", "main")
    _loosen(scene, "main")
    document = scene.gate("--tip", before, "--landed", head="main")
    assert (document["exitCode"], document["enforcing"]) == (11, True)


def test_what_lands_in_a_merge_queue_is_judged_by_the_policy_that_has_landed(scene: Scene) -> None:
    _loosen(scene, "work")
    queued = scene.git("rev-parse", "work")
    scene.branch("queue", "work")
    scene.change({"app.py": "two = 2\n"})
    document = scene.gate("--tip", queued, "--landed", head="queue")
    assert (document["exitCode"], document["enforcing"], document["rows"][0]["path"]) == (0, True, "app.py")
    scene.write({"app.py": "three = 3\n"})
    scene.commit("unsigned")
    assert scene.code("--tip", queued, "--landed", head="queue") == 11


def test_what_a_queue_is_about_to_land_vouches_for_nobodys_signature(scene: Scene) -> None:
    queued = scene.commit("queued")
    config = Checkout.find(scene.root).home().config()
    pin = Pin(config.repository_id, config.trust_root, config.protected_ref, tip=queued)
    with Repository.open(scene.root) as repository:
        root = read_root(repository, pin, head=queued)
    assert (root.tip, root.vouched) == (queued, scene.git("rev-parse", "main"))


@pytest.mark.parametrize("landed", [["--landed"], []])
def test_a_force_push_is_refused_because_history_was_rewritten(scene: Scene, landed: list[str]) -> None:
    scene.change({"app.py": "two = 2\n"})
    scene.land("work")
    before = scene.git("rev-parse", "main")
    scene.git("reset", "-q", "--hard", "main~1")
    scene.write({"app.py": "rewritten = 1\n"})
    scene.must("sign", "--agent", "coder")
    scene.commit("rewritten")
    assert scene.run("gate", "--tip", before, "--head", "main", *landed) == 11
    said = scene.capsys.readouterr().err
    assert "history was rewritten" in said
    assert f"git rebase {before}" in said


def test_a_tip_outside_of_the_protected_line_chooses_no_policy(scene: Scene) -> None:
    _loosen(scene, "work")
    loose = scene.git("rev-parse", "work")
    scene.git("checkout", "-q", "main")
    scene.commit("meanwhile")
    scene.branch("attack", "work")
    scene.write({"app.py": "evil = 1\n"})
    scene.commit("attack")
    assert scene.run("gate", "--tip", loose, "--head", "attack") == 11


def test_what_landed_is_the_heads_own_tree_and_not_a_merge(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    scene.git("checkout", "-q", "main")
    scene.write({"other.py": "o = 1\n"})
    scene.commit("meanwhile")
    assert scene.run("gate", "--head", "work", "--landed") == 11
    assert "history was rewritten" in scene.capsys.readouterr().out
    assert scene.code(head="work") == 0
