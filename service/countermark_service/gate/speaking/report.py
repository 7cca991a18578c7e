"""The report: a decision, or why there is none, in the words that every format spells.

Trust: paths, messages and hints may carry hostile text; whoever prints one escapes it for their reader.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from countermark_ledger import shape
from countermark_ledger.coverage import Answer
from countermark_ledger.errors import LedgerError
from countermark_ledger.predicates.verdict import Outcome
from countermark_scanners.finding import Finding, Severity
from countermark_service.exits import MEANING, ORDER, Exit
from countermark_service.gate.decision import Decision
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules import RULES
from countermark_service.gate.unsigned import UNCOUNTED

NOT_ENFORCING = "NOT ENFORCING: the policy only observes, so this exits 0"
UNDECIDED = "UNDECIDED"
"""What stands in the place of a verdict where there is none: no pins, no policy, no history."""
MAX_RUNS = 3

_STEP = {code: f"countermark/step-{code.name.lower()}" for code in Exit}


class Kind(StrEnum):
    """What an issue is: a reason not to merge, or what a scanner found."""

    REASON = "reason"
    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing to show at a place. `lines` are the first and the last, from 1; `fingerprint` is hex, and its own."""

    kind: Kind
    rule: str
    severity: Severity
    path: str | None
    lines: tuple[int, int] | None
    message: str
    hint: str | None
    fingerprint: str


class Coverage(NamedTuple):
    """How many of the files that would change are accounted for, and how many nobody at all answers for."""

    covered: int
    rows: int
    unanswered: int

    @property
    def percent(self) -> int:
        """Round down: 100 is all of them."""
        return self.covered * 100 // self.rows if self.rows else 100

    @property
    def words(self) -> str:
        """Say both; a policy may let files pass that nobody answers for, and nobody should have to guess how many."""
        left = f"; {self.unanswered} that nobody answers for" if self.unanswered else ""
        return f"{self.covered} of {self.rows} files accounted for{left}"


@dataclass(frozen=True, slots=True)
class Report:
    """One of `decision` and `refusal`. `signed` is the bundle of the verdict, where one was signed."""

    decision: Decision | None
    refusal: Reason | None = None
    signed: bytes | None = None

    @classmethod
    def refused(cls, error: LedgerError) -> Report:
        """Report that nothing could be decided."""
        return cls(None, Reason.of(error))

    @property
    def word(self) -> str:
        """PASSED, FAILED, INCONCLUSIVE or UNDECIDED."""
        if self.decision is None:
            return Outcome.INCONCLUSIVE.value if self.code is Exit.INCONCLUSIVE else UNDECIDED
        return self.decision.outcome.value

    @property
    def passed(self) -> bool:
        """Tell whether there is no reason not to merge."""
        return self.decision is not None and self.decision.outcome is Outcome.PASSED

    @property
    def code(self) -> Exit:
        """What the reasons give together, whatever the mode."""
        return self.decision.code if self.decision else _refusal(self).code

    @property
    def exit_code(self) -> Exit:
        """What the process answers."""
        return self.decision.exit_code if self.decision else _refusal(self).code

    @property
    def observing(self) -> bool:
        """Tell whether the policy only observes; without a decision nothing is known of a policy."""
        return self.decision is not None and self.decision.observing

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """List every reason, the gravest first."""
        reasons = self.decision.reasons if self.decision else (_refusal(self),)
        return tuple(sorted(reasons, key=lambda reason: (ORDER.index(reason.code), reason.path or "")))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """List what scanners found that is new, the worst first."""
        scan = self.decision.facts.scan if self.decision else None
        found = scan.new_findings if scan else ()
        return tuple(sorted(found, key=lambda f: (-f.severity, -f.confidence, f.path, f.line)))

    @property
    def coverage(self) -> Coverage | None:
        """Count files; None when the evidence could not be weighed."""
        facts = self.decision.facts if self.decision else None
        if facts is None or facts.log is None:
            return None
        answers = Counter(row.answer for row in facts.rows)
        return Coverage(answers[Answer.COVERED], len(facts.rows), answers[Answer.UNACCOUNTED])

    @property
    def unattributed_lines(self) -> int | None:
        """Count lines that would land and that nobody answers for; None when that is not known."""
        if self.decision is None or self.coverage is None:
            return None
        facts = self.decision.facts
        nobodys = [row.path for row in facts.rows if row.answer not in (Answer.COVERED, Answer.POLICY)]
        extents = [facts.unsigned[path] for path in nobodys]
        if any(one.extent in UNCOUNTED for one in extents):
            return None
        return sum(last - first + 1 for one in extents for first, last in one.spans)

    @property
    def issues(self) -> tuple[Issue, ...]:
        """List everything that can be shown at a place: reasons, then findings that nobody waived, the worst first."""
        waived = self.decision.waived if self.decision else frozenset[str]()
        open_ones = [one for one in self.findings if one.severity > Severity.INFO and one.fingerprint not in waived]
        findings = [_of_finding(finding) for finding in open_ones]
        return (*(_of_reason(reason) for reason in self.reasons), *findings)


def where(reason: Reason) -> str:
    """Spell what stands behind a path: `:40-58 (19 lines)`, or ` (deleted)`."""
    if not reason.lines:
        return f" ({reason.extent})" if reason.extent else ""
    runs = ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in reason.lines[:MAX_RUNS])
    more = f" and {len(reason.lines) - MAX_RUNS} more places" if len(reason.lines) > MAX_RUNS else ""
    count = sum(last - first + 1 for first, last in reason.lines)
    return f":{runs}{more} ({count} line{'' if count == 1 else 's'})"


def last_signed(reason: Reason) -> str | None:
    """Say what of the path was signed last; None for a reason that is not about what was signed of a file."""
    if not reason.lines and not reason.extent:
        return None
    last = reason.last_signed
    if last is None:
        return "nothing"
    content = "its absence" if last.sha256 is None else f"sha256 {last.sha256[:12]}"
    at = f" at {shape.spell_time(last.signed)}" if last.signed else ""
    return f"{content} by {last.signer}{at}{', revoked' if last.revoked else ''}"


def _of_reason(reason: Reason) -> Issue:
    signed = last_signed(reason)
    extent = where(reason).strip(": ")
    words = [reason.message, *([extent] if extent else []), *([f"last signed: {signed}"] if signed else [])]
    spelled = f"{reason.code.value}\x00{reason.path}\x00{reason.message}"
    lines = reason.lines[0] if reason.lines else None
    message, own = "; ".join(words), _fingerprint(spelled)
    return Issue(Kind.REASON, _rule(reason), Severity.HIGH, reason.path, lines, message, reason.hint, own)


def titles() -> dict[str, str]:
    """Say what each id means that a reason's issue can have: a rule of the policy, or a step without an answer."""
    steps = {_STEP[code]: MEANING[code] for code in Exit if code is not Exit.PASS}
    return {f"countermark/{rule.id}": rule.title for rule in RULES} | steps


def _rule(reason: Reason) -> str:
    return f"countermark/{reason.rule}" if reason.rule else _STEP[reason.code]


def _of_finding(finding: Finding) -> Issue:
    line = max(1, finding.line)
    own = _fingerprint(f"finding\x00{finding.fingerprint}\x00{line}")
    rule, severity = finding.rule, finding.severity
    return Issue(Kind.FINDING, rule, severity, finding.path, (line, line), finding.message, finding.remediation, own)


def _fingerprint(spelled: str) -> str:
    return hashlib.sha256(spelled.encode("utf-8", "surrogateescape")).hexdigest()


def _refusal(report: Report) -> Reason:
    if report.refusal is None:
        raise RuntimeError("a report is a decision or a refusal")
    return report.refusal
