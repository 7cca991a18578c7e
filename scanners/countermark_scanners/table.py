"""The table of numbered rules that bandit and ruff share: B602 and S602 are one rule of ours.

Layer: scanners. Reads `rules/bandit-numbers.json` of the policies package.
Trust: the table is ours; a tool's output never widens it (a rule that is not in it is not run).

One table, not one a tool, so that two tools that mean the same flaw say the same CWE and merge.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import countermark_policies
from countermark_ledger import canonical

from .errors import OutputMalformed, RulesMalformed
from .finding import Confidence, Severity

NAME = "rules/bandit-numbers.json"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a number means, how bad it is, and how sure each tool may be of it."""

    cwe: int
    severity: Severity
    confidence: dict[str, Confidence]
    remediation: str


@cache
def rules() -> dict[str, Rule]:
    """Parse the table: number (as text) -> rule."""
    table = canonical.loads(countermark_policies.read(NAME))
    if not isinstance(table, dict):
        raise RulesMalformed(f"{NAME}: expected an object")
    return {number: _rule(number, row) for number, row in table.items()}


def numbers(tool: str) -> tuple[str, ...]:
    """List the numbers that `tool` is to run."""
    return tuple(sorted(number for number, rule in rules().items() if tool in rule.confidence))


def sha256(tool: str, *more: bytes) -> str:
    """Name the rules of one tool: the table's bytes, the tool, and whatever else decides its answers."""
    digest = hashlib.sha256(tool.encode() + b"\x00" + countermark_policies.read(NAME))
    for part in more:
        digest.update(b"\x00" + hashlib.sha256(part).digest())
    return digest.hexdigest()


def rule(name: str) -> Rule:
    """Look up a tool's own name for a rule, such as B602 or S602."""
    try:
        return rules()[name[1:]]
    except KeyError as error:
        raise OutputMalformed(f"tool output: expected a rule of {NAME}, found {name}") from error


def _rule(number: str, row: canonical.Json) -> Rule:
    if not isinstance(row, dict):
        raise RulesMalformed(f"{NAME}: rule {number} is not an object")
    match row:
        case {
            "cwe": int(cwe),
            "severity": str(severity),
            "confidence": str(confidence),
            "tools": list(tools),
            "remediation": str(remediation),
        }:
            own = {"ruff": row.get("ruffConfidence", confidence)}
            levels = {str(tool): Confidence[str(own.get(str(tool), confidence)).upper()] for tool in tools}
            return Rule(cwe, Severity[severity.upper()], levels, remediation)
        case _:
            raise RulesMalformed(f"{NAME}: rule {number} lacks a field")
