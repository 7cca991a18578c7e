"""The input: everything that a rule may ask about, and nothing else.

Trust: made from verified facts by the gate, or read back from what the gate printed, by a reader who wants to try
a policy on it. A rule can't tell the difference, so the same policy gives the same reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from countermark_ledger.coverage import Landing
from countermark_ledger.testimony import Testimony
from countermark_service.gate.facts import Facts
from countermark_service.gate.input.seen import LogSeen, Ran, ScanSeen, StatusSeen, Subject
from countermark_service.gate.reason import Reason

__all__ = ["Input", "LogSeen", "Ran", "ScanSeen", "StatusSeen", "Subject"]


@dataclass(frozen=True, slots=True)
class Input:
    """The facts of one change at one time (UTC). A step that could not answer left None, and a failure."""

    subject: Subject
    evaluated: datetime
    failures: tuple[Reason, ...] = ()
    landing: Landing | None = None
    testimony: Testimony | None = None
    status: StatusSeen | None = None
    log: LogSeen | None = None
    scan: ScanSeen | None = None

    @classmethod
    def of(cls, facts: Facts) -> Input:
        """Take from the facts what rules may ask about."""
        root, change, evidence = facts.root, facts.change, facts.evidence
        tree, listing = (change.tree, change.listing_sha256) if change else (None, None)
        return cls(
            Subject(root.repository_id, root.protected_ref, root.tip, root.head, tree, listing),
            facts.evaluated,
            facts.failures,
            facts.landing,
            evidence,
            StatusSeen.of(evidence) if evidence else None,
            LogSeen.of(facts.log, evidence) if facts.log and evidence else None,
            ScanSeen.of(facts.scan) if facts.scan else None,
        )

    @property
    def complete(self) -> bool:
        """Tell whether every step answered."""
        return None not in (self.landing, self.testimony, self.status, self.log, self.scan)
