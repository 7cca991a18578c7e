"""What in the work tree no evidence accounts for yet: the rows that `sign` and `claim` would add.

Trust: the user's own work tree and ledger. Rows begin where evidence that still holds ends, so that nobody
signs over what somebody else already accounted for; what was signed together with something that is not there must
be signed again. A person can claim what the gate would not accept from others: what was revoked, what is too weak,
and every protected path, whoever signed it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import NamedTuple

from countermark_ledger import chain, wholeness
from countermark_ledger.branch import branch_of
from countermark_ledger.chain import Edge
from countermark_ledger.collection import Collection
from countermark_ledger.coverage import Landing, answers_for
from countermark_ledger.evidence import Question, judge
from countermark_ledger.git.change import nodes_at
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Change, Node, Transition
from countermark_ledger.predicates.generation import Target
from countermark_service.checkout import Checkout
from countermark_service.embedded import Embedded
from countermark_service.gate.gathering import Gathered, settle
from countermark_service.gate.root import policy_at
from countermark_service.sources import from_ledger


def unaccounted(
    checkout: Checkout, repository: Repository, embedded: Embedded, where: Target, base: str | None, signer: Identity
) -> Change:
    """Compare a base (by default the one on the protected ref) with the work tree; start after evidence that holds.

    With a base of the caller's, evidence does not matter: all of the difference is to be signed.
    """
    start = base or where.base_commit
    now = checkout.snapshot(repository, repository.resolve("HEAD"))
    paths = sorted({*now, *repository.tree(start)})
    before = {path: node for path, node in nodes_at(repository, start, paths).items() if isinstance(node, Node)}
    whole = Change.of(
        Transition(path, before.get(path), now.get(path)) for path in paths if before.get(path) != now.get(path)
    )
    if base is not None:
        return whole
    edges = _edges(repository, embedded, where, _Difference(whole, now), signer)
    rows = [_remaining(row, edges.get(row.path, ())) for row in whole.transitions]
    return Change.of(row for row in rows if row is not None)


class _Difference(NamedTuple):
    """What differs from the base, and everything that is there now."""

    change: Change
    now: Mapping[str, Node]

    def nodes(self, paths: Iterable[str]) -> dict[str, Node | None]:
        """Give what is at some paths."""
        return {path: self.now.get(path) for path in paths}


def _edges(
    repository: Repository, embedded: Embedded, where: Target, found: _Difference, signer: Identity
) -> dict[str, list[Edge]]:
    """Judge our own ledger like the gate would, and keep what began at the same base: older rows may be spent."""
    paths = {row.path for row in found.change.transitions}
    look = partial(_look, embedded, where, found.change)
    _, evidence, landing = settle(look, wholeness.begun, paths, found.nodes)
    policy = policy_at(repository, where.protected_ref) if signer.kind is Kind.PERSON else None
    rules = None if policy is None else policy.rules(embedded.clock())
    usable = {
        path: [
            edge
            for edge in edges
            if edge.base == where.base_commit and (rules is None or answers_for(edge, path, evidence, rules, signer))
        ]
        for path, edges in evidence.edges.items()
    }
    aside = wholeness.set_aside(landing, evidence, {path: usable.get(path, []) for path in landing.still})
    return {path: wholeness.without(aside, edges, evidence) for path, edges in usable.items()}


def _look(
    embedded: Embedded, where: Target, change: Change, still: Mapping[str, Node | None], _known: Gathered | None
) -> Gathered:
    paths = {row.path for row in change.transitions} | still.keys()
    collection = Collection.of(from_ledger(embedded)(paths))
    question = Question(paths, where.repository_id, embedded.clock(), branch=branch_of(where.protected_ref))
    evidence = judge(collection, question, embedded.trust)
    began = {where.base_commit: 0}
    return Gathered(collection, evidence, Landing(change.transitions, {}, began, {}, {}, still=still))


def _remaining(row: Transition, edges: Iterable[Edge]) -> Transition | None:
    """Return the row from the furthest accounted node to what is there now; None when evidence reaches it."""
    known, before, now = tuple(edges), row.before, row.after
    if chain.find(before, now, known) is not None:
        return None
    reached = [(found[-1].index or 0, edge.after) for edge in known if (found := chain.find(before, edge.after, known))]
    furthest = max(reached, key=lambda one: one[0])[1] if reached else before
    return Transition(row.path, furthest, now)
