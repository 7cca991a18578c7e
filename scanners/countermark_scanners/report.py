"""Reports: "did not run" is a type of its own, and never clean.

Layer: scanners. Imports `finding`; does no I/O.
Trust: `reason` may quote hostile code; whoever prints it escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, assert_never

if TYPE_CHECKING:
    from collections.abc import Mapping

    from countermark_ledger.canonical import Json

    from .finding import Finding


@dataclass(frozen=True, slots=True)
class Scanned:
    """The tool ran to the end. No findings here means clean."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Unscanned:
    """The tool should have read this file and did not finish. This is never clean."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotCovered:
    """No tool of ours knows this type. Only a policy that names the type accepts it."""

    file_type: str


Report: TypeAlias = Scanned | Unscanned | NotCovered


def outcome(report: Report) -> dict[str, Json]:
    """Spell the report for a coverage row."""
    match report:
        case Scanned(findings):
            return {"outcome": "scanned", "findings": len(findings)}
        case Unscanned(reason):
            return {"outcome": "unscanned", "reason": reason}
        case NotCovered(file_type):
            return {"outcome": "not-covered", "fileType": file_type}
        case _:
            assert_never(report)


@dataclass(frozen=True, slots=True)
class ScannerReport:
    """One scanner's answer about every changed file it reads; `error` is set when it has none."""

    scanner: str
    version: str
    rules_sha256: str
    files: Mapping[str, Report]
    error: str | None

    def to_json(self) -> dict[str, Json]:
        """Spell the report, files in path order, findings by their fingerprints."""
        return {
            "scanner": self.scanner,
            "version": self.version,
            "rulesSha256": self.rules_sha256,
            "error": self.error,
            "files": {path: outcome(self.files[path]) for path in sorted(self.files)},
        }
