"""What git knows of one path, for `blame`: its nodes, who signed the commits, and contents by what was signed.

Trust: read through the hardened reader. A content counts only when its sha256 is the one that was signed; the
git name in a row is a hint where to look.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from countermark_ledger.chain import Edge
from countermark_ledger.errors import LedgerError, Malformed, MissingHistory
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity
from countermark_ledger.node import Mode, Node
from countermark_ledger.ssh_key import PublicKey
from countermark_service.blame import Step
from countermark_service.gate.people import Person

MAX_COMMITS = 10_000
COMMIT = "commit:"
_SECONDS = re.compile(rb" ([0-9]{1,10}) [+-][0-9]{4}$")


def steps_of(repository: Repository, path: str, commit: str, people: Sequence[Person]) -> list[Step]:
    """List the different nodes of a path along the first parents, oldest first, with who signed each commit."""
    keys = {key: person.id for person in people for key in person.ssh_keys}
    line = repository.first_parents(commit, MAX_COMMITS)[::-1]
    entries = [repository.entries(one, [path])[path] for one in line]
    known = repository.nodes({entry for entry in entries if entry is not None})
    found = [Step(None)]
    for one, entry in zip(line, entries, strict=True):
        node = None if entry is None else known[entry]
        if not isinstance(node, Oversized) and found[-1].node != node:
            found.append(Step(node, _signed(repository, one, found[-1].node, node, keys)))
    return found[1:]


def committed(repository: Repository, commit: str) -> datetime | None:
    """Return when a commit says that it was made."""
    found = _SECONDS.search(repository.commit(commit).committer)
    return None if found is None else datetime.fromtimestamp(int(found[1]), UTC)


def _signed(
    repository: Repository, commit: str, before: Node | None, after: Node | None, keys: Mapping[PublicKey, Identity]
) -> Edge | None:
    """Return the word of a person who signed a commit, as the gate would take it: with one parent, in SSH form."""
    parsed = repository.commit(commit)
    if len(parsed.parents) != 1 or parsed.signature is None:
        return None
    try:
        return Edge(before, after, keys[parsed.signer(keys)], f"{COMMIT}{commit}", commit, None)
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
