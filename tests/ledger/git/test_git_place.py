"""Where a repository may keep its parts, and which arrangements are refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from countermark_ledger.errors import GitError, TooLarge
from countermark_ledger.git import Repository, place

from .checkout import Checkout


def head_of(path: Path) -> str:
    with Repository.open(path) as repository:
        return repository.resolve("HEAD")


def test_a_repository_is_found_from_its_root_its_git_directory_and_below(checkout: Checkout) -> None:
    commit = checkout.commit(a__py=b"1")
    (checkout.path / "x" / "y").mkdir(parents=True)
    assert head_of(checkout.path) == commit
    assert head_of(checkout.git_dir) == commit
    assert head_of(checkout.path / "x" / "y") == commit


def test_a_bare_repository_is_read(checkout: Checkout, tmp_path: Path) -> None:
    commit = checkout.commit(a__py=b"1")
    checkout.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    assert head_of(tmp_path / "bare") == commit


def test_a_linked_work_tree_has_its_own_head_and_shares_the_branches(checkout: Checkout, tmp_path: Path) -> None:
    first = checkout.commit(a__py=b"1")
    checkout.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    second = checkout.commit(a__py=b"2")
    with Repository.open(tmp_path / "linked") as repository:
        assert repository.resolve("HEAD") == repository.resolve("side") == first
        assert repository.resolve("main") == second
    assert head_of(checkout.git_dir / "worktrees" / "linked") == first


def test_a_linked_work_tree_with_relative_pointers_is_read(checkout: Checkout, tmp_path: Path) -> None:
    commit = checkout.commit(a__py=b"1")
    checkout.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    (tmp_path / "linked" / ".git").write_text("gitdir: ../work/.git/worktrees/linked\n")
    (checkout.git_dir / "worktrees" / "linked" / "gitdir").write_text("../../../../linked/.git\n")
    assert head_of(tmp_path / "linked") == commit


def test_the_repository_of_a_submodule_is_where_a_recursive_clone_put_it(checkout: Checkout) -> None:
    commit = checkout.commit(a__py=b"1")
    checkout.git("clone", "-q", "--bare", ".", str(checkout.git_dir / "modules" / "docs" / "evidence"))
    found = place.submodule(place.find(checkout.path), "docs/evidence")
    assert found == checkout.git_dir / "modules" / "docs" / "evidence"
    assert head_of(found) == commit


@pytest.mark.parametrize("path", ["elsewhere", "docs", "..", "docs//evidence", "./docs/evidence", "", "../.."])
def test_where_no_submodule_lies_there_is_none(checkout: Checkout, path: str) -> None:
    checkout.commit(a__py=b"1")
    checkout.git("clone", "-q", "--bare", ".", str(checkout.git_dir / "modules" / "docs" / "evidence"))
    assert place.submodule(place.find(checkout.path), path) is None


def test_a_link_in_place_of_a_submodules_repository_lends_nobody_a_hosts_objects(
    checkout: Checkout, tmp_path: Path
) -> None:
    checkout.commit(a__py=b"1")
    checkout.git("clone", "-q", "--bare", ".", str(tmp_path / "host.git"))
    (checkout.git_dir / "modules").mkdir()
    (checkout.git_dir / "modules" / "evidence").symlink_to(tmp_path / "host.git")
    assert place.submodule(place.find(checkout.path), "evidence") is None


def test_a_repository_of_sha256_names_is_read(tmp_path: Path) -> None:
    checkout = Checkout.new(tmp_path / "wide", "--object-format=sha256")
    commit = checkout.commit(a__py=b"1")
    assert len(commit) == 64
    assert head_of(checkout.path) == commit


def test_a_directory_name_with_quotes_and_newlines_is_read(tmp_path: Path) -> None:
    checkout = Checkout.new(tmp_path / 'a\n"b":#c')
    commit = checkout.commit(a__py=b"1")
    assert head_of(checkout.path) == commit


def test_our_directory_is_gone_afterwards_and_theirs_is_untouched(checkout: Checkout) -> None:
    checkout.commit(a__py=b"1")
    before = sorted(str(path) for path in checkout.path.rglob("*"))
    with Repository.open(checkout.path) as repository:
        ours = repository._git.directory
        repository.landing_tree(repository.resolve("HEAD"), repository.resolve("HEAD"))
    assert not ours.exists()
    assert sorted(str(path) for path in checkout.path.rglob("*")) == before


def test_no_repository_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="expected a git repository"), Repository.open(tmp_path):
        pass


def _empty_git_directory(checkout: Checkout) -> None:
    (checkout.git_dir / "HEAD").unlink()


def _fifo_as_git(checkout: Checkout) -> None:
    checkout.git_dir.rename(checkout.path / "elsewhere")
    os.mkfifo(checkout.git_dir)


def _link_as_git(checkout: Checkout) -> None:
    checkout.git_dir.rename(checkout.path.parent / "elsewhere")
    checkout.git_dir.symlink_to(checkout.path.parent / "elsewhere")


def _separate_git_directory(checkout: Checkout) -> None:
    checkout.git_dir.rename(checkout.path.parent / "elsewhere")
    checkout.git_dir.write_text("gitdir: ../elsewhere\n")


def _git_file_without_a_path(checkout: Checkout) -> None:
    _separate_git_directory(checkout)
    checkout.git_dir.write_text("../elsewhere\n")


def _git_file_of_another_work_tree(checkout: Checkout) -> None:
    checkout.git("worktree", "add", "-q", "-b", "side", str(checkout.path.parent / "linked"))
    checkout.git_dir.rename(checkout.path.parent / "elsewhere")
    checkout.git_dir.write_text("gitdir: ../elsewhere/worktrees/linked\n")


def _git_file_whose_back_link_is_gone(checkout: Checkout) -> None:
    _git_file_of_another_work_tree(checkout)
    (checkout.path.parent / "elsewhere" / "worktrees" / "linked" / "gitdir").write_text("/nowhere/.git\n")


def _foreign_common_directory(checkout: Checkout) -> None:
    checkout.git_dir.rename(checkout.path.parent / "host")
    checkout.git_dir.mkdir()
    (checkout.git_dir / "HEAD").write_text("ref: refs/heads/main\n")
    (checkout.git_dir / "commondir").write_text("../../host\n")


def _foreign_common_directory_with_worktrees(checkout: Checkout) -> None:
    _foreign_common_directory(checkout)
    (checkout.path.parent / "host" / "worktrees").mkdir()


def _reftable(checkout: Checkout) -> None:
    (checkout.git_dir / "reftable").mkdir()


def _unknown_object_format(checkout: Checkout) -> None:
    with (checkout.git_dir / "config").open("a") as config:
        config.write("[extensions]\n\tobjectFormat = sha3\n")


def _linked_objects(checkout: Checkout) -> None:
    (checkout.git_dir / "objects").rename(checkout.path.parent / "host")
    (checkout.git_dir / "objects").symlink_to(checkout.path.parent / "host")


def _head_is_a_link(checkout: Checkout) -> None:
    head = checkout.git_dir / "HEAD"
    head.unlink()
    head.symlink_to("refs/heads/main")


@pytest.mark.parametrize(
    ("arrange", "because"),
    [
        (_empty_git_directory, "no HEAD"),
        (_fifo_as_git, "found neither"),
        (_link_as_git, "found neither"),
        (_separate_git_directory, "linked work tree"),
        (_git_file_without_a_path, "expected a path"),
        (_git_file_of_another_work_tree, "found another path"),
        (_git_file_whose_back_link_is_gone, "found another path"),
        (_foreign_common_directory, "found it elsewhere"),
        (_foreign_common_directory_with_worktrees, "found it elsewhere"),
        (_reftable, "reftable"),
        (_unknown_object_format, "sha3"),
        (_linked_objects, "a directory of its own"),
        (_head_is_a_link, "no HEAD"),
    ],
)
def test_an_arrangement_that_could_lend_us_another_repository_is_refused(
    checkout: Checkout, arrange: Callable[[Checkout], None], because: str
) -> None:
    checkout.commit(a__py=b"1")
    arrange(checkout)
    with pytest.raises(GitError, match=because), Repository.open(checkout.path):
        pass


def test_a_reftable_says_how_to_leave_it(checkout: Checkout) -> None:
    _reftable(checkout)
    with pytest.raises(GitError) as refused, Repository.open(checkout.path):
        pass
    assert refused.value.hint == "git refs migrate --ref-format=files"


def test_alternates_inside_the_repository_are_followed(checkout: Checkout) -> None:
    commit = checkout.commit(a__py=b"1")
    objects = checkout.git_dir / "objects"
    objects.rename(checkout.git_dir / "older")
    (objects / "info").mkdir(parents=True)
    (objects / "info" / "alternates").write_text("../older\n../older\n")
    (checkout.git_dir / "older" / "info").mkdir(exist_ok=True)
    (checkout.git_dir / "older" / "info" / "alternates").write_text("../older\n")  # a cycle
    assert head_of(checkout.path) == commit


def test_a_file_that_git_left_in_the_object_store_disturbs_nothing(checkout: Checkout) -> None:
    commit = checkout.commit(a__py=b"1")
    (checkout.git_dir / "objects" / "tmp_obj_1").write_bytes(b"x")
    assert head_of(checkout.path) == commit


def test_alternates_that_all_name_each_other_are_each_checked_once(checkout: Checkout) -> None:
    commit = checkout.commit(a__py=b"1")
    stores = ["objects", *(f"store{number}" for number in range(12))]
    for store in stores:
        (checkout.git_dir / store / "info").mkdir(parents=True, exist_ok=True)
        others = "".join(f"../{other}\n" for other in stores)
        (checkout.git_dir / store / "info" / "alternates").write_text(others)
    place.find(checkout.path)
    (checkout.git_dir / "objects" / "info" / "alternates").write_text("../store0\n")
    (checkout.git_dir / "store0" / "info" / "alternates").write_text("")
    assert head_of(checkout.path) == commit


def test_a_pointer_file_beyond_its_cap_is_refused(checkout: Checkout) -> None:
    checkout.commit(a__py=b"1")
    (checkout.git_dir / "objects" / "info").mkdir(exist_ok=True)
    (checkout.git_dir / "objects" / "info" / "alternates").write_bytes(b"#" * (place.MAX_POINTER + 1))
    with pytest.raises(TooLarge), Repository.open(checkout.path):
        pass


def test_a_pointer_to_a_name_that_no_file_can_have_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git_dir.rename(tmp_path / "moved")
    checkout.git_dir.write_text(f"gitdir: {'a/' * 20_000}\n")
    with pytest.raises(GitError, match="expected a path that can be read"), Repository.open(checkout.path):
        pass


def test_a_file_that_cannot_be_read_is_an_error(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout.commit(a__py=b"1")
    config = checkout.git_dir / "config"
    config.unlink()
    config.symlink_to("HEAD")
    with pytest.raises(GitError, match="config: expected a readable regular file"), Repository.open(checkout.path):
        pass


def test_an_object_store_that_cannot_be_listed_is_an_error(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)  # root may list everything, so the refusal is made
    with pytest.raises(GitError, match="readable object store"):
        place.find(checkout.path)


@pytest.mark.parametrize("name", ["absent", "directory", "file/below"])
def test_what_is_not_there_reads_as_absent(tmp_path: Path, name: str) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_bytes(b"1")
    assert place.read_regular(tmp_path / name, 10) is None


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(GitError, match="another kind"):
        place.read_regular(tmp_path / "fifo", 10)
