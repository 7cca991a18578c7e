"""The decision: every reason, the one exit code they give together, and everything it was decided on.

Trust: nothing in here is hostile any more except names of paths, which `speak` escapes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from countermark_ledger.errors import LedgerError
from countermark_ledger.predicates.verdict import Outcome
from countermark_service.exits import Exit, first
from countermark_service.gate.approving import NONE_ASKED, Approvals, approvals
from countermark_service.gate.case import Case
from countermark_service.gate.facts import Facts
from countermark_service.gate.input import Input
from countermark_service.gate.policy import Mode
from countermark_service.gate.reason import Reason, exit_code
from countermark_service.gate.rules import ABOUT_ROWS, judge
from countermark_service.gate.waiving import Standing, standings


@dataclass(frozen=True, slots=True)
class Decision:
    """Step 7. `code` is what the reasons give together; `exit_code` is what the process answers.

    `waivers` are all that name a changed path, whatever they are worth; `approvals` who was counted, and who not.
    """

    facts: Facts
    reasons: tuple[Reason, ...]
    verdict: str | None = None
    waivers: tuple[Standing, ...] = ()
    approvals: Approvals = NONE_ASKED

    @property
    def code(self) -> Exit:
        """The code of all reasons together, whatever the mode."""
        return first(reason.code for reason in self.reasons)

    @property
    def observing(self) -> bool:
        """Tell whether the policy only observes."""
        return self.facts.root.policy.mode is Mode.OBSERVE

    @property
    def exit_code(self) -> Exit:
        """What the process answers, see `exit_code`."""
        return exit_code(self.reasons, observing=self.observing)

    @property
    def outcome(self) -> Outcome:
        """PASSED only without any reason; INCONCLUSIVE when the code says that something could not answer."""
        if self.code is Exit.PASS:
            return Outcome.PASSED
        return Outcome.INCONCLUSIVE if self.code is Exit.INCONCLUSIVE else Outcome.FAILED

    def unrecorded(self, error: LedgerError) -> Decision:
        """Return the decision for when the ledger could not take the verdict: it was down, so this is no pass."""
        reason = Reason(Exit.INCONCLUSIVE, f"the verdict could not be recorded: {error.message}", None, error.hint)
        return replace(self, reasons=(*self.reasons, reason))

    @property
    def score(self) -> int:
        """The score after waivers, which decides; 0 when nothing could be scored."""
        return self.facts.scan.scored(self.waived).value if self.facts.scan else 0

    @property
    def raw_score(self) -> int:
        """The score without waivers, which is shown beside the one that decides."""
        return self.facts.scan.score.raw if self.facts.scan else 0

    @property
    def waived(self) -> frozenset[str]:
        """Name what waivers let through: findings and unread files, by fingerprint."""
        return frozenset(name for standing in self.waivers for name in standing.waived)


def decide(facts: Facts) -> Decision:
    """Ask every rule about the facts. No reason at all is the only pass."""
    case = Case(facts.root.policy, Input.of(facts), facts.rows)
    reasons = tuple(_shown(reason, facts) for reason in judge(case))
    return Decision(facts, reasons, waivers=standings(case), approvals=approvals(case))


def _shown(reason: Reason, facts: Facts) -> Reason:
    """Add what of a path nobody signed, for people."""
    unsigned = facts.unsigned.get(reason.path) if reason.path and reason.rule in ABOUT_ROWS else None
    if unsigned is None:
        return reason
    return replace(reason, lines=unsigned.spans, extent=unsigned.extent, last_signed=unsigned.last)
