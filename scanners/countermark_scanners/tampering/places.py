"""Which part a file plays in checking a project, by its path.

Layer: scanners, a part of `tampering`. Imports the rule catalogue; does no I/O.
Trust: paths are hostile; a path only ever adds a comparison, it never takes one away.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from .. import catalogue
from .vocabulary import NAME

_BY_SUFFIX = {
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte"), "javascript"),
    **dict.fromkeys((".java", ".kt", ".groovy", ".scala"), "java"),
    **dict.fromkeys((".py", ".pyw"), "python"),
    ".go": "go",
    ".rs": "rust",
}
LANGUAGES = tuple(sorted({*_BY_SUFFIX.values()}, key=lambda name: (name != "python", name)))


def _matches(name: str, path: str) -> bool:
    return re.search(catalogue.load(NAME)["test-file-removed"].data[name], path.lower()) is not None


def language_of(language: str, path: str) -> str | None:
    """Name the reader for a file's tests, also when the file itself is gone."""
    known = {"typescript": "javascript", "tsx": "javascript", "kotlin": "java"}.get(language, language)
    return known if known in LANGUAGES else _BY_SUFFIX.get(PurePosixPath(path.lower()).suffix)


def is_tests(path: str) -> bool:
    """Say whether a test runner of its language would look for tests here."""
    return _matches("tests", path)


def is_start_up(path: str) -> bool:
    """Say whether the file is read before any test."""
    return PurePosixPath(path).name in {"conftest.py", "conftest_local.py", "sitecustomize.py", "usercustomize.py"}


def is_pipeline(path: str) -> bool:
    """Say whether a CI service runs the file."""
    return _matches("pipelines", path)


def is_settings(path: str) -> bool:
    """Say whether the file sets up tests, linters or coverage."""
    return _matches("settings", path)


def is_security_settings(path: str) -> bool:
    """Say whether the file sets up a security tool."""
    return _matches("security_settings", path)


def is_expected(path: str) -> bool:
    """Say whether the file holds what tests expect (a snapshot, a golden file)."""
    return _matches("expected", path)


def is_review_rule(path: str) -> bool:
    """Say whether the file says who must agree, or which checks must pass."""
    return _matches("review", path)
