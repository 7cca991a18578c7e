"""What findings cost, by signer: in this change, and all in all in those that landed before (ATTACKS.md, replay).

Findings that are split over many small changes pass one by one; their sum is shown to whoever reads a decision, and
decides nothing. Points are those of the score's table before its caps, or splitting would hide behind these.

Trust: earlier points come from PASSED verdicts that hold, of gates that the policy names, about trees that the
protected ref has been; whoever withholds verdicts makes the sum smaller, which an audit would notice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from contextlib import suppress

from countermark_ledger.collection import Candidate, Collection
from countermark_ledger.coverage import Landing, Row
from countermark_ledger.errors import LedgerError
from countermark_ledger.predicates import verdict
from countermark_ledger.predicates.verdict import Outcome
from countermark_ledger.revocation import CurrentStatus
from countermark_scanners.finding import Finding
from countermark_scanners.score import penalty
from countermark_service.gate.facts import Root
from countermark_service.points import Points, summed
from countermark_service.verdicts import Pinned, Verdicts

MAX_VERDICTS = 200
"""So many verdicts with points, the newest, are added up for one decision: they are for people, who wait for it."""


def points_of(rows: Iterable[Row], findings: Iterable[Finding]) -> tuple[tuple[str, int], ...]:
    """Say what the new findings cost each signer who had a hand in the file, in order of their names."""
    signers = {row.path: {str(edge.signer) for edge in row.chain} for row in rows}
    cost: Counter[str] = Counter()
    for finding in {one.fingerprint: one for one in sorted(findings, key=penalty)}.values():
        cost.update(dict.fromkeys(signers.get(finding.path, ()), penalty(finding)))
    return tuple(sorted((signer, points) for signer, points in cost.items() if points))


def earlier(
    collection: Collection, root: Root, landing: Landing, status: CurrentStatus, signers: AbstractSet[str]
) -> tuple[Points, ...]:
    """Add up what the findings of these signers cost in changes that landed, as far as verdicts are at hand."""
    worth = Collection({name: one for name, one in collection.candidates.items() if _names(one) & signers})
    pinned = Pinned(root.repository_id, root.protected_ref, root.trust)
    verdicts = Verdicts.under(worth, pinned, status)
    claimed = [one for tree in sorted(landing.trees & verdicts.by_tree.keys()) for one in verdicts.about(tree)[:1]]
    found: list[tuple[tuple[str, int], ...]] = []
    for one in sorted(claimed, key=lambda one: one.verdict.evaluated, reverse=True)[:MAX_VERDICTS]:
        with suppress(LedgerError):  # nobody's verdict, or one that is not trusted any more, adds nothing
            if one.verdict.outcome is Outcome.PASSED and str(one.verdict.gate) in root.policy.gates:
                found.append(verdicts.hold(one).verdict.points)
    return tuple(one for one in summed(found) if one.signer in signers)


def _names(candidate: Candidate) -> set[str]:
    """Read whom a claimed verdict gives points, before all of it is read: most give none."""
    if candidate.claims.predicate_type != verdict.PREDICATE_TYPE:
        return set()
    points = candidate.claims.subjects[0].annotations.get("points")
    return {str(one.get("signer")) for one in points if isinstance(one, dict)} if isinstance(points, list) else set()
