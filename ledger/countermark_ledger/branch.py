"""Branches: which refs, here and as a remote's, name one and the same branch.

Layer: ledger core. Imports nothing of ours; does no I/O.
Trust: a ref's name is what a statement or an operator said; two that name one branch may still be two commits.
"""

from __future__ import annotations

import re

_HERE = "refs/heads/"
_REMOTE = re.compile(r"refs/remotes/[^/]+/(.+)", re.DOTALL)


def branch_of(ref: str) -> str:
    """Name the branch: `refs/heads/a/b`, `refs/remotes/origin/a/b` and `a/b` are all `a/b`; another ref is itself.

    A remote's name is its first part: that is what git makes of one, unless somebody put a slash into it.
    """
    remote = _REMOTE.fullmatch(ref)
    return remote[1] if remote else ref.removeprefix(_HERE)
