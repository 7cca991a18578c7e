"""Signed commits as evidence: a non-merge commit covers exactly what it changed, for whoever signed it.

Trust: signatures are verified in this process under the keys and identities that the policy at the tip names
(`signers`); git is asked for bytes only, never for an opinion, and the checkout's `allowedSignersFile` is never
read (ATTACKS.md). Trailers and names in a commit decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from countermark_ledger.chain import Edge
from countermark_ledger.collection import Collection
from countermark_ledger.enrolled import owners
from countermark_ledger.errors import BadSignature, Forged, LedgerError, Malformed, Revoked, UnsafeKey
from countermark_ledger.evidence import Evidence
from countermark_ledger.git.change import LandingChange
from countermark_ledger.git.reader import Repository
from countermark_ledger.git.trees import Difference
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Node
from countermark_ledger.revocation import refuse_revoked_ever
from countermark_ledger.trust import TrustRoot
from countermark_service.exits import Inconclusive
from countermark_service.gate.facts import Root
from countermark_service.gate.signers.who import Signer, Signers

MAX_COMMITS = 2_000
MAX_SAID = 3
"""So many signed commits that do not count are named for one path."""


def add_commits(
    repository: Repository,
    change: LandingChange,
    root: Root,
    collection: Collection,
    evidence: Evidence,
    paths: AbstractSet[str],
) -> None:
    """Add the rows of every signed commit between the tip and the head that speaks of a path, or why they are none."""
    signers = Signers.at(repository, root.vouched, root.policy.people, root.policy.bots)
    if signers.nobody():
        return
    for commit in _new_commits(repository, change):
        rows = _rows(repository, commit)
        asked = [row for row in rows if row.path in paths]
        if not asked:
            continue
        try:
            signer = signers.of(repository.commit(commit))
            _require_enrolled(signer.id, collection, root.trust)
        except Inconclusive as error:
            _say(evidence.refusals, asked, commit, error)
        except (Forged, Malformed, UnsafeKey) as error:  # it accounts for nothing, and spoils nothing
            _say(evidence.unusable, asked, commit, error)
        else:
            edges = _edges(repository, change, commit, rows, signer.id)
            _add([(path, edge) for path, edge in edges if path in paths], signer, evidence)
            evidence.commits |= {edge.source: {path: edge.after for path, edge in edges} for _, edge in edges[:1]}


def _rows(repository: Repository, commit: str) -> list[Difference]:
    """List what a signed commit with one parent changed; nothing for any other commit."""
    parsed = repository.commit(commit)
    if parsed.signature is None or len(parsed.parents) != 1:
        return []
    return repository.diff(parsed.parents[0], commit)


def _require_enrolled(identity: Identity, collection: Collection, trust: TrustRoot) -> None:
    """A bot is an agent like any other: the authority of this trust root has enrolled it, in the log."""
    if identity.kind is Kind.AGENT and identity not in owners(collection.candidates.values(), {identity}, trust):
        hint = f"countermark agent add {identity.name}"
        raise BadSignature(f"{identity}: expected its enrolment in the log, found none", hint=hint)


def _say(where: dict[str, list[LedgerError]], rows: Iterable[Difference], commit: str, error: LedgerError) -> None:
    said = type(error)(f"commit {commit[:12]}: {error.message}", hint=error.hint)
    for row in rows:
        known = where.setdefault(row.path, [])
        if len(known) < MAX_SAID:
            known.append(said)


def _add(edges: Sequence[tuple[str, Edge]], signer: Signer, evidence: Evidence) -> None:
    for path, edge in edges:
        try:
            refuse_revoked_ever(signer.id, signer.key, evidence.status)
            evidence.edges.setdefault(path, []).append(edge)
        except Revoked as error:
            evidence.refusals.setdefault(path, []).append(error)
            evidence.revoked.setdefault(path, []).append((edge, None))


def _base(repository: Repository, change: LandingChange, commit: str) -> str | None:
    """Say from which commit of the tip's history this very commit began: a later merge makes it no younger."""
    bases = repository.merge_bases(commit, change.tip)
    return bases[0] if len(bases) == 1 else None


def _new_commits(repository: Repository, change: LandingChange) -> list[str]:
    """List the commits that the head has and the tip has not: walk re-hashed parents, among those that git lists."""
    unlanded = set(repository.between(change.tip, change.head, MAX_COMMITS))
    seen, todo = set[str](), [change.head]
    while todo:
        commit = todo.pop()
        if commit in unlanded and commit not in seen:
            seen.add(commit)
            todo.extend(repository.commit(commit).parents)
    return sorted(seen)


def _edges(
    repository: Repository, change: LandingChange, commit: str, rows: Sequence[Difference], signer: Identity
) -> list[tuple[str, Edge]]:
    base = _base(repository, change, commit)
    if base is None:
        return []  # signed for another history: another repository's commit, grafted onto this change
    sides = [entry for row in rows for entry in (row.before, row.after) if entry is not None]
    nodes = repository.nodes(sides)
    found: list[tuple[str, Edge]] = []
    for row in rows:
        before, after = (None if entry is None else nodes[entry] for entry in (row.before, row.after))
        if _readable(before) and _readable(after):
            edge = Edge(_node(before), _node(after), signer, f"commit:{commit}", base, None)
            found.append((row.path, edge))
    return found


def _readable(node: object) -> bool:
    return node is None or isinstance(node, Node)


def _node(node: object) -> Node | None:
    return node if isinstance(node, Node) else None
