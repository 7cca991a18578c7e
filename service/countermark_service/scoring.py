"""Where the points of a score went: each one to a finding, its line, who wrote that line, and what mends it.

Layer: service. Reads the ledger through `attribution`, which verifies what it believes.
Trust: messages and paths are hostile; whoever prints one escapes it. The arithmetic is the score's own: a reader who
adds up the rows and takes the least cap gets the figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from countermark_ledger.canonical import Json
from countermark_ledger.git.change import LandingChange, nodes_at
from countermark_ledger.git.reader import Repository
from countermark_scanners.finding import Finding, Severity
from countermark_scanners.result import ScanResult
from countermark_scanners.score import HIGH_CAP, UNSCANNED
from countermark_service.attribution.lines import Origin, Reading

MERGED = "the line came about in a merge: no statement is about these bytes"
NO_LEDGER = "no ledger is at hand here"
DELETED = "the change deletes the file"


class Loss(NamedTuple):
    """What one finding cost, and who wrote its line; where that is not known, `unknown` says why."""

    points: int
    finding: Finding
    origin: Origin | None
    unknown: str | None

    def json(self) -> Json:
        """Spell the loss."""
        author: Json = None
        if self.origin is not None:
            who, level = self.origin.signer, self.origin.evidence
            author = {"signer": who, "name": self.origin.short, "evidence": level, "statement": self.origin.statement}
        return {"points": self.points, **self.finding.to_json(), "author": author, "authorUnknown": self.unknown}


class Held(NamedTuple):
    """A cap: the score is at most `at_most`, for a reason, because of these places."""

    at_most: int
    reason: str
    places: tuple[str, ...]

    def json(self) -> Json:
        """Spell the cap."""
        return {"atMost": self.at_most, "reason": self.reason, "places": list(self.places)}


class Explanation(NamedTuple):
    """The whole sum: 100, minus the losses, at most the least cap, at least 0. `missing` ran not, so it is 0."""

    value: int
    losses: tuple[Loss, ...]
    caps: tuple[Held, ...]
    missing: tuple[str, ...]

    def json(self) -> dict[str, Json]:
        """Spell it."""
        return {
            "score": self.value,
            "losses": [loss.json() for loss in self.losses],
            "caps": [cap.json() for cap in self.caps],
            "missing": list(self.missing),
        }


def explain(result: ScanResult, authors: Mapping[str, Origin | str]) -> Explanation:
    """Name every lost point; `authors` says of a finding, by fingerprint, who wrote its line or why nobody knows."""
    by_name = {finding.fingerprint: finding for finding in result.new_findings}
    losses = [_loss(points, by_name[name], authors.get(name, NO_LEDGER)) for name, points in result.score.lost]
    caps = tuple(Held(cap, reason, _places(reason, cap, result)) for reason, cap in result.score.caps)
    ordered = sorted(losses, key=lambda loss: (-loss.points, loss.finding.path, loss.finding.line))
    return Explanation(result.score.value, tuple(ordered), caps, result.score.missing)


def _loss(points: int, finding: Finding, author: Origin | str) -> Loss:
    unknown = author if isinstance(author, str) else None
    return Loss(points, finding, None if isinstance(author, str) else author, unknown)


def _places(reason: str, cap: int, result: ScanResult) -> tuple[str, ...]:
    """List what a cap stands for: the files that were not scanned, or the highs of that confidence."""
    if reason == UNSCANNED:
        return tuple(gap.path for gap in result.gaps)
    highs = [one for one in result.new_findings if one.severity is Severity.HIGH]
    return tuple(f"{one.path}:{one.line}" for one in highs if HIGH_CAP.get(one.confidence) == cap)


def authors(
    repository: Repository, change: LandingChange, findings: Iterable[Finding], reading: Reading
) -> dict[str, Origin | str]:
    """Say who wrote the line of each finding; a file that a merge made has lines that no statement is about."""
    wanted = list(findings)
    paths = sorted({finding.path for finding in wanted})
    heads, landing = (nodes_at(repository, where, paths) if paths else {} for where in (change.head, change.tree))
    whole = [path for path in paths if landing[path] is not None and heads[path] == landing[path]]
    lines = {path: [reading.origin(line.hop) for line in reading.lines(path)] for path in whole}
    return {one.fingerprint: _author(one, lines.get(one.path), gone=landing[one.path] is None) for one in wanted}


def _author(finding: Finding, lines: Sequence[Origin] | None, *, gone: bool) -> Origin | str:
    if lines is None:
        return DELETED if gone else MERGED
    return lines[finding.line - 1] if 0 < finding.line <= len(lines) else "the finding names no line of the file"
