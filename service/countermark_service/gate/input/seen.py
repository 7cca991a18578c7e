"""What the gate saw of the log, the status and the scan, as far as a rule may ask.

Trust: verified before; made of plain values, so that a reader who has them can ask the same rules again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from countermark_ledger.evidence import Evidence
from countermark_ledger.logview import LogView
from countermark_scanners.finding import Finding
from countermark_scanners.result import ScanResult, matches
from countermark_scanners.score import Gap, Score, score


class Subject(NamedTuple):
    """What is decided about. `tree` and `listing_sha256` are None where nothing can land."""

    repository_id: str
    protected_ref: str
    tip: str
    head: str
    tree: str | None
    listing_sha256: str | None


class StatusSeen(NamedTuple):
    """The newest revocation status: its number, when it was issued and when a newer one is due (UTC), its statement."""

    number: int
    issued: datetime
    next_update: datetime
    source: str

    @classmethod
    def of(cls, evidence: Evidence) -> StatusSeen:
        """Read it out of the evidence."""
        status = evidence.status.status
        return cls(status.number, status.issued, status.next_update, evidence.status.name)


class LogSeen(NamedTuple):
    """The log's newest head (None without a checkpoint), who witnessed it, and which statements it is tied to.

    `heads` has, by statement, the size of the head that proves it; `untied` are the sizes that no proof ties to the
    newest. `quorum` is the trust root's.
    """

    newest: int | None
    untied: tuple[int, ...]
    witnesses: tuple[str, ...]
    quorum: int
    heads: Mapping[str, int]

    @classmethod
    def of(cls, view: LogView, evidence: Evidence) -> LogSeen:
        """Put the view beside the heads that it is about."""
        heads = {source: head.size for source, head in sorted(evidence.heads.items())}
        return cls(view.newest.size if view.newest else None, view.untied, view.witnesses, view.quorum, heads)

    def protects(self, sources: Iterable[str]) -> bool:
        """Tell whether a split view would have been noticed: these statements are tied to a head that a quorum saw."""
        sizes = {self.heads[source] for source in sources if source in self.heads}
        return self.newest is not None and 0 < self.quorum <= len(self.witnesses) and not sizes & set(self.untied)


class Ran(NamedTuple):
    """One scanner's run; `error` is set when it has no answer."""

    scanner: str
    version: str
    rules_sha256: str
    error: str | None


class ScanSeen(NamedTuple):
    """What the scanners said. `unknown` is (path, type) of each new file that no scanner knows.

    `missing` are the scanners that failed: with any, there is no score.
    """

    error: str | None
    ran: tuple[Ran, ...]
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    unknown: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]

    @classmethod
    def of(cls, scan: ScanResult) -> ScanSeen:
        """Keep what is new in the change."""
        ran = tuple(Ran(one.scanner, one.version, one.rules_sha256, one.error) for one in scan.reports)
        return cls(scan.error, ran, scan.new_findings, scan.gaps, scan.not_covered(accepted=()), scan.score.missing)

    def scored(self, waived: Collection[str]) -> Score:
        """Score what is new, with waivers (fingerprints of findings and gaps)."""
        return score(self.findings, gaps=self.gaps, missing=self.missing, waived=waived)

    def not_covered(self, accepted: Collection[str]) -> tuple[tuple[str, str], ...]:
        """List (path, type) of each new file that no scanner knows; `accepted` are patterns such as `image/*`."""
        return tuple((path, kind) for path, kind in self.unknown if not matches(kind, accepted))
