"""The revocation status: young enough to be believed.

Trust: whoever withholds the newest status hides what it revokes; how long that may last is the policy's to say.
"""

from __future__ import annotations

from datetime import timedelta

from countermark_ledger.shape import spell_time
from countermark_service.exits import Exit
from countermark_service.gate.case import Case
from countermark_service.gate.policy import Policy
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules.rule import Rule

HINT = "countermark status renew"


def _age(case: Case) -> list[Reason]:
    status, hours = case.input.status, case.policy.max_status_hours
    if status is None or case.input.evaluated - status.issued <= timedelta(hours=hours):
        return []
    message = f"status: number {status.number} is from {spell_time(status.issued)}, the policy accepts {hours} hours"
    return [Reason(Exit.INCONCLUSIVE, message, None, HINT)]


def _explain(policy: Policy) -> str:
    return f"The revocation status must have been issued in the last {policy.max_status_hours} hours."


RULES = (
    Rule(
        "status-age",
        "The status is fresh",
        ("status.maxAgeHours",),
        _explain,
        "the newest status that was found is older, although it is not due yet",
        _age,
    ),
)
