"""What in the work tree no evidence accounts for yet: the rows that `sign` and `claim` would add.

Trust: the user's own work tree and ledger. Rows begin where evidence that still holds ends, so that nobody
signs over what somebody else already accounted for. A person can claim what the gate would not accept from others:
what was revoked, what is too weak, and every protected path, whoever signed it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from countermark_ledger import chain
from countermark_ledger.chain import Edge
from countermark_ledger.collection import Collection
from countermark_ledger.coverage import answers_for
from countermark_ledger.evidence import Question, judge
from countermark_ledger.git.change import nodes_at
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Change, Node, Transition
from countermark_ledger.predicates.generation import Target
from countermark_service.checkout import Checkout
from countermark_service.embedded import Embedded
from countermark_service.gate.root import policy_at
from countermark_service.sources import from_ledger


def unaccounted(
    checkout: Checkout, repository: Repository, embedded: Embedded, where: Target, base: str | None, signer: Identity
) -> Change:
    """Compare a base (by default the one on the protected ref) with the work tree; start after evidence that holds."""
    start = repository.resolve(base) if base else where.base_commit
    now = checkout.snapshot(repository, repository.resolve("HEAD"))
    paths = sorted({*now, *repository.tree(start)})
    before = {path: node for path, node in nodes_at(repository, start, paths).items() if isinstance(node, Node)}
    changed = [path for path in paths if before.get(path) != now.get(path)]
    edges = _edges(repository, embedded, where, changed, signer) if base is None else {}
    rows = [_remaining(path, before.get(path), now.get(path), edges.get(path, ())) for path in changed]
    return Change.of(row for row in rows if row is not None)


def _edges(
    repository: Repository, embedded: Embedded, where: Target, paths: Sequence[str], signer: Identity
) -> dict[str, list[Edge]]:
    """Judge our own ledger like the gate would, and keep what began at the same base: older rows may be spent."""
    wanted = frozenset(paths)
    collection = Collection.of(from_ledger(embedded)(wanted))
    evidence = judge(collection, Question(wanted, where.repository_id, embedded.clock()), embedded.trust)
    policy = policy_at(repository, where.protected_ref) if signer.kind is Kind.PERSON else None
    return {
        path: [
            edge
            for edge in edges
            if edge.base == where.base_commit
            and (policy is None or answers_for(edge, path, evidence, policy.rules(embedded.clock()), signer))
        ]
        for path, edges in evidence.edges.items()
    }


def _remaining(path: str, before: Node | None, now: Node | None, edges: Iterable[Edge]) -> Transition | None:
    """Return the row from the furthest accounted node to what is there now; None when evidence reaches it."""
    known = tuple(edges)
    if chain.find(before, now, known) is not None:
        return None
    reached = [(found[-1].index or 0, edge.after) for edge in known if (found := chain.find(before, edge.after, known))]
    furthest = max(reached, key=lambda one: one[0])[1] if reached else before
    return Transition(path, furthest, now)
