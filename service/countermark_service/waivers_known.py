"""Every waiver of a repository that the sources know, and what each is worth now: for `waiver list` and for reports.

Trust: the same statements, verified the same way, and the same one evaluation as in the gate. Two facts are the
gate's alone, for they are about a change: who set the agent to work on it, and which tree lands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from countermark_ledger import consent, enrolled, uses
from countermark_ledger.collection import Collection
from countermark_ledger.consent import Consents, Question
from countermark_ledger.enrolled import Owners
from countermark_ledger.evidence import current_status
from countermark_ledger.identity import Identity
from countermark_ledger.uses import Entries
from countermark_ledger.waivers import Facts, State, revoked_by, state_of
from countermark_service.gate.facts import Root
from countermark_service.sources import LedgerSource, Source


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of waivers: their statements and states by name, who owns agents, and how long the log is."""

    consents: Consents
    states: Mapping[str, State]
    owners: Owners
    log_size: int

    def behind(self, name: str) -> AbstractSet[Identity]:
        """Name the owners of the agent that a waiver is for."""
        return self.owners.get(self.consents.requests[name].what.agent, frozenset())


def known(root: Root, sources: Sequence[Source], at: datetime, seen: int) -> Known:
    """Judge every waiver at a time (UTC). Raises `StatusExpired` without a fresh status, as the gate does."""
    files = (one.since(0) if isinstance(one, LedgerSource) else one(frozenset()) for one in sources)
    collection = Collection.of(chain.from_iterable(files))
    current, _ = current_status(collection, root.trust, at=at, seen=seen)
    candidates = collection.candidates.values()
    consents = consent.judge(candidates, Question(root.repository_id), current, root.trust)
    owners = enrolled.owners(candidates, {one.what.agent for one in consents.requests.values()}, root.trust)
    entries = Entries.of(candidates, root.trust)
    size = max(entries.size, current.status.log_size, current.log_index + 1)
    question = uses.Question(root.repository_id, root.policy.gates, current, root.trust)
    states = {
        name: state_of(
            request,
            consents.waiver_approvals.get(name, ()),
            consents.waiver_revocations.get(name, ()),
            Facts(
                at=max(at, current.status.issued),
                people=root.policy.signers,
                behind=owners.get(request.what.agent, frozenset()),
                max_days=root.policy.max_waiver_days,
                revoked=revoked_by(current.status),
                used=uses.count(request, entries, size, question),
            ),
        )
        for name, request in consents.requests.items()
    }
    return Known(consents, states, owners, size)
