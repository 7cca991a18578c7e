"""Every waiver of a repository that the sources know, and what each is worth now: for `waiver list` and for reports.

Trust: the same statements, verified the same way, and the same one evaluation as in the gate. Two facts are the
gate's alone, for they are about a change: who set the agent to work on it, and which tree lands. What is only asked
for is judged in the same way too, with who set the agent to work on the file as it is where it was asked about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from countermark_ledger import consent, enrolled, evidence, uses
from countermark_ledger.actors import operators
from countermark_ledger.branch import branch_of
from countermark_ledger.chain import find
from countermark_ledger.collection import Collection
from countermark_ledger.consent import Consents, Question, Said
from countermark_ledger.enrolled import Owners
from countermark_ledger.evidence import current_status
from countermark_ledger.identity import Identity
from countermark_ledger.node import Node
from countermark_ledger.predicates.waiver import WaiverRequest
from countermark_ledger.uses import Count, Counted, Entries
from countermark_ledger.waivers import Facts, Refused, State, revoked_by, state_of
from countermark_service.gate.facts import Root
from countermark_service.sources import LedgerSource, Source


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of waivers: their statements and states by name, who owns agents, and how long the log is.

    `collection` is all that was offered, `root` under what it was judged, and `at` when (UTC).
    """

    consents: Consents
    states: Mapping[str, State]
    owners: Owners
    log_size: int
    collection: Collection
    root: Root
    at: datetime

    def behind(self, name: str) -> AbstractSet[Identity]:
        """Name the owners of the agent that a waiver is for."""
        return self.owners.get(self.consents.requests[name].what.agent, frozenset())

    def refusal(self, asked: WaiverRequest, key: str | None, sides: tuple[Node | None, Node | None]) -> str | None:
        """Say why something could never hold if it were logged now; None when it could.

        `key` is the fingerprint of the SSH key that signed it; `sides` are its file at the protected tip, and as it is
        asked about.
        """
        facts = _facts(self.root, self.at, self._behind(asked, sides), {}, Counted(frozenset()))
        state = state_of(Said("", asked, self.at, self.log_size, key), (), (), facts)
        return state.reason if isinstance(state, Refused) else None

    def _behind(self, asked: WaiverRequest, sides: tuple[Node | None, Node | None]) -> AbstractSet[Identity]:
        root, candidates = self.root, self.collection.candidates
        branch = branch_of(root.protected_ref)
        question = evidence.Question({asked.path}, root.repository_id, self.at, branch=branch)
        held = evidence.judge(self.collection, question, root.trust)
        rows = find(*sides, held.edges.get(asked.path, ())) or ()
        return operators(asked.agent, rows, held, enrolled.owners(candidates.values(), {asked.agent}, root.trust))


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
    now = max(at, current.status.issued)
    states = {
        name: state_of(
            request,
            consents.waiver_approvals.get(name, ()),
            consents.waiver_revocations.get(name, ()),
            _facts(
                root,
                now,
                owners.get(request.what.agent, frozenset()),
                revoked_by(current.status),
                uses.count(request, entries, size, question),
            ),
        )
        for name, request in consents.requests.items()
    }
    return Known(consents, states, owners, size, collection, root, now)


def _facts(root: Root, at: datetime, behind: AbstractSet[Identity], revoked: Mapping[str, str], used: Count) -> Facts:
    return Facts(at, root.policy.signers, behind, root.policy.max_waiver_days, revoked, used)
