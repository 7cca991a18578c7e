"""The decision: every reason, the one exit code they give together, and everything it was decided on.

Trust: nothing in here is hostile any more except names of paths, which `speak` escapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from countermark_ledger.coverage import Answer, Row
from countermark_ledger.errors import LedgerError
from countermark_ledger.git.change import LandingChange
from countermark_ledger.logview import LogView
from countermark_ledger.predicates.verdict import Outcome
from countermark_ledger.trust import TrustRoot
from countermark_scanners.result import ScanResult
from countermark_service.exits import Exit, code_of, first
from countermark_service.gate.policy import POLICY_PATH, TRUST_ROOT_PATH, Mode, Policy, SplitView
from countermark_service.gate.unsigned import LastSigned, Unsigned

_EXIT_OF = {
    Answer.FORGED: Exit.FORGED,
    Answer.REVOKED: Exit.REVOKED,
    Answer.INCONCLUSIVE: Exit.INCONCLUSIVE,
    Answer.UNACCOUNTED: Exit.UNACCOUNTED,
    Answer.POLICY: Exit.POLICY,
}
_OWN = {(POLICY_PATH, "json"), (TRUST_ROOT_PATH, "json")}
"""What the gate itself reads, strictly, and nothing executes: people answer for it. No scanner needs to know it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason not to merge: the code it stands for, what was found, where, and the next command.

    `lines` are the first and the last line (from 1) of each run of lines that nobody signed, in what would land at
    `path`; where there are none, `extent` says what there is instead. `last_signed` is None where nobody ever signed
    the path.
    """

    code: Exit
    message: str
    path: str | None = None
    hint: str | None = None
    lines: tuple[tuple[int, int], ...] = ()
    extent: str = ""
    last_signed: LastSigned | None = None

    @classmethod
    def of(cls, error: LedgerError) -> Reason:
        """Turn a refusal raised by a step into a reason."""
        return cls(code_of(error), error.message, None, error.hint)


@dataclass(frozen=True, slots=True)
class Root:
    """Step 1: what was pinned, and the policy read at the protected tip."""

    trust: TrustRoot
    policy: Policy
    repository_id: str
    protected_ref: str
    tip: str
    head: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything steps 2 to 6 found; a step that could not answer left None and a reason."""

    root: Root
    evaluated: datetime
    change: LandingChange | None = None
    rows: tuple[Row, ...] = ()
    unsigned: Mapping[str, Unsigned] = field(default_factory=dict)
    log: LogView | None = None
    judged: tuple[str, ...] = ()
    junk: int = 0
    status: int = 0
    scan: ScanResult | None = None
    failures: tuple[Reason, ...] = ()

    @property
    def consumed(self) -> tuple[str, ...]:
        """Name every statement that a chain used, sorted (signed commits are not statements)."""
        sources = {edge.source for row in self.rows if row.answer is Answer.COVERED for edge in row.chain}
        return tuple(sorted(source for source in sources if not source.startswith("commit:")))


@dataclass(frozen=True, slots=True)
class Decision:
    """Step 7. `code` is what the reasons give together; `exit_code` is what the process answers."""

    facts: Facts
    reasons: tuple[Reason, ...]
    verdict: str | None = None

    @property
    def code(self) -> Exit:
        """The code of all reasons together, whatever the mode."""
        return first(reason.code for reason in self.reasons)

    @property
    def observing(self) -> bool:
        """Tell whether the policy only observes."""
        return self.facts.root.policy.mode is Mode.OBSERVE

    @property
    def exit_code(self) -> Exit:
        """0 is the code of no reasons, or of a policy that only observes. Usage and internal errors always show."""
        hides = self.observing and self.code not in (Exit.INTERNAL, Exit.USAGE)
        return Exit.PASS if hides else self.code

    @property
    def outcome(self) -> Outcome:
        """PASSED only without any reason; INCONCLUSIVE when the code says that something could not answer."""
        if self.code is Exit.PASS:
            return Outcome.PASSED
        return Outcome.INCONCLUSIVE if self.code is Exit.INCONCLUSIVE else Outcome.FAILED

    def unrecorded(self, error: LedgerError) -> Decision:
        """Return the decision for when the ledger could not take the verdict: it was down, so this is no pass."""
        reason = Reason(Exit.INCONCLUSIVE, f"the verdict could not be recorded: {error.message}", None, error.hint)
        return replace(self, reasons=(*self.reasons, reason))

    @property
    def score(self) -> int:
        """The score, 0 when nothing could be scored."""
        return self.facts.scan.score.value if self.facts.scan else 0


def decide(facts: Facts) -> Decision:
    """Weigh the facts: failures of steps, rows, split view, score. No reason at all is the only pass."""
    reasons = [*facts.failures, *_row_reasons(facts), *_log_reasons(facts), *_scan_reasons(facts)]
    if not reasons and (facts.change is None or facts.scan is None or facts.log is None):
        reasons.append(Reason(Exit.INTERNAL, "a step gave neither an answer nor a reason"))
    return Decision(facts, tuple(reasons))


def _row_reasons(facts: Facts) -> list[Reason]:
    return [_row_reason(row, facts.unsigned.get(row.path)) for row in facts.rows if row.answer is not Answer.COVERED]


def _row_reason(row: Row, unsigned: Unsigned | None) -> Reason:
    reason = Reason(_EXIT_OF[row.answer], row.reason, row.path, row.hint)
    if unsigned is None:
        return reason
    return replace(reason, lines=unsigned.spans, extent=unsigned.extent, last_signed=unsigned.last)


def _log_reasons(facts: Facts) -> list[Reason]:
    refuse = facts.root.policy.split_view is SplitView.REFUSE
    if not refuse or facts.log is None or facts.log.protected:
        return []
    return [
        Reason(Exit.FORGED, "split view: unprotected, and the policy refuses that", None, "countermark bundles fetch")
    ]


def _scan_reasons(facts: Facts) -> list[Reason]:
    if facts.scan is None:
        return []
    if facts.scan.error is not None:
        return [Reason(Exit.INCONCLUSIVE, facts.scan.error, None, "countermark scan")]
    threshold, score = facts.root.policy.threshold, facts.scan.score.value
    reasons = []
    if score < threshold:
        message = f"score {score} of 100, the policy asks for {threshold}"
        hint = "mend the findings above, then countermark record --agent NAME --commit MESSAGE -- CMD"
        reasons.append(Reason(Exit.POLICY, message, None, hint))
    gaps = [Reason(Exit.POLICY, f"not scanned: {gap.reason}", gap.path, "countermark scan") for gap in facts.scan.gaps]
    return [*reasons, *gaps, *_not_covered(facts)]


def _not_covered(facts: Facts) -> list[Reason]:
    """Refuse files of a type that no scanner knows, unless the policy accepts the type as inert."""
    assert facts.scan is not None  # noqa: S101  # the only caller has checked; this tells the type checker
    hint = "have a person add the type to score.inert in .countermark/policy.json, if nothing executes it"
    return [
        Reason(Exit.POLICY, f"no scanner knows this type of file: {kind}", path, hint)
        for path, kind in facts.scan.not_covered(accepted=facts.root.policy.inert)
        if (path, kind) not in _OWN
    ]
