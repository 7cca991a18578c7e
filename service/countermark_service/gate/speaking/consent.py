"""What is said of approvals and waivers: who counted and who not, what is let through, and what soon will not be.

Trust: reasons of waivers are people's words; `safe` spells out what a terminal would obey.
"""

from __future__ import annotations

from datetime import timedelta

from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.waivers import Active, describe, word_of
from countermark_service.gate.decision import Decision
from countermark_service.gate.waiving import Standing

SOON = timedelta(days=7)
"""How long before its end a waiver is said to end soon."""


def lines(decision: Decision) -> list[str]:
    """Say it for people; nothing where nobody asked for anything."""
    asked = decision.approvals
    counted = ", ".join(str(one.what.person) for one in asked.counted) or "nobody"
    approvals = [f"  approvals  {len(asked.counted)} of {asked.required}: {counted}"] if asked.required else []
    return [*approvals, *(f"  waiver     {_line(one, decision)}" for one in decision.waivers)]


def document(decision: Decision) -> dict[str, Json]:
    """Say it for programs."""
    asked = decision.approvals
    counted: list[Json] = [{"name": one.name, "person": str(one.what.person)} for one in asked.counted]
    return {
        "waivers": [_waiver(one, decision) for one in decision.waivers],
        "approvals": {
            "required": asked.required,
            "counted": counted,
            "notCounted": [safe(objection) for objection in asked.objections],
        },
    }


def note(standing: Standing, decision: Decision) -> str:
    """Say what a waiver does here: what it lets through, or why it lets nothing through."""
    if standing.objection is not None:
        return f"lets nothing through: {standing.objection}"
    if not standing.about:
        return "is unused: it names nothing that this change adds"
    if not standing.waived:
        return "lets nothing through"
    soon = isinstance(standing.state, Active) and standing.state.until - decision.facts.evaluated < SOON
    return "is used, and ends soon" if soon else "is used"


def _line(standing: Standing, decision: Decision) -> str:
    name, path = standing.request.name[:16], safe(standing.request.what.path)
    return f"{name} for {path} {safe(note(standing, decision))}; {safe(describe(standing.state))}"


def _waiver(standing: Standing, decision: Decision) -> Json:
    return {
        "name": standing.request.name,
        "path": safe(standing.request.what.path),
        "state": word_of(standing.state),
        "says": safe(describe(standing.state)),
        "note": safe(note(standing, decision)),
        "waived": [*standing.waived],
    }
