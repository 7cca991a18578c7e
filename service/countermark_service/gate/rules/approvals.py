"""Approvals: people who had no hand in a change let exactly it land.

Trust: who approved is verified, who counts is `approving`'s word; an agent, whoever is behind it, and an author
are never the second person.
"""

from __future__ import annotations

from countermark_service.exits import Exit
from countermark_service.gate.approving import approvals
from countermark_service.gate.case import Case
from countermark_service.gate.policy import Policy
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules.rule import Rule

MOST_SAID = 3


def _approvals(case: Case) -> list[Reason]:
    if case.input.consent is None:
        return []  # the step left a reason
    found = approvals(case)
    if len(found.counted) >= found.required:
        return []
    said = "".join(f"; {objection}" for objection in found.objections[:MOST_SAID])
    message = (
        f"approvals: the policy asks for {found.required} people who had no hand in the change,"
        f" found {len(found.counted)}{said}"
    )
    return [Reason(Exit.POLICY, message, None, f"countermark approve --head {case.input.subject.head}")]


def _explain(policy: Policy) -> str:
    others = [entry for entry in policy.overrides if entry.approvals is not None]
    said = "".join(f" For a change of {', '.join(entry.match)}: {entry.approvals}." for entry in others)
    if policy.approvals == 0 and not others:
        return "Nobody needs to approve a change."
    return (
        f"{policy.approvals} people named here, who signed none of the change and are behind none of its agents,"
        f" must approve exactly what would land.{said}"
    )


RULES = (
    Rule(
        "approvals",
        "Other people approved the change",
        ("approvals.minimum", "paths.approvals"),
        _explain,
        "fewer such people approved this tree on this tip; the most that any changed file asks for holds",
        _approvals,
    ),
)
