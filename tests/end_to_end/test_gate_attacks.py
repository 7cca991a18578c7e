"""Attacks on the gate's answer, each a test named after it: what must not land, and what must not be spoilt."""

from __future__ import annotations

from pathlib import Path

import pytest

from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_service.checkout import Checkout
from countermark_service.embedded import opened

from .conftest import Scene, ssh_key


def reasons(document: dict) -> list[tuple[int, str | None]]:
    return [(reason["code"], reason["path"]) for reason in document["reasons"]]


# --- protected paths --------------------------------------------------------------------------------


def test_a_symbolic_link_in_place_of_a_protected_folder_needs_people(scene: Scene) -> None:
    scene.write({"build/run": "true\n"})
    (scene.root / ".ci").symlink_to("build")
    scene.must("sign", "--agent", "coder")
    scene.commit()
    assert reasons(scene.gate()) == [(11, ".ci")]


@pytest.mark.parametrize("kind", ["file", "link", "nothing"])
def test_the_folder_of_the_policy_can_not_be_replaced_by_an_agent(scene: Scene, kind: str) -> None:
    scene.git("rm", "-rq", ".countermark")
    if kind == "file":
        scene.write({".countermark": "{}\n"})
    if kind == "link":
        (scene.root / ".countermark").symlink_to("elsewhere")
    scene.must("sign", "--agent", "coder")
    scene.commit()
    refused = {path for _, path in reasons(scene.gate())}
    assert refused >= {".countermark/policy.json", ".countermark/trust-root.json"}
    assert (".countermark" in refused) is (kind != "nothing")


def test_a_name_that_windows_reads_as_a_protected_one_needs_people(scene: Scene) -> None:
    scene.change({".ci./run": "true\n"})
    assert scene.code() == 11


# --- replay -----------------------------------------------------------------------------------------


def test_a_merge_that_landed_and_was_reverted_does_not_land_again_by_its_old_branch(scene: Scene) -> None:
    scene.git("checkout", "-q", "main")
    text = "".join(f"line_{n} = {n}\n" for n in range(20))
    scene.write({"both.py": text})
    scene.commit("both")
    scene.branch("side")
    scene.change({"both.py": text.replace("line_19 = 19", "line_19 = 'head'")})
    scene.git("checkout", "-q", "main")
    scene.write({"both.py": text.replace("line_0 = 0", "line_0 = 'tip'")})
    scene.commit("tip side")
    assert scene.code("--record", "never", head="side") == 0
    scene.git("merge", "-q", "--squash", "side")
    scene.commit("landed")
    scene.git("revert", "--no-edit", "HEAD")
    assert scene.code("--record", "never", head="side") == 11


class TestPeoplesCommits:
    """A signed commit counts for the history it was made on, and only while its signer is trusted."""

    @pytest.fixture
    def mine(self, scene: Scene, ssh_keygen: str) -> Scene:
        key = ssh_key(scene.root.parent / "me")
        scene.git("checkout", "-q", "main")
        scene.must("person", "add", "Me", "--me", "--ssh-key", str(key))
        scene.commit("my key")
        scene.branch("mine")
        scene.git("config", "gpg.format", "ssh")
        scene.git("config", "user.signingkey", str(key))
        return scene

    def _sign(self, scene: Scene) -> None:
        scene.write({"hand.py": "h = 1\n"})
        scene.git("add", "-A")
        scene.git("commit", "-q", "-S", "-m", "by hand")

    def test_a_reverted_signed_commit_is_not_made_younger_by_merging_the_tip(self, mine: Scene) -> None:
        self._sign(mine)
        mine.git("checkout", "-q", "main")
        mine.git("merge", "-q", "--squash", "mine")
        mine.commit("squashed")
        mine.git("revert", "--no-edit", "HEAD")
        mine.git("checkout", "-q", "mine")
        mine.git("merge", "-q", "-s", "ours", "-m", "as if it were new", "main")
        assert reasons(mine.gate()) == [(11, "hand.py")]

    def test_a_signed_commit_after_a_merge_of_the_tip_still_counts(self, mine: Scene) -> None:
        mine.git("checkout", "-q", "main")
        mine.write({"other.py": "o = 1\n"})
        mine.commit("meanwhile")
        mine.git("checkout", "-q", "mine")
        mine.git("merge", "-q", "--no-ff", "-m", "update", "main")
        self._sign(mine)
        assert mine.code() == 0

    def test_a_signed_commit_of_another_repository_covers_nothing_here(self, mine: Scene) -> None:
        mine.git("checkout", "-q", "--orphan", "other")
        mine.git("rm", "-rqf", ".")
        mine.write({"elsewhere.md": "x\n"})
        mine.commit("another root")
        self._sign(mine)
        mine.git("checkout", "-q", "mine")
        mine.git("merge", "-q", "--no-commit", "--allow-unrelated-histories", "other")
        mine.git("rm", "-qf", "elsewhere.md")
        mine.commit("graft")
        assert reasons(mine.gate()) == [(11, "hand.py")]

    def test_a_revoked_person_signs_no_commit_whatever_its_date(self, mine: Scene) -> None:
        self._sign(mine)
        with opened(Checkout.find(Path.cwd()).home()) as embedded:
            now, person = embedded.clock().replace(microsecond=0), embedded.config.person
            entry = (RevokedKind.IDENTITY, person, now, 1_000_000, "stolen")
            embedded.sign([], revoke=lambda kept, _size: (*kept, Revocation(*entry)))
        assert reasons(mine.gate()) == [(13, "hand.py")]
