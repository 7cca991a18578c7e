"""What git knows of paths, for `blame`: their nodes, who signed the commits, and contents by what was signed.

Trust: read through the hardened reader. A content counts only when its sha256 is the one that was signed; the
git name in a row is a hint where to look. A signed commit counts as it does at the gate.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from countermark_ledger.chain import Edge
from countermark_ledger.errors import LedgerError, Malformed, MissingHistory
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.node import Mode, Node
from countermark_service.blame import Step
from countermark_service.exits import Inconclusive
from countermark_service.gate.signers.who import Signers

MAX_COMMITS = 10_000
COMMIT = "commit:"
_SECONDS = re.compile(rb" ([0-9]{1,10}) [+-][0-9]{4}$")


class History(NamedTuple):
    """The different nodes of a path, oldest first, and why a signature of a commit could not be checked here."""

    steps: list[Step]
    unread: list[LedgerError]


def histories(repository: Repository, paths: Sequence[str], commit: str, signers: Signers) -> dict[str, History]:
    """Follow paths along the first parents up to a commit, with who signed each of the commits that changed one."""
    line = repository.first_parents(commit, MAX_COMMITS)[::-1]
    entries = [repository.entries(one, paths) for one in line]
    known = repository.nodes({entry for each in entries for entry in each.values() if entry is not None})
    found = {path: History([Step(None)], []) for path in paths}
    for one, each in zip(line, entries, strict=True):
        for path, entry in each.items():
            node = None if entry is None else known[entry]
            steps, unread = found[path]
            if not isinstance(node, Oversized) and steps[-1].node != node:
                steps.append(Step(node, _signed(repository, one, (steps[-1].node, node), signers, unread)))
    return {path: History(steps[1:], unread) for path, (steps, unread) in found.items()}


def committed(repository: Repository, commit: str) -> datetime | None:
    """Return when a commit says that it was made."""
    found = _SECONDS.search(repository.commit(commit).committer)
    return None if found is None else datetime.fromtimestamp(int(found[1]), UTC)


def _signed(
    repository: Repository,
    commit: str,
    sides: tuple[Node | None, Node | None],
    signers: Signers,
    unread: list[LedgerError],
) -> Edge | None:
    """Return the word of whoever signed a commit with one parent, as the gate would take it."""
    parsed = repository.commit(commit)
    if len(parsed.parents) != 1 or parsed.signature is None:
        return None
    try:
        return Edge(*sides, signers.of(parsed).id, f"{COMMIT}{commit}", commit, None)
    except Inconclusive as error:
        unread.append(type(error)(f"commit {commit[:12]}: {error.message}", hint=error.hint))
        return None
    except LedgerError:
        return None  # signed by somebody else: it accounts for nothing, and spoils nothing


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
