"""The result of a scan: every file, every scanner, every finding, and the score they give.

Layer: scanners. Imports `finding`, `report` and `score`; does no I/O.
Trust: paths and messages may carry hostile text; whoever prints one escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from .mutants.detection import STAGE
from .report import NotCovered, Report, outcome
from .score import Gap, Score, score

if TYPE_CHECKING:
    from collections.abc import Collection

    from countermark_ledger.canonical import Json

    from .cache import CacheUse
    from .dynamic.stage import Stage
    from .finding import Finding
    from .mutants.detection import Confidence
    from .report import ScannerReport

DYNAMIC = "dynamic"
"""The stage that runs the declared command."""


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """What became of one file. `scanners` are those that read it; `new` is false for bytes the base had."""

    path: str
    sha256: str
    language: str
    size: int
    scanners: tuple[str, ...]
    report: Report
    new: bool

    def to_json(self) -> dict[str, Json]:
        """Spell the row."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "language": self.language,
            "bytes": self.size,
            "scanners": list(self.scanners),
            "new": self.new,
            **outcome(self.report),
        }


@dataclass(frozen=True, slots=True)
class ScanResult:
    """A pure function of the two sides' bytes and the rules: the same inputs give the same `to_json`.

    `dynamic` and `detection` are the stages beyond the scan, None where the policy demands none; `caps` are theirs.
    `nearby` are old findings in functions that the change touches.
    `cache` is how much of it was known before, None without a cache: it is about this run, and changes no answer.
    """

    reports: tuple[ScannerReport, ...]
    coverage: tuple[CoverageRow, ...]
    new_findings: tuple[Finding, ...]
    old_findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    score: Score
    error: str | None
    nearby: tuple[Finding, ...] = ()
    cache: CacheUse | None = None
    dynamic: Stage | None = None
    detection: Confidence | None = None
    caps: tuple[tuple[str, int], ...] = ()

    def scored(self, waived: Collection[str]) -> Score:
        """Score again with waivers (fingerprints of findings and gaps); `raw` stays as it is."""
        missing = self.score.missing
        return score(self.new_findings, gaps=self.gaps, missing=missing, waived=waived, caps=self.caps)

    def not_covered(self, *, accepted: Collection[str]) -> tuple[tuple[str, str], ...]:
        """List (path, type) of each new file that no scanner knows; `accepted` are patterns such as `image/*`."""
        new = ((row.path, row.report) for row in self.coverage if row.new)
        types = ((path, report.file_type) for path, report in new if isinstance(report, NotCovered))
        return tuple((path, kind) for path, kind in types if not matches(kind, accepted))

    @property
    def ran_stages(self) -> tuple[str, ...]:
        """Name the stages beyond the scan that came to an answer."""
        every = ((DYNAMIC, self.dynamic), (STAGE, self.detection))
        return tuple(name for name, found in every if found is not None and name not in self.score.missing)

    @property
    def stages(self) -> tuple[str, ...]:
        """Say of each stage beyond the scan what it did, in a line each; what was not demanded did not run."""
        command, share = self.dynamic, self.detection
        return (
            "dynamic stage: not run: the policy declares no command" if command is None else command.said,
            "injected flaws: not run: the policy demands no share" if share is None else share.said,
        )

    def to_json(self) -> dict[str, Json]:
        """Spell the result with strings, integers and booleans only, in one order."""
        return {
            "version": 1,
            "error": self.error,
            "score": self.score.to_json(),
            "scanners": [report.to_json() for report in self.reports],
            "coverage": [row.to_json() for row in self.coverage],
            "gaps": [gap.to_json() for gap in self.gaps],
            "newFindings": [finding.to_json() for finding in self.new_findings],
            "oldFindings": [finding.to_json() for finding in self.old_findings],
            "dynamic": {"outcome": "not-run"} if self.dynamic is None else self.dynamic.to_json(),
            "detection": {"outcome": "not-run"} if self.detection is None else self.detection.to_json(),
            "nearby": [finding.fingerprint for finding in self.nearby],
        }


def matches(kind: str, patterns: Collection[str]) -> bool:
    """Tell whether one of the patterns, such as `image/*`, means a type of file."""
    return any(fnmatchcase(kind, pattern) for pattern in patterns)
