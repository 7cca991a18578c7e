"""`init` sets up what is missing, touches nothing that is there, and keeps private what is private."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from countermark_ledger.log.check import check_log
from countermark_ledger.predicates.claim import Claim
from countermark_service import embedded, home
from countermark_service.cli import main
from countermark_service.store.sql import SqlStore

from .conftest import Desk, git

MakeRepository = Callable[[Path], Path]


@pytest.fixture
def fresh(
    quiet_git: None,
    new_repository: MakeRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Desk:
    """A repository with one commit that nobody set up."""
    root = new_repository(tmp_path / "work")
    monkeypatch.chdir(root)
    made = Desk(root, tmp_path / "data", capsys)
    made.commit(app__py="one\n")
    return made


def homes(desk: Desk) -> list[Path]:
    return [path for path in (desk.data / "countermark").iterdir() if path.is_dir()]


def test_init_prints_what_to_pin(fresh: Desk) -> None:
    said = fresh.json("init", "--json")
    (place,) = homes(fresh)
    assert said["home"] == str(place)
    assert said["protectedRef"] == "refs/heads/main"
    assert said["repositoryId"] == place.name
    assert said["trustRoot"] == fresh.must("trust-root", "--format", "digest").strip()
    assert said["bootstrap"].startswith("sha256:")
    assert (fresh.root / ".countermark" / "trust-root.json").read_text() == fresh.must("trust-root")


def test_init_again_changes_nothing(fresh: Desk) -> None:
    first = fresh.json("init", "--json")
    with embedded.opened(home.Home(homes(fresh)[0])) as ledger:
        size = ledger.log.head.size
    files = {path: path.read_bytes() for path in (fresh.root / ".countermark").iterdir()}
    assert fresh.json("init", "--json", "--mode", "strict") == first
    assert {path: path.read_bytes() for path in (fresh.root / ".countermark").iterdir()} == files
    with embedded.opened(home.Home(homes(fresh)[0])) as ledger:
        assert ledger.log.head.size == size
        check_log(ledger.store, ledger.log.verifier)


def test_files_are_private_to_their_owner(fresh: Desk) -> None:
    fresh.must("init")
    (place,) = homes(fresh)
    for path in (place, *place.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    assert place.stat().st_mode & 0o777 == 0o700
    assert (place / "ledger.sqlite").stat().st_mode & 0o777 == 0o600


def test_the_first_policy_observes_and_names_the_person_and_the_gate(fresh: Desk) -> None:
    fresh.must("init")
    policy = json.loads((fresh.root / ".countermark" / "policy.json").read_text())
    assert policy["mode"] == "observe"
    assert len(policy["people"]) == len(policy["gates"]) == 1


@pytest.mark.parametrize("mode", ["default", "strict"])
def test_another_mode_begins_with_another_policy(fresh: Desk, mode: str) -> None:
    fresh.must("init", "--mode", mode)
    assert json.loads((fresh.root / ".countermark" / "policy.json").read_text())["mode"] == "enforce"


@pytest.mark.parametrize(
    ("mode", "fields"),
    [
        ("observe", ["mode"]),
        ("default", []),
        ("strict", ["approvals.minimum", "witnesses.minimum", "splitView"]),
    ],
)
def test_what_of_the_policy_nobody_can_meet_yet_is_said(fresh: Desk, mode: str, fields: list[str]) -> None:
    _, _, talk = fresh.run("init", "--mode", mode)
    assert re.findall(r"^The policy: ([\w.]+): ", talk, re.MULTILINE) == fields


def test_a_policy_that_was_there_and_is_none_is_said(fresh: Desk) -> None:
    fresh.write({".countermark/policy.json": '{"version": 1, "coverage": {"minimun": 1}}'})
    code, _, talk = fresh.run("init")
    assert (code, "no gate will understand it" in talk, "coverage.minimun" in talk) == (0, True, True)


def test_an_existing_policy_is_kept(fresh: Desk, desk_template: Path) -> None:
    policy = (desk_template / "work" / ".countermark" / "policy.json").read_bytes()
    fresh.write({".countermark/policy.json": policy})
    fresh.must("init")
    assert (fresh.root / ".countermark" / "policy.json").read_bytes() == policy


def test_the_files_are_claimed_by_the_person(fresh: Desk) -> None:
    said = fresh.json("init", "--json")
    made = Desk(fresh.root, fresh.data, fresh.capsys)
    with embedded.opened(home.home_of(said["repositoryId"])) as ledger:
        kinds = [e.predicate_type.rpartition("/")[0].rpartition("/")[2] for e in all_entries(ledger)]
    assert kinds.count("claim") == 1
    assert kinds.count("policy-change") == 1
    assert made.git("status", "--porcelain") == "?? .countermark/"


def all_entries(ledger: embedded.Embedded) -> list:
    from countermark_service.store.query import Query

    return ledger.store.find(Query(ledger.log.origin))


def test_on_an_unborn_branch_the_claim_waits_for_the_first_commit(
    quiet_git: None,
    new_repository: MakeRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = new_repository(tmp_path / "empty")
    monkeypatch.chdir(root)
    desk = Desk(root, tmp_path / "data", capsys)
    code, out, err = desk.run("init")
    assert code == 0
    assert "refs/heads/main" in out
    assert "There is no commit yet" in err
    desk.git("commit", "-q", "--allow-empty", "-m", "first")
    code, _, err = desk.run("init")
    assert code == 0
    assert "There is no commit yet" not in err
    (place,) = homes(desk)
    with embedded.opened(home.Home(place)) as ledger:
        claims = [e for e in all_entries(ledger) if e.predicate_type.startswith("https://countermark.dev/claim")]
    assert len(claims) == 1


def test_a_detached_head_needs_the_protected_ref_by_name(fresh: Desk) -> None:
    fresh.git("checkout", "-q", "--detach")
    assert "HEAD is detached" in fresh.refused(2, "init")
    assert not (fresh.data / "countermark").exists()
    assert fresh.json("init", "--json", "--protected-ref", "refs/heads/main")["protectedRef"] == "refs/heads/main"


def test_inside_a_subdirectory_the_files_go_to_the_root(fresh: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (fresh.root / "sub" / "deep").mkdir(parents=True)
    monkeypatch.chdir(fresh.root / "sub" / "deep")
    fresh.must("init")
    assert (fresh.root / ".countermark" / "policy.json").is_file()
    assert list((fresh.root / "sub" / "deep").iterdir()) == []


@pytest.mark.parametrize("place", [".", "data", ".git", ".countermark"])
def test_a_data_home_inside_the_work_tree_is_refused(fresh: Desk, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(fresh.root / place))
    assert "inside the work tree" in fresh.refused(2, "init")
    assert fresh.git("status", "--porcelain") == ""


def test_a_data_home_that_is_a_link_into_the_work_tree_is_refused(
    fresh: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(fresh.root)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "link"))
    assert "inside the work tree" in fresh.refused(2, "init")


def test_outside_a_repository_it_is_wrong_usage(
    quiet_git: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain").mkdir()
    monkeypatch.chdir(tmp_path / "plain")
    assert main(["init"]) == 2
    assert "git init" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("given", ["../x", "", "a/b", ".hidden", "x" * 129])
def test_a_repository_id_that_could_leave_the_data_home_is_refused(fresh: Desk, given: str) -> None:
    assert "repository id" in fresh.refused(2, "init", "--repository-id", given)


@pytest.mark.parametrize("given", ["github_1", "UPPER.id", "a", "1234567-"])
def test_any_other_id_gets_a_trust_domain(fresh: Desk, given: str) -> None:
    assert fresh.json("init", "--json", "--repository-id", given)["repositoryId"] == given


def test_a_trust_domain_that_is_no_host_name_is_refused(fresh: Desk) -> None:
    assert "trust domain" in fresh.refused(2, "init", "--trust-domain", "Not A Host")
    assert not (fresh.data / "countermark").exists()


def test_a_chosen_trust_domain_is_used(fresh: Desk) -> None:
    fresh.must("init", "--trust-domain", "sign.example.org")
    assert "spiffe://sign.example.org/agent/bot" in fresh.must("agent", "add", "bot")


def test_a_creation_that_was_interrupted_is_taken_up(fresh: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys were there, the process died before the ledger was."""
    with monkeypatch.context() as patch:
        patch.setattr(SqlStore, "open", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        assert main(["init"]) != 0
    (place,) = homes(fresh)
    key = (place / "keys" / "log.key").read_bytes()
    fresh.must("init")
    assert homes(fresh) == [place]
    assert (place / "keys" / "log.key").read_bytes() == key


def test_a_second_clone_joins_the_ledger_only_when_its_id_is_named(desk: Desk, tmp_path: Path) -> None:
    """A checkout must not choose its own trust root: the user names the ledger."""
    other = tmp_path / "second"
    git(desk.root, "clone", "-q", "--no-local", ".", str(other))
    config = desk.config()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(other)
        assert "expected none, found one whose keys" in desk.refused(2, "init")
        assert "expected none, found one whose keys" in desk.refused(2, "init", "--repository-id", "another")
        assert desk.json("init", "--json", "--repository-id", "desk-1")["trustRoot"] == config["trustRoot"]
        assert desk.config() == config
        assert desk.json("agent", "list", "--json")[0]["id"].endswith("/coder")


def test_a_trust_root_of_another_ledger_is_refused(desk: Desk) -> None:
    desk.write({".countermark/trust-root.json": "{}"})
    assert "expected that of this ledger" in desk.refused(2, "init")


def test_a_private_folder_that_is_gone_is_not_replaced_by_a_new_authority(desk: Desk) -> None:
    shutil.rmtree(desk.home.path)
    assert "keys are not known to be on this machine" in desk.refused(2, "init")
    assert not desk.home.path.exists()


def test_the_claim_of_init_covers_policy_and_trust_root(desk: Desk) -> None:
    made = Claim.parse(desk.statements("https://countermark.dev/claim/v1")[0])
    assert [row.path for row in made.part.rows.transitions] == [
        ".countermark/policy.json",
        ".countermark/trust-root.json",
    ]


def test_a_relative_data_home_is_ignored_as_the_standard_says(fresh: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    fresh.must("init")
    assert (Path.home() / ".local" / "share" / "countermark" / "checkouts.json").is_file()


def test_a_damaged_list_of_checkouts_is_told(desk: Desk) -> None:
    (desk.data / "countermark" / "checkouts.json").write_text("[]")
    assert "checkouts.json: expected an object" in desk.refused(2, "status", "show")


def test_a_policy_template_that_is_no_object_is_never_written(fresh: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("countermark_policies.read", lambda _name: b"[]")
    assert "gate/observe.json" in fresh.refused(12, "init")
    assert not (fresh.root / ".countermark").exists()
