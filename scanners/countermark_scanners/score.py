"""The score, version 1: integers, a table, four caps; no average and no term for size.

Layer: scanners. Imports `finding`; does no I/O. Anyone can recompute it by hand from the list of findings.
Trust: severities and confidences come from our own tables, never from the code that is judged.

Every property SCORING demands is a hypothesis test: nothing that is added, raised, repeated or reordered can
make a score better, and a stage that did not run makes it 0, never 100.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from .finding import Confidence, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from countermark_ledger.canonical import Json

FORMULA: Final = 1
THRESHOLD: Final = 85
LOWS_AT_MOST: Final = 10
UNSCANNED: Final = "a changed file that was not scanned"
UNSCANNED_CAP: Final = 60

PENALTY: Final = {  # by confidence: low, medium, high, confirmed
    Severity.CRITICAL: (100, 100, 100, 100),
    Severity.HIGH: (10, 35, 45, 60),
    Severity.MEDIUM: (2, 5, 8, 12),
    Severity.LOW: (0, 1, 1, 2),
    Severity.INFO: (0, 0, 0, 0),
}
HIGH_CAP: Final = {Confidence.MEDIUM: 70, Confidence.HIGH: 60, Confidence.CONFIRMED: 40}


class Verdict(StrEnum):
    """What a score says about a change."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Gap:
    """A changed file that no scanner read, waivable by its fingerprint: this path with exactly these bytes."""

    path: str
    sha256: str
    reason: str

    @property
    def fingerprint(self) -> str:
        """Name the gap: path and content, so that a waiver covers nothing else."""
        return hashlib.sha256(f"gap\x00{self.path}\x00{self.sha256}".encode("utf-8", "surrogateescape")).hexdigest()

    def to_json(self) -> dict[str, Json]:
        """Spell the gap."""
        row: dict[str, Json] = {"fingerprint": self.fingerprint, "path": self.path}
        return {**row, "sha256": self.sha256, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Score:
    """`value` after waivers, `raw` without them, the caps that held and the points each finding cost."""

    value: int
    raw: int
    caps: tuple[tuple[str, int], ...]
    lost: tuple[tuple[str, int], ...]
    missing: tuple[str, ...]

    def verdict(self, threshold: int = THRESHOLD) -> Verdict:
        """Decide: a missing stage is inconclusive whatever the figures say."""
        if self.missing:
            return Verdict.INCONCLUSIVE
        return Verdict.PASSED if self.value >= threshold else Verdict.FAILED

    def to_json(self) -> dict[str, Json]:
        """Spell the score so that a reader can recompute it."""
        return {
            "formula": FORMULA,
            "value": self.value,
            "raw": self.raw,
            "caps": [{"reason": reason, "atMost": cap} for reason, cap in self.caps],
            "lost": [{"fingerprint": fingerprint, "points": points} for fingerprint, points in self.lost],
            "missing": list(self.missing),
        }


def penalty(finding: Finding) -> int:
    """Look up the points one finding costs before the lows are capped together."""
    return PENALTY[finding.severity][finding.confidence]


def weight(severity: Severity, confidence: Confidence) -> tuple[int, int, int]:
    """Order severities and confidences from harmless to worst, as the score feels them."""
    return PENALTY[severity][confidence], severity, confidence


def score(
    findings: Iterable[Finding],
    *,
    gaps: Collection[Gap] = (),
    missing: Collection[str] = (),
    waived: Collection[str] = (),
    caps: Collection[tuple[str, int]] = (),
) -> Score:
    """Score what is new in a change; `waived` names fingerprints of findings and gaps.

    `caps` are those of stages beyond the scan, as (reason, at most): nobody can waive them.
    """
    if missing:
        return Score(0, 0, (("a required stage is missing", 0),), (), tuple(sorted(set(missing))))
    merged = _merge(findings)
    raw, _, _ = _figures(merged, gaps, caps)
    held = [finding for finding in merged if finding.fingerprint not in waived]
    value, held_caps, lost = _figures(held, [gap for gap in gaps if gap.fingerprint not in waived], caps)
    return Score(value, raw, held_caps, lost, ())


def _merge(findings: Iterable[Finding]) -> list[Finding]:
    worst: dict[str, Finding] = {}
    for finding in findings:
        known = worst.setdefault(finding.fingerprint, finding)
        if weight(finding.severity, finding.confidence) > weight(known.severity, known.confidence):
            worst[finding.fingerprint] = finding
    return [worst[fingerprint] for fingerprint in sorted(worst)]


_Rows = tuple[tuple[str, int], ...]


def _figures(
    findings: list[Finding], gaps: Collection[Gap], more: Iterable[tuple[str, int]]
) -> tuple[int, _Rows, _Rows]:
    lost = _lost(findings)
    caps = (*_caps(findings, gaps), *more)
    least = min((cap for _, cap in caps), default=100)
    return max(0, min(least, 100 - sum(points for _, points in lost))), caps, lost


def _lost(findings: list[Finding]) -> _Rows:
    left, rows = LOWS_AT_MOST, []
    for finding in findings:
        points = penalty(finding)
        if finding.severity is Severity.LOW:
            points = min(points, left)
            left -= points
        rows.append((finding.fingerprint, points))
    return tuple(row for row in rows if row[1])


def _caps(findings: list[Finding], gaps: Collection[Gap]) -> _Rows:
    sure = [f.confidence for f in findings if f.severity is Severity.HIGH and f.confidence in HIGH_CAP]
    caps = [(f"a high of {level.word} confidence", HIGH_CAP[level]) for level in sorted(set(sure))]
    if gaps:
        caps.append((UNSCANNED, UNSCANNED_CAP))
    return tuple(caps)
