"""A change waits for people who had no hand in it; every way to be one's own second person is an attack by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from countermark_ledger.bundle import Bundle, content_name
from countermark_ledger.collection import bundle_path, certificate_proof_path
from countermark_ledger.predicates import VERDICT
from countermark_ledger.predicates.approval import Approval
from countermark_ledger.predicates.enrolment import ENROLMENT_TYPE
from countermark_ledger.predicates.status import RevokedKind
from countermark_ledger.predicates.verdict import Verdict
from countermark_ledger.statement import Statement
from countermark_service.cli.enrolling import enrol, enrolment
from countermark_service.exits import UsageError
from countermark_service.store.records import Query

from .conftest import Scene, ssh_key
from .people import Team, name_of


def ask_for(people: int, **others: Any) -> Any:
    return lambda policy: policy.update(approvals={"minimum": people}, **others)


@pytest.fixture
def team(scene: Scene, tmp_path: Path, ssh_keygen: str) -> Team:
    """A scene whose policy asks for one approval."""
    return Team.of(scene, tmp_path / "keys", ask_for(1))


def refused(team: Team, *words: str) -> str:
    """Gate, and give the one reason, which must be that approvals are missing."""
    answer = team.scene.gate(*words)
    assert [(reason["code"], reason["message"].split(":")[0]) for reason in answer["reasons"]] == [(10, "approvals")]
    message: str = answer["reasons"][0]["message"]
    return message


def approval(team: Team, name: str, **other: str) -> Approval:
    """An approval by somebody of what would land now, before anybody signed it."""
    with team.ledger() as embedded:
        config = embedded.config
    answer = json.loads(
        team.scene.must(
            "approve",
            "--person",
            "carl",
            "--ssh-key",
            team.key("carl"),
            "--sign-only",
            str(team.keys / "probe"),
            "--json",
        )
    )
    facts = answer["predicate"]
    listing = Statement.parse((team.keys / "probe").read_bytes()).subjects[0].digest["sha256"]
    named = {name: facts[name] for name in ("protectedRef", "tip", "head")}
    made = Approval(team.ids[name], config.repository_id, named["protectedRef"], named["tip"], named["head"], listing)
    return replace(made, **other)


# --- what lands -------------------------------------------------------------------------------------


def test_a_change_waits_for_another_person_and_lands_with_one(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    answer = team.scene.gate()
    assert answer["exitCode"] == 10
    assert answer["reasons"][0]["hint"] == f"countermark approve --head {answer['head']}"
    assert "found 0" in refused(team)
    given = team.approve("bert")
    assert given["predicate"]["person"] == str(team.ids["bert"])
    assert given["files"] == [{"path": "app.py", "answer": "covered", "signers": [str(team.agent())]}]
    assert team.scene.code() == 0


def test_a_refusal_is_silent_about_approvals_of_other_changes(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    other = team.scene.git("rev-parse", "HEAD")
    team.approve("bert", head=other)
    team.scene.branch("another", "main")
    team.scene.change({"app.py": "three = 3\n"})
    assert refused(team).endswith("found 0")
    assert team.scene.code(head=other) == 0


def test_the_verdict_names_the_approvals_that_it_rests_on(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    given = team.approve("bert")
    assert team.scene.code("--record", "required") == 0
    with team.ledger() as embedded:
        newest = embedded.store.newest(embedded.log.origin, VERDICT)
        raw = embedded.store.blob(newest.bundle_sha256).data
    verdict = Verdict.parse(Statement.parse(Bundle.parse(raw).envelope.payload))
    assert verdict.approvals == (given["name"],)
    assert given["bundle"] in verdict.inputs


def test_what_would_land_and_who_signed_it_is_shown_before_it_is_approved(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    shown = team.scene.must("approve", "--person", "bert", "--ssh-key", team.key("bert"))
    assert f"covered      app.py  {team.agent()}" in shown
    assert "score      100 of 100" in shown
    assert f"{team.ids['bert']} lets commit" in shown


def test_the_highest_number_that_any_changed_path_asks_for_holds(team: Team) -> None:
    team.land_policy(ask_for(0, paths=[{"match": ["pay/*"], "approvals": 2}]))
    team.scene.change({"app.py": "two = 2\n"})
    assert team.scene.code() == 0
    team.scene.change({"pay/card.py": "three = 3\n"})
    assert "asks for 2" in refused(team)
    team.approve("bert")
    assert "found 1" in refused(team)
    team.approve("carl")
    assert team.scene.code() == 0


def test_an_approval_is_read_from_the_bundle_ref_by_a_job_without_a_ledger(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    elsewhere = Elsewhere.of(team, tmp_path, monkeypatch)
    with elsewhere:
        assert team.scene.code(*elsewhere.pins, "--head", "origin/work", "--record", "never") == 10
    team.approve("bert")
    elsewhere.fetch()
    with elsewhere:
        assert team.scene.code(*elsewhere.pins, "--head", "origin/work", "--record", "never") == 0


@pytest.mark.parametrize("squash", [True, False])
def test_an_approval_still_counts_when_what_landed_is_decided_again(team: Team, *, squash: bool) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    team.approve("bert")
    team.scene.git("checkout", "-q", "main")
    if squash:
        team.scene.git("merge", "-q", "--squash", "work")
        team.scene.commit("squashed")
    else:
        team.scene.git("merge", "-q", "--no-ff", "-m", "merged", "work")
    assert team.scene.code("--landed", "--tip", "main~1", head="main") == 0


# --- somebody on another machine --------------------------------------------------------------------


class Elsewhere:
    """A clone on a machine that has no private folder, but the repository and its bundle ref."""

    def __init__(self, team: Team, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.team, self.root, self.patch = team, root, patch
        with team.ledger() as embedded:
            config = embedded.config
        self.pins = (
            *("--repository", str(root)),
            *("--repository-id", config.repository_id, "--trust-root", config.trust_root),
            *("--protected-ref", "refs/remotes/origin/main"),
        )

    @classmethod
    def of(cls, team: Team, place: Path, patch: pytest.MonkeyPatch) -> Elsewhere:
        team.scene.git("init", "-q", "--bare", str(place / "origin.git"))
        team.scene.git("remote", "add", "origin", str(place / "origin.git"))
        made = cls(team, place / "clone", patch)
        team.scene.git("push", "-q", "origin", "main", "work")
        team.scene.git("clone", "-q", str(place / "origin.git"), str(made.root))
        made.fetch()
        return made

    def fetch(self) -> None:
        self.team.scene.git("push", "-q", "-f", "origin", "main", "work")
        self.team.scene.must("bundles", "push", "origin")
        refs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/countermark/bundles:refs/countermark/bundles")
        self.team.scene.git("-C", str(self.root), "fetch", "-q", "origin", *refs)

    def __enter__(self) -> None:
        self.patch.setenv("XDG_DATA_HOME", str(self.root.parent / "nothing-here"))

    def __exit__(self, *_: object) -> None:
        self.patch.setenv("XDG_DATA_HOME", str(self.root.parent / "private"))

    def sign(self, name: str, file: Path) -> None:
        person = str(self.team.ids[name])
        words = ("--head", "origin/work", "--person", person, "--ssh-key", self.team.key(name))
        with self:
            self.team.scene.must("approve", *self.pins, *words, "--sign-only", str(file))


@pytest.fixture
def elsewhere(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    team.scene.change({"app.py": "two = 2\n"})
    return Elsewhere.of(team, tmp_path, monkeypatch)


def test_a_person_signs_on_another_machine_and_the_ledger_takes_it_in(elsewhere: Elsewhere, tmp_path: Path) -> None:
    team, file = elsewhere.team, tmp_path / "approval.json"
    elsewhere.sign("bert", file)
    assert "found 0" in refused(team)
    taken = json.loads(team.scene.must("approve", "--take", str(file), "--json"))
    assert taken["predicate"]["protectedRef"] == "refs/remotes/origin/main"
    assert team.scene.code() == 0


def test_a_machine_without_a_ledger_signs_to_a_file_or_not_at_all(elsewhere: Elsewhere, tmp_path: Path) -> None:
    words = ("approve", *elsewhere.pins, "--head", "origin/work", "--ssh-key", elsewhere.team.key("bert"))
    person = ("--person", str(elsewhere.team.ids["bert"]))
    with elsewhere:
        assert elsewhere.team.scene.run(*words, *person) == 2
        assert elsewhere.team.scene.run(*words, "--sign-only", str(tmp_path / "x")) == 2
        elsewhere.team.scene.must(*words, *person, "--sign-only", str(tmp_path / "x"))


def _replace(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda raw: raw.replace(old, new)


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(_replace(b'"tip":"', b'"tip":"0'), id="another-tip"),
        pytest.param(_replace(b"SSH SIGNATURE", b"SSH  SIGNATURE"), id="damaged-signature"),
        pytest.param(lambda raw: b" " + raw, id="another-spelling"),
        pytest.param(lambda _raw: b"{}", id="nothing"),
    ],
)
def test_what_was_changed_on_its_way_is_not_taken_in(
    elsewhere: Elsewhere, tmp_path: Path, attack: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "approval.json"
    elsewhere.sign("bert", file)
    file.write_bytes(attack(file.read_bytes()))
    assert elsewhere.team.scene.run("approve", "--take", str(file)) == 12


def test_what_nobody_of_the_policy_signed_is_not_taken_in(team: Team, tmp_path: Path) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    file, bare = tmp_path / "approval.json", approval(team, "bert")
    ssh_key(team.keys / "mallory")
    for forged in (bare, team.countersigned(bare, "mallory"), team.countersigned(bare, "carl")):
        file.write_bytes(forged.statement().encode())
        assert team.scene.run("approve", "--take", str(file)) == 2
    other = team.countersigned(replace(bare, repository_id="other"), "bert")
    file.write_bytes(other.statement().encode())
    assert team.scene.run("approve", "--take", str(file)) == 2


def test_a_file_is_signed_only_for_a_person_whose_key_can_be_checked(team: Team, tmp_path: Path) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    team.land_policy(lambda policy: [one.update(sshKeys=[]) for one in policy["people"]])
    team.scene.change({"app.py": "two = 2\n"})
    assert team.scene.run("approve", "--person", "bert", "--sign-only", str(tmp_path / "x")) == 2
    team.scene.must("approve", "--person", "bert")
    assert team.scene.code() == 0


# --- one's own second person ------------------------------------------------------------------------


def test_who_runs_the_agent_does_not_approve_what_it_did(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    team.scene.capsys.readouterr()
    assert team.scene.run("approve") == 2
    assert "behind an agent" in team.scene.capsys.readouterr().err
    team.log(approval(team, "me"))
    assert "is behind an agent that signed some of it" in refused(team)


def test_who_signed_a_row_does_not_approve_it(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    team.scene.git("config", "gpg.format", "ssh")
    team.scene.git("config", "user.signingkey", team.key("bert"))
    team.scene.write({"own.py": "own = 1\n"})
    team.scene.git("add", "-A")
    team.scene.git("commit", "-q", "-S", "-m", "by hand")
    assert team.scene.run("approve", "--person", "bert", "--ssh-key", team.key("bert")) == 2
    team.log(team.countersigned(approval(team, "bert"), "bert"))
    assert "signed some of it" in refused(team)
    team.approve("carl")
    assert team.scene.code() == 0


def test_who_holds_the_ledgers_keys_does_not_approve_in_the_name_of_another(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    bare = approval(team, "bert")
    team.log(bare)
    assert "no SSH key that the policy lists" in refused(team)
    ssh_key(team.keys / "mallory")
    team.log(team.countersigned(bare, "mallory"))
    assert "no SSH key that the policy lists" in refused(team)


def test_an_agent_approves_nothing_in_whatever_name(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    agent, bare = team.agent(), approval(team, "bert")
    team.log(team.countersigned(bare, "bert"), signer=agent)
    assert "does not hold" in refused(team)
    team.log(replace(bare, person=agent), signer=agent)
    assert "found 0" in refused(team)


def test_who_owns_the_bot_does_not_approve_what_it_did(team: Team) -> None:
    with team.ledger() as embedded:
        bot = team.agent("helper")
        enrol(embedded, enrolment(embedded, bot, team.ids["bert"]), name="helper")
    team.scene.change({"app.py": "two = 2\n"}, agent="helper")
    team.log(team.countersigned(approval(team, "bert"), "bert"))
    assert "is behind an agent that signed some of it" in refused(team)
    team.approve("carl")
    assert team.scene.code() == 0


def test_where_the_enrolment_is_withheld_nobody_is_a_second_person(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    team.approve("bert")
    elsewhere, folder = Elsewhere.of(team, tmp_path, monkeypatch), tmp_path / "export"
    team.scene.must("log", "export", str(folder))
    with team.ledger() as embedded:
        entries = embedded.store.find(Query(embedded.log.origin, predicate_type=ENROLMENT_TYPE))
    shutil.rmtree(elsewhere.root / ".git" / "refs" / "countermark", ignore_errors=True)
    team.scene.git("-C", str(elsewhere.root), "update-ref", "-d", "refs/countermark/bundles")
    words = (*elsewhere.pins, "--bundles", str(folder), "--head", "origin/work", "--record", "never")
    with elsewhere:
        assert team.scene.code(*words) == 0
        for entry in entries:
            next(folder.rglob(f"{entry.bundle_sha256}.sigstore.json")).unlink()
        assert "is not known, so nobody is a second person" in refused(team, *words)


def test_one_person_is_not_two(team: Team) -> None:
    team.land_policy(ask_for(2))
    team.scene.change({"app.py": "two = 2\n"})
    team.approve("bert")
    team.approve("bert")
    assert "found 1" in refused(team)


def test_another_spelling_of_a_persons_approval_is_not_another_person(team: Team) -> None:
    team.land_policy(ask_for(2))
    team.scene.change({"app.py": "two = 2\n"})
    team.approve("bert")
    team.log(team.countersigned(approval(team, "bert", head="0" * 40), "bert"))
    assert "approved it more than once" in refused(team)


def test_one_key_under_two_names_is_one_person_also_where_the_policy_lists_none(team: Team) -> None:
    def no_keys(policy: dict[str, Any]) -> None:
        policy["approvals"]["minimum"] = 2
        for one in policy["people"]:
            one["sshKeys"] = []

    team.land_policy(no_keys)
    team.scene.change({"app.py": "two = 2\n"})
    given = json.loads(team.scene.must("approve", "--person", "bert", "--ssh-key", team.key("bert"), "--json"))
    with team.ledger() as embedded:
        raw = embedded.store.blob(given["bundle"]).data
    made = Approval.parse(Statement.parse(Bundle.parse(raw).envelope.payload))
    team.log(team.countersigned(replace(made, person=team.ids["carl"]), "bert"))
    assert "with a key that counts already" in refused(team)


def test_where_nobody_answers_for_a_part_nobody_is_a_second_person(team: Team) -> None:
    team.land_policy(ask_for(1, coverage={"minimum": 50}))
    team.scene.change({"app.py": "two = 2\n"})
    team.scene.write({"nobodys.py": "n = 1\n"})
    team.scene.commit()
    team.approve("bert")
    assert "nobody answers for 1 files of it" in refused(team)


def test_one_key_does_not_stand_for_two_people_of_a_policy(team: Team) -> None:
    team.scene.git("checkout", "-q", "main")
    team.edit_policy(lambda policy: [one.update(sshKeys=policy["people"][-1]["sshKeys"]) for one in policy["people"]])
    team.scene.must("claim")
    team.scene.commit("two names for one key")
    assert team.scene.run("gate") == 12


# --- something else was approved --------------------------------------------------------------------


def test_an_approval_of_an_older_tree_does_not_count_for_a_newer_one(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    team.approve("bert")
    team.scene.change({"app.py": "three = 3\n"})
    assert "found 0" in refused(team)


def test_an_approval_is_not_replayed_after_the_tip_has_moved(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    team.approve("bert")
    assert team.scene.code() == 0
    team.scene.branch("other", "main")
    team.scene.change({"other.py": "o = 1\n"})
    team.scene.land("other")
    team.scene.git("checkout", "-q", "work")
    assert "another tip" in refused(team)


def test_a_later_return_to_an_approved_tree_needs_a_new_approval(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    team.approve("bert")
    team.scene.land("work")
    team.scene.branch("away")
    team.scene.change({"app.py": "three = 3\n"})
    team.scene.land("away")
    team.scene.branch("back")
    team.scene.change({"app.py": "two = 2\n"})
    assert "found 0" in refused(team)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"repository_id": "elsewhere"}, id="another-repository"),
        pytest.param({"protected_ref": "refs/heads/release"}, id="another-branch"),
        pytest.param({"listing_sha256": "0" * 64}, id="another-tree"),
        pytest.param({"tip": "0" * 40}, id="another-tip"),
    ],
)
def test_an_approval_of_something_else_does_not_count(team: Team, other: dict[str, str]) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    team.log(team.countersigned(approval(team, "bert", **other), "bert"))
    assert "found 0" in refused(team)
    team.log(team.countersigned(approval(team, "bert"), "bert"))
    assert team.scene.code() == 0


# --- whom the policy names --------------------------------------------------------------------------


def test_an_approver_who_is_revoked_later_has_approved_nothing(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    team.approve("bert")
    assert team.scene.code() == 0
    team.revoke(RevokedKind.IDENTITY, str(team.ids["bert"]))
    assert "is revoked since" in refused(team)


def test_an_approval_with_a_revoked_ssh_key_does_not_count(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    given = team.approve("bert")
    team.revoke(RevokedKind.KEY, given["sshKey"])
    assert "is revoked since" in refused(team)


def test_a_policy_that_the_change_brings_along_names_nobody(team: Team) -> None:
    added = json.loads(
        team.scene.must("person", "add", "mallory", "--ssh-key", str(ssh_key(team.keys / "mallory")), "--json")
    )
    team.scene.must("claim")
    team.scene.commit("name mallory")
    team.scene.change({"app.py": "two = 2\n"})
    assert team.scene.run("approve", "--person", "mallory", "--ssh-key", team.key("mallory")) == 2
    forged = replace(approval(team, "bert"), person=type(team.ids["bert"]).parse(added["id"]))
    team.log(team.countersigned(forged, "mallory"))
    assert "is not named by the policy at the tip" in refused(team)


def test_approvals_that_nobody_logged_do_not_count(team: Team, tmp_path: Path) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    signed = team.log(team.countersigned(approval(team, "bert", head="0" * 40, tip="1" * 40), "bert"))
    wanted = team.countersigned(approval(team, "bert"), "bert")
    bundle = Bundle.parse(signed.raw)
    forged = bundle._replace(envelope=bundle.envelope._replace(payload=wanted.statement().encode())).encode()
    folder = tmp_path / "junk"
    for path, raw in (
        (bundle_path(content_name(forged)), forged),
        (certificate_proof_path(content_name(forged)), signed.certificate_proof),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(raw)
    assert "found 0" in refused(team, "--bundles", str(folder))


def test_a_person_is_found_by_name_by_id_and_by_its_last_part(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    for given in ("bert", str(team.ids["bert"]), team.ids["bert"].name):
        words = ("approve", "--person", given, "--ssh-key", team.key("bert"), "--json")
        assert json.loads(team.scene.must(*words))["predicate"]["person"] == str(team.ids["bert"])
    assert team.scene.run("approve", "--person", "nobody") == 2


def test_a_key_of_ones_own_is_found_where_ssh_keeps_them(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    home = team.keys / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    assert team.scene.run("approve", "--person", "bert") == 2
    (home / ".ssh" / "a.pub").write_text("no key\n")
    for name in ("carl", "bert"):
        for half in (name, f"{name}.pub"):
            shutil.copy(team.keys / half, home / ".ssh" / half)
    given = json.loads(team.scene.must("approve", "--person", "bert", "--json"))
    assert given["sshKey"] is not None
    assert team.scene.code() == 0


def test_a_key_may_be_named_from_where_one_stands(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    (team.scene.root / ".git" / "bert").write_bytes((team.keys / "bert").read_bytes())
    (team.scene.root / ".git" / "bert").chmod(0o600)
    team.scene.must("approve", "--person", "bert", "--ssh-key", ".git/bert")
    assert team.scene.code() == 0


def test_a_key_that_the_policy_does_not_list_signs_nothing(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    assert team.scene.run("approve", "--person", "bert", "--ssh-key", team.key("carl")) == 2
    assert team.scene.run("approve", "--person", "bert", "--ssh-key", str(team.keys / "absent")) == 2


def test_a_signing_program_of_the_checkout_is_not_run(
    team: Team, ssh_keygen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    planted, ran = team.scene.root / Path(ssh_keygen).name, team.keys / "ran"
    planted.write_text(f"#!/bin/sh\ntouch {ran}\n")
    planted.chmod(0o755)
    consent = approval(team, "bert")
    monkeypatch.setenv("PATH", "")
    for path in (".", "", f"./:{team.keys}"):
        monkeypatch.setenv("PATH", path)
        with pytest.raises(UsageError, match="ssh-keygen: expected the program"):
            team.countersigned(consent, "bert")
    assert not ran.exists()


def test_nothing_is_approved_where_nothing_can_land(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    team.scene.branch("other", "main")
    team.scene.change({"app.py": "three = 3\n"})
    team.scene.land("other")
    team.scene.git("checkout", "-q", "work")
    assert team.scene.run("approve", "--person", "bert", "--ssh-key", team.key("bert")) == 2


def test_an_approval_has_the_name_of_what_was_signed(team: Team) -> None:
    team.scene.change({"app.py": "two = 2\n"})
    given = team.approve("bert")
    with team.ledger() as embedded:
        raw = embedded.store.blob(given["bundle"]).data
    logged = Approval.parse(Statement.parse(Bundle.parse(raw).envelope.payload))
    assert name_of(logged) == given["name"]
