"""The score: what the change adds must not cost more points than the policy allows.

Trust: the score is recomputed from the findings, by one formula, whoever asks.
"""

from __future__ import annotations

from countermark_service.exits import Exit
from countermark_service.gate.case import Case
from countermark_service.gate.policy import Policy
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules.rule import Rule
from countermark_service.gate.waiving import waived

HINT = "mend the findings above, then countermark record --agent NAME --commit MESSAGE -- CMD"


def _score(case: Case) -> list[Reason]:
    scan = case.input.scan
    if scan is None or scan.error is not None:
        return []
    asked, found = case.policy.threshold_over(case.changed()), scan.scored(waived(case))
    if found.value >= asked:
        return []
    raw = "" if found.raw == found.value else f" ({found.raw} without waivers)"
    return [Reason(Exit.POLICY, f"score {found.value} of 100{raw}, the policy asks for {asked}", None, HINT)]


def _explain(policy: Policy) -> str:
    others = [entry for entry in policy.overrides if entry.threshold is not None]
    said = "".join(f" For a change of {', '.join(entry.match)}: {entry.threshold}." for entry in others)
    return f"The score of what the change adds must be {policy.threshold} of 100 at least.{said}"


RULES = (
    Rule(
        "score",
        "The score is high enough",
        ("score.threshold", "paths.threshold"),
        _explain,
        "the findings that are new in the change cost more points; the highest threshold of any changed file holds",
        _score,
    ),
)
