"""What the rules saw, as one JSON document: the same that `gate --show-input` prints and `policy check` reads."""

from __future__ import annotations

from countermark_ledger import canonical
from countermark_ledger.canonical import Json
from countermark_service.gate import showing
from countermark_service.gate.case import Case
from countermark_service.gate.decision import Decision
from countermark_service.gate.input import Input
from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.speaking.report import UNDECIDED, Report


def of(decision: Decision) -> dict[str, Json]:
    """Spell what was judged, and the reasons that it gave."""
    policy = decision.facts.root.policy
    return showing.document(Case(policy, Input.of(decision.facts), decision.facts.rows), decision.reasons)


def spell(report: Report, _setting: Setting) -> bytes:
    """Spell the document, in RFC 8785's form; where nothing could be judged it has no input."""
    if report.decision is None:
        reasons: list[Json] = [showing.spell_reason(reason) for reason in report.reasons]
        return canonical.dumps({"version": showing.VERSION, "verdict": UNDECIDED, "reasons": reasons}) + b"\n"
    return canonical.dumps(of(report.decision)) + b"\n"
