"""The verdict as a verification summary: the signed bundle as it was logged, or what nobody signed, saying so.

The unsigned statement stands in a wrapper: bare, it would be taken for a summary by readers that look no further
than its type.
"""

from __future__ import annotations

from countermark_ledger import canonical
from countermark_ledger.canonical import Json
from countermark_ledger.identity import Identity, Kind
from countermark_service.gate import recording
from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.speaking.report import NOT_ENFORCING, Report

UNSIGNED = "PRELIMINARY: nobody signed this, and it is counted by nobody"


def spell(report: Report, _setting: Setting) -> bytes:
    """Spell the bundle, or the unsigned statement; without a landing tree there is no statement."""
    if report.signed is not None:
        return report.signed
    unsigned: dict[str, Json] = {"unsigned": UNSIGNED, "verdict": report.word, "statement": _statement(report)}
    if report.observing:
        unsigned["mode"] = NOT_ENFORCING
    return canonical.dumps(unsigned) + b"\n"


def _statement(report: Report) -> Json:
    decision = report.decision
    if decision is None or decision.facts.change is None:
        return None
    nobody = Identity(decision.facts.root.trust.trust_domain, Kind.GATE, "preliminary")
    return canonical.loads(recording.verdict_of(decision, nobody).statement().encode())
