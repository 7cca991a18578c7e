"""What makes a landing look decided, or a person look like the second one, although nobody decided and they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from countermark_service.cli.enrolling import enrol, enrolment

from .conftest import Scene
from .people import Team
from .test_approvals import approval, ask_for, refused
from .test_audit import audit, kinds, passed


@pytest.fixture
def kept(scene: Scene) -> Scene:
    """A scene from whose start on everything must have a verdict."""
    scene.git("tag", "start", "main")
    return scene


# --- a verdict that was decided on something else ---------------------------------------------------


def stacked(scene: Scene) -> None:
    """Let a fix pass, and what undoes it as well, for together they are nothing; and land the fix alone."""
    scene.branch("fix")
    scene.change({"app.py": "fixed = 1\n"})
    scene.branch("undo", "fix")
    scene.write({"app.py": "one = 1\n"})
    scene.commit("undo the fix")
    assert (scene.code(), scene.code(head="fix")) == (0, 0)
    scene.git("checkout", "-q", "main")
    scene.git("merge", "-q", "--ff-only", "fix")
    assert kinds(audit(scene)) == ["passed"]


def test_a_revert_that_was_nothing_before_the_fix_landed_is_a_gap_after_it(kept: Scene) -> None:
    stacked(kept)
    kept.git("merge", "-q", "--ff-only", "undo")
    document = audit(kept)
    assert (kinds(document), document["exitCode"]) == (["gap", "passed"], 11)
    assert "landed on its own" in document["landings"][0]["reason"]
    good = kept.must("last-good").strip()
    assert good == kept.git("rev-parse", "fix")


def test_that_the_gate_was_revoked_since_does_not_turn_the_revert_into_a_push(kept: Scene) -> None:
    stacked(kept)
    kept.git("merge", "-q", "--ff-only", "undo")
    kept.must("agent", "revoke", "coder", "--since", "2020-01-01T00:00:00Z")
    document = audit(kept)
    assert (kinds(document), document["exitCode"]) == (["gap", "suspect"], 13)


def test_what_was_pushed_together_is_one_push_although_a_part_of_it_had_passed_alone(kept: Scene) -> None:
    before = kept.git("rev-parse", "main")
    stacked(kept)
    kept.git("merge", "-q", "--ff-only", "undo")
    assert kept.code("--tip", before, "--landed", head="main") == 0
    assert kinds(audit(kept)) == ["passed", "passed"]


def test_two_pushes_are_not_decided_together_afterwards(kept: Scene) -> None:
    before = kept.git("rev-parse", "main")
    stacked(kept)
    assert kept.code("--tip", before, "--landed", head="main") == 0
    kept.git("merge", "-q", "--ff-only", "undo")
    assert kept.code("--tip", before, "--landed", head="main") == 0
    document = audit(kept)
    assert (kinds(document), document["exitCode"]) == (["gap", "passed"], 11)


# --- another history in the place of the branch's ---------------------------------------------------


def swap(scene: Scene, files: dict[str, str | bytes | None]) -> None:
    """Move the branch, without force, to a merge whose first parent is from before the policy."""
    first = scene.git("rev-list", "--max-parents=0", "main")
    scene.branch("foxtrot", first)
    scene.git("merge", "-q", "--no-ff", "--no-commit", "main")
    scene.write(files)
    scene.commit("Merge main")
    scene.git("checkout", "-q", "main")
    scene.git("merge", "-q", "--ff-only", "foxtrot")


def test_a_merge_onto_a_commit_from_before_the_policy_is_not_from_before_the_policy(kept: Scene) -> None:
    passed(kept, "one", {"app.py": "two = 2\n"})
    swap(kept, {"app.py": "evil = 1\n"})
    document = audit(kept, since=None)
    assert (kinds(document), document["exitCode"]) == (["gap", "before-policy"], 11)
    assert "no first parent of it" in document["landings"][0]["reason"]
    assert kept.run("last-good") == 11


def test_a_first_policy_that_came_by_a_merge_is_from_before_the_policy(kept: Scene) -> None:
    swap(kept, {})
    passed(kept, "one", {"app.py": "two = 2\n"})
    document = audit(kept, since=None)
    assert (kinds(document), document["exitCode"]) == (["passed", "before-policy", "before-policy"], 0)


# --- one's own second person ------------------------------------------------------------------------


@pytest.fixture
def team(scene: Scene, tmp_path: Path, ssh_keygen: str) -> Team:
    """A scene whose policy asks for one approval."""
    return Team.of(scene, tmp_path / "keys", ask_for(1))


def test_whose_own_agent_signed_the_same_content_does_not_approve_it(team: Team) -> None:
    with team.ledger() as embedded:
        enrol(embedded, enrolment(embedded, team.agent("helper"), team.ids["bert"]), name="helper")
    team.scene.write({"app.py": "two = 2\n"})
    for agent in ("coder", "helper"):
        team.scene.must("sign", "--agent", agent, "--base", "main", "app.py")
    team.scene.commit()
    team.log(team.countersigned(approval(team, "bert"), "bert"))
    assert "is behind an agent that signed some of it" in refused(team)
    team.approve("carl")
    assert team.scene.code() == 0


# --- nothing instead of too little ------------------------------------------------------------------


def test_no_evidence_is_not_better_than_weak_evidence_where_an_override_asks_for_more(
    scene: Scene, tmp_path: Path, ssh_keygen: str
) -> None:
    def half(policy: dict[str, Any]) -> None:
        policy.update(coverage={"minimum": 50}, paths=[{"match": ["pay/*"], "evidence": "observed"}])

    Team.of(scene, tmp_path / "keys", half)
    scene.change({"app.py": "two = 2\n", "pay/x.py": "x = 1\n"})
    assert scene.code() == 10
    scene.branch("bare")
    scene.change({"app.py": "three = 3\n"})
    scene.write({"pay/x.py": "evil = 1\n"})
    scene.commit()
    answer = scene.gate()
    assert [(one["code"], one["rule"], one["path"]) for one in answer["reasons"]] == [(11, "coverage", "pay/x.py")]
    scene.branch("elsewhere")
    scene.change({"app.py": "three = 3\n"})
    scene.write({"docs.py": "x = 1\n"})
    scene.commit()
    assert scene.code() == 0
