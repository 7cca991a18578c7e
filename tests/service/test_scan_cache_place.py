"""Where answers are kept: in the private folder, where the operator says, or nowhere; never without a private key."""

from __future__ import annotations

import argparse
import os
import threading
from pathlib import Path

import pytest

from countermark_ledger.errors import UnsafeKey
from countermark_scanners.cache import AnswerCache
from countermark_service.exits import UsageError
from countermark_service.gate import scan_cache
from countermark_service.gate.scan_cache import CachePlace, chosen, opened, read_key
from countermark_service.home import Home


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    scan_cache.configure(parser)
    return parser.parse_args(words)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir(mode=0o700)
    return Home(tmp_path / "home")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("ab" * 32)
    path.chmod(0o600)
    return path


def test_a_machine_that_was_set_up_keeps_answers_in_its_private_folder_under_a_key_of_its_own(home: Home) -> None:
    place = chosen(options(), home)
    assert place is not None
    assert place.directory == home.path / "scan-cache"
    assert (home.path / "scan-cache.key").stat().st_mode & 0o777 == 0o600
    assert chosen(options(), home) == place
    assert [path.name for path in home.path.iterdir()] == ["scan-cache.key"]


def test_two_machines_have_two_keys(home: Home, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    keys = {place.key for one in (home, Home(tmp_path / "other")) if (place := chosen(options(), one))}
    assert len(keys) == 2


def test_processes_that_begin_at_once_find_one_key(home: Home) -> None:
    found, together = set(), threading.Barrier(8)

    def choose() -> None:
        together.wait()
        place = chosen(options(), home)
        assert place is not None
        found.add(place.key)

    threads = [threading.Thread(target=choose) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert [path.name for path in home.path.iterdir()] == ["scan-cache.key"]


def test_the_operator_names_another_directory_and_another_key(home: Home, key: Path, tmp_path: Path) -> None:
    own = chosen(options("--scan-cache", str(tmp_path)), home)
    assert own is not None
    assert own.directory == tmp_path
    named = ("--scan-cache", str(tmp_path), "--scan-cache-key", str(key))
    for at in (home, None):
        assert chosen(options(*named), at) == CachePlace(tmp_path, bytes.fromhex("ab" * 32))


def test_without_a_private_folder_nothing_is_kept_unless_a_key_is_named(key: Path, tmp_path: Path) -> None:
    assert chosen(options(), None) is None
    with pytest.raises(UsageError, match="--scan-cache-key FILE"):
        chosen(options("--scan-cache", str(tmp_path)), None)
    with pytest.raises(UsageError, match="--scan-cache DIR"):
        chosen(options("--scan-cache-key", str(key)), None)


def test_who_wants_no_cache_has_none(home: Home, key: Path, tmp_path: Path) -> None:
    words = ("--no-scan-cache", "--scan-cache", str(tmp_path), "--scan-cache-key", str(key))
    assert chosen(options(*words), home) is None
    assert list(home.path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_may_touch_is_refused_with_the_command_that_mends_it(mode: int, key: Path) -> None:
    key.chmod(mode)
    with pytest.raises(UnsafeKey, match="yours alone") as refused:
        read_key(key)
    assert refused.value.hint == f"chmod 600 {key}"


def test_a_key_in_a_work_tree_a_link_a_folder_or_none_is_refused(key: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(key)
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    (tmp_path / "tree" / ".git").touch()
    inside = tmp_path / "tree" / "inner" / "key"
    inside.write_bytes(key.read_bytes())
    inside.chmod(0o600)
    (tmp_path / "way").symlink_to(tmp_path / "tree" / "inner")
    for path in (tmp_path / "link", tmp_path / "folder", tmp_path / "none", inside, tmp_path / "way" / "key"):
        with pytest.raises(UnsafeKey):
            read_key(path)


def test_a_key_may_end_in_one_line_end(key: Path) -> None:
    key.write_text("ab" * 32 + "\n")
    assert read_key(key) == bytes.fromhex("ab" * 32)
    key.write_text("ab" * 32 + "\n\n")
    with pytest.raises(UnsafeKey, match="64 lower-case hex digits"):
        read_key(key)


def test_a_place_that_can_not_be_used_is_said_and_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    said: list[str] = []
    with opened(CachePlace(tmp_path / "file", bytes(32)), said.append) as cache:
        assert cache is None
    assert [str(tmp_path / "file") in line and "every scanner" in line for line in said] == [True]
    with opened(None, said.append) as cache:
        assert cache is None
    with opened(CachePlace(tmp_path / "cache", bytes(32)), said.append) as found:
        assert isinstance(found, AnswerCache)
    assert len(said) == 1


def test_a_draft_of_a_key_that_was_never_finished_is_in_nobodys_way(home: Home) -> None:
    (home.path / ".scan-cache.key.0123456789abcdef").write_bytes(b"half")
    place = chosen(options(), home)
    assert place is not None
    assert os.path.lexists(home.path / "scan-cache.key")


def test_a_private_folder_where_no_key_can_be_made_is_told_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(UnsafeKey, match="No such file") as refused:
        chosen(options(), Home(tmp_path / "gone"))
    assert refused.value.hint == "countermark gate --no-scan-cache"
