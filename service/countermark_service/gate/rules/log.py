"""The log: everybody sees the same one, and enough witnesses have seen its newest head.

Trust: one key can sign two histories. Only proofs that tie the evidence to the newest head, and distinct pinned
witnesses on that head, show that it did not.
"""

from __future__ import annotations

from countermark_service.exits import Exit
from countermark_service.gate.case import Case
from countermark_service.gate.policy import Policy, SplitView
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules.rule import Rule

HINT = "countermark bundles fetch"


def _split_view(case: Case) -> list[Reason]:
    log = case.input.log
    if case.policy.split_view is not SplitView.REFUSE or log is None or log.protects(case.used):
        return []
    return [Reason(Exit.FORGED, "split view: unprotected, and the policy refuses that", None, HINT)]


def _witnesses(case: Case) -> list[Reason]:
    log, wanted = case.input.log, case.policy.witnesses
    if log is None or len(log.witnesses) >= wanted:
        return []
    message = f"witnesses: the policy asks for {wanted} on the newest head of the log, found {len(log.witnesses)}"
    return [Reason(Exit.INCONCLUSIVE, message, None, HINT)]


def _explain_split_view(policy: Policy) -> str:
    if policy.split_view is SplitView.REFUSE:
        return "Evidence must be tied to the newest head of the log, which a quorum of pinned witnesses saw."
    return "Whether a log that shows different people different things would be noticed is said, and does not refuse."


def _explain_witnesses(policy: Policy) -> str:
    if policy.witnesses == 0:
        return "No witness needs to have seen the newest head of the log."
    return f"{policy.witnesses} different pinned witnesses must have seen the newest head of the log."


RULES = (
    Rule(
        "split-view",
        "Everybody sees the same log",
        ("splitView",),
        _explain_split_view,
        "with `refuse`: a proof is missing, or fewer witnesses saw the newest head than the trust root's quorum",
        _split_view,
    ),
    Rule(
        "witnesses",
        "Witnesses saw the log",
        ("witnesses.minimum",),
        _explain_witnesses,
        "fewer of the trust root's witnesses signed the newest head that was found",
        _witnesses,
    ),
)
