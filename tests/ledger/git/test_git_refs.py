"""Which commit a name means, and which names mean none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from countermark_ledger.errors import GitError, Malformed, MissingHistory, UnbornBranch, UnknownRevision
from countermark_ledger.git import Repository, refs

from .checkout import Checkout


@pytest.fixture
def line(checkout: Checkout) -> list[str]:
    """Three commits on `main`, oldest first; `side` holds a merge of the second and a fourth commit."""
    made = [checkout.commit(f__py=str(number).encode()) for number in range(3)]
    checkout.branch("side", made[1])
    made.append(checkout.commit(g__py=b"1"))
    checkout.git("merge", "-q", "--no-edit", "main")
    made.append(checkout.git("rev-parse", "HEAD"))
    checkout.git("update-ref", "refs/remotes/origin/main", made[2])
    checkout.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    checkout.git("tag", "plain", made[0])
    checkout.git("tag", "-a", "-m", "x", "signed-off", made[1])
    checkout.git("tag", "-a", "-m", "x", "twice", "signed-off")
    return made


@pytest.mark.parametrize("storage", ["loose", "packed"])
@pytest.mark.parametrize(
    ("revision", "which"),
    [
        ("main", 2),
        ("refs/heads/main", 2),
        ("heads/main", 2),
        ("origin/main", 2),
        ("origin", 2),
        ("HEAD", 4),
        ("side", 4),
        ("plain", 0),
        ("signed-off", 1),
        ("twice", 1),
        ("main~", 1),
        ("main~2", 0),
        ("main~1^", 0),
        ("main^0", 2),
        ("main~0", 2),
        ("side^2", 2),
        ("side^", 3),
        ("side^2~2", 0),
    ],
)
def test_a_name_leads_where_git_says(
    checkout: Checkout, line: list[str], revision: str, which: int, storage: str
) -> None:
    if storage == "packed":
        checkout.git("pack-refs", "--all")
    with Repository.open(checkout.path) as repository:
        assert repository.resolve(revision) == line[which]
        assert repository.resolve(line[which]) == line[which]


def test_a_loose_ref_wins_over_a_packed_one(checkout: Checkout) -> None:
    checkout.commit(a__py=b"1")
    checkout.git("pack-refs", "--all")
    newer = checkout.commit(a__py=b"2")
    with Repository.open(checkout.path) as repository:
        assert repository.resolve("main") == newer


@pytest.mark.parametrize(
    "revision",
    [
        "",
        "--upload-pack=touch x",
        "-n",
        "absent",
        "refs/heads/absent",
        "main~3",
        "main^2",
        "main^{commit}",
        "main@{1}",
        ":/m",
        "main..side",
        "../../etc/passwd",
        "refs/../HEAD",
        "refs/heads/.hidden",
        "refs/heads/main.lock",
        "main\n",
        "@",
        "1234567",
        "FETCH_HEAD",
    ],
)
def test_a_name_that_leads_nowhere_is_refused(checkout: Checkout, line: list[str], revision: str) -> None:
    with Repository.open(checkout.path) as repository, pytest.raises(UnknownRevision):
        repository.resolve(revision)


def test_a_short_name_of_a_branch_and_a_tag_is_refused_rather_than_guessed(checkout: Checkout) -> None:
    first, second = checkout.commit(a__py=b"1"), checkout.commit(a__py=b"2")
    checkout.git("tag", "main", first)
    with Repository.open(checkout.path) as repository:
        with pytest.raises(UnknownRevision) as refused:
            repository.resolve("main")
        assert refused.value.hint == "say refs/heads/main"
        assert repository.resolve("refs/heads/main") == second


def test_a_branch_named_like_an_id_does_not_shadow_the_id(checkout: Checkout) -> None:
    first = checkout.commit(a__py=b"1")
    second = checkout.commit(a__py=b"2")
    checkout.git("update-ref", f"refs/heads/{first}", second)
    with Repository.open(checkout.path) as repository:
        assert repository.resolve(first) == first


@pytest.mark.parametrize("revision", ["HEAD", "main", "refs/heads/main"])
def test_an_unborn_branch_says_so_with_a_hint(checkout: Checkout, revision: str) -> None:
    with Repository.open(checkout.path) as repository, pytest.raises(UnbornBranch) as refused:
        repository.resolve(revision)
    assert refused.value.hint == "git commit"


def test_a_full_id_that_is_not_here_is_missing_history(checkout: Checkout) -> None:
    with Repository.open(checkout.path) as repository, pytest.raises(MissingHistory):
        repository.resolve("1" * 40)


def test_a_name_of_something_else_than_a_commit_is_refused(checkout: Checkout) -> None:
    checkout.commit(a__py=b"1")
    blob = checkout.blob(b"x")
    with (
        Repository.open(checkout.path) as repository,
        pytest.raises(Malformed, match="expected a commit, found a blob"),
    ):
        repository.resolve(blob)


def test_tags_in_a_long_row_are_refused(checkout: Checkout) -> None:
    target, kind = checkout.commit(a__py=b"1"), "commit"
    for number in range(9):
        text = f"object {target}\ntype {kind}\ntag t{number}\ntagger A <a@b> 1 +0000\n\nx\n"
        target, kind = checkout.raw("tag", text.encode()), "tag"
    with Repository.open(checkout.path) as repository, pytest.raises(Malformed, match="at most 8 tags"):
        repository.resolve(target)


def test_a_tag_that_names_no_object_first_is_refused(checkout: Checkout) -> None:
    tag = checkout.raw("tag", b"type commit\nobject x\n")
    with Repository.open(checkout.path) as repository, pytest.raises(Malformed, match="name an object"):
        repository.resolve(tag)


def _loop(heads: Path) -> None:
    (heads / "x").write_text("ref: refs/heads/x\n")


def _to_head(heads: Path) -> None:
    (heads / "x").write_text("ref: HEAD\n")


def _out(heads: Path) -> None:
    (heads / "x").write_text("ref: refs/../../../../etc/hostname\n")


def _junk(heads: Path) -> None:
    (heads / "x").write_text("not an id\n")


def _short(heads: Path) -> None:
    (heads / "x").write_text("1" * 39 + "\n")


def _fifo(heads: Path) -> None:
    os.mkfifo(heads / "x")


def _link(heads: Path) -> None:
    (heads / "x").symlink_to("/etc/hostname")


@pytest.mark.parametrize("plant", [_loop, _to_head, _out, _junk, _short, _fifo, _link])
def test_a_ref_file_that_git_did_not_write_is_refused(checkout: Checkout, plant: Callable[[Path], None]) -> None:
    checkout.commit(a__py=b"1")
    plant(checkout.git_dir / "refs" / "heads")
    with Repository.open(checkout.path) as repository, pytest.raises(GitError) as refused:
        repository.resolve("refs/heads/x")
    assert not isinstance(refused.value, UnknownRevision)


def test_two_packed_lines_for_one_ref_are_refused(checkout: Checkout) -> None:
    commit = checkout.commit(a__py=b"1")
    (checkout.git_dir / "packed-refs").write_text(f"{commit} refs/heads/x\n{commit} refs/heads/x\n")
    with Repository.open(checkout.path) as repository, pytest.raises(GitError, match="one line"):
        repository.resolve("x")


def test_refs_of_one_work_tree_are_read_from_it(checkout: Checkout, tmp_path: Path) -> None:
    commit = checkout.commit(a__py=b"1")
    checkout.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    checkout.git("-C", str(tmp_path / "linked"), "update-ref", "refs/worktree/mine", commit)
    with Repository.open(tmp_path / "linked") as repository:
        assert repository.resolve("refs/worktree/mine") == commit
    with Repository.open(checkout.path) as repository, pytest.raises(UnknownRevision):
        repository.resolve("refs/worktree/mine")


def test_a_symbolic_ref_of_the_greatest_depth_is_followed(checkout: Checkout) -> None:
    commit = checkout.commit(a__py=b"1")
    for number in range(refs.MAX_SYMREFS):
        target = "main" if number == 0 else f"s{number - 1}"
        checkout.git("symbolic-ref", f"refs/heads/s{number}", f"refs/heads/{target}")
    with Repository.open(checkout.path) as repository:
        assert repository.resolve(f"s{refs.MAX_SYMREFS - 1}") == commit
