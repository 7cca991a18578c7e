"""The gate's rules: an explicit list, and the one way to ask them all.

Trust: adding a rule is a change to this file. A row that is not covered must have left a reason, whatever rules
there are: what no rule thought of is an internal error, never a pass.
"""

from __future__ import annotations

from dataclasses import replace

from countermark_ledger.coverage import Answer
from countermark_service.exits import Exit
from countermark_service.gate.case import Case
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules import (
    approvals,
    coverage,
    evidence,
    log,
    objections,
    scanning,
    scoring,
    status,
    waivers,
)
from countermark_service.gate.rules.rule import Rule

__all__ = ["ABOUT_ROWS", "RULES", "Rule", "judge"]

RULES: tuple[Rule, ...] = (
    *evidence.RULES,
    *coverage.RULES,
    *objections.RULES,
    *scanning.RULES,
    *scoring.RULES,
    *waivers.RULES,
    *approvals.RULES,
    *log.RULES,
    *status.RULES,
)
"""In the order in which reasons are given."""

ABOUT_ROWS = frozenset(rule.id for rule in (*evidence.RULES, *coverage.RULES, *objections.RULES))
"""The rules whose reasons are about who answers for a file."""


def judge(case: Case) -> tuple[Reason, ...]:
    """Give the failures of steps and every rule's reasons; none at all is the only pass."""
    found = [*case.input.failures, *(replace(one, rule=rule.id) for rule in RULES for one in rule.judge(case))]
    if not found and not case.input.complete:
        found.append(Reason(Exit.INTERNAL, "a step gave neither an answer nor a reason"))
    return (*found, *_forgotten(case, found))


def _forgotten(case: Case, found: list[Reason]) -> list[Reason]:
    said = {reason.path for reason in found} | {row.path for row in case.let_pass}
    left = [row for row in case.rows if row.answer is not Answer.COVERED and row.path not in said]
    return [Reason(Exit.INTERNAL, "no rule gave a reason for a file that is not covered", row.path) for row in left]
