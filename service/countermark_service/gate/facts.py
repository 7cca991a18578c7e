"""Facts: everything that the gate's steps found, before anything is decided.

Trust: verified, every byte of it, except names of paths and words quoted from the change, which `speaking` escapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from countermark_ledger.checkpoint import TreeHead
from countermark_ledger.coverage import Answer, Landing, Row
from countermark_ledger.evidence import Evidence
from countermark_ledger.git.change import LandingChange
from countermark_ledger.logview import LogView
from countermark_ledger.trust import TrustRoot
from countermark_scanners.result import ScanResult
from countermark_service.gate.consents import ConsentSeen
from countermark_service.gate.policy import Policy
from countermark_service.gate.reason import Reason
from countermark_service.gate.unsigned import Unsigned
from countermark_service.points import Points


@dataclass(frozen=True, slots=True)
class Root:
    """Step 1: what was pinned, and the policy read at the protected tip.

    `vouched` is the commit that people let land and whose files are believed: the tip, or in a merge queue, where that
    has not landed, the protected ref's own.
    """

    trust: TrustRoot
    policy: Policy
    repository_id: str
    protected_ref: str
    tip: str
    head: str
    vouched: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything steps 2 to 6 found; a step that could not answer left None and a reason.

    `anchors` are heads of the log that the decision rests on, whoever answers for files; `earlier` is what the signers'
    findings cost in changes that landed before, for people to see.
    """

    root: Root
    evaluated: datetime
    change: LandingChange | None = None
    landing: Landing | None = None
    evidence: Evidence | None = None
    rows: tuple[Row, ...] = ()
    unsigned: Mapping[str, Unsigned] = field(default_factory=dict)
    log: LogView | None = None
    anchors: tuple[TreeHead, ...] = ()
    judged: tuple[str, ...] = ()
    junk: int = 0
    status: int = 0
    scan: ScanResult | None = None
    consent: ConsentSeen | None = None
    failures: tuple[Reason, ...] = ()
    earlier: tuple[Points, ...] = ()

    @property
    def threshold(self) -> int:
        """Give the least score that passes: the highest that any changed path asks for."""
        return self.root.policy.threshold_over(row.path for row in self.rows)

    @property
    def is_log_protected(self) -> bool:
        """Tell whether a log that shows different people different things would have been noticed."""
        if self.log is None or self.evidence is None:
            return False
        used = {edge.source for row in self.rows for edge in row.chain} | {self.evidence.status.name}
        heads = [head for source, head in self.evidence.heads.items() if source in used]
        return self.log.protects(head.size for head in (*heads, *self.anchors))

    @property
    def consumed(self) -> tuple[str, ...]:
        """Name every statement that a chain used, sorted (signed commits are not statements)."""
        sources = {edge.source for row in self.rows if row.answer is Answer.COVERED for edge in row.chain}
        return tuple(sorted(source for source in sources if not source.startswith("commit:")))
