"""Reading commits, blobs and merges; what is missing, too large or altered is a typed answer."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zlib
from pathlib import Path

import pytest

from countermark_ledger.errors import (
    GitError,
    Malformed,
    MergeConflict,
    MissingHistory,
    TooLarge,
    WrongObject,
)
from countermark_ledger.git import Repository, objects, process, reader
from countermark_ledger.git.objects import Hashed, Oversized
from countermark_ledger.git.trees import Entry
from countermark_ledger.node import Mode, Node

from .checkout import Checkout


@pytest.fixture
def fork(checkout: Checkout) -> tuple[str, str, str]:
    """A base, and two commits on it that touch different files."""
    base = checkout.commit(a__py=b"1\n", b__py=b"1\n")
    checkout.branch("side")
    head = checkout.commit(b__py=b"2\n")
    checkout.git("checkout", "-q", "main")
    return base, checkout.commit(a__py=b"2\n"), head


def test_first_parents_are_listed_newest_first_up_to_the_limit(checkout: Checkout) -> None:
    made = [checkout.commit(f__py=str(number).encode()) for number in range(4)][::-1]
    with Repository.open(checkout.path) as repository:
        assert repository.first_parents(made[0], 10) == made
        assert repository.first_parents(made[0], 2) == made[:2]
        assert repository.first_parents(made[0], 0) == []


@pytest.mark.parametrize("ahead", [3, 5, 100])
def test_a_long_line_is_read_ahead_and_is_the_same_line(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    made = [checkout.commit(f__py=str(number).encode()) for number in range(9)][::-1]
    monkeypatch.setattr(reader, "FEW", 2)
    monkeypatch.setattr(reader, "AHEAD", ahead)
    for limit in (1, 2, 3, 4, 8, 9, 10, 50):
        with Repository.open(checkout.path) as repository:
            assert repository.first_parents(made[0], limit) == made[:limit]


def test_a_line_that_ends_in_a_shallow_clone_is_missing_history_also_when_read_ahead(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [checkout.commit(f__py=str(number).encode()) for number in range(9)][::-1]
    checkout.git("clone", "-q", "--depth", "5", f"file://{checkout.path}", str(tmp_path / "shallow"))
    monkeypatch.setattr(reader, "FEW", 2)
    with Repository.open(tmp_path / "shallow") as repository:
        assert repository.first_parents(made[0], 5) == made[:5]
        with pytest.raises(MissingHistory) as refused:
            repository.first_parents(made[0], 9)
    assert refused.value.hint == "git fetch --unshallow"


def test_what_lies_between_two_commits_includes_what_merges_brought(
    checkout: Checkout, fork: tuple[str, str, str]
) -> None:
    base, tip, head = fork
    checkout.git("merge", "-q", "--no-edit", "side")
    merged = checkout.git("rev-parse", "HEAD")
    with Repository.open(checkout.path) as repository:
        assert set(repository.between(base, merged, 3)) == {merged, tip, head}
        assert repository.between(merged, base, 3) == []
        with pytest.raises(TooLarge, match="at most 2"):
            repository.between(base, merged, 2)


def test_a_first_parent_history_goes_on_from_what_lies_on_it_alone(
    checkout: Checkout, fork: tuple[str, str, str]
) -> None:
    base, tip, head = fork
    checkout.git("merge", "-q", "--no-edit", "side")
    merged = checkout.git("rev-parse", "HEAD")
    with Repository.open(checkout.path) as repository:
        found = {older: repository.goes_on_from(older, merged) for older in (merged, tip, base, head)}
        assert found == {merged: True, tip: True, base: True, head: False}
        assert not repository.goes_on_from(merged, base)


def test_histories_that_never_met_do_not_go_on_from_each_other(checkout: Checkout) -> None:
    one = checkout.commit(a__py=b"1\n")
    checkout.git("checkout", "-q", "--orphan", "elsewhere")
    other = checkout.commit(b__py=b"1\n")
    with Repository.open(checkout.path) as repository:
        assert not repository.goes_on_from(one, other)


def test_merge_bases_are_gits(checkout: Checkout, fork: tuple[str, str, str]) -> None:
    base, tip, head = fork
    with Repository.open(checkout.path) as repository:
        assert repository.merge_bases(tip, head) == [base]
        assert repository.is_ancestor(base, tip)
        assert repository.is_ancestor(tip, tip)
        assert not repository.is_ancestor(tip, base)
        assert not repository.is_ancestor(tip, head)


def test_a_criss_cross_has_two_merge_bases_and_lands(checkout: Checkout, fork: tuple[str, str, str]) -> None:
    _, tip, head = fork
    tree = checkout.git("merge-tree", "--write-tree", tip, head)
    one, other = checkout.commit_tree(tree, tip, head), checkout.commit_tree(tree, head, tip)
    with Repository.open(checkout.path) as repository:
        assert sorted(repository.merge_bases(one, other)) == sorted([tip, head])
        assert repository.landing_tree(one, other) == tree


def test_the_landing_tree_is_the_one_git_merges(checkout: Checkout, fork: tuple[str, str, str]) -> None:
    _, tip, head = fork
    with Repository.open(checkout.path) as repository:
        landing = repository.landing_tree(tip, head)
        assert landing == checkout.git("merge-tree", "--write-tree", tip, head)
        assert {entry.blob for entry in repository.tree(landing).values()} == {checkout.blob(b"2\n")}


def test_merged_objects_stay_in_our_directory(checkout: Checkout) -> None:
    checkout.commit(f__py=b"".join(b"%d\n" % n for n in range(9)))
    checkout.branch("side")
    head = checkout.commit(f__py=b"x\n" + b"".join(b"%d\n" % n for n in range(9)))
    checkout.git("checkout", "-q", "main")
    tip = checkout.commit(f__py=b"".join(b"%d\n" % n for n in range(10)))
    with Repository.open(checkout.path) as repository:
        landing = repository.landing_tree(tip, head)
        merged = repository.tree(landing)["f.py"].blob
        assert dict(repository.blobs([merged]))[merged] == b"x\n" + b"".join(b"%d\n" % n for n in range(10))
    assert not checkout.loose(landing).exists()
    assert not checkout.loose(merged).exists()


def test_a_conflict_names_its_paths(checkout: Checkout) -> None:
    checkout.commit(f__py=b"1\n", g__py=b"1\n")
    checkout.branch("side")
    head = checkout.commit(f__py=b"2\n", g__py=b"2\n")
    checkout.git("checkout", "-q", "main")
    tip = checkout.commit(f__py=b"3\n", g__py=b"3\n")
    with Repository.open(checkout.path) as repository, pytest.raises(MergeConflict, match=r"f.py, g.py") as refused:
        repository.landing_tree(tip, head)
    assert refused.value.paths == ("f.py", "g.py")


def test_histories_that_never_met_do_not_merge(checkout: Checkout) -> None:
    one = checkout.commit(a__py=b"1")
    other = checkout.commit_tree(checkout.git("rev-parse", "HEAD^{tree}"))
    alone = checkout.commit_tree(checkout.tree([]))
    with Repository.open(checkout.path) as repository:
        assert repository.merge_bases(one, alone) == []
        for root in {other, alone} - {one}:
            with pytest.raises(MergeConflict, match="common ancestor"):
                repository.landing_tree(one, root)


def test_a_shallow_clone_is_missing_history_with_the_command_that_mends_it(
    checkout: Checkout, fork: tuple[str, str, str], tmp_path: Path
) -> None:
    _, tip, head = fork
    url = f"file://{checkout.path}"
    checkout.git("clone", "-q", "--depth=1", "--no-single-branch", url, str(tmp_path / "shallow"))
    with Repository.open(tmp_path / "shallow") as repository:
        assert repository.first_parents(tip, 1) == [tip]
        for question in (
            lambda: repository.first_parents(tip, 2),
            lambda: repository.resolve("HEAD~1"),
            lambda: repository.resolve("HEAD^"),
            lambda: repository.merge_bases(tip, head),
            lambda: repository.is_ancestor(head, tip),
            lambda: repository.landing_tree(tip, head),
        ):
            with pytest.raises(MissingHistory) as refused:
                question()
            assert refused.value.hint == "git fetch --unshallow"


def test_objects_left_out_of_a_partial_clone_are_missing_history(
    checkout: Checkout, fork: tuple[str, str, str], tmp_path: Path
) -> None:
    checkout.git("config", "uploadpack.allowFilter", "true")
    url = f"file://{checkout.path}"
    checkout.git("clone", "-q", "--no-checkout", "--filter=blob:none", url, str(tmp_path / "partial"))
    with Repository.open(tmp_path / "partial") as repository:
        blob = next(iter(repository.tree("HEAD" and repository.resolve("HEAD")).values())).blob
        with pytest.raises(MissingHistory) as refused:
            list(repository.blobs([blob]))
    assert refused.value.hint == "git fetch --refetch --no-filter"


def test_a_merge_that_needs_a_missing_blob_is_missing_history(checkout: Checkout) -> None:
    checkout.commit(f__py=b"1\n2\n3\n4\n")
    checkout.branch("side")
    head = checkout.commit(f__py=b"0\n1\n2\n3\n4\n")
    checkout.git("checkout", "-q", "main")
    tip = checkout.commit(f__py=b"1\n2\n3\n4\n5\n")
    checkout.loose(checkout.blob(b"1\n2\n3\n4\n")).unlink()
    with Repository.open(checkout.path) as repository, pytest.raises(MissingHistory):
        repository.landing_tree(tip, head)


def test_a_commit_is_read_with_its_parts(checkout: Checkout, fork: tuple[str, str, str]) -> None:
    base, tip, _ = fork
    with Repository.open(checkout.path) as repository:
        commit = repository.commit(tip)
    assert commit.parents == (base,)
    assert commit.author == b"A <a@example.org> 1700000000 +0000"
    assert commit.message == b"m\n"


def test_blobs_are_read_once_each_whatever_their_bytes(checkout: Checkout) -> None:
    contents = [b"", b"\n", b"\0\r\n", b"x" * 3_000_000, b"blob 3\0abc\n"]
    names = [checkout.blob(content) for content in contents]
    with Repository.open(checkout.path) as repository:
        assert list(repository.blobs([*names, names[0]])) == list(zip(names, contents, strict=True))
        assert repository.digests(names) == {
            name: Hashed(hashlib.sha256(content).hexdigest(), len(content), content.lstrip()[: objects.OPENING])
            for name, content in zip(names, contents, strict=True)
        }
        assert list(repository.blobs([])) == []


def test_more_blobs_than_one_question_holds_are_read(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MAX_QUESTIONS", 3)
    monkeypatch.setattr(objects, "MAX_BLOB", 8)
    contents = {checkout.blob(b"blob %d" % number): b"blob %d" % number for number in range(8)}
    with Repository.open(checkout.path) as repository:
        assert dict(repository.blobs(contents)) == contents
        assert len(repository.digests(contents)) == 8


def test_a_reader_that_stops_half_way_spoils_nothing(checkout: Checkout) -> None:
    names = [checkout.blob(b"%d" % number) for number in range(3)]
    with Repository.open(checkout.path) as repository:
        reading = repository.blobs(names)
        assert next(reading) == (names[0], b"0")
        assert len(repository.digests(names)) == 3
        assert next(reading) == (names[1], b"1")


def test_a_blob_beyond_the_cap_answers_with_its_size_and_no_bytes(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "MAX_BLOB", 10)
    small, large = checkout.blob(b"1" * 10), checkout.blob(b"1" * 11)
    with Repository.open(checkout.path) as repository:
        assert dict(repository.blobs([large, small])) == {small: b"1" * 10, large: Oversized(11)}
        digests = repository.digests([small, large])
        assert digests[large] == Oversized(11)
        assert digests[small] == repository.digests([small])[small]
        file = Entry(Mode.FILE, large)
        assert repository.nodes([file]) == {file: Oversized(11)}


def test_blobs_that_are_too_many_bytes_together_are_refused(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [checkout.blob(b"%d" % number * 8) for number in range(3)]
    monkeypatch.setattr(objects, "MAX_TOTAL", 20)
    with Repository.open(checkout.path) as repository:
        with pytest.raises(TooLarge, match="together"):
            list(repository.blobs(names))
        with pytest.raises(TooLarge, match="together"):
            repository.digests(names)


def test_nodes_carry_mode_sha256_and_gits_name(checkout: Checkout) -> None:
    blob = checkout.blob(b"target")
    link, module = Entry(Mode.SYMLINK, blob), Entry(Mode.GITLINK, "1" * 40)
    with Repository.open(checkout.path) as repository:
        found = repository.nodes([link, module, link])
    assert found[link] == Node.of_blob(Mode.SYMLINK, b"target")
    assert found[link].git_blob == blob
    assert found[module] == Node(Mode.GITLINK, hashlib.sha256(b"1" * 40).hexdigest(), "1" * 40)


def test_an_object_of_another_kind_is_refused(checkout: Checkout, fork: tuple[str, str, str]) -> None:
    _, tip, _ = fork
    blob = checkout.blob(b"1\n")
    with Repository.open(checkout.path) as repository:
        with pytest.raises(Malformed, match="expected a commit, found a blob"):
            repository.commit(blob)
        with pytest.raises(Malformed, match="expected a blob, found a commit"):
            repository.digests([tip])
        with pytest.raises(Malformed, match="expected a blob, found a commit"):
            list(repository.blobs([tip]))
        assert repository.commit(tip).parents  # a refusal leaves the reader usable


@pytest.mark.parametrize("name", ["HEAD", "1" * 39, "A" * 40, "1" * 40 + "\ninfo x", ""])
def test_only_a_full_id_is_ever_sent_to_git(checkout: Checkout, name: str) -> None:
    with Repository.open(checkout.path) as repository:
        for question in (repository.commit, repository.tree, lambda n: list(repository.blobs([n]))):
            with pytest.raises(Malformed, match="object id"):
                question(name)


def test_a_commit_beyond_the_cap_is_refused_before_its_bytes(checkout: Checkout) -> None:
    checkout.commit(a__py=b"1")
    text = checkout.git("cat-file", "commit", "HEAD").encode()
    large = checkout.raw("commit", text + b"\n" + b"x" * objects.MAX_COMMIT)
    with Repository.open(checkout.path) as repository, pytest.raises(TooLarge):
        repository.commit(large)


@pytest.mark.parametrize("kind", ["commit", "tree", "blob"])
def test_an_object_whose_bytes_are_not_its_names_is_refused(checkout: Checkout, kind: str) -> None:
    checkout.commit(a__py=b"1")
    name = checkout.git("rev-parse", {"commit": "HEAD", "tree": "HEAD^{tree}", "blob": "HEAD:a.py"}[kind])
    other = {"commit": checkout.commit(a__py=b"2"), "tree": checkout.tree([]), "blob": checkout.blob(b"evil")}[kind]
    checkout.loose(name).unlink()
    checkout.loose(name).write_bytes(checkout.loose(other).read_bytes())
    ask = {
        "commit": Repository.commit,
        "tree": Repository.tree,
        "blob": lambda repository, of: repository.digests([of]),
    }[kind]
    with Repository.open(checkout.path) as repository, pytest.raises(WrongObject):
        ask(repository, name)


def test_an_object_cut_short_is_an_error(checkout: Checkout) -> None:
    name = checkout.blob(b"x" * 100_000 + os.urandom(100_000))
    whole = checkout.loose(name).read_bytes()
    checkout.loose(name).unlink()
    checkout.loose(name).write_bytes(whole[: len(whole) // 2])
    with Repository.open(checkout.path) as repository, pytest.raises(GitError, match="git cat-file stopped"):
        repository.digests([name])


def test_an_object_that_claims_more_bytes_than_it_has_is_an_error(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "STALL_LIMIT", 0.05)
    name = checkout.blob(b"x")
    checkout.loose(name).unlink()
    checkout.loose(name).write_bytes(zlib.compress(b"blob 100\0x"))
    with Repository.open(checkout.path) as repository, pytest.raises(GitError):
        repository.digests([name])


# --- the git program itself ---------------------------------------------------------------------------


def _planted(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(exist_ok=True)
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("said", ["git version 2.37.9", "git version 1.9", "busybox"])
def test_a_git_without_a_tree_merge_is_refused(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    _planted(tmp_path / "bin", f"echo '{said}'", monkeypatch)
    with pytest.raises(GitError, match=r"2\.38 or newer") as refused, Repository.open(checkout.path):
        pass
    assert refused.value.hint is not None


def test_no_git_is_an_error_with_a_hint(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "relative/only")
    with pytest.raises(GitError, match="on PATH"), Repository.open(checkout.path):
        pass


def test_a_git_that_hangs_is_ended(checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _planted(tmp_path / "bin", "exec sleep 5", monkeypatch)
    monkeypatch.setattr(process, "TIME_LIMIT", 0.02)
    with pytest.raises(GitError, match="within"), Repository.open(checkout.path):
        pass


def test_an_object_reader_that_hangs_is_ended(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _planted(tmp_path / "bin", '[ "$1" = version ] && echo git version 2.50.0 || exec sleep 5', monkeypatch)
    monkeypatch.setattr(process, "STALL_LIMIT", 0.02)
    with Repository.open(checkout.path) as repository, pytest.raises(GitError, match="within"):
        repository.commit("1" * 40)


def test_an_object_reader_that_died_is_an_error_and_then_replaced(
    checkout: Checkout, fork: tuple[str, str, str]
) -> None:
    _, tip, head = fork
    with Repository.open(checkout.path) as repository:
        repository.commit(tip)
        child = repository._objects._batch._child._process
        child.kill()
        child.wait()
        with pytest.raises(GitError, match="git cat-file stopped"):
            repository.commit(head)
        assert repository.commit(head).parents


def test_a_question_that_a_dead_reader_cannot_take_is_an_error(checkout: Checkout) -> None:
    names = [checkout.blob(b"x")] * 2
    with Repository.open(checkout.path) as repository:
        repository.digests(names)
        child = repository._objects._batch._child
        child._process.kill()
        child._process.wait()
        with pytest.raises(GitError), repository._objects._batch.ask(b"info x\n" * 100_000):
            raise AssertionError("asked a dead child")


@pytest.mark.parametrize("script", ["echo no >&2; exit 3", "echo warning >&2"])
def test_a_git_command_that_complains_is_never_taken_at_its_word(
    checkout: Checkout, fork: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    _, tip, head = fork
    real = subprocess.run(["which", "git"], capture_output=True, check=True).stdout.decode().strip()
    _planted(tmp_path / "bin", f'[ "$1" = merge-tree ] || exec {real} "$@"\n{script}', monkeypatch)
    with Repository.open(checkout.path) as repository, pytest.raises(GitError, match="git merge-tree"):
        repository.landing_tree(tip, head)
