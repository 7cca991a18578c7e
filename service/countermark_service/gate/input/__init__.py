"""The input: everything that a rule may ask about, and nothing else.

Trust: made from verified facts by the gate, or read back from what the gate printed, by a reader who wants to try
a policy on it. A rule can't tell the difference, so the same policy gives the same reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from countermark_ledger import canonical, shape
from countermark_ledger.canonical import Json
from countermark_ledger.coverage import Landing
from countermark_ledger.errors import Malformed
from countermark_ledger.testimony import Testimony
from countermark_service.exits import Exit
from countermark_service.gate.consents import ConsentSeen
from countermark_service.gate.facts import Facts
from countermark_service.gate.input import accounts, consents
from countermark_service.gate.input.scan import Ran, ScanSeen
from countermark_service.gate.input.seen import LogSeen, StatusSeen, Subject
from countermark_service.gate.input.spelling import read, read_optional, spell, spell_optional
from countermark_service.gate.reason import Reason

__all__ = ["ConsentSeen", "Input", "LogSeen", "Ran", "ScanSeen", "StatusSeen", "Subject"]


VERSION = 1


@dataclass(frozen=True, slots=True)
class Input:
    """The facts of one change at one time (UTC). A step that could not answer left None, and a failure."""

    subject: Subject
    evaluated: datetime
    failures: tuple[Reason, ...] = ()
    landing: Landing | None = None
    testimony: Testimony | None = None
    status: StatusSeen | None = None
    log: LogSeen | None = None
    scan: ScanSeen | None = None
    consent: ConsentSeen | None = None

    @classmethod
    def of(cls, facts: Facts) -> Input:
        """Take from the facts what rules may ask about."""
        root, change, evidence = facts.root, facts.change, facts.evidence
        tree, listing = (change.tree, change.listing_sha256) if change else (None, None)
        subject = Subject(root.repository_id, root.protected_ref, root.tip, root.head, tree, listing)
        scan = ScanSeen.of(facts.scan) if facts.scan else None
        if facts.landing is None or evidence is None or facts.log is None:
            return cls(subject, facts.evaluated, facts.failures, scan=scan)
        landing, testimony = accounts.narrowed(facts.landing, evidence)
        status, log = StatusSeen.of(evidence), LogSeen.of(facts.log, evidence, facts.anchors)
        return cls(subject, facts.evaluated, facts.failures, landing, testimony, status, log, scan, facts.consent)

    def json(self) -> dict[str, Json]:
        """Spell everything; the same facts have the same bytes."""
        return {
            "version": VERSION,
            "subject": self.subject.json(),
            "evaluatedOn": shape.spell_time(self.evaluated),
            "failures": [_spell_failure(reason) for reason in self.failures],
            "accounts": accounts.spell(self.landing, self.testimony) if self.landing and self.testimony else None,
            "status": self.status.json() if self.status else None,
            "log": self.log.json() if self.log else None,
            "scan": self.scan.json() if self.scan else None,
            "consent": consents.spell(self.consent) if self.consent else None,
        }

    @classmethod
    def parse(cls, value: Json) -> Input:
        """Accept exactly what `json` gives."""
        said, status, log, scan = (shape.member(value, name) for name in ("accounts", "status", "log", "scan"))
        consent = shape.member(value, "consent")
        landing, testimony = (None, None) if said is None else accounts.read(said)
        parsed = cls(
            Subject.parse(shape.member(value, "subject")),
            shape.time(shape.member(value, "evaluatedOn"), "evaluatedOn"),
            shape.items(shape.member(value, "failures"), "failures", _read_failure),
            landing,
            testimony,
            None if status is None else StatusSeen.parse(status),
            None if log is None else LogSeen.parse(log),
            None if scan is None else ScanSeen.parse(scan),
            None if consent is None else consents.read(consent),
        )
        if canonical.dumps(parsed.json()) != canonical.dumps(value):
            raise Malformed("input: unexpected, missing or unsorted members")
        return parsed

    @property
    def complete(self) -> bool:
        """Tell whether every step answered."""
        return None not in (self.landing, self.testimony, self.status, self.log, self.scan, self.consent)


def _spell_failure(reason: Reason) -> Json:
    return {
        "code": reason.code.value,
        "message": spell(reason.message),
        "path": spell_optional(reason.path),
        "hint": spell_optional(reason.hint),
    }


def _read_failure(value: Json) -> Reason:
    code = shape.integer(shape.member(value, "code"), "code")
    if code not in {one.value for one in Exit} - {Exit.PASS}:
        raise Malformed(f"failures: expected the exit code of a reason, found {code}")
    path, hint = (read_optional(shape.member(value, name), name) for name in ("path", "hint"))
    return Reason(Exit(code), read(shape.member(value, "message"), "message"), path, hint)
