"""Step 7's second half: the verdict as a signed statement, in the ledger, where a gate identity is at hand.

Trust: FAILED and INCONCLUSIVE are signed too, so that a refusal can't be made to disappear. Without a gate
identity the decision is PRELIMINARY: the same exit code, and nothing that audit or reports will ever count.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from countermark_ledger import __version__, canonical
from countermark_ledger.authority.issuing import Request
from countermark_ledger.identity import Identity
from countermark_ledger.predicates.scan import Ran, Result, Scan
from countermark_ledger.predicates.verdict import Binding, Verdict
from countermark_scanners import sarif
from countermark_service.embedded import Embedded
from countermark_service.exits import UsageError
from countermark_service.gate.costs import points_of
from countermark_service.gate.decision import Decision

MERGED, LANDED = "merge", "landed"


def record(decision: Decision, embedded: Embedded, gate: Identity) -> Decision:
    """Sign and log the verdict, and what was scanned; return the decision with the verdict's name."""
    if str(gate) not in decision.facts.root.policy.gates:
        raise UsageError(f"{gate}: expected a gate that the policy names", hint="countermark gate --record never")
    statements = [verdict_of(decision, gate).statement(), *(scan.statement() for scan in scans_of(decision))]
    signed = embedded.sign([Request(gate, statement) for statement in statements])
    return replace(decision, verdict=signed[0].name)


def verdict_of(decision: Decision, gate: Identity) -> Verdict:
    """Spell the decision as a verdict."""
    facts, change = decision.facts, decision.facts.change
    if change is None:
        raise UsageError("there is no landing tree, so there is nothing that a verdict could be about")
    return Verdict(
        gate=gate,
        tool_version=__version__,
        evaluated=facts.evaluated,
        outcome=decision.outcome,
        exit_code=decision.code.value,
        score=decision.score,
        reasons=tuple(_reason(decision)),
        policy_sha256=facts.root.policy.sha256,
        inputs=facts.judged,
        binding=Binding(
            repository_id=facts.root.repository_id,
            protected_ref=facts.root.protected_ref,
            tip=change.tip,
            head=change.head,
            landing_tree=change.tree,
            listing_sha256=change.listing_sha256,
            merge_method=LANDED if change.landed else MERGED,
            consumed=facts.consumed if not decision.reasons else (),
        ),
        waivers=tuple(one.request.name for one in decision.waivers if one.waived),
        approvals=tuple(sorted(one.name for one in decision.approvals.counted)),
        points=points_of(facts.rows, facts.scan.new_findings if facts.scan else ()),
    )


def scans_of(decision: Decision) -> list[Scan]:
    """Spell the scan as a test result about the landing tree; none where nothing was scanned."""
    facts = decision.facts
    if facts.scan is None or facts.change is None or not facts.scan.reports:
        return []
    digest = hashlib.sha256(canonical.dumps(sarif.to_sarif(facts.scan))).hexdigest()
    result = _result(facts.scan.error, facts.scan.score.value, facts.threshold)
    ran = tuple(Ran(one.scanner, one.version, one.rules_sha256, None) for one in facts.scan.reports)
    return [Scan(facts.change.listing_sha256, ran, digest, result)]


def _result(error: str | None, score: int, threshold: int) -> Result:
    if error is not None or score < threshold:
        return Result.FAILED
    return Result.PASSED if score == 100 else Result.WARNED  # noqa: PLR2004 - the score's own scale


def _reason(decision: Decision) -> list[str]:
    """Spell reasons without file names of the change: codes and messages are enough, names may be personal."""
    return sorted({f"{reason.code.value}: {reason.message}" for reason in decision.reasons})
