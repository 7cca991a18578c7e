"""Findings: what a scanner says about a line, in the words the score counts.

Layer: scanners. Imports nothing of ours; does no I/O.
Trust: `path` and `message` may carry hostile text; whoever prints one escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from countermark_ledger.canonical import Json


class Severity(IntEnum):
    """How bad it is if it is true."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """Spell the member as every document of ours does."""
        return self.name.lower()


class Confidence(IntEnum):
    """How sure the scanner is that it is true."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    CONFIRMED = 3

    @property
    def word(self) -> str:
        """Spell the member as every document of ours does."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing one tool said about one file it knew only by a neutral name. Lines and columns start at 1.

    `clears` says the opposite: the tool followed the data, and a flaw of this kind is not at this place. Who only knows
    what the place looks like is then not sure of its own hit.
    """

    rule: str
    cwe: int | None
    severity: Severity
    confidence: Confidence
    line: int
    column: int
    message: str
    remediation: str
    clears: bool = False

    @property
    def flaw(self) -> str:
        """Name the kind of flaw, so that tools that mean the same thing say the same word."""
        return self.rule if self.cwe is None else f"CWE-{self.cwe}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A flaw at a place. `fingerprint` is ours and survives renames; `scanner` names every tool that saw it."""

    fingerprint: str
    rule: str
    cwe: int | None
    severity: Severity
    confidence: Confidence
    path: str
    line: int
    message: str
    remediation: str
    scanner: str

    def to_json(self) -> dict[str, Json]:
        """Spell the finding with strings and integers only."""
        return {
            "fingerprint": self.fingerprint,
            "rule": self.rule,
            "cwe": self.cwe,
            "severity": self.severity.word,
            "confidence": self.confidence.word,
            "path": self.path,
            "line": self.line,
            "message": self.message,
            "remediation": self.remediation,
            "scanner": self.scanner,
        }
