"""The gate, in DESIGN.md's order and with its numbers. Each step answers or leaves a reason; none is skipped.

1. ROOT     policy, people and trust root at the protected tip         `root`
2. CHANGE   the landing tree, and the transitions from the tip to it   `countermark_ledger.git.change`
3. COLLECT  bundles from every source                                  `countermark_ledger.collection`
4. VERIFY   each one that names a needed row, offline                  `countermark_ledger.evidence`
5. BIND     chains from the tip's nodes to the landing nodes           `countermark_ledger.coverage`
6. SCAN     what lands                                                 `scanning`
7. DECIDE   one code out of all reasons, signed where a gate may sign  `decision`, `recording`
8. SPEAK    for people and programs                                    `speaking`

Trust: the checkout and every bundle are hostile. A refusal of ours becomes a reason; any other exception ends
the process with 1. Nothing here returns a pass: the absence of reasons does, in one place (`decision`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from countermark_ledger import logview
from countermark_ledger.errors import LedgerError
from countermark_ledger.git.change import LandingChange, landing_change
from countermark_ledger.git.reader import Repository
from countermark_service.exits import Exit
from countermark_service.gate import consenting, mirror, mirror_store
from countermark_service.gate.case import rows_of
from countermark_service.gate.costs import earlier
from countermark_service.gate.decision import Decision, decide
from countermark_service.gate.facts import Facts
from countermark_service.gate.gathering import Inquiry, gather
from countermark_service.gate.policy import SplitView
from countermark_service.gate.reason import Reason
from countermark_service.gate.root import Pin, check_landing, read_root
from countermark_service.gate.scanning import Scan
from countermark_service.gate.unsigned import unsigned
from countermark_service.sources import Source, approvals_of


@dataclass(frozen=True, slots=True)
class Ports:
    """What the gate needs from outside: bundles, scanners, and places to say what goes on, and under which policy."""

    sources: tuple[Source, ...]
    scan: Scan
    step: Callable[[str], None]
    mirrors: mirror_store.Places = mirror_store.nowhere_else
    began: Callable[[Facts], None] = lambda _facts: None


def run(repository: Repository, pin: Pin, *, head: str, at: datetime, seen_status: int, ports: Ports) -> Decision:
    """Decide on merging `head` into the protected ref at a time (UTC). Step 1 raises; later steps leave reasons."""
    ports.step("1/8 reading policy and trust root at the protected tip")
    root = read_root(repository, pin, head=repository.resolve(head))  # 1
    facts = Facts(root, at.replace(microsecond=0))
    ports.began(facts)
    ports.step("2/8 computing what would land")
    try:
        change = landing_change(repository, root.tip, root.head, landed=pin.landed)  # 2
    except LedgerError as error:
        return decide(replace(facts, failures=Reason.each_of(error)))
    facts = _check_landing(repository, replace(facts, change=change), change)
    facts = _account(repository, facts, change, seen_status, ports)
    ports.step("6/8 scanning what would land")
    facts = _scan(repository, facts, change, ports)  # 6
    ports.step("7/8 deciding")
    return decide(facts)  # 7


def _check_landing(repository: Repository, facts: Facts, change: LandingChange) -> Facts:
    try:
        check_landing(repository, change.tree)
    except LedgerError as error:
        message = f"what would land as policy could not be read: {error.message}"
        reason = Reason(Exit.POLICY, message, ".countermark", "git checkout HEAD~1 -- .countermark")
        return replace(facts, failures=(*facts.failures, reason))
    return facts


def _account(repository: Repository, facts: Facts, change: LandingChange, seen_status: int, ports: Ports) -> Facts:
    """Steps 3 to 5: whatever can't be answered is one reason, and leaves no row looking covered."""
    root = facts.root
    try:
        with mirror_store.opened(repository, root.policy.mirror, ports.mirrors) as stores:
            mirrored = mirror.look(stores, change, root.policy.mirror, root.trust)
            sources = (*ports.sources, *mirrored.sources)
            asked = (lambda _paths: approvals_of(sources, {change.tip, change.head}), *sources)
            inquiry = Inquiry(repository, mirrored.change, root, asked, facts.evaluated, seen_status)
            collection, evidence, git = gather(inquiry, ports.step)  # 3, 4
        mirror.refuse_fork(collection, mirrored, root.trust, strict=root.policy.split_view is SplitView.REFUSE)
        mirrored.want(evidence)
        facts_of_git = mirrored.within(git)
        rows = rows_of(root.policy, facts_of_git, evidence, facts.evaluated)  # 5
        lines = unsigned(repository, change, rows, evidence)
        said = consenting.said_of(root, change, evidence, collection)
        view = logview.view(collection, (*evidence.heads.values(), *said.heads.values()), root.trust)
        consent = consenting.seen_of(root, said, evidence, collection, sources)
        signers = {str(edge.signer) for row in rows for edge in row.chain}
        before = earlier(collection, root, facts_of_git, evidence.status, signers)
    except LedgerError as error:
        return replace(facts, failures=(*facts.failures, Reason.of(error)))
    judged = tuple(sorted({*evidence.judged, *said.judged}))
    facts = replace(facts, anchors=(*facts.anchors, *said.heads.values()), consent=consent, earlier=before)
    facts = replace(facts, landing=facts_of_git, evidence=evidence, rows=rows, unsigned=lines, log=view)
    return replace(facts, judged=judged, junk=collection.junk, status=evidence.status.status.number)


def _scan(repository: Repository, facts: Facts, change: LandingChange, ports: Ports) -> Facts:
    try:
        scan = ports.scan(repository, change, facts.root.policy.wanted)
    except LedgerError as error:
        return replace(facts, failures=(*facts.failures, Reason.of(error)))
    return replace(facts, scan=scan)
