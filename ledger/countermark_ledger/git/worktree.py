"""Which files of a work tree git would see: all that are not ignored. For commands that sign what lies there.

Layer: ledger git. Imports nothing of ours but its own room and `errors`.
Trust: ignore files in the work tree are obeyed, so they can hide files from a snapshot; what is hidden is not
signed, and what is not signed does not land. No configuration, hook or filter of theirs runs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..errors import GitError
from . import place
from .process import Git


def visible_paths(work_tree: Path) -> set[str]:
    """List the files of a work tree that are not ignored, tracked or not (UTF-8 with surrogate escapes).

    Nested repositories are left out: their content is in another repository.
    """
    where = place.find(work_tree)
    exclude = where.common_dir / "info" / "exclude"
    excluding = [f"--exclude-from={exclude}"] if exclude.is_file() else []
    with tempfile.TemporaryDirectory(prefix="countermark-git-") as scratch:
        git = Git.over(where.objects, object_format=where.object_format, directory=Path(scratch))
        done = git.run(
            f"--work-tree={work_tree}", "ls-files", "-z", "--others", *excluding, "--exclude-per-directory=.gitignore"
        )
    if done.code:
        raise GitError(f"git ls-files ended with {done.code}: {done.complaint.strip()}")
    paths = done.output.decode("utf-8", "surrogateescape").split("\0")[:-1]
    return {path for path in paths if not path.endswith("/")}
