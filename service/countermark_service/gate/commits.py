"""People's signed commits as evidence: an SSH-signed non-merge commit covers exactly what it changed.

Trust: signatures are verified in this process against the keys that the policy at the tip names; git is asked
for bytes only, never for an opinion, and the checkout's `allowedSignersFile` is never read (ATTACKS.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from countermark_ledger.chain import Edge
from countermark_ledger.errors import LedgerError, Revoked
from countermark_ledger.evidence import Evidence
from countermark_ledger.git.change import LandingChange
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity
from countermark_ledger.node import Node
from countermark_ledger.revocation import refuse_revoked_ever
from countermark_ledger.sshsig import PublicKey
from countermark_service.exits import Inconclusive
from countermark_service.gate.people import Person

MAX_COMMITS = 2_000


def add_commits(
    repository: Repository,
    change: LandingChange,
    people: Sequence[Person],
    paths: AbstractSet[str],
    evidence: Evidence,
) -> None:
    """Add the rows of every person's signed commit between the tip and the head, or why they do not count."""
    keys = {key: person.id for person in people for key in person.ssh_keys}
    if not keys:
        return
    for commit in _new_commits(repository, change):
        key = _key(repository, commit, keys)
        if key is not None:
            _add(_rows(repository, commit, keys[key], _base(repository, change, commit), paths), key, evidence)


def _add(rows: Sequence[tuple[str, Edge]], key: PublicKey, evidence: Evidence) -> None:
    for path, edge in rows:
        try:
            refuse_revoked_ever(edge.signer, key.fingerprint, evidence.status)
            evidence.edges.setdefault(path, []).append(edge)
        except Revoked as error:
            evidence.refusals.setdefault(path, []).append(error)


def _base(repository: Repository, change: LandingChange, commit: str) -> str | None:
    """Say from which commit of the tip's history this very commit began: a later merge makes it no younger."""
    bases = repository.merge_bases(commit, change.tip)
    return bases[0] if len(bases) == 1 else None


def _new_commits(repository: Repository, change: LandingChange) -> list[str]:
    """List the commits that the head has and the tip has not: walk parents, stop at what the tip can reach."""
    seen, todo = set[str](), [change.head]
    while todo:
        commit = todo.pop()
        if commit in seen or repository.is_ancestor(commit, change.tip):
            continue
        seen.add(commit)
        if len(seen) > MAX_COMMITS:
            raise Inconclusive(f"change: expected at most {MAX_COMMITS} commits, found more")
        todo.extend(repository.commit(commit).parents)
    return sorted(seen)


def _key(repository: Repository, commit: str, keys: Iterable[PublicKey]) -> PublicKey | None:
    """Return the key of one of the policy's people that signed a commit, if the commit is not a merge."""
    parsed = repository.commit(commit)
    if len(parsed.parents) != 1:
        return None
    try:
        return parsed.signer(keys)
    except LedgerError:
        return None  # unsigned, or signed by somebody else: it accounts for nothing, and spoils nothing


def _rows(
    repository: Repository, commit: str, signer: Identity, base: str | None, paths: AbstractSet[str]
) -> list[tuple[str, Edge]]:
    if base is None:
        return []  # signed for another history: another repository's commit, grafted onto this change
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
