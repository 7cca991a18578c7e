"""Where keys live: outside of every work tree, private, and never chosen by a checkout."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from countermark_ledger.errors import Malformed, UnsafeKey
from countermark_service.exits import UsageError
from countermark_service.home import (
    Config,
    Home,
    data_home,
    home_of,
    home_of_checkout,
    make_home,
    register_checkout,
)

CONFIG = Config("r-1", "r-1.example", "refs/heads/main", "sha256:00", "spiffe://r-1.example/person/p")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "countermark"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work" / ".git").mkdir(parents=True)
    return tmp_path / "work"


@pytest.mark.parametrize("given", ["", "relative/path", "~"])
def test_a_data_home_that_is_no_absolute_path_is_ignored(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", given)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_home() == tmp_path / ".local" / "share" / "countermark"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert data_home() == tmp_path / ".local" / "share" / "countermark"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc", "-x", ".hidden", "a\0b", "a\n", "x" * 129, "checkouts.json"]
)
def test_an_id_that_could_leave_or_break_the_data_home_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        home_of(name)
    assert refused.value.hint == "countermark init --help"


def test_a_new_home_is_private_and_its_parts_have_their_places(data: Path, work: Path) -> None:
    home = make_home("r-1", work)
    assert home == home_of("r-1") == Home(data / "r-1")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (data, home.path)] == [0o700, 0o700]
    assert make_home("r-1", work) == home
    places = {home.keys, home.database, home.released("log.example"), home.lock("log.example")}
    assert {path.parent for path in places} == {home.path}
    assert len(places) == 4


def test_a_home_inside_the_work_tree_is_refused(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(work / "data"))
    with pytest.raises(UnsafeKey, match="inside the work tree") as refused:
        make_home("r-1", work)
    assert refused.value.hint == "unset XDG_DATA_HOME"
    assert not (work / "data").exists()


def test_a_link_into_the_work_tree_is_the_work_tree(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(work)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "link"))
    with pytest.raises(UnsafeKey):
        make_home("r-1", work)


def test_a_work_tree_at_the_home_itself_is_refused(data: Path) -> None:
    (data / "r-1").mkdir(parents=True)
    with pytest.raises(UnsafeKey):
        make_home("r-1", data / "r-1")


def test_a_configuration_reads_back_as_itself(work: Path) -> None:
    home = make_home("r-1", work)
    home.write_config(CONFIG)
    assert home.config() == CONFIG
    home.write_config(replace(CONFIG, trust_root="sha256:11"))
    assert home.config().trust_root == "sha256:11"


@pytest.mark.parametrize("value", [[], {}, {**CONFIG.json(), "person": 7}], ids=["list", "empty", "number"])
def test_a_configuration_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(Malformed):
        Config.parse(value)


def test_the_highest_status_seen_is_remembered_and_never_forgotten(work: Path) -> None:
    home = make_home("r-1", work)
    assert home.seen_status() == 0
    for number, seen in ((3, 3), (2, 3), (3, 3), (5, 5)):
        home.saw_status(number)
        assert home.seen_status() == seen


def test_a_checkout_that_nobody_set_up_is_refused_with_the_command_that_does(work: Path) -> None:
    with pytest.raises(UsageError, match="not set up on this machine") as refused:
        home_of_checkout(work / ".git")
    assert refused.value.hint == "countermark init"


def test_a_checkout_is_the_repository_that_its_place_was_registered_as(work: Path, tmp_path: Path) -> None:
    make_home("r-1", work).write_config(CONFIG)
    make_home("r-2", work).write_config(replace(CONFIG, repository_id="r-2"))
    register_checkout(work / ".git", "r-1")
    (tmp_path / "link").symlink_to(work)
    assert home_of_checkout(tmp_path / "link" / ".git") == home_of("r-1")
    register_checkout(tmp_path / "other" / ".git", "r-2")
    register_checkout(work / ".git", "r-2")
    assert home_of_checkout(work / ".git") == home_of("r-2")


def test_a_private_folder_that_is_gone_is_said(work: Path) -> None:
    register_at(work)
    with pytest.raises(UsageError, match="private folder is gone"):
        home_of_checkout(work / ".git")


def register_at(work: Path) -> None:
    make_home("r-1", work)
    register_checkout(work / ".git", "r-1")


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [(b"[]", UsageError), (b"{", Malformed), (b'{"a":1}', Malformed)],
    ids=["list", "junk", "number"],
)
def test_a_damaged_list_of_checkouts_is_refused(raw: bytes, refusal: type[Exception], data: Path, work: Path) -> None:
    register_at(work)
    (data / "checkouts.json").write_bytes(raw)
    with pytest.raises(refusal):
        home_of_checkout(work / ".git")
