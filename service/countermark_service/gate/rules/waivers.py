"""Waivers: an exception that may be in force, and nobody can tell, is no exception.

Trust: a waiver that is plainly not in force leaves the finding as it is, and other rules refuse it. Only one whose
uses can't be counted is a reason of its own: whoever withholds a part of the log gets no answer from it.
"""

from __future__ import annotations

from countermark_ledger.waivers import Unknown, describe
from countermark_service.exits import Exit
from countermark_service.gate.case import Case
from countermark_service.gate.policy import Policy
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules.rule import Rule
from countermark_service.gate.waiving import standings

FETCH_HINT = "countermark bundles fetch"


def _waivers(case: Case) -> list[Reason]:
    return [
        Reason(Exit.INCONCLUSIVE, f"waiver {one.request.name[:12]}: {describe(one.state)}", path, FETCH_HINT)
        for one in standings(case)
        if one.about and one.objection is None and isinstance(one.state, Unknown)
        for path in [one.request.what.path]
    ]


def _explain(policy: Policy) -> str:
    critical = "also" if policy.waives_critical else "but not"
    return (
        f"Two people who are not behind the agent may waive a finding for up to {policy.max_waiver_days} days,"
        f" {critical} a critical one."
    )


RULES = (
    Rule(
        "waivers",
        "Waivers can be told",
        ("waivers.maxDays", "waivers.critical"),
        _explain,
        "a waiver with a number of uses is about a file of the change, and the log at hand has gaps since it was made",
        _waivers,
    ),
)
