"""Evidence that does not hold: forged, revoked, newer than the newest status, or a mirror that nobody can read.

No policy accepts any of it.

Trust: the answers come from the verifier; here they only become reasons.
"""

from __future__ import annotations

from collections.abc import Callable

from countermark_ledger.coverage import Answer
from countermark_service.exits import Exit
from countermark_service.gate.case import Case
from countermark_service.gate.policy import Policy
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules.rule import Rule


def _refused(answer: Answer, code: Exit) -> Callable[[Case], list[Reason]]:
    def judge(case: Case) -> list[Reason]:
        return [Reason(code, row.reason, row.path, row.hint) for row in case.rows if row.answer is answer]

    return judge


def _newer_than_status(case: Case) -> list[Reason]:
    """List what was logged after the status; a mirror that is not at hand was not logged at all."""
    refused = _refused(Answer.INCONCLUSIVE, Exit.INCONCLUSIVE)
    return [reason for reason in refused(case) if not _is_of_the_mirror(case, reason)]


def _mirror_not_at_hand(case: Case) -> list[Reason]:
    refused = _refused(Answer.INCONCLUSIVE, Exit.INCONCLUSIVE)
    return [reason for reason in refused(case) if _is_of_the_mirror(case, reason)]


def _is_of_the_mirror(case: Case, reason: Reason) -> bool:
    return case.input.landing is not None and reason.path in case.input.landing.answered


def _always(text: str) -> Callable[[Policy], str]:
    return lambda _policy: text


RULES = (
    Rule(
        "forged",
        "Evidence is what was signed",
        (),
        _always("Evidence for a file must be genuine, whole and about this repository. No policy accepts less."),
        "a bundle that names a changed file was altered, contradicts itself, or is not from the pinned authority",
        _refused(Answer.FORGED, Exit.FORGED),
    ),
    Rule(
        "revoked",
        "Nobody who was revoked answers for a file",
        (),
        _always("Evidence by a revoked identity, key, model, image or session does not count. No policy accepts it."),
        "the only evidence for a changed file was signed or logged after its signer, model or image was revoked",
        _refused(Answer.REVOKED, Exit.REVOKED),
    ),
    Rule(
        "newer-than-status",
        "The status is newer than the evidence",
        (),
        _always("The revocation status must have been logged after the evidence: an older one says nothing about it."),
        "the only evidence for a changed file was logged after the newest status that was found",
        _newer_than_status,
    ),
    Rule(
        "mirror-at-hand",
        "The mirror of the evidence can be read",
        (),
        _always(
            "The commit that a new mirror of the evidence pins must be at hand, so that its contents can be judged."
        ),
        "the commit that lands at the policy's `mirror` was not fetched, or it holds more than is looked at",
        _mirror_not_at_hand,
    ),
)
