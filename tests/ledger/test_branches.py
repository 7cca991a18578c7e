"""One branch has several names; another branch has none of them."""

from __future__ import annotations

import pytest

from countermark_ledger.branch import branch_of


@pytest.mark.parametrize(
    ("ref", "branch"),
    [
        ("refs/heads/main", "main"),
        ("refs/remotes/origin/main", "main"),
        ("refs/remotes/fork/main", "main"),
        ("main", "main"),
        ("refs/heads/team/main", "team/main"),
        ("refs/remotes/origin/team/main", "team/main"),
        ("refs/tags/main", "refs/tags/main"),
        ("refs/remotes/origin", "refs/remotes/origin"),
        ("origin/main", "origin/main"),
        ("refs/remotes/origin/refs/heads/main", "refs/heads/main"),
        ("refs/heads/refs/heads/main", "refs/heads/main"),
    ],
)
def test_a_ref_names_the_branch_that_it_is(ref: str, branch: str) -> None:
    assert branch_of(ref) == branch
