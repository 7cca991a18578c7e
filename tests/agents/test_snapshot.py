"""What the observer records of a work tree, and what it refuses to guess at."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_agents import snapshot
from countermark_agents.errors import (
    ChangedWhileRead,
    NestedRepository,
    NotAFile,
    TooMuch,
    Unreadable,
    UnspellableName,
    WorkTreeRefused,
)
from countermark_ledger.node import Mode, Node


def nothing(_: str) -> bool:
    return False


def take(root: Path) -> dict[str, Node]:
    return snapshot.take(root, ignored=nothing)


def git_listing(root: Path) -> dict[str, tuple[str, str]]:
    """What git itself would record: path -> (mode, blob)."""
    git = ["git", "-C", str(root), "-c", "core.autocrlf=false"]
    subprocess.run([*git, "init", "-q", "--object-format=sha1"], check=True)
    subprocess.run([*git, "add", "--all"], check=True)
    listed = subprocess.run([*git, "ls-files", "--stage", "-z"], check=True, capture_output=True).stdout
    rows = [row.partition(b"\t") for row in listed.split(b"\0") if row]
    return {os.fsdecode(path): tuple(head.decode().split()[:2]) for head, _, path in rows}


def test_the_snapshot_is_what_git_would_record(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "text").write_text("text\r\n")
    (tmp_path / "deep.txt").write_bytes(bytes(range(256)) * 9000)
    (tmp_path / "empty").touch()
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "tool").chmod(0o700)
    (tmp_path / "group-executable").touch(0o654)
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "to-directory").symlink_to("deep")
    (tmp_path / "line\nbreak").touch()
    (tmp_path / "ünï").touch()
    expected = git_listing(tmp_path)
    assert {path: (node.mode, node.git_blob) for path, node in take(tmp_path).items()} == expected
    assert len(expected) == 10


def test_content_is_named_by_sha256_and_paths_are_sorted(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / name).write_text(name)
    found = take(tmp_path)
    assert list(found) == ["a", "b", "c"]
    assert found["a"] == Node.of_blob(Mode.FILE, b"a")


def test_the_git_directory_is_skipped_at_the_top_only(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").touch()
    assert take(tmp_path) == {}


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("/")])
def test_a_nested_repository_is_refused_because_a_gitlink_covers_no_content(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    (tmp_path / "vendor").mkdir()
    make(tmp_path / "vendor" / ".git")
    with pytest.raises(NestedRepository, match=r"vendor/\.git"):
        take(tmp_path)
    assert snapshot.take(tmp_path, ignored="vendor".__eq__) == {}


def test_what_is_ignored_is_not_even_looked_at(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o000)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "kept").touch()
    asked: list[str] = []

    def ignored(path: str) -> bool:
        asked.append(path)
        return path != "kept"

    assert list(snapshot.take(tmp_path, ignored=ignored)) == ["kept"]
    assert asked == ["cache", "kept", "pipe"]


def a_socket(path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.relpath(path))
    listener.close()


@pytest.mark.parametrize(("make", "kind"), [(os.mkfifo, "a FIFO"), (a_socket, "a socket")])
def test_a_thing_that_is_no_file_is_refused_and_not_opened(
    tmp_path: Path, make: Callable[[Path], None], kind: str
) -> None:
    make(tmp_path / "thing")
    with pytest.raises(NotAFile, match=rf"'thing': .*found {kind}") as refused:
        take(tmp_path)
    assert refused.value.path == "thing"


def test_a_device_is_refused() -> None:
    with pytest.raises(NotAFile, match=r"'null': .*found a device"):
        snapshot.take(Path("/dev"), ignored="null".__ne__)


def test_a_link_out_of_the_tree_is_recorded_and_never_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link").symlink_to(secret)
    assert take(tree) == {"link": Node.of_blob(Mode.SYMLINK, os.fsencode(secret))}


def test_a_link_to_a_directory_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(".")
    assert take(tmp_path) == {"loop": Node.of_blob(Mode.SYMLINK, b".")}


def test_a_hard_link_is_two_paths_with_the_content_that_was_read(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("same")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    node = Node.of_blob(Mode.FILE, b"same")
    assert take(tmp_path) == {"one": node, "two": node}


def test_a_name_outside_utf8_may_lie_there_but_not_change(tmp_path: Path) -> None:
    strange = tmp_path / os.fsdecode(b"\xff")
    strange.touch()
    before = take(tmp_path)
    assert list(before) == ["\udcff"]
    (tmp_path / "plain").touch()
    assert [row.path for row in snapshot.changes(before, take(tmp_path)).transitions] == ["plain"]
    strange.unlink()
    with pytest.raises(UnspellableName):
        snapshot.changes(before, take(tmp_path))


class Race:
    """Between the listing of a name and its opening, the attacker moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, move: Callable[[], None]) -> None:
        self.moved = False
        really = os.open

        def racing(path: bytes | Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            if path == os.fsencode(name) and not self.moved:
                self.moved = True
                move()
            return really(path, flags, mode, dir_fd=dir_fd)

        monkeypatch.setattr(os, "open", racing)


def replace(path: Path, make: Callable[[Path], object]) -> Callable[[], None]:
    def move() -> None:
        path.unlink()
        make(path)

    return move


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.symlink_to("/etc/passwd"), id="symlink"),
        pytest.param(os.mkfifo, id="fifo"),
        pytest.param(a_socket, id="socket"),
        pytest.param(lambda path: path.write_text("other"), id="another-file"),
        pytest.param(lambda path: path.hardlink_to(path.parent.parent / "outside"), id="hard-link"),
        pytest.param(Path.mkdir, id="directory"),
        pytest.param(Path.exists, id="nothing"),
    ],
)
def test_a_file_swapped_between_listing_and_opening_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object]
) -> None:
    (tmp_path / "outside").write_text("outside")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_text("first")
    race = Race(monkeypatch, "file", replace(tree / "file", make))
    with pytest.raises(ChangedWhileRead):
        take(tree)
    assert race.moved


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.symlink_to("/etc"), id="symlink"),
        pytest.param(Path.mkdir, id="another-directory"),
        pytest.param(Path.touch, id="file"),
        pytest.param(Path.exists, id="nothing"),
    ],
)
def test_a_directory_swapped_between_listing_and_opening_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object]
) -> None:
    (tmp_path / "folder").mkdir()

    def move() -> None:
        (tmp_path / "folder").rename(tmp_path / "moved")
        make(tmp_path / "folder")

    race = Race(monkeypatch, "folder", move)
    with pytest.raises(ChangedWhileRead):
        take(tmp_path)
    assert race.moved


@pytest.mark.parametrize("more", [b"longer than it was", b"", b"same!"])
def test_a_file_written_to_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    (tmp_path / "file").write_bytes(b"first")
    os.utime(tmp_path / "file", ns=(1, 1))
    really = os.read

    def reading(descriptor: int, size: int) -> bytes:
        (tmp_path / "file").write_bytes(more)
        return really(descriptor, size)

    monkeypatch.setattr(os, "read", reading)
    with pytest.raises(ChangedWhileRead, match="written to"):
        take(tmp_path)


def test_a_link_replaced_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "link"
    link.symlink_to("first")
    really = os.readlink

    def reading(path: bytes, *, dir_fd: int) -> bytes:
        target = really(path, dir_fd=dir_fd)
        link.unlink()
        link.symlink_to("second!")
        return target

    monkeypatch.setattr(os, "readlink", reading)
    with pytest.raises(ChangedWhileRead):
        take(tmp_path)


def test_a_name_that_appears_after_the_listing_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / "first").touch()
    os.utime(tmp_path, ns=(1, 1))

    def ignored(_: str) -> bool:
        (tmp_path / "late").touch()
        return False

    with pytest.raises(ChangedWhileRead, match="came or went"):
        snapshot.take(tmp_path, ignored=ignored)


def test_a_file_that_vanishes_after_the_listing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    def ignored(path: str) -> bool:
        (tmp_path / path).unlink()
        return False

    with pytest.raises(ChangedWhileRead, match="'file'"):
        snapshot.take(tmp_path, ignored=ignored)


def test_a_tree_deeper_than_the_cap_is_refused_without_recursion_error(tmp_path: Path) -> None:
    (tmp_path / ("d/" * (snapshot.MAX_DEPTH + 1))).mkdir(parents=True)
    with pytest.raises(TooMuch, match="deeper"):
        take(tmp_path)


def test_a_sparse_file_larger_than_the_cap_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(snapshot.MAX_FILE_BYTES + 1)
    with pytest.raises(TooMuch, match="larger"):
        take(tmp_path)


def test_more_files_than_the_cap_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "MAX_FILES", 1)
    (tmp_path / "a").touch()
    assert len(take(tmp_path)) == 1
    (tmp_path / "b").touch()
    with pytest.raises(TooMuch, match="more than 1 files"):
        take(tmp_path)


def test_what_the_system_will_not_let_us_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()

    def refusing(_: int, __: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "read", refusing)
    with pytest.raises(Unreadable, match="Permission denied"):
        take(tmp_path)


@pytest.mark.parametrize("make", [Path.exists, Path.touch])
def test_a_root_that_is_no_directory_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "root")
    with pytest.raises(WorkTreeRefused):
        take(tmp_path / "root")


def test_a_refused_snapshot_leaves_no_descriptor_open(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    os.mkfifo(tmp_path / "a" / "b" / "pipe")
    before = os.dup(0)
    os.close(before)
    with pytest.raises(NotAFile):
        take(tmp_path)
    after = os.dup(0)
    os.close(after)
    assert after == before


NODES = st.dictionaries(
    st.text("abc/", min_size=1, max_size=3),
    st.builds(Node.of_blob, st.sampled_from([Mode.FILE, Mode.EXECUTABLE, Mode.SYMLINK]), st.binary(max_size=1)),
)


@given(NODES, NODES)
def test_applying_the_changes_to_the_first_snapshot_gives_the_second(
    before: dict[str, Node], after: dict[str, Node]
) -> None:
    tree = dict(before)
    for row in snapshot.changes(before, after).transitions:
        assert tree.pop(row.path, None) == row.before
        if row.after is not None:
            tree[row.path] = row.after
    assert tree == after
