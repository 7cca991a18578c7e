"""A hostile tree as a directory: nothing leaves it, nothing is followed; and what is read back of one."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from countermark_ledger.node import Mode
from countermark_scanners.dynamic import clock, collect, workspace
from countermark_scanners.dynamic.errors import CannotLayOut

A = (Mode.FILE, b"a")


def test_files_programs_links_and_empty_submodules_are_laid_out(tmp_path: Path) -> None:
    tree = {
        "a": A,
        "b/run": (Mode.EXECUTABLE, b"#!"),
        "b/link": (Mode.SYMLINK, b"/etc/passwd"),
        "sub": (Mode.GITLINK, b""),
        os.fsdecode(b"\xff"): A,
    }
    known = workspace.lay_out(tmp_path, tree)
    assert set(known) == {"a", "b/run", os.fsdecode(b"\xff")}
    assert (tmp_path / "a").read_bytes() == b"a"
    assert [os.access(tmp_path / name, os.X_OK) for name in ("b/run",)] == [True]
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "b/link").readlink() == Path("/etc/passwd")
    assert list((tmp_path / "sub").iterdir()) == []


@pytest.mark.parametrize(
    "tree",
    [
        pytest.param({"../a": A}, id="parent"),
        pytest.param({"/a": A}, id="absolute"),
        pytest.param({"a//b": A}, id="empty-name"),
        pytest.param({"./a": A}, id="dot"),
        pytest.param({"a\x00b": A}, id="nul"),
        pytest.param({".git/hooks/x": A}, id="git"),
        pytest.param({"a/.Git/config": A}, id="git-by-another-case"),
        pytest.param({"a": (Mode.SYMLINK, b"/tmp"), "a/b": A}, id="below-a-link"),
        pytest.param({"a": A, "a/b/c": A}, id="below-a-file"),
        pytest.param({"a": (Mode.SYMLINK, b"")}, id="link-to-nothing"),
        pytest.param({"a": (Mode.SYMLINK, b"x" * 5000)}, id="long-link"),
    ],
)
def test_a_tree_that_is_no_directory_is_refused_before_anything_is_written(
    tmp_path: Path, tree: dict[str, tuple[Mode, bytes]]
) -> None:
    with pytest.raises(CannotLayOut):
        workspace.lay_out(tmp_path, tree)
    assert list(tmp_path.iterdir()) == []


def test_reading_back_follows_nothing_and_keeps_what_is_new(tmp_path: Path) -> None:
    known = workspace.lay_out(tmp_path, {"a": A, "b": A})
    (tmp_path / "b").write_bytes(b"changed")
    (tmp_path / "out").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "s").write_bytes(b"")
    (tmp_path / "own" / "s").chmod(0o4755)
    found = collect.collected(tmp_path, {collect.spelled(path): sha for path, sha in known.items()})
    assert found.incomplete == ""
    rows = {bytes.fromhex(str(row["path"])).decode(): row for row in found.rows}
    assert {path: row["kind"] for path, row in rows.items()} == {
        "a": "file",
        "b": "file",
        "out": "link",
        "pipe": "special",
        "own": "directory",
        "own/s": "file",
    }
    assert (rows["a"]["content"], rows["b"]["content"]) == (None, base64.b64encode(b"changed").decode())
    assert bytes.fromhex(str(rows["out"]["target"])) == b"/etc"
    assert rows["own/s"]["setuid"] is True


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("MAX_ENTRIES", "more than 1 files"), ("MAX_DEPTH", "deeper than 1"), ("MAX_CONTENTS", "more than 1 bytes")],
)
def test_what_does_not_fit_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, reason: str) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").write_bytes(b"long")
    (tmp_path / "e").write_bytes(b"long")
    monkeypatch.setattr(collect, limit, 1)
    assert reason in collect.collected(tmp_path, {}).incomplete


def test_explanations_are_joined_and_other_things_there_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"one\n")
    (tmp_path / "2").write_bytes(b"two\n")
    (tmp_path / "3").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "4")
    assert collect.explained(tmp_path) == b"one\ntwo\n"


def test_a_clock_that_stays_needs_no_programs() -> None:
    assert clock.programs(0) == {}
    assert set(clock.programs(1001)) == {"bin/date", "clock.cjs"}
