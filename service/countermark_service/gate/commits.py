"""People's signed commits as evidence: an SSH-signed non-merge commit covers exactly what it changed.

Trust: signatures are verified in this process against the keys that the policy at the tip names; git is asked
for bytes only, never for an opinion, and the checkout's `allowedSignersFile` is never read (ATTACKS.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from countermark_ledger.chain import Edge
from countermark_ledger.errors import LedgerError
from countermark_ledger.git.change import LandingChange
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity
from countermark_ledger.node import Node
from countermark_ledger.sshsig import PublicKey
from countermark_service.exits import Inconclusive
from countermark_service.gate.policy import Person

MAX_COMMITS = 2_000


def commit_edges(
    repository: Repository, change: LandingChange, people: Sequence[Person], paths: AbstractSet[str]
) -> dict[str, list[Edge]]:
    """Return the rows of every person's signed commit between the tip and the head, by path."""
    keys = {key: person.id for person in people for key in person.ssh_keys}
    if not keys or len(change.merge_bases) != 1:
        return {}
    edges: dict[str, list[Edge]] = {}
    for commit in _new_commits(repository, change):
        signer = _signer(repository, commit, keys)
        if signer is not None:
            for path, edge in _rows(repository, commit, signer, change.merge_bases[0], paths):
                edges.setdefault(path, []).append(edge)
    return edges


def _new_commits(repository: Repository, change: LandingChange) -> list[str]:
    """List the commits that the head has and the tip has not: walk parents, stop at what the tip can reach."""
    base, seen, todo = change.merge_bases[0], set[str](), [change.head]
    while todo:
        commit = todo.pop()
        if commit in seen or commit == base or repository.is_ancestor(commit, change.tip):
            continue
        seen.add(commit)
        if len(seen) > MAX_COMMITS:
            raise Inconclusive(f"change: expected at most {MAX_COMMITS} commits, found more")
        todo.extend(repository.commit(commit).parents)
    return sorted(seen)


def _signer(repository: Repository, commit: str, keys: dict[PublicKey, Identity]) -> Identity | None:
    """Return who signed a commit, if it is one of the policy's people and the commit is not a merge."""
    parsed = repository.commit(commit)
    if len(parsed.parents) != 1:
        return None
    try:
        return keys[parsed.signer(keys)]
    except LedgerError:
        return None  # unsigned, or signed by somebody else: it accounts for nothing, and spoils nothing


def _rows(
    repository: Repository, commit: str, signer: Identity, base: str, paths: AbstractSet[str]
) -> list[tuple[str, Edge]]:
    differences = [row for row in repository.diff(repository.commit(commit).parents[0], commit) if row.path in paths]
    sides = [entry for row in differences for entry in (row.before, row.after) if entry is not None]
    nodes = repository.nodes(sides)
    found: list[tuple[str, Edge]] = []
    for row in differences:
        before, after = (None if entry is None else nodes[entry] for entry in (row.before, row.after))
        if _readable(before) and _readable(after):
            edge = Edge(_node(before), _node(after), signer, f"commit:{commit}", base, None)
            found.append((row.path, edge))
    return found


def _readable(node: object) -> bool:
    return node is None or isinstance(node, Node)


def _node(node: object) -> Node | None:
    return node if isinstance(node, Node) else None
