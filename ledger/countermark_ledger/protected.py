"""Paths that decide what is trusted: never covered by agents, only by people whom the policy names.

Layer: ledger core. Imports nothing of ours but how `git.names` folds names; does no I/O.
Trust: a path is hostile. What some file system takes for a protected name is protected, and so is a file or a
symbolic link in place of a protected folder: what it leads to would be read instead.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Iterable, Iterator

from .git.names import fold

ALWAYS = (
    ".countermark/*",
    ".github/*",
    ".gitea/*",
    ".forgejo/*",
    ".gitlab-ci*",
    ".gitlab/*",
    ".ci/*",
    ".circleci/*",
    ".cirrus.*",
    ".buildkite/*",
    ".builds/*",
    ".build.y*ml",
    ".semaphore/*",
    ".teamcity/*",
    ".tekton/*",
    ".woodpecker/*",
    ".woodpecker.y*ml",
    ".drone.*",
    ".travis.y*ml",
    "appveyor.y*ml",
    ".appveyor.y*ml",
    ".azure-pipelines/*",
    "azure-pipelines*",
    "bitbucket-pipelines.y*ml",
    "buildspec*.y*ml",
    "cloudbuild*.y*ml",
    "jenkinsfile*",
    "codeowners",
    "*/codeowners",
    ".gitattributes",
    "*/.gitattributes",
    ".gitmodules",
)
"""What a change must not let an agent rewrite: policy, continuous integration, ownership, attributes."""
_WILD = re.compile(r"[*?[]")


def is_protected(path: str, more: Iterable[str] = ()) -> bool:
    """Tell whether a path (or, with `more`, a policy's own patterns) needs people. `*` also crosses slashes."""
    return matches(path, (*ALWAYS, *more))


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether one of the patterns means a path, in any spelling that some file system takes for the same."""
    return _compiled(tuple(patterns)).match(_folded(path)) is not None


@functools.cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    wanted = [one for pattern in patterns for one in (_folded(pattern), *_folders(_folded(pattern)))]
    return re.compile("|".join(map(fnmatch.translate, dict.fromkeys(wanted))))


def _folders(pattern: str) -> Iterator[str]:
    """Name the folders that a pattern spells out, from the top to the first part with a wildcard."""
    folder = ""
    for part in pattern.split("/")[:-1]:
        if _WILD.search(part):
            return
        folder += part
        yield folder
        folder += "/"


def _folded(path: str) -> str:
    return "/".join(fold(part) for part in path.replace("\\", "/").split("/"))
