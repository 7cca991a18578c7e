"""Checkouts: the work tree a person stands in, linked ones included; a bare repository is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from countermark_ledger.errors import GitError
from countermark_service.checkout import Checkout

from .conftest import Desk


def test_an_agent_may_work_in_a_linked_work_tree(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    linked = desk.root.parent / "linked"
    desk.git("worktree", "add", "-q", "-b", "side", str(linked))
    monkeypatch.chdir(linked)
    (linked / "hello.py").write_text("x = 1\n")
    desk.must("record", "--agent", "coder", "--commit", "Say hello", "--", "touch", "more.py")
    desk.must("sign", "--agent", "coder", "hello.py")
    assert Checkout.find(linked) == Checkout(linked, desk.root / ".git", desk.root / ".git/worktrees/linked/HEAD")


def test_a_checkout_is_found_from_inside(desk: Desk) -> None:
    (desk.root / "deep" / "er").mkdir(parents=True)
    assert Checkout.find(desk.root / "deep" / "er").root == desk.root


def test_a_bare_repository_has_no_work_tree(desk: Desk, tmp_path: Path) -> None:
    desk.git("clone", "-q", "--bare", str(desk.root), str(tmp_path / "bare.git"))
    with pytest.raises(GitError, match="bare"):
        Checkout.find(tmp_path / "bare.git")
