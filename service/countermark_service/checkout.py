"""The user's own checkout: where it is, which repository it is, and what lies in its work tree.

Trust: for commands that a person runs at home. The gate never looks at a work tree.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from countermark_agents import snapshot
from countermark_ledger.errors import GitError
from countermark_ledger.git import place
from countermark_ledger.git.reader import Repository, node_of
from countermark_ledger.git.worktree import visible_paths
from countermark_ledger.node import Mode, Node
from countermark_service.exits import UsageError
from countermark_service.home import Home, home_of_checkout


@dataclass(frozen=True, slots=True)
class Checkout:
    """A work tree and its repository. `git_dir` is shared by linked work trees; `head` is this one's own."""

    root: Path
    git_dir: Path
    head: Path

    @classmethod
    def find(cls, start: Path) -> Checkout:
        """Find the work tree at or above a directory."""
        found, here = place.find(start), Path(os.path.abspath(start))  # noqa: PTH100  # as `find`: no link is followed
        root = next((folder for folder in (here, *here.parents) if os.path.lexists(folder / ".git")), None)
        if root is None:
            raise GitError(f"{start}: expected a work tree, found a bare repository", hint="git clone")
        return cls(root, found.common_dir, found.git_dir / "HEAD")

    def home(self) -> Home:
        """Return its private folder; raise with the `init` hint when it has none."""
        return home_of_checkout(self.git_dir)

    def inside(self, given: str, start: Path) -> str:
        """Spell a path given at `start` relative to the work tree's root, with `/`; the root itself is empty.

        Neither the path nor its last part is resolved: a symbolic link is a file of the work tree as well.
        """
        place = os.path.normpath(start / given)
        inside = os.path.relpath(place, self.root).replace(os.sep, "/")
        if inside == ".." or inside.startswith("../"):
            raise UsageError(f"{given}: expected a path inside {self.root}, found one outside", hint="git ls-files")
        return "" if inside == "." else inside

    def snapshot(self, repository: Repository, head: str) -> dict[str, Node]:
        """Hash every file that git would see: not ignored, or tracked at `head`.

        A submodule is the commit that `head` pins: its own work tree is another repository's.
        """
        tracked = repository.tree(head)
        links = {path: node_of(entry, {}) for path, entry in tracked.items() if entry.mode is Mode.GITLINK}
        seen = visible_paths(self.root) | (tracked.keys() - links.keys())
        folders = {folder for path in seen for folder in _folders(path)}
        found = snapshot.take(self.root, ignored=lambda path: path not in seen and path not in folders)
        return found | {path: node for path, node in links.items() if isinstance(node, Node)}


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]
