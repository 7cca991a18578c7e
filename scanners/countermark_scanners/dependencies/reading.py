"""Which reader reads which manifest, by the file's name.

Layer: scanners, a part of `dependencies`. Imports the readers; does no I/O.
Trust: names and contents are hostile. A manifest that no reader knows is unreadable, never empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import PurePosixPath

from ..errors import Unreadable
from . import javascript_manifests as javascript
from . import other_manifests as other
from . import python_manifests as python
from .packages import PACKAGES_AT_MOST, Package

Reader = Callable[[bytes], Iterator[Package]]
MANIFEST = "dependency-manifest"
BYTES_AT_MOST = 16 * 1024 * 1024

_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern), reader)
    for pattern, reader in (
        (r"(requirements|constraints)[^/]*\.(txt|in)", python.requirements),
        (r"pyproject\.toml", python.pyproject),
        (r"pipfile", python.pipfile),
        (r"pipfile\.lock", python.pipfile_lock),
        (r"(poetry|uv|pdm)\.lock|pylock(\.[^/]+)?\.toml", python.locked),
        (r"setup\.cfg", python.setup_cfg),
        (r"environment\.ya?ml", python.environment),
        (r"package\.json", javascript.package),
        (r"package-lock\.json|npm-shrinkwrap\.json", javascript.package_lock),
        (r"yarn\.lock", javascript.yarn_lock),
        (r"pnpm-lock\.yaml", javascript.pnpm_lock),
        (r"go\.mod", other.go_mod),
        (r"go\.(work\.)?sum", other.go_sum),
        (r"cargo\.toml", other.cargo),
        (r"cargo\.lock", other.cargo_lock),
        (r"gemfile|gems\.rb", other.gemfile),
        (r"gemfile\.lock|gems\.locked", other.gemfile_lock),
        (r"pom\.xml", other.pom),
        (r"(build|settings)\.gradle(\.kts)?", other.gradle),
    )
)


def reader_of(path: str, language: str) -> Reader | None:
    """Choose the reader of a file; None when it is no manifest. Raise `Unreadable` for one that nobody reads."""
    pure = PurePosixPath(path.lower())
    for pattern, reader in _READERS:
        if pattern.fullmatch(pure.name):
            return reader
    if language != MANIFEST:
        return None
    if pure.suffix in {".txt", ".in"}:  # in a folder of requirements
        return python.requirements
    raise Unreadable(f"no reader for a manifest called {pure.name[:80]}")


def read(reader: Reader, content: bytes) -> list[Package]:
    """Read a manifest whole; raise `Unreadable` when that can't be done."""
    if len(content) > BYTES_AT_MOST:
        raise Unreadable(f"expected a manifest of at most {BYTES_AT_MOST} bytes, found {len(content)}")
    try:
        found = list(islice(reader(content), PACKAGES_AT_MOST + 1)) if content.strip() else []
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"a manifest that does not parse: {' '.join(str(error).split())[:150]}") from error
    if len(found) > PACKAGES_AT_MOST:
        raise Unreadable(f"expected at most {PACKAGES_AT_MOST} dependencies, found more")
    return found


def new(path: str, language: str, content: bytes, before: bytes | None) -> tuple[list[Package], list[Package]] | None:
    """Give what is new in a manifest, and all that was in it before; None when the file is no manifest."""
    reader = reader_of(path, language)
    if reader is None:
        return None
    now = read(reader, content)
    try:
        old = read(reader, before or b"")
    except Unreadable:
        old = []  # what could not be read before is all new
    known = {package.identity for package in old}
    return [package for package in now if package.identity not in known], old
