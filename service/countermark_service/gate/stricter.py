"""What a job may ask on top of the policy: more, never less.

Trust: whoever writes the job's definition. A policy lands with the consent of the people whom it names; a job's
settings may not soften it, so there is no way to say `observe`, a smaller share or a lower threshold here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from countermark_scanners.finding import Severity
from countermark_service.exits import Exit
from countermark_service.gate.decision import Decision, decide
from countermark_service.gate.policy import Mode, Policy
from countermark_service.gate.reason import Reason


@dataclass(frozen=True, slots=True)
class Stricter:
    """`enforce` whatever mode the policy has; `coverage` is in percent.

    Each new finding from `fail_on` up is refused, unless people waived it.
    """

    enforce: bool = False
    fail_on: Severity | None = None
    coverage: int = 0

    def weigh(self, decision: Decision) -> Decision:
        """Decide on the same facts again, with a policy that asks for no less, and add what the job asks for."""
        facts = decision.facts
        root = replace(facts.root, policy=self._policy(facts.root.policy))
        decided = decide(replace(facts, root=root))
        return replace(decided, reasons=(*decided.reasons, *self._reasons(decided)))

    def _policy(self, policy: Policy) -> Policy:
        mode = Mode.ENFORCE if self.enforce else policy.mode
        return replace(policy, mode=mode, minimum_coverage=max(policy.minimum_coverage, self.coverage))

    def _reasons(self, decision: Decision) -> list[Reason]:
        scan, least = decision.facts.scan, self.fail_on
        found = scan.new_findings if scan is not None and least is not None else ()
        return [
            Reason(
                Exit.POLICY,
                f"{one.rule}: {one.severity.word} severity, and this job accepts no new finding from {least.word} up",
                one.path,
                f"countermark scan --base {decision.facts.root.tip}",
            )
            for one in found
            if least is not None and one.severity >= least and one.fingerprint not in decision.waived
        ]


NOTHING_MORE = Stricter()
