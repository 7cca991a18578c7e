"""Which files of a work tree git would see, asked without running anything of theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from countermark_ledger.errors import GitError
from countermark_ledger.git import worktree
from countermark_ledger.git.process import Finished, Git
from countermark_ledger.git.worktree import visible_paths

from .checkout import Checkout


def test_tracked_and_untracked_files_are_seen(checkout: Checkout) -> None:
    checkout.commit(tracked=b"1")
    checkout.write("sub/new", b"1")
    (checkout.path / "link").symlink_to("nowhere")
    assert visible_paths(checkout.path) == {"tracked", "sub/new", "link"}


def test_ignore_files_at_every_level_and_the_private_one_are_obeyed(checkout: Checkout) -> None:
    checkout.write(".gitignore", b"*.log\nbuild/\n")
    checkout.write("sub/.gitignore", b"!kept.log\nlocal\n")
    (checkout.git_dir / "info").mkdir(exist_ok=True)
    (checkout.git_dir / "info" / "exclude").write_bytes(b"private\n")
    for name in ("a.log", "build/x", "private", "sub/kept.log", "sub/b.log", "sub/local", "local", "seen"):
        checkout.write(name, b"1")
    assert visible_paths(checkout.path) == {".gitignore", "sub/.gitignore", "sub/kept.log", "local", "seen"}


def test_nested_repositories_and_special_files_are_not_seen(checkout: Checkout) -> None:
    Checkout.new(checkout.path / "nested").write("file", b"1")
    os.mkfifo(checkout.path / "pipe")
    checkout.write("seen", b"1")
    assert visible_paths(checkout.path) == {"seen"}


@pytest.mark.parametrize("name", [b"a\nb", b"\xff", "größe".encode(), b'q"', b" "])
def test_names_are_bytes(checkout: Checkout, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(checkout.path) + b"/" + name)).write_bytes(b"1")
    assert visible_paths(checkout.path) == {name.decode("utf-8", "surrogateescape")}


def test_nothing_that_the_checkout_configures_runs(checkout: Checkout) -> None:
    script = checkout.path / "evil"
    script.write_text(f"#!/bin/sh\ntouch '{checkout.path}/ran'\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "filter.x.clean", "core.hooksPath"):
        checkout.git("config", key, str(script))
    checkout.git("config", "core.excludesFile", str(checkout.path / "excludes"))
    checkout.write("excludes", b"*\n")
    checkout.write(".gitattributes", b"* filter=x\n")
    assert visible_paths(checkout.path) == {"evil", "excludes", ".gitattributes"}
    assert not (checkout.path / "ran").exists()


def test_a_git_that_fails_is_an_error_and_not_an_empty_tree(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Git, "run", lambda *_: Finished(128, b"", "fatal: no\n"))
    with pytest.raises(GitError, match="ended with 128: fatal: no"):
        visible_paths(checkout.path)


def test_outside_a_repository_there_is_nothing_to_ask(tmp_path: Path) -> None:
    with pytest.raises(GitError):
        worktree.visible_paths(tmp_path)
