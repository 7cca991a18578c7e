"""The landing change: each kind of change has a defined answer, over a real repository."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

import pytest

from countermark_ledger.errors import Malformed, MergeConflict, MissingHistory, Rewritten
from countermark_ledger.git import LandingChange, Repository, landing_change, nodes_at, objects
from countermark_ledger.git.objects import Oversized
from countermark_ledger.node import Mode, Node, Transition

from .checkout import Checkout

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n"


def file(content: bytes, mode: Mode = Mode.FILE) -> Node:
    return Node.of_blob(mode, content)


@pytest.fixture
def work(checkout: Checkout) -> Checkout:
    """A base commit on `main`, with `side` checked out on it."""
    checkout.commit(a__py=b"1\n", gone__py=b"x\n")
    checkout.branch("side")
    return checkout


def landed(checkout: Checkout, tip: str = "main", head: str = "HEAD") -> LandingChange:
    with Repository.open(checkout.path) as repository:
        return landing_change(repository, repository.resolve(tip), repository.resolve(head))


def rows(change: LandingChange) -> dict[str, tuple[Node | None, Node | None]]:
    return {row.path: (row.before, row.after) for row in change.change.transitions}


def test_a_change_says_what_lands_and_how_it_was_computed(work: Checkout) -> None:
    base = work.git("rev-parse", "main")
    head = work.commit(a__py=b"2\n")
    work.git("checkout", "-q", "main")
    tip = work.commit(other__py=b"o\n")
    change = landed(work, "main", "side")
    assert (change.tip, change.head, change.merge_bases) == (tip, head, (base,))
    assert change.tree == work.git("merge-tree", "--write-tree", tip, head)
    listing = work.git("ls-tree", "-r", "-z", change.tree)
    assert change.listing_sha256 == hashlib.sha256(listing.encode()).hexdigest()
    assert change.change.transitions == (Transition("a.py", file(b"1\n"), file(b"2\n")),)
    assert change.refused == {}
    assert work.git("--version") == f"git version {change.git_version}"


def test_what_landed_is_the_heads_own_tree(work: Checkout) -> None:
    base, head = work.git("rev-parse", "main"), work.commit(a__py=b"2\n")
    work.git("checkout", "-q", "main")
    tip = work.commit(other__py=b"o\n")
    with Repository.open(work.path) as repository:
        change = landing_change(repository, base, head, landed=True)
        assert (change.landed, change.tree, [*rows(change)]) == (True, repository.commit(head).tree, ["a.py"])
        with pytest.raises(Rewritten) as refused:
            landing_change(repository, tip, head, landed=True)
        assert refused.value.hint == f"git fetch --all && git rebase {tip}"


def test_what_both_sides_changed_is_merged_into_a_third_content(work: Checkout) -> None:
    lines = b"".join(b"%d\n" % n for n in range(9))
    work.git("checkout", "-q", "main")
    work.commit(m__py=lines)
    work.branch("other")
    work.commit(m__py=lines + b"end\n")
    work.git("checkout", "-q", "main")
    work.commit(m__py=b"start\n" + lines)
    before, after = rows(landed(work, "main", "other"))["m.py"]
    assert before == file(b"start\n" + lines)
    assert after == file(b"start\n" + lines + b"end\n")


@pytest.mark.parametrize("head", ["main", "side", "empty"])
def test_a_head_that_changes_nothing_lands_nothing(work: Checkout, head: str) -> None:
    work.branch("empty")
    work.commit()
    change = landed(work, "main", head)
    assert change.change.transitions == ()
    assert change.tree == work.git("rev-parse", "main^{tree}")


def test_a_head_that_the_tip_already_holds_lands_nothing(work: Checkout) -> None:
    work.commit(a__py=b"2\n")
    assert landed(work, "side", "main").change.transitions == ()


def test_a_merge_commit_lands_what_it_adds_over_the_tip(work: Checkout) -> None:
    work.commit(a__py=b"2\n")
    work.git("checkout", "-q", "main")
    work.commit(other__py=b"o\n")
    work.git("checkout", "-q", "side")
    work.git("merge", "-q", "--no-edit", "main")
    change = landed(work, "main", "side")
    assert rows(change) == {"a.py": (file(b"1\n"), file(b"2\n"))}
    assert change.merge_bases == (change.tip,)


def test_a_root_commit_as_head_has_nothing_to_merge_with(work: Checkout) -> None:
    alone = work.commit_tree(work.tree([]))
    with pytest.raises(MergeConflict, match="common ancestor"):
        landed(work, "main", alone)


def test_a_root_commit_as_tip_is_merged_onto(work: Checkout) -> None:
    work.commit(a__py=b"2\n")
    assert set(rows(landed(work))) == {"a.py"}


def test_a_mode_change_with_the_same_content_is_a_row(work: Checkout) -> None:
    (work.path / "a.py").chmod(0o755)
    work.commit()
    assert rows(landed(work)) == {"a.py": (file(b"1\n"), file(b"1\n", Mode.EXECUTABLE))}


def test_a_rename_is_a_deletion_and_an_addition(work: Checkout) -> None:
    work.git("mv", "a.py", "b.py")
    work.commit()
    assert rows(landed(work)) == {"a.py": (file(b"1\n"), None), "b.py": (None, file(b"1\n"))}


@pytest.mark.parametrize("tip", ["main", "side"])
def test_a_rename_on_one_side_and_an_edit_on_the_other_is_a_conflict_and_never_followed(
    work: Checkout, tip: str
) -> None:
    work.git("mv", "a.py", "b.py")
    work.commit()
    work.git("checkout", "-q", "main")
    work.commit(a__py=b"2\n")
    with pytest.raises(MergeConflict) as refused:
        landed(work, tip, {"main": "side", "side": "main"}[tip])
    assert "a.py" in refused.value.paths
    assert re.fullmatch(r"git fetch --all && git merge [0-9a-f]{40}", refused.value.hint or "")


def test_an_edit_against_a_deletion_is_a_conflict(work: Checkout) -> None:
    (work.path / "a.py").unlink()
    work.commit()
    work.git("checkout", "-q", "main")
    work.commit(a__py=b"2\n")
    with pytest.raises(MergeConflict) as refused:
        landed(work, "main", "side")
    assert refused.value.paths == ("a.py",)


def test_the_same_edit_on_both_sides_lands_nothing(work: Checkout) -> None:
    work.commit(a__py=b"2\n", new__py=b"n")
    work.git("checkout", "-q", "main")
    work.commit(a__py=b"2\n", new__py=b"n")
    assert landed(work, "main", "side").change.transitions == ()


def test_many_renames_beside_a_merge_are_rows_and_no_complaint(work: Checkout) -> None:
    work.git("checkout", "-q", "main")
    for number in range(30):
        work.write(f"old/f{number}.py", b"%d\n" % number * 20)
    work.commit()
    work.branch("renames")
    for number in range(30):
        (work.path / f"old/f{number}.py").unlink()
        work.write(f"new/f{number}.py", b"%d\n" % number * 20 + b"more\n")
    work.commit()
    work.git("checkout", "-q", "main")
    work.commit(a__py=b"2\n")
    assert len(rows(landed(work, "main", "renames"))) == 60


def test_a_directory_renamed_on_one_side_does_not_move_files_added_on_the_other(work: Checkout) -> None:
    work.git("checkout", "-q", "main")
    for number in range(3):
        work.write(f"old/f{number}.py", b"%d\n" % number)
    work.commit()
    work.branch("adds")
    work.write("old/new.py", b"n\n")
    work.commit()
    work.git("checkout", "-q", "main")
    work.git("mv", "old", "moved")
    work.commit()
    assert rows(landed(work, "main", "adds")) == {"old/new.py": (None, file(b"n\n"))}


def test_a_deletion_is_a_row(work: Checkout) -> None:
    (work.path / "gone.py").unlink()
    work.commit()
    assert rows(landed(work)) == {"gone.py": (file(b"x\n"), None)}


def test_a_file_that_becomes_a_directory_is_a_deletion_and_an_addition(work: Checkout) -> None:
    (work.path / "a.py").unlink()
    work.write("a.py/b", b"1\n")
    work.commit()
    assert rows(landed(work)) == {"a.py": (file(b"1\n"), None), "a.py/b": (None, file(b"1\n"))}


def test_a_symbolic_link_is_its_target_text(work: Checkout) -> None:
    (work.path / "a.py").unlink()
    (work.path / "a.py").symlink_to("gone.py")
    work.commit()
    change = landed(work)
    assert rows(change) == {"a.py": (file(b"1\n"), file(b"gone.py", Mode.SYMLINK))}
    assert change.refused == {}


def test_a_link_with_the_content_of_the_file_it_replaces_is_a_row(work: Checkout) -> None:
    work.git("update-index", "--cacheinfo", f"120000,{work.blob(b'1' + bytes([10]))},a.py")
    work.git("commit", "-q", "-m", "m")
    assert rows(landed(work)) == {"a.py": (file(b"1\n"), file(b"1\n", Mode.SYMLINK))}


def test_a_submodule_is_a_row_and_refused(work: Checkout) -> None:
    pinned = work.git("rev-parse", "main")
    work.git("update-index", "--add", "--cacheinfo", f"160000,{pinned},module")
    work.git("commit", "-q", "-m", "m")
    change = landed(work)
    assert "submodule" in change.refused["module"]
    assert rows(change)["module"][1] == Node(Mode.GITLINK, hashlib.sha256(pinned.encode()).hexdigest(), pinned)


def test_a_submodule_that_leaves_is_a_row_and_not_refused(work: Checkout) -> None:
    pinned = work.git("rev-parse", "main")
    work.git("checkout", "-q", "main")
    work.git("update-index", "--add", "--cacheinfo", f"160000,{pinned},module")
    work.git("commit", "-q", "-m", "m")
    work.branch("without")
    work.git("rm", "-q", "--cached", "module")
    work.git("commit", "-q", "-m", "m")
    change = landed(work, "main", "without")
    assert set(rows(change)) == {"module"}
    assert change.refused == {}


@pytest.mark.parametrize(
    "pointer",
    [
        pytest.param(POINTER, id="as-git-lfs-writes-it"),
        pytest.param(b"\n \t\r\n" + POINTER, id="behind-white-space"),
        pytest.param("\u3000\u00a0\u2028".encode() + POINTER, id="behind-the-white-space-of-unicode"),
        pytest.param(
            POINTER.replace(b"https://git-lfs.github.com/spec/v1", b"http://git-media.io/v/2"), id="git-media"
        ),
        pytest.param(POINTER + b" " * 1024 + b"x", id="with-more-than-git-lfs-reads"),
        pytest.param(b"\n" * 800 + POINTER, id="behind-much-white-space"),
    ],
)
def test_an_lfs_pointer_is_a_row_and_refused(work: Checkout, pointer: bytes) -> None:
    work.commit(large__bin=pointer)
    change = landed(work)
    assert "LFS" in change.refused["large.bin"]
    assert rows(change)["large.bin"] == (None, file(pointer))


def test_a_document_about_lfs_is_no_pointer(work: Checkout) -> None:
    work.commit(doc__md=b"# What LFS writes\n" + POINTER)
    assert landed(work).refused == {}


def test_a_linked_gitmodules_is_refused(work: Checkout) -> None:
    tree = work.tree([("120000", b".gitmodules", work.blob(b"a.py"))])
    work.git("update-ref", "refs/heads/side", work.commit_tree(tree, "main"))
    assert "symbolic link" in landed(work).refused[".gitmodules"]


def test_binary_content_is_hashed_as_it_is(work: Checkout) -> None:
    content = bytes(range(256)) * 3
    work.commit(a__bin=content)
    assert rows(landed(work)) == {"a.bin": (None, file(content))}


def test_a_huge_file_has_no_row_and_is_refused(work: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    work.commit(huge__bin=b"x" * 50)
    monkeypatch.setattr(objects, "MAX_BLOB", 49)
    change = landed(work)
    assert "50 bytes" in change.refused["huge.bin"]
    assert rows(change) == {}


def test_a_huge_file_is_refused_even_when_it_leaves(work: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    (work.path / "gone.py").unlink()
    work.commit()
    monkeypatch.setattr(objects, "MAX_BLOB", 1)
    assert set(landed(work).refused) == {"gone.py"}


def test_line_ends_and_filters_do_not_touch_what_is_hashed(work: Checkout) -> None:
    work.git("config", "core.autocrlf", "input")
    work.commit(__gitattributes=b"*.py text eol=crlf filter=evil\n*.txt working-tree-encoding=UTF-16\n")
    blob = work.blob(b"a\r\nb\r\n")
    work.git("update-index", "--add", "--cacheinfo", f"100644,{blob},crlf.py")
    work.git("commit", "-q", "-m", "m")
    assert rows(landed(work))["crlf.py"] == (None, file(b"a\r\nb\r\n"))


def _plant(work: Checkout, *names: bytes) -> LandingChange:
    base = [("100644", name.encode(), entry) for name, entry in _root(work).items()]
    added = [("100644", name, work.blob(b"1")) for name in names]
    work.git("update-ref", "refs/heads/side", work.commit_tree(work.tree(sorted(base + added, key=_name)), "main"))
    return landed(work, "main", "side")


def _root(work: Checkout) -> dict[str, str]:
    listed = work.git("ls-tree", "-z", "main").split("\0")[:-1]
    return {row.partition("\t")[2]: row.split()[2].partition("\t")[0] for row in listed}


def _name(row: tuple[str, bytes, str]) -> bytes:
    return row[1]


@pytest.mark.parametrize(
    "name",
    [b"new\nline", b'quo"te\t', b"gpj.\xe2\x80\xaeyp", b".GIT", b"..", b"a\\..\\b"],
    ids=["newline", "tab", "bidi", "dot-git", "dot-dot", "backslashes"],
)
def test_a_name_that_reads_two_ways_is_a_row_and_refused(work: Checkout, name: bytes) -> None:
    change = _plant(work, name)
    assert set(change.refused) == set(rows(change)) == {name.decode()}


@pytest.mark.parametrize("name", [b'quo"te', b"-rf", b"with space", "naïve".encode()])
def test_an_odd_name_that_reads_one_way_is_a_row(work: Checkout, name: bytes) -> None:
    change = _plant(work, name)
    assert change.refused == {}
    assert set(rows(change)) == {name.decode()}


def test_a_name_that_is_not_utf_8_has_no_row_and_is_refused(work: Checkout) -> None:
    change = _plant(work, b"caf\xe9")
    assert rows(change) == {}
    assert "UTF-8" in change.refused[os.fsdecode(b"caf\xe9")]


def test_a_name_that_is_not_utf_8_is_refused_even_when_it_leaves(work: Checkout) -> None:
    _plant(work, b"caf\xe9")
    assert set(landed(work, "side", work.commit_tree(work.tree([]), "side")).refused) == {os.fsdecode(b"caf\xe9")}


def test_a_control_character_may_leave(work: Checkout) -> None:
    _plant(work, b"a\nb")
    without = work.commit_tree(work.git("rev-parse", "main^{tree}"), "side")
    change = landed(work, "side", without)
    assert set(rows(change)) == {"a\nb"}
    assert change.refused == {}


@pytest.mark.parametrize("name", [b"A.py", b"a.PY", b"\xef\xbd\x81.py"])
def test_a_case_twin_of_a_file_at_the_tip_is_refused(work: Checkout, name: bytes) -> None:
    change = _plant(work, name)
    assert "'a.py'" in change.refused[name.decode()]


def test_twins_above_a_path_refuse_all_below(work: Checkout) -> None:
    work.git("checkout", "-q", "main")
    work.write("docs/guide.md", b"1")
    work.commit()
    work.branch("twin")
    blob = work.blob(b"2")
    work.git("update-index", "--add", "--cacheinfo", f"100644,{blob},Docs/guide.md")
    work.git("update-index", "--add", "--cacheinfo", f"100644,{blob},src/ok.py")
    work.git("commit", "-q", "-m", "m")
    assert set(landed(work, "main", "twin").refused) == {"Docs/guide.md"}


def test_a_link_that_collides_with_a_directory_is_refused(work: Checkout) -> None:
    target = work.blob(b".git/hooks")
    below = work.tree([("100755", b"post-checkout", work.blob(b"evil"))])
    tree = work.tree([("40000", b"A", below), ("120000", b"a", target)])
    work.git("update-ref", "refs/heads/side", work.commit_tree(tree, "main"))
    assert {"A/post-checkout", "a"} <= set(landed(work, "main", "side").refused)


def test_twins_that_were_at_the_tip_already_may_be_edited(work: Checkout) -> None:
    _plant(work, b"X.py", b"x.py")
    work.git("update-ref", "refs/heads/main", "refs/heads/side")
    edited = dict(_root(work), **{"x.py": work.blob(b"2")})
    tree = work.tree(sorted((("100644", name.encode(), blob) for name, blob in edited.items()), key=_name))
    change = landed(work, "main", work.commit_tree(tree, "main"))
    assert set(rows(change)) == {"x.py"}
    assert change.refused == {}


def test_a_tree_that_names_a_missing_blob_is_missing_history(work: Checkout) -> None:
    tree = work.tree([("100644", b"a", "1" * 40)])
    with pytest.raises(MissingHistory):
        landed(work, "main", work.commit_tree(tree, "main"))


def test_a_tree_with_an_entry_named_like_a_path_is_refused(work: Checkout) -> None:
    tree = work.tree([("100644", b"a/b", work.blob(b"1"))])
    with pytest.raises(Malformed):
        landed(work, "main", work.commit_tree(tree, "main"))


def test_a_sha256_repository_lands_the_same_rows(tmp_path: Path) -> None:
    wide = Checkout.new(tmp_path / "wide", "--object-format=sha256")
    wide.commit(a__py=b"1\n")
    wide.branch("side")
    wide.commit(a__py=b"2\n")
    change = landed(wide)
    assert rows(change) == {"a.py": (file(b"1\n"), file(b"2\n"))}
    assert len(change.tree) == len(change.change.transitions[0].after.git_blob) == 64


def test_nodes_are_given_at_any_commit(work: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    base, head = work.git("rev-parse", "main"), work.commit(a__py=b"22\n")
    with Repository.open(work.path) as repository:
        assert nodes_at(repository, base, ["a.py", "absent"]) == {"a.py": file(b"1\n"), "absent": None}
        assert nodes_at(repository, head, ["a.py"]) == {"a.py": file(b"22\n")}
        monkeypatch.setattr(objects, "MAX_BLOB", 2)
        assert nodes_at(repository, head, ["a.py"]) == {"a.py": Oversized(3)}


def test_a_thousand_files_are_hashed_by_one_reader_not_a_process_each(
    work: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1000):
        work.write(f"d{number % 10}/f{number}.py", b"%d\n" % number)
    work.commit()
    real = shutil.which("git")
    (tmp_path / "bin").mkdir()
    counting = tmp_path / "bin" / "git"
    counting.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/log\nexec {real} "$@"\n')
    counting.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert len(rows(landed(work))) == 1000
    assert sorted((tmp_path / "log").read_text().split()) == ["cat-file", "merge-base", "merge-tree", "version"]
