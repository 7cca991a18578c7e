"""What was signed together lands together, or is signed anew; each hint is a command that mends its refusal."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from countermark_ledger import canonical
from countermark_ledger.coverage import Answer
from countermark_ledger.git.reader import Repository
from countermark_service.checkout import Checkout
from countermark_service.embedded import opened
from countermark_service.gate import steps
from countermark_service.gate.case import Case
from countermark_service.gate.gathering import MAX_ROUNDS
from countermark_service.gate.input import Input
from countermark_service.gate.root import Pin
from countermark_service.sources import Files, from_directory, from_ledger

from .conftest import CLEAN, Scene, ssh_key

GUARDED = {"app.py": "two = 2\n", "guard.py": "g = 1\n"}


@pytest.fixture
def picked(scene: Scene) -> Scene:
    """A branch with one of two files that were signed together."""
    scene.change(GUARDED)
    scene.branch("part", "main")
    scene.git("checkout", "work", "--", "app.py")
    scene.commit("the part that suits")
    return scene


def refusal(scene: Scene, *words: str) -> tuple[str, list[str]]:
    """The one reason not to merge, and the words of the command that its hint is."""
    document = scene.gate(*words)
    assert document["exitCode"] == 11
    (reason,) = document["reasons"]
    return reason["message"], shlex.split(reason["hint"])


def test_a_row_picked_from_a_statement_does_not_land_alone(picked: Scene) -> None:
    message, _ = refusal(picked)
    assert message == "it was signed together with changes that would not land: guard.py"


@pytest.mark.parametrize("signed", [["claim"], ["sign", "--agent", "coder"]], ids=["by-a-person", "by-the-agent"])
def test_what_the_hint_says_makes_a_part_land(picked: Scene, signed: list[str]) -> None:
    _, command = refusal(picked)
    assert command[:2] == ["countermark", "claim"]
    picked.must(*signed, *command[2:])
    assert picked.gate()["coverage"] == {"covered": 1, "rows": 1}
    assert picked.code() == 0


@pytest.mark.parametrize("words", [["sign", "--agent", "coder"], ["claim"]], ids=" ".join)
def test_signing_what_nobody_signed_finds_a_part_by_itself(picked: Scene, words: list[str]) -> None:
    picked.must(*words)
    assert picked.code() == 0


def test_a_deletion_that_was_signed_with_others_is_no_less_left_out(scene: Scene) -> None:
    scene.git("checkout", "-q", "main")
    scene.write({"unsafe.py": "u = 1\n"})
    scene.commit("before")
    scene.branch("topic")
    scene.change({"app.py": "two = 2\n", "unsafe.py": None})
    scene.branch("part", "main")
    scene.git("checkout", "topic", "--", "app.py")
    scene.commit()
    assert refusal(scene)[0].endswith("would not land: unsafe.py")


def test_what_was_signed_and_never_committed_is_left_out_too(scene: Scene) -> None:
    scene.write({**GUARDED, "scratch.txt": "notes\n"})
    scene.must("sign", "--agent", "coder")
    scene.git("add", *GUARDED)
    scene.git("commit", "-q", "-m", "without the notes")
    document = scene.gate()
    assert [reason["path"] for reason in document["reasons"]] == ["app.py", "guard.py"]
    for reason in document["reasons"]:
        assert "scratch.txt" in reason["message"]
        scene.must(*shlex.split(reason["hint"])[1:])
    assert scene.code() == 0


def test_a_change_that_is_split_in_two_is_signed_once_more_and_not_twice(picked: Scene) -> None:
    picked.must("sign", "--agent", "coder")
    assert picked.code() == 0
    picked.land("part")
    picked.git("checkout", "-q", "work")
    assert picked.gate()["coverage"] == {"covered": 1, "rows": 1}
    assert picked.code() == 0


def recorded(scene: Scene, script: str) -> None:
    """Let an agent run a script: what it takes out is a row of its statement, also where nothing differs any more."""
    scene.must("record", "--agent", "coder", "--commit", "recorded", "--", "sh", "-c", script)


def test_signing_again_what_is_there_leaves_nothing_behind(scene: Scene) -> None:
    scene.change(GUARDED)
    scene.change({"guard.py": None})
    assert scene.gate()["coverage"] == {"covered": 1, "rows": 1}
    assert scene.code() == 0


def test_whoever_answers_for_a_file_may_take_it_out_again(scene: Scene) -> None:
    scene.change(GUARDED)
    recorded(scene, "rm guard.py")
    document = scene.gate()
    assert (document["exitCode"], document["coverage"]) == (0, {"covered": 1, "rows": 1})
    assert len(document["rows"][0]["chain"]) == 1


def test_whoever_took_a_file_out_must_have_come_along_too(scene: Scene) -> None:
    scene.change(GUARDED)
    recorded(scene, "rm guard.py; echo 'o = 1' > other_guard.py")
    assert scene.code() == 0
    scene.git("rm", "-q", "other_guard.py")
    scene.commit("and nothing in its place")
    message, command = refusal(scene)
    assert message.endswith("would not land: guard.py")
    scene.must(*command[1:])
    assert scene.code() == 0


def test_what_the_other_side_has_by_now_did_come_along(scene: Scene) -> None:
    scene.change(GUARDED)
    scene.git("checkout", "-q", "main")
    scene.write({"guard.py": GUARDED["guard.py"]})
    scene.commit("the same guard")
    scene.branch("part", "main")
    scene.git("checkout", "work", "--", "app.py")
    scene.commit()
    assert scene.code() == 0


def test_what_git_merged_into_more_than_was_signed_did_come_along(scene: Scene) -> None:
    lines = "".join(f"line_{n} = {n}\n" for n in range(20))
    scene.git("checkout", "-q", "main")
    scene.write({"guard.py": lines})
    scene.commit("a long guard")
    scene.branch("topic")
    better = lines.replace("line_19 = 19", "line_19 = 'checked'")
    scene.change({"app.py": "two = 2\n", "guard.py": better})
    scene.git("checkout", "-q", "main")
    scene.write({"guard.py": better.replace("line_0 = 0", "line_0 = 'checked'")})
    scene.commit("that, and more")
    assert scene.gate(head="topic")["coverage"] == {"covered": 1, "rows": 1}


def test_all_parts_of_a_large_change_are_one_statement(scene: Scene) -> None:
    scene.change({f"d/f{number:04}.py": f"n = {number}\n" for number in range(1100)})
    scene.git("rm", "-q", "d/f1099.py")
    scene.commit("but for one")
    document = scene.gate()
    assert (document["exitCode"], document["coverage"]) == (11, {"covered": 0, "rows": 1099})
    assert "d/f1099.py" in document["reasons"][0]["message"]


def test_a_statement_that_is_not_needed_may_stay_behind(scene: Scene) -> None:
    scene.change(GUARDED)
    scene.branch("other")
    scene.write({"app.py": "three = 3\n"})
    scene.must("sign", "--agent", "coder")
    scene.commit()
    assert scene.code() == 0


def test_the_facts_of_a_decision_answer_alike_when_they_are_read_back(scene: Scene) -> None:
    """What was left out is part of the facts, so a policy that is tried on them finds it as well."""
    scene.change(GUARDED)
    recorded(scene, "rm guard.py; echo 'o = 1' > other_guard.py")
    scene.git("rm", "-q", "other_guard.py")
    scene.commit("and nothing in its place")
    with opened(Checkout.find(scene.root).home()) as embedded, Repository.open(scene.root) as repository:
        pin = Pin(embedded.config.repository_id, embedded.config.trust_root, embedded.config.protected_ref)
        ports = steps.Ports((from_ledger(embedded),), lambda *_: CLEAN, lambda _: None)
        facts = steps.run(repository, pin, head="HEAD", at=embedded.clock(), seen_status=0, ports=ports).facts
    printed = canonical.loads(canonical.dumps(Input.of(facts).json()))
    assert [one["path"] for one in printed["accounts"]["still"]] == ["guard.py", "other_guard.py"]
    again = Case.of(facts.root.policy, Input.parse(printed))
    assert [(row.answer, row.reason) for row in again.rows] == [(row.answer, row.reason) for row in facts.rows]
    assert again.rows[0].answer is Answer.UNACCOUNTED
    printed["accounts"]["still"] = []
    assert Case.of(facts.root.policy, Input.parse(printed)).rows[0].answer is Answer.COVERED


def chained(scene: Scene, length: int) -> None:
    """Make statements of which each takes back a file of the one before and adds one of its own."""
    scene.change({"app.py": "two = 2\n", "f0.py": "f = 0\n"})
    for number in range(length):
        recorded(scene, f"rm f{number}.py; echo 'f = {number + 1}' > f{number + 1}.py")


@pytest.mark.parametrize(("length", "code"), [(3, 0), (MAX_ROUNDS, 0), (MAX_ROUNDS + 1, 11), (MAX_ROUNDS + 3, 11)])
def test_statements_that_lead_too_far_are_left_out_and_never_taken_for_whole(
    scene: Scene, length: int, code: int
) -> None:
    chained(scene, length)
    assert scene.code() == code
    scene.git("rm", "-q", f"f{length}.py")
    scene.commit("and nothing in its place")
    document = scene.gate()
    assert (document["exitCode"], document["coverage"]) == (11, {"covered": 0, "rows": 1})
    scene.must("sign", "--agent", "coder")
    assert scene.code() == 0


def test_evidence_without_an_index_is_read_once(scene: Scene) -> None:
    chained(scene, 3)
    scene.must("log", "export", "../evidence")
    read: list[int] = []
    with Repository.open(scene.root) as repository:
        config = Checkout.find(scene.root).home().config()
        pin = Pin(config.repository_id, config.trust_root, config.protected_ref)
        directory = from_directory(scene.root.parent / "evidence")

        def counted(paths: frozenset[str]) -> Files:
            read.append(len(paths))
            return directory(paths)

        ports = steps.Ports((counted,), lambda *_: CLEAN, lambda _: None)
        found = steps.run(repository, pin, head="HEAD", at=datetime.now(UTC), seen_status=0, ports=ports)
    assert (found.code, len(found.facts.landing.still), len(read)) == (0, 3, 1)


class TestSignedCommits:
    """A signed commit is a statement as well: what it changed counts together."""

    @pytest.fixture
    def mine(self, scene: Scene, ssh_keygen: str) -> Scene:
        key = ssh_key(scene.root.parent / "me")
        scene.git("checkout", "-q", "main")
        scene.must("person", "add", "Me", "--me", "--ssh-key", str(key))
        scene.commit("my key")
        for name, value in {"gpg.format": "ssh", "user.signingkey": str(key)}.items():
            scene.git("config", name, value)
        scene.branch("mine")
        self.by_hand(scene, GUARDED)
        return scene

    def by_hand(self, scene: Scene, files: dict[str, str | None]) -> None:
        scene.write(files)
        scene.git("add", "-A")
        scene.git("commit", "-q", "-S", "-m", "by hand")

    def test_it_lands_whole(self, mine: Scene) -> None:
        assert mine.code() == 0

    def test_nobody_takes_a_part_of_it_out_without_a_signature(self, mine: Scene) -> None:
        mine.git("rm", "-q", "guard.py")
        mine.commit("no guard")
        message, command = refusal(mine)
        assert message.endswith("would not land: guard.py")
        mine.must(*command[1:])
        assert mine.code() == 0

    def test_its_signer_may(self, mine: Scene) -> None:
        self.by_hand(mine, {"guard.py": None})
        assert mine.code() == 0

    def test_an_agent_may_with_a_statement(self, mine: Scene) -> None:
        mine.change({"guard.py": None})
        assert mine.code() == 0


# --- another branch ---------------------------------------------------------------------------------


@pytest.fixture
def released(scene: Scene) -> Scene:
    """A second protected branch, `release`, and work that was signed towards it from a commit that both have."""
    scene.git("branch", "release", "main")
    scene.write({"app.py": "quick = 1\n"})
    scene.must("sign", "--agent", "coder", "--protected-ref", "refs/heads/release")
    scene.commit("a quick fix")
    return scene


def test_what_was_signed_towards_one_branch_does_not_land_on_another(released: Scene) -> None:
    assert released.code("--protected-ref", "refs/heads/release") == 0
    message, command = refusal(released)
    assert "signed towards refs/heads/release" in message
    released.must(*command[1:])
    assert released.code() == 0


def test_a_branch_is_the_same_one_here_and_as_a_remotes(released: Scene) -> None:
    for ref in ("refs/heads/main", "refs/heads/release"):
        released.git("update-ref", ref.replace("heads", "remotes/origin"), ref)
    assert released.code("--protected-ref", "refs/remotes/origin/release") == 0
    assert released.code("--protected-ref", "origin/release") == 0
    assert released.code("--protected-ref", "refs/remotes/origin/main") == 11


def test_a_name_that_ends_like_the_branch_is_another_branch(released: Scene) -> None:
    released.git("branch", "topic/release", "release")
    assert released.code("--protected-ref", "refs/heads/topic/release") == 11


def test_work_that_was_recorded_towards_another_branch_says_so(scene: Scene, tmp_path: Path) -> None:
    scene.git("branch", "release", "main")
    words = ["record", "--agent", "coder", "--protected-ref", "release", "--commit", "change", "--"]
    scene.must(*words, "sh", "-c", "echo 'x = 1' > new.py")
    assert scene.code("--protected-ref", "release") == 0
    assert scene.code() == 11
