"""Writing in one's own checkout: exactly what was signed, no hook, no filter, and nobody's work lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from countermark_ledger.errors import GitError, RefMoved
from countermark_ledger.git import own, process
from countermark_ledger.git.own import COUNTERMARK, Author
from countermark_ledger.git.reader import Repository
from countermark_ledger.node import Change, Mode, Node, Transition

from .checkout import Checkout

REF = "refs/countermark/bundles"
SOMEBODY = Author("Some Body", "some.body@example.org")


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def change(checkout: Checkout, **contents: bytes | None) -> Change:
    """Write files (a `__` in a name is a dot; None deletes) and say so as a change."""
    rows = []
    for name, content in contents.items():
        path = name.replace("__", ".")
        place = checkout.path / path
        before = Node.of_blob(Mode.FILE, place.read_bytes()) if place.exists() else None
        if content is None:
            place.unlink()
        else:
            checkout.write(path, content)
        rows.append(Transition(path, before, None if content is None else Node.of_blob(Mode.FILE, content)))
    return Change.of(rows)


def commit(checkout: Checkout, made: Change, message: str = "m\n") -> str | None:
    return own.commit_rows(checkout.path, made, message=message, author=SOMEBODY)


# --- commit_rows ---------------------------------------------------------------------------------------


def test_a_commit_has_exactly_the_rows_and_the_author(checkout: Checkout) -> None:
    head = checkout.commit(a=b"1\n", gone=b"1\n")
    made = commit(checkout, change(checkout, a=b"2\n", gone=None, new=b"1\n"), "größer\n")
    assert checkout.git("rev-parse", "HEAD", "HEAD^") == f"{made}\n{head}"
    assert checkout.git("ls-tree", "-r", "--name-only", "HEAD").split() == ["a", "new"]
    assert checkout.git("log", "-1", "--format=%an <%ae> %cn %s") == (
        "Some Body <some.body@example.org> Some Body größer"
    )
    assert checkout.git("status", "--porcelain") == ""


def test_the_index_and_the_work_tree_keep_what_is_not_of_the_change(checkout: Checkout) -> None:
    checkout.commit(a=b"1\n", staged=b"1\n", dirty=b"1\n")
    checkout.write("staged", b"2\n")
    checkout.git("add", "staged")
    checkout.write("dirty", b"2\n")
    commit(checkout, change(checkout, a=b"2\n"))
    assert checkout.git("status", "--porcelain").splitlines() == [" M dirty", "M  staged"]


def test_modes_and_links_are_committed_as_signed(checkout: Checkout) -> None:
    checkout.commit(a=b"1\n")
    checkout.write("tool", b"x", mode=0o755)
    (checkout.path / "link").symlink_to("nowhere/at/all")
    rows = [
        Transition("tool", None, Node.of_blob(Mode.EXECUTABLE, b"x")),
        Transition("link", None, Node.of_blob(Mode.SYMLINK, b"nowhere/at/all")),
    ]
    commit(checkout, Change.of(rows))
    assert [line.split()[0] for line in checkout.git("ls-tree", "HEAD").splitlines()] == ["100644", "120000", "100755"]
    assert checkout.git("status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["a b", "größe", "-n", 'q"uote\\', "new\nline", "deep/er/file"])
def test_names_are_taken_as_bytes(checkout: Checkout, name: str) -> None:
    checkout.commit(a=b"1\n")
    made = commit(checkout, change(checkout, **{name: b"x\n"}))
    assert checkout.git("ls-tree", "-r", "-z", "--name-only", str(made)).split("\0")[:-1] == sorted(
        ["a", name], key=lambda one: one.encode()
    )
    assert checkout.git("status", "--porcelain") == ""


def test_a_folder_takes_the_place_of_a_file_and_back(checkout: Checkout) -> None:
    checkout.commit(a=b"1\n")
    (checkout.path / "a").unlink()
    checkout.write("a/b", b"2\n")
    file, inner = Node.of_blob(Mode.FILE, b"1\n"), Node.of_blob(Mode.FILE, b"2\n")
    commit(checkout, Change.of([Transition("a", file, None), Transition("a/b", None, inner)]))
    assert checkout.git("ls-tree", "-r", "--name-only", "HEAD") == "a/b"
    (checkout.path / "a" / "b").unlink()
    (checkout.path / "a").rmdir()
    checkout.write("a", b"1\n")
    commit(checkout, Change.of([Transition("a", None, file), Transition("a/b", inner, None)]))
    assert checkout.git("ls-tree", "-r", "--name-only", "HEAD") == "a"
    assert checkout.git("status", "--porcelain") == ""


def test_what_head_has_already_makes_no_commit(checkout: Checkout) -> None:
    made = change(checkout, a=b"1\n")
    head = checkout.commit()
    assert commit(checkout, made) is None
    assert checkout.git("rev-parse", "HEAD") == head


def replace_by(kind: str, place: Path) -> None:
    place.unlink()
    match kind:
        case "other":
            place.write_bytes(b"other\n")
        case "fifo":
            os.mkfifo(place)
        case "link":
            place.symlink_to("b")
        case "folder":
            place.mkdir()


@pytest.mark.parametrize("kind", ["other", "gone", "fifo", "link", "folder"])
def test_a_file_that_no_longer_is_what_was_signed_is_refused(checkout: Checkout, kind: str) -> None:
    head = checkout.commit(b=b"2\n")
    made = change(checkout, a=b"2\n")
    replace_by(kind, checkout.path / "a")
    with pytest.raises(GitError, match="expected"):
        commit(checkout, made)
    assert checkout.git("rev-parse", "HEAD") == head


def test_a_link_that_became_a_file_is_refused(checkout: Checkout) -> None:
    checkout.commit(b=b"2\n")
    checkout.write("link", b"target")
    row = Transition("link", None, Node.of_blob(Mode.SYMLINK, b"target"))
    with pytest.raises(GitError, match="expected the content that was signed"):
        commit(checkout, Change.of([row]))


def test_a_branch_that_moved_meanwhile_is_not_overwritten(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout.commit(b=b"2\n")
    made = change(checkout, a=b"1\n")
    real = own.commit_tree

    def late(*arguments: object, **named: object) -> str:
        checkout.git("commit", "-q", "--allow-empty", "-m", "rival")
        return real(*arguments, **named)

    monkeypatch.setattr(own, "commit_tree", late)
    with pytest.raises(RefMoved, match="HEAD"):
        commit(checkout, made)
    assert checkout.git("log", "-1", "--format=%s") == "rival"


def test_a_held_index_is_told_after_the_commit(checkout: Checkout) -> None:
    checkout.commit(b=b"2\n")
    made = change(checkout, a=b"1\n")
    (checkout.git_dir / "index.lock").touch()
    with pytest.raises(GitError, match="but not the index") as refusal:
        commit(checkout, made)
    assert checkout.git("rev-parse", "--short=12", "HEAD") in refusal.value.message


def test_an_unborn_branch_has_nothing_to_commit_on(checkout: Checkout) -> None:
    with pytest.raises(GitError, match="rev-parse"):
        commit(checkout, change(checkout, a=b"1\n"))


def test_a_sha256_repository_is_written_as_well(tmp_path: Path) -> None:
    checkout = Checkout.new(tmp_path / "sha256", "--object-format=sha256")
    checkout.commit(a=b"1\n", gone=b"1\n")
    made = commit(checkout, change(checkout, a=b"2\n", gone=None))
    assert made is not None
    assert len(made) == 64
    assert checkout.git("ls-tree", "-r", "--name-only", "HEAD") == "a"


# --- trees, commits and refs of our own ------------------------------------------------------------------


def test_blobs_are_stored_byte_for_byte_whatever_filters_are_set(checkout: Checkout) -> None:
    checkout.commit(__gitattributes=b"* text eol=lf filter=shout\n")
    checkout.git("config", "filter.shout.clean", "tr a-z A-Z")
    checkout.git("config", "core.autocrlf", "input")
    contents = [b"one\r\n", b"", b"\0\xff", b"one\r\n"]
    names = own.write_blobs(checkout.path, contents)
    assert names == [Node.of_blob(Mode.FILE, content).git_blob for content in contents]


def test_a_tree_holds_the_files_given(checkout: Checkout) -> None:
    (blob,) = own.write_blobs(checkout.path, [b"x"])
    tree = own.write_tree(checkout.path, {"a/b": blob, "c": blob})
    assert checkout.git("ls-tree", "-r", tree).splitlines() == [f"100644 blob {blob}\t{p}" for p in ("a/b", "c")]
    assert not (checkout.git_dir / "index").exists()


def test_a_commit_of_the_same_time_is_the_same_commit(checkout: Checkout) -> None:
    tree, at = own.write_tree(checkout.path, {}), datetime(2026, 11, 1, 12, tzinfo=UTC)
    made = [own.commit_tree(checkout.path, tree, [], message="m\n", author=SOMEBODY, at=at) for _ in range(2)]
    assert made[0] == made[1]
    assert checkout.git("log", "-1", "--format=%ad %cd", "--date=iso", made[0]) == (
        "2026-11-01 12:00:00 +0000 2026-11-01 12:00:00 +0000"
    )


def test_a_tree_of_a_blob_that_is_not_there_is_refused(checkout: Checkout) -> None:
    with pytest.raises(GitError, match="write-tree"):
        own.write_tree(checkout.path, {"a": "1" * 40})


def made_commit(checkout: Checkout, *parents: str, message: str = "m\n") -> str:
    (blob,) = own.write_blobs(checkout.path, [message.encode()])
    tree = own.write_tree(checkout.path, {"file": blob})
    return own.commit_tree(checkout.path, tree, parents, message=message, author=COUNTERMARK)


# --- a repository of its own, and a submodule ----------------------------------------------------------


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_new_repository_is_bare_and_empty_and_can_be_pushed_to(tmp_path: Path, object_format: str) -> None:
    source = Checkout.new(tmp_path / "work", f"--object-format={object_format}")
    made = source.commit(a__py=b"1")
    own.init_bare(tmp_path / "made.git", object_format)
    own.push(source.path, str(tmp_path / "made.git"), "refs/heads/main", made)
    with Repository.open(tmp_path / "made.git") as repository:
        assert repository.resolve("HEAD") == made
    assert not (tmp_path / "made.git" / "hooks").exists()


def test_a_submodule_is_staged_without_looking_at_it_and_the_rest_of_the_index_stays(checkout: Checkout) -> None:
    checkout.commit(a__py=b"1")
    checkout.write("b.py", b"2")
    checkout.git("add", "b.py")
    raw = own.configure_submodule(checkout.path, "docs/evidence", "../evidence.git")
    assert raw == b'[submodule "docs/evidence"]\n\tpath = docs/evidence\n\turl = ../evidence.git\n'
    (blob,) = own.write_blobs(checkout.path, [raw])
    own.stage(checkout.path, {"docs/evidence": (Mode.GITLINK, "1" * 40), ".gitmodules": (Mode.FILE, blob)})
    assert checkout.git("diff", "--cached", "--name-only").split() == [".gitmodules", "b.py", "docs/evidence"]
    assert own.configure_submodule(checkout.path, "docs/evidence", "elsewhere").count(b"url") == 1


def test_a_link_in_place_of_the_list_of_submodules_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "host").write_bytes(b"")
    (checkout.path / ".gitmodules").symlink_to(tmp_path / "host")
    with pytest.raises(GitError):
        own.configure_submodule(checkout.path, "evidence", "../evidence.git")
    assert (tmp_path / "host").read_bytes() == b""


def test_a_ref_moves_only_from_where_it_was_seen(checkout: Checkout) -> None:
    one, two = made_commit(checkout), made_commit(checkout, message="two\n")
    own.move_ref(checkout.path, REF, one, None, reason="test")
    for seen in (None, two):
        with pytest.raises(RefMoved, match=REF):
            own.move_ref(checkout.path, REF, two, seen, reason="test")
    own.move_ref(checkout.path, REF, two, one, reason="test")
    assert checkout.git("rev-parse", REF) == two


# --- remotes -----------------------------------------------------------------------------------------------


@pytest.fixture
def remote(checkout: Checkout, tmp_path: Path) -> Path:
    place = tmp_path / "remote.git"
    checkout.git("init", "-q", "--bare", "--template=", str(place))
    checkout.git("remote", "add", "origin", str(place))
    return place


def test_what_is_pushed_can_be_fetched(checkout: Checkout, remote: Path) -> None:
    made = made_commit(checkout)
    assert own.fetch(checkout.path, "origin", REF, "refs/countermark/remote/bundles") is None
    own.push(checkout.path, "origin", REF, made)
    assert own.fetch(checkout.path, "origin", REF, "refs/countermark/remote/bundles") == made
    assert checkout.git("rev-parse", "refs/countermark/remote/bundles") == made
    assert not (checkout.git_dir / "FETCH_HEAD").exists()


def test_a_push_that_would_lose_others_work_is_refused(checkout: Checkout, remote: Path) -> None:
    first = made_commit(checkout)
    own.push(checkout.path, "origin", REF, made_commit(checkout, first, message="theirs\n"))
    with pytest.raises(RefMoved, match="moved by others"):
        own.push(checkout.path, "origin", REF, made_commit(checkout, first, message="ours\n"))


def test_a_remote_ref_that_is_being_written_counts_as_moved(checkout: Checkout, remote: Path) -> None:
    lock = remote / f"{REF}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(RefMoved):
        own.push(checkout.path, "origin", REF, made_commit(checkout))


def test_a_tracking_ref_that_is_being_written_counts_as_moved(checkout: Checkout, remote: Path) -> None:
    own.push(checkout.path, "origin", REF, made_commit(checkout))
    lock = checkout.git_dir / "refs/countermark/remote/bundles.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(RefMoved):
        own.fetch(checkout.path, "origin", REF, "refs/countermark/remote/bundles")


def refuse_by_hook(remote: Path) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)


def remove(remote: Path) -> None:
    (remote / "HEAD").unlink()


@pytest.mark.parametrize(("spoil", "said"), [(refuse_by_hook, "hook declined"), (remove, "could not read|repository")])
def test_a_push_that_the_remote_refuses_says_why(checkout: Checkout, remote: Path, spoil: Callable, said: str) -> None:
    spoil(remote)
    with pytest.raises(GitError, match=said) as refusal:
        own.push(checkout.path, "origin", REF, made_commit(checkout))
    assert not isinstance(refusal.value, RefMoved)


def test_a_remote_that_is_not_there_is_told(checkout: Checkout) -> None:
    with pytest.raises(
        GitError, match="git fetch from nowhere: fatal: 'nowhere' does not appear to be a git repository"
    ):
        own.fetch(checkout.path, "nowhere", REF, "refs/x/y")


def test_a_remote_ref_that_is_no_commit_is_refused(checkout: Checkout, remote: Path) -> None:
    (blob,) = own.write_blobs(checkout.path, [b"x"])
    checkout.git("push", "-q", "origin", f"{blob}:{REF}")
    with pytest.raises(GitError, match="rev-parse"):
        own.fetch(checkout.path, "origin", REF, "refs/countermark/remote/bundles")


def test_a_remote_whose_name_looks_like_an_option_is_a_name(checkout: Checkout) -> None:
    with pytest.raises(GitError, match="git fetch from --upload-pack=touch ran"):
        own.fetch(checkout.path, "--upload-pack=touch ran", REF, "refs/x/y")
    with pytest.raises(GitError, match="git push to --receive-pack=touch ran"):
        own.push(checkout.path, "--receive-pack=touch ran", REF, made_commit(checkout))
    assert not (checkout.path / "ran").exists()


def test_no_hook_of_the_checkout_runs(checkout: Checkout, remote: Path) -> None:
    hooks = checkout.git_dir / "hooks"
    hooks.mkdir()
    for name in ("pre-push", "reference-transaction", "pre-commit", "post-commit", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch '{checkout.path}/ran-{name}'\n")
        (hooks / name).chmod(0o755)
    checkout.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-m", "first")
    commit(checkout, change(checkout, a=b"1\n"))
    made = made_commit(checkout)
    own.move_ref(checkout.path, REF, made, None, reason="test")
    own.push(checkout.path, "origin", REF, made)
    own.fetch(checkout.path, "origin", REF, "refs/countermark/remote/bundles")
    assert not list(checkout.path.glob("ran-*"))


def test_the_callers_git_variables_redirect_nothing(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    checkout.commit(b=b"1\n")
    assert commit(checkout, change(checkout, a=b"1\n")) == checkout.git("rev-parse", "HEAD")


def test_a_git_that_does_not_answer_is_given_up_on(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout.git("config", "alias.hang", "!sleep 5")
    monkeypatch.setattr(process, "TIME_LIMIT", 0.05)
    with pytest.raises(GitError, match="expected an answer within"):
        process.run_own(checkout.path, "hang")


def test_a_git_that_says_nothing_is_quoted_by_its_code(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "run_own", lambda *_, **__: process.Finished(7, b"", ""))
    with pytest.raises(GitError, match="git push to origin: exit code 7"):
        own.push(checkout.path, "origin", REF, "1" * 40)
