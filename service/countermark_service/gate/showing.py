"""What the rules saw, as one document: the input itself, and what this policy makes of it, file by file.

Only `input` is read back (`countermark policy check --input`); the rest is computed from it and from the policy, and is
there for people. The same policy and the same input have the same bytes.

Trust: names and messages come from the change; the spelling holds nothing that a terminal would obey.
"""

from __future__ import annotations

from collections.abc import Iterable

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.chain import Edge
from countermark_ledger.coverage import Answer, Row
from countermark_ledger.errors import Malformed
from countermark_service.gate.case import Case
from countermark_service.gate.input import Input
from countermark_service.gate.input.spelling import spell, spell_optional
from countermark_service.gate.reason import Reason

VERSION = 1


def document(case: Case, reasons: Iterable[Reason]) -> dict[str, Json]:
    """Spell a case and the reasons that its rules gave."""
    return {
        "version": VERSION,
        "policySha256": case.policy.sha256,
        "input": case.input.json(),
        "coverage": _coverage(case),
        "files": [_file(row, case) for row in case.rows],
        "reasons": [spell_reason(reason) for reason in reasons],
    }


def read(value: Json) -> Input:
    """Read the input out of such a document; what is computed from it is not believed."""
    if shape.member(value, "version") != VERSION:
        raise Malformed(f"input: expected version {VERSION} of what `countermark gate --show-input` prints")
    return Input.parse(shape.member(value, "input"))


def spell_reason(reason: Reason) -> Json:
    """Spell a reason with the rule that gave it; a step that could not answer is no rule."""
    return {
        "rule": reason.rule,
        "code": reason.code.value,
        "message": spell(reason.message),
        "path": spell_optional(reason.path),
        "hint": spell_optional(reason.hint),
    }


def _coverage(case: Case) -> Json:
    return {
        "files": len(case.rows),
        "covered": sum(row.answer is Answer.COVERED for row in case.rows),
        "percent": case.covered_percent,
        "unanswered": sum(row.answer is Answer.UNACCOUNTED for row in case.rows),
        "letPass": len(case.let_pass),
    }


def _file(row: Row, case: Case) -> Json:
    objections: list[Json] = [{"rule": one.ground.value, "said": spell(one.said)} for one in row.objections]
    return {
        "path": spell(row.path),
        "answer": row.answer.value,
        "protected": case.is_protected(row.path),
        "reason": spell(row.reason),
        "objections": objections,
        "answeredBy": [_by(edge, case) for edge in row.chain],
    }


def _by(edge: Edge, case: Case) -> Json:
    testimony, landing = case.input.testimony, case.input.landing
    word = testimony.word(edge) if testimony else None
    signed = word.signed if word else None
    return {
        "signer": str(edge.signer),
        "source": edge.source,
        "logIndex": edge.index,
        "behindTip": landing.positions.get(edge.base) if landing else None,
        "evidence": word.level.value if word and word.level else None,
        "models": [spell(model) for model in word.models] if word else [],
        "image": spell_optional(word.image) if word else None,
        "operator": str(word.operator) if word and word.operator else None,
        "signed": shape.spell_time(signed) if signed else None,
        "ageDays": max(0, (case.input.evaluated - signed).days) if signed else None,
    }
