"""What git knows of one path, for `blame`: its nodes along the first parents, and contents by what was signed.

Trust: read through the hardened reader. A content counts only when its sha256 is the one that was signed; the
git name in a row is a hint where to look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from countermark_ledger.errors import Malformed, MissingHistory
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.node import Mode, Node

MAX_COMMITS = 10_000


def nodes_of(repository: Repository, path: str, commit: str) -> list[Node | None]:
    """List the different nodes of a path along the first parents, oldest first."""
    found: list[Node | None] = []
    entries = [repository.entries(one, [path])[path] for one in repository.first_parents(commit, MAX_COMMITS)]
    known = repository.nodes(entry for entry in set(entries) if entry is not None)
    for entry in reversed(entries):
        node = None if entry is None else known[entry]
        if not isinstance(node, Oversized) and (not found or found[-1] != node):
            found.append(node)
    return found


def contents_of(repository: Repository, nodes: Iterable[Node]) -> dict[Node, bytes]:
    """Read the contents that are in the object store and are what the node says."""
    found: dict[Node, bytes] = {}
    for node in set(nodes):
        content = None if node.mode is Mode.GITLINK else _blob(repository, node.git_blob)
        if content is not None and hashlib.sha256(content).hexdigest() == node.sha256:
            found[node] = content
    return found


def _blob(repository: Repository, name: str) -> bytes | None:
    try:
        content = dict(repository.blobs([name]))[name]
    except (MissingHistory, Malformed):
        return None  # never committed, or no blob at all: rows may name what this repository does not have
    return None if isinstance(content, Oversized) else content
