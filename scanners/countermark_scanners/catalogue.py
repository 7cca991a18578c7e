"""Rules as data: one TOML file a scanner, one table a rule, and every field that a finding needs.

Layer: scanners. Reads `rules/<scanner>.toml` of the policies package.
Trust: the tables are ours; a field that is missing or misspelt stops the scanner, it never weakens a rule.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

import countermark_policies

from .errors import RulesMalformed
from .finding import Confidence, Hit, Severity

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_OWASP = re.compile(r"A(0[1-9]|10):2021|none")
_TEXTS = ("title", "owasp", "severity", "confidence", "message", "remediation")
_FIELDS = frozenset({*_TEXTS, "cwe"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it is, how bad, how sure, what to say, what to do, and `data` of the scanner's own."""

    id: str
    title: str
    cwe: int
    owasp: str
    severity: Severity
    confidence: Confidence
    message: str
    remediation: str
    data: dict[str, Any]

    def hit(
        self,
        line: int,
        column: int = 1,
        *,
        severity: Severity | None = None,
        confidence: Confidence | None = None,
        **words: object,
    ) -> Hit:
        """Report the rule at a place; `words` fill the message's placeholders."""
        return Hit(
            rule=f"countermark/{self.id}",
            cwe=self.cwe,
            severity=self.severity if severity is None else severity,
            confidence=self.confidence if confidence is None else confidence,
            line=line,
            column=column,
            message=self.message.format_map(words),
            remediation=self.remediation,
        )


@cache
def load(scanner: str) -> dict[str, Rule]:
    """Parse the rules of one scanner, by id."""
    name = f"rules/{scanner}.toml"
    try:
        tables = tomllib.loads(countermark_policies.read(name).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulesMalformed(f"{name}: {error}") from error
    return {rule_id: _rule(name, rule_id, table) for rule_id, table in tables.items()}


def sha256(scanner: str, *more: bytes) -> str:
    """Name the data of one scanner: its rules, its folder's files, and whatever else decides its answers."""
    digest = hashlib.sha256(scanner.encode())
    for name in (f"rules/{scanner}.toml", *countermark_policies.names(f"rules/{scanner}/")):
        digest.update(name.encode() + b"\x00" + hashlib.sha256(countermark_policies.read(name)).digest())
    for part in more:
        digest.update(b"\x00" + hashlib.sha256(part).digest())
    return digest.hexdigest()


def _rule(name: str, rule_id: str, table: object) -> Rule:
    if not isinstance(table, dict) or not _ID.fullmatch(rule_id):
        raise RulesMalformed(f"{name}: expected tables with names such as weak-hash, found {rule_id}")
    wrong = [field for field in _TEXTS if not (isinstance(table.get(field), str) and table[field])]
    if wrong or type(table.get("cwe")) is not int or not _OWASP.fullmatch(table["owasp"]):
        raise RulesMalformed(f"{name}: rule {rule_id} lacks {', '.join(wrong) or 'a CWE number or an OWASP tag'}")
    title, owasp, severity, confidence, message, remediation = (table[field] for field in _TEXTS)
    try:
        levels = Severity[severity.upper()], Confidence[confidence.upper()]
    except KeyError as error:
        raise RulesMalformed(f"{name}: rule {rule_id}: no such severity or confidence: {error}") from error
    data = {field: value for field, value in table.items() if field not in _FIELDS}
    return Rule(rule_id, title, table["cwe"], owasp, *levels, message, remediation, data)
