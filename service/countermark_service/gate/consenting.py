"""Steps 4 and 5 for people's consent: what was said about this change, by whom, and who is behind its agents.

Trust: statements are verified in the ledger; a source that leaves one out lets less through, and one that leaves
out a verdict makes the uses of a waiver unknown, never fewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from countermark_ledger import consent, enrolled, uses, waivers
from countermark_ledger.collection import Candidate, Collection
from countermark_ledger.consent import Consents, Question, Said
from countermark_ledger.evidence import Evidence
from countermark_ledger.git.change import LandingChange
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.predicates.waiver import WaiverRequest
from countermark_ledger.uses import Count, Entries
from countermark_service.gate.consents import ConsentSeen
from countermark_service.gate.facts import Root
from countermark_service.sources import LedgerSource, Source


def said_of(root: Root, change: LandingChange, evidence: Evidence, collection: Collection) -> Consents:
    """Verify what people said of this change. Raises `TooLarge` when that is more than is looked at."""
    paths = {row.path for row in change.change.transitions}
    question = Question(root.repository_id, paths, {change.tip, change.head})
    return consent.judge(collection.candidates.values(), question, evidence.status, root.trust)


def seen_of(
    root: Root, consents: Consents, evidence: Evidence, collection: Collection, sources: Sequence[Source]
) -> ConsentSeen:
    """Add what consent is weighed with: owners, uses, and what the newest status ends."""
    candidates = collection.candidates
    agents = _signers(evidence) | {one.what.agent for one in consents.requests.values()}
    owners = enrolled.owners(candidates.values(), agents, root.trust)
    counted = [one for one in consents.requests.values() if _may_be_used(one, consents, evidence)]
    return ConsentSeen(
        consents,
        owners,
        _uses(counted, root, evidence, {**candidates, **_whole_log(counted, sources)}.values()) if counted else {},
        {name: why for name, why in waivers.revoked_by(evidence.status.status).items() if name in consents.requests},
    )


def _signers(evidence: Evidence) -> frozenset[Identity]:
    signers = (edge.signer for edges in evidence.edges.values() for edge in edges)
    return frozenset(one for one in signers if one.kind is Kind.AGENT)


def _may_be_used(request: Said[WaiverRequest], consents: Consents, evidence: Evidence) -> bool:
    """Tell whether it could matter how often a waiver was used: that takes the whole log, so only then it is asked."""
    asked = request.what
    signers = {edge.signer for edge in evidence.edges.get(asked.path, ())}
    return asked.uses is not None and asked.agent in signers and request.name in consents.waiver_approvals


def _whole_log(counted: Sequence[Said[WaiverRequest]], sources: Sequence[Source]) -> dict[str, Candidate]:
    """Ask for what an index left out; a source without one offered all of it before."""
    since = min(one.what.log_size for one in counted)
    more = (file for source in sources if isinstance(source, LedgerSource) for file in source.since(since))
    return Collection.of(more).candidates


def _uses(
    counted: Sequence[Said[WaiverRequest]], root: Root, evidence: Evidence, candidates: Iterable[Candidate]
) -> dict[str, Count]:
    current = evidence.status
    size = max(current.status.log_size, current.log_index + 1, *(head.size for head in evidence.heads.values()))
    entries = Entries.of(candidates, root.trust)
    question = uses.Question(root.repository_id, root.policy.gates, current, root.trust)
    return {one.name: uses.count(one, entries, size, question) for one in counted}
