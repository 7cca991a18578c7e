"""What happens to branches every day: each keeps its evidence where the files stay what was signed, and only there.

The first part is for those who work, the second one a job without secrets, the third for those who replay.
"""

from __future__ import annotations

import json

import pytest

from .conftest import Scene, audit_kinds

FILES = {"app.py": "two = 2\n", "b.py": "b = 1\n"}


@pytest.fixture
def topic(scene: Scene) -> Scene:
    """A branch of two commits, each of which an agent signed."""
    scene.branch("topic")
    scene.change(FILES)
    scene.change({"app.py": "three = 3\n", "c.py": "c = 1\n"})
    return scene


def meanwhile(scene: Scene, **files: str) -> None:
    """Let something else land, then come back."""
    scene.git("checkout", "-q", "main")
    scene.write({name.replace("_", "."): content for name, content in files.items()} or {"other.py": "o = 1\n"})
    scene.commit("meanwhile")
    scene.git("checkout", "-q", "topic")


# --- every day --------------------------------------------------------------------------------------


def test_a_message_that_is_amended_changes_nothing(topic: Scene) -> None:
    topic.git("commit", "-q", "--amend", "-m", "a better message")
    assert topic.code() == 0


def test_a_file_that_is_amended_is_signed_again(topic: Scene) -> None:
    topic.write({"c.py": "c = 2\n"})
    topic.git("commit", "-q", "-a", "--amend", "--no-edit")
    document = topic.gate()
    (reason,) = document["reasons"]
    assert (document["exitCode"], reason["path"], reason["lines"]) == (11, "c.py", [[1, 1]])
    topic.must("sign", "--agent", "coder")
    assert topic.code() == 0


def test_commits_that_are_joined_and_put_in_another_order_keep_their_evidence(topic: Scene) -> None:
    topic.git("reset", "-q", "--soft", "main")
    topic.git("commit", "-q", "-m", "c alone", "--", "c.py")
    topic.git("commit", "-q", "-a", "-m", "the rest")
    assert topic.code() == 0


def test_a_branch_that_is_rebased_and_pushed_by_force_keeps_its_evidence(topic: Scene) -> None:
    meanwhile(topic)
    topic.git("rebase", "-q", "main")
    assert topic.gate()["coverage"] == {"covered": 3, "rows": 3}
    assert topic.code() == 0


def test_a_commit_that_is_dropped_takes_its_statement_along(topic: Scene) -> None:
    topic.git("reset", "-q", "--hard", "HEAD~1")
    assert topic.gate()["coverage"] == {"covered": 2, "rows": 2}
    assert topic.code() == 0


def test_a_commit_that_is_dropped_from_the_middle_leaves_what_was_built_on_it_without_evidence(topic: Scene) -> None:
    topic.git("rebase", "-q", "-X", "theirs", "--onto", "main", "topic~1")
    document = topic.gate()
    assert (document["exitCode"], {row["path"] for row in document["reasons"]}) == (11, {"app.py"})
    topic.must("sign", "--agent", "coder")
    assert topic.code() == 0


def test_a_cherry_picked_commit_brings_its_evidence_to_another_branch_of_the_same_work(topic: Scene) -> None:
    first = topic.git("rev-parse", "topic~1")
    meanwhile(topic)
    topic.branch("picked")
    topic.git("cherry-pick", first)
    assert topic.gate()["coverage"] == {"covered": 2, "rows": 2}
    assert topic.code() == 0


def test_a_fix_that_is_picked_to_a_release_is_signed_for_it(topic: Scene) -> None:
    topic.git("branch", "release", "main")
    first = topic.git("rev-parse", "topic~1")
    topic.branch("backport", "release")
    topic.git("cherry-pick", first)
    assert topic.code("--protected-ref", "release") == 11
    topic.must("sign", "--agent", "coder", "--protected-ref", "release")
    assert topic.code("--protected-ref", "release") == 0


def test_the_protected_branch_may_be_merged_into_the_work(topic: Scene) -> None:
    meanwhile(topic)
    topic.git("merge", "-q", "--no-edit", "main")
    topic.change({"d.py": "d = 1\n"})
    assert topic.gate()["coverage"] == {"covered": 4, "rows": 4}
    assert topic.code() == 0


def test_a_conflict_that_is_resolved_is_signed_by_whoever_resolved_it(topic: Scene) -> None:
    meanwhile(topic, app_py="theirs = 1\n")
    assert topic.code() == 11
    topic.git("merge", "-q", "-X", "ours", "--no-edit", "main")
    topic.write({"app.py": "resolved = 1\n"})
    topic.commit("resolved")
    assert topic.code() == 11
    topic.must("sign", "--agent", "coder")
    assert topic.code() == 0


def test_work_that_is_stacked_on_work_lands_piece_by_piece(topic: Scene) -> None:
    topic.branch("below", "topic~1")
    assert topic.code(head="below") == 0
    topic.git("checkout", "-q", "main")
    topic.git("merge", "-q", "--squash", "below")
    topic.commit("below, squashed")
    topic.git("checkout", "-q", "topic")
    assert "expected tip and head to merge" in topic.gate()["reasons"][0]["message"]
    topic.git("rebase", "-q", "--onto", "main", "topic~1")
    assert topic.gate()["coverage"] == {"covered": 2, "rows": 2}
    assert topic.code() == 0


def test_a_branch_that_goes_on_after_it_was_squashed_lands_what_is_new(topic: Scene) -> None:
    assert topic.code() == 0
    topic.git("checkout", "-q", "main")
    topic.git("merge", "-q", "--squash", "topic")
    topic.commit("topic, squashed")
    topic.git("checkout", "-q", "topic")
    topic.git("merge", "-q", "--no-edit", "main")
    topic.change({"app.py": "four = 4\n"})
    assert topic.gate()["coverage"] == {"covered": 1, "rows": 1}
    assert topic.code() == 0


def test_a_revert_of_a_revert_is_signed_as_the_revert_was(topic: Scene) -> None:
    topic.land("topic")
    for number, branch in enumerate(("undo", "redo")):
        topic.branch(branch)
        topic.git("revert", "-m", "1", "--no-edit", "HEAD")
        assert topic.code() == 11, number
        topic.must("sign", "--agent", "coder")
        assert topic.code() == 0, number
        topic.land(branch)
    assert (topic.root / "c.py").read_text() == "c = 1\n"


# --- a fork's pull request, without secrets ---------------------------------------------------------


@pytest.fixture
def fork(topic: Scene, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A job with the pins and the evidence and nothing else; what it says to the gate."""
    topic.must("log", "export", "../evidence")
    trust = json.loads(topic.must("trust-root"))
    digest = topic.must("trust-root", "--format", "digest").strip()
    monkeypatch.setenv("OWN_DATA", str(topic.root.parent / "private"))
    monkeypatch.setenv("XDG_DATA_HOME", str(topic.root.parent / "nothing"))
    pins = ["--protected-ref", "refs/heads/main", "--repository-id", trust["repositoryId"], "--trust-root", digest]
    return [*pins, "--bundles", "../evidence"]


def at_home(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to where the keys are."""
    monkeypatch.setenv("XDG_DATA_HOME", str(scene.root.parent / "private"))


_OF_THE_RUN = {"preliminary", "verdictBundle", "evaluatedOn", "statusNumber", "earlierPoints"}


@pytest.mark.parametrize("break_it", [False, True], ids=["passes", "is-refused"])
def test_a_fork_without_secrets_gets_the_same_answer_and_nobody_counts_it(
    topic: Scene, fork: list[str], monkeypatch: pytest.MonkeyPatch, *, break_it: bool
) -> None:
    if break_it:
        topic.write({"evil.py": "e = 1\n"})
        topic.commit("smuggled")
    without = topic.gate(*fork)
    assert (without["preliminary"], without["verdictBundle"]) == (True, None)
    at_home(topic, monkeypatch)
    recorded = topic.gate()
    assert (recorded["preliminary"], recorded["exitCode"]) == (False, 11 if break_it else 0)
    assert {name: value for name, value in recorded.items() if name not in _OF_THE_RUN} == {
        name: value for name, value in without.items() if name not in _OF_THE_RUN
    }


def test_a_fork_can_not_be_made_to_record(topic: Scene, fork: list[str]) -> None:
    assert topic.run("gate", *fork, "--record", "required") == 2


def test_what_a_fork_decided_is_no_verdict_until_a_protected_job_records_one(
    topic: Scene, fork: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = topic.git("rev-parse", "main")
    assert topic.code(*fork) == 0
    topic.land("topic")
    at_home(topic, monkeypatch)
    assert audit_kinds(topic, before) == ["gap"]
    assert topic.code("--tip", before, "--head", "main", "--landed", head="main") == 0
    assert audit_kinds(topic, before) == ["passed"]


# --- replay -----------------------------------------------------------------------------------------


@pytest.fixture
def squashed(topic: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """What two statements led to landed as one commit, and was taken back; nobody recorded a verdict."""
    topic.git("checkout", "-q", "main")
    topic.git("merge", "-q", "--squash", "topic")
    topic.commit("squashed")
    topic.git("revert", "--no-edit", "HEAD")
    return topic


def test_an_intermediate_of_what_was_squashed_does_not_come_back(squashed: Scene) -> None:
    squashed.branch("attack")
    squashed.write({"app.py": FILES["app.py"]})
    squashed.commit()
    assert squashed.code() == 11


def test_an_intermediate_of_what_was_squashed_does_not_come_back_from_an_old_branch_point(squashed: Scene) -> None:
    assert squashed.code(head="topic~1") == 11
    assert squashed.code(head="topic") == 11


def test_the_same_is_spent_where_a_person_made_the_last_step(scene: Scene) -> None:
    scene.change({"app.py": "flaw = 1\n"})
    scene.write({"app.py": "mended = 1\n"})
    scene.must("claim")
    scene.commit()
    scene.git("checkout", "-q", "main")
    scene.git("merge", "-q", "--squash", "work")
    scene.commit("squashed")
    scene.git("revert", "--no-edit", "HEAD")
    scene.branch("attack")
    scene.write({"app.py": "flaw = 1\n"})
    scene.commit()
    assert scene.code() == 11


@pytest.mark.parametrize(("who", "code"), [("rival", 0), ("coder", 11)])
def test_no_other_agent_can_declare_somebodys_work_to_be_spent(scene: Scene, who: str, code: int) -> None:
    """By signing a step from it to what the protected ref has been meanwhile: that may be said by who made it."""
    scene.must("agent", "add", "rival")
    scene.change({"app.py": "good = 1\n"})
    scene.git("checkout", "-q", "main")
    for text in ("other = 1\n", "one = 1\n"):
        scene.write({"app.py": text})
        scene.commit("there and back")
    scene.branch("step", "work")
    scene.change({"app.py": "other = 1\n"}, agent=who)
    assert scene.code(head="work") == code
