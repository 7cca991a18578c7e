"""What the gate saw of the scan, as far as a rule may ask.

Trust: paths and messages come from the change; whoever prints one escapes it. The score is computed from these.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, TypeVar

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.errors import Malformed
from countermark_scanners.finding import Confidence, Finding, Severity
from countermark_scanners.result import ScanResult, matches
from countermark_scanners.score import Gap, Score, score
from countermark_service.gate.input.spelling import read, read_optional, spell, spell_optional


class Ran(NamedTuple):
    """One scanner's run; `error` is set when it has no answer."""

    scanner: str
    version: str
    rules_sha256: str
    error: str | None

    def json(self) -> Json:
        """Spell the run."""
        return {
            "scanner": self.scanner,
            "version": spell(self.version),
            "rulesSha256": self.rules_sha256,
            "error": spell_optional(self.error),
        }

    @classmethod
    def parse(cls, value: Json) -> Ran:
        """Read the run."""
        return cls(
            shape.text(shape.member(value, "scanner"), "scanner"),
            read(shape.member(value, "version"), "version"),
            shape.text(shape.member(value, "rulesSha256"), "rulesSha256"),
            read_optional(shape.member(value, "error"), "error"),
        )


class ScanSeen(NamedTuple):
    """What the scanners said. `unknown` is (path, type) of each new file that no scanner knows.

    `missing` are the scanners that failed: with any, there is no score. `stages` names those that ran beyond
    the scan, and `caps` are theirs, as (reason, at most).
    """

    error: str | None
    ran: tuple[Ran, ...]
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    unknown: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    stages: tuple[str, ...]
    caps: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, scan: ScanResult) -> ScanSeen:
        """Keep what is new in the change."""
        ran = tuple(Ran(one.scanner, one.version, one.rules_sha256, one.error) for one in scan.reports)
        unknown, missing = scan.not_covered(accepted=()), scan.score.missing
        return cls(scan.error, ran, scan.new_findings, scan.gaps, unknown, missing, scan.ran_stages, scan.caps)

    def json(self) -> Json:
        """Spell it, with the score that the findings give."""
        return {
            "error": spell_optional(self.error),
            "score": self.scored(()).value,
            "scanners": [one.json() for one in self.ran],
            "findings": [_spell_finding(finding) for finding in self.findings],
            "gaps": [_spell_gap(gap) for gap in self.gaps],
            "unknownTypes": [{"path": spell(path), "type": spell(kind)} for path, kind in self.unknown],
            "missing": [*self.missing],
            "stages": [*self.stages],
            "caps": [{"reason": reason, "atMost": cap} for reason, cap in self.caps],
        }

    @classmethod
    def parse(cls, value: Json) -> ScanSeen:
        """Read it; the score is computed again."""
        return cls(
            read_optional(shape.member(value, "error"), "error"),
            shape.items(shape.member(value, "scanners"), "scanners", Ran.parse),
            shape.items(shape.member(value, "findings"), "findings", _read_finding),
            shape.items(shape.member(value, "gaps"), "gaps", _read_gap),
            shape.items(shape.member(value, "unknownTypes"), "unknownTypes", _read_unknown),
            shape.texts(shape.member(value, "missing"), "missing"),
            shape.texts(shape.member(value, "stages"), "stages"),
            shape.items(shape.member(value, "caps"), "caps", _read_cap),
        )

    def scored(self, waived: Collection[str]) -> Score:
        """Score what is new, with waivers (fingerprints of findings and gaps)."""
        return score(self.findings, gaps=self.gaps, missing=self.missing, waived=waived, caps=self.caps)

    def not_covered(self, accepted: Collection[str]) -> tuple[tuple[str, str], ...]:
        """List (path, type) of each new file that no scanner knows; `accepted` are patterns such as `image/*`."""
        return tuple((path, kind) for path, kind in self.unknown if not matches(kind, accepted))


def _spell_finding(finding: Finding) -> Json:
    return {name: spell(value) if isinstance(value, str) else value for name, value in finding.to_json().items()}


def _read_finding(value: Json) -> Finding:
    cwe = shape.member(value, "cwe")
    return Finding(
        fingerprint=_text(value, "fingerprint"),
        rule=_text(value, "rule"),
        cwe=None if cwe is None else shape.integer(cwe, "cwe"),
        severity=_word(Severity, value, "severity"),
        confidence=_word(Confidence, value, "confidence"),
        path=_text(value, "path"),
        line=shape.integer(shape.member(value, "line"), "line"),
        message=_text(value, "message"),
        remediation=_text(value, "remediation"),
        scanner=_text(value, "scanner"),
    )


W = TypeVar("W", Severity, Confidence)


def _word(kind: type[W], value: Json, name: str) -> W:
    words = {member.word: member for member in kind}
    found = words.get(_text(value, name))
    if found is None:
        raise Malformed(f"{name}: expected one of {', '.join(words)}, found {shape.member(value, name)!r:.40}")
    return found


def _spell_gap(gap: Gap) -> Json:
    return {"path": spell(gap.path), "sha256": gap.sha256, "reason": spell(gap.reason)}


def _read_gap(value: Json) -> Gap:
    return Gap(_text(value, "path"), _text(value, "sha256"), _text(value, "reason"))


def _read_cap(value: Json) -> tuple[str, int]:
    return _text(value, "reason"), shape.integer(shape.member(value, "atMost"), "atMost")


def _read_unknown(value: Json) -> tuple[str, str]:
    return _text(value, "path"), _text(value, "type")


def _text(value: Json, name: str) -> str:
    return read(shape.member(value, name), name)
