"""Paths that decide what is trusted: never covered by agents, only by people whom the policy names.

Layer: ledger core. Imports nothing of ours; does no I/O.
Trust: a path is hostile; case is folded, because some file systems do.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Iterable

ALWAYS = (
    ".countermark/*",
    ".github/*",
    ".gitlab-ci.yml",
    ".gitlab/*",
    ".ci/*",
    ".circleci/*",
    ".buildkite/*",
    ".woodpecker/*",
    ".woodpecker.y*ml",
    ".drone.y*ml",
    ".travis.y*ml",
    "appveyor.y*ml",
    "azure-pipelines*.y*ml",
    "bitbucket-pipelines.y*ml",
    "jenkinsfile*",
    "codeowners",
    "*/codeowners",
    ".gitattributes",
    "*/.gitattributes",
    ".gitmodules",
)
"""What a change must not let an agent rewrite: policy, continuous integration, ownership, attributes."""


def is_protected(path: str, more: Iterable[str] = ()) -> bool:
    """Tell whether a path (or, with `more`, a policy's own patterns) needs people. `*` also crosses slashes."""
    return _compiled((*ALWAYS, *more)).match(path.casefold()) is not None


@functools.cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern.casefold()) for pattern in patterns))
