"""Approvals: how many people a change needs who had no hand in it, and who of those that approved is one.

Trust: asks nobody but the case: the policy at the tip, and verified facts. An approval is one of exactly this
landing on exactly this tip; an author, an operator, an owner of an agent or whoever may be one of them is none.
Approvals of other changes are nobody's business here, and passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from countermark_ledger.actors import Actors, actors
from countermark_ledger.branch import branch_of
from countermark_ledger.consent import Said, stands_for
from countermark_ledger.errors import LedgerError
from countermark_ledger.identity import Identity
from countermark_ledger.predicates.approval import Approval
from countermark_service.gate.case import Case
from countermark_service.gate.consents import ConsentSeen
from countermark_service.gate.input import Subject


@dataclass(frozen=True, slots=True)
class Approvals:
    """How many are `required`, which of those at hand are `counted`, and why the others are not.

    `acted` are the people who had a hand in the change, as far as they are known.
    """

    required: int
    counted: tuple[Said[Approval], ...] = ()
    objections: tuple[str, ...] = ()
    acted: frozenset[Identity] = frozenset()


NONE_ASKED = Approvals(0)


def approvals(case: Case) -> Approvals:
    """Weigh the approvals of a change; where no step could say anything of them, none counts."""
    required, seen, testimony = _required(case), case.input.consent, case.input.testimony
    if seen is None or testimony is None:
        return Approvals(required)
    behind, people = actors(case.rows, testimony, seen.owners), case.policy.signers
    counted: list[Said[Approval]] = []
    objections = [f"an approval by {one.person} does not hold: {error.message}" for one, error in _refused(seen, case)]
    for one in [one for one in seen.consents.approvals if _is_about(one.what, case.input.subject)]:
        objection = _objection(one, case, behind) or stands_for(one, people) or _repeated(one, counted)
        if objection is None:
            counted.append(one)
        else:
            objections.append(objection)
    acted = behind.authors | behind.operators
    return Approvals(required, tuple(counted), tuple(sorted(set(objections))), acted)


def _required(case: Case) -> int:
    """Give the most that any changed path asks for."""
    return max([case.policy.approvals_for(path) for path in case.changed()], default=case.policy.approvals)


def _refused(seen: ConsentSeen, case: Case) -> Iterator[tuple[Approval, LedgerError]]:
    for one in seen.consents.refusals:
        if isinstance(one.what, Approval) and _is_about(one.what, case.input.subject):
            yield one.what, one.error


def _objection(one: Said[Approval], case: Case, behind: Actors) -> str | None:
    person = one.what.person
    if not _is_of_this(one.what, case.input.subject):
        return f"{person} approved something else: another tip, or another tree than what would land now"
    if person in behind.authors:
        return f"{person} approved it and signed some of it"
    if person in behind.operators:
        return f"{person} approved it and is behind an agent that signed some of it"
    if behind.unknown:
        return f"who is behind agent {min(map(str, behind.unknown))} is not known, so nobody is a second person"
    if case.let_pass:
        return f"nobody answers for {len(case.let_pass)} files of it, so nobody is a second person"
    return None


def _is_about(approval: Approval, subject: Subject) -> bool:
    """Tell whether an approval is of this change, be it on another tip than it would land on now."""
    return approval.head == subject.head or _is_of_this(approval, subject)


def _is_of_this(approval: Approval, subject: Subject) -> bool:
    """Compare what decides: the head may be a merge's by the time it has landed, the tree is the same."""
    named = (approval.repository_id, branch_of(approval.protected_ref), approval.tip, approval.listing_sha256)
    return named == (subject.repository_id, branch_of(subject.protected_ref), subject.tip, subject.listing_sha256)


def _repeated(one: Said[Approval], counted: list[Said[Approval]]) -> str | None:
    """Say that this is nobody new: a person counts once, and so does an SSH key."""
    person = one.what.person
    if any(person == known.what.person or (one.key is not None and one.key == known.key) for known in counted):
        return f"{person} approved it more than once, or with a key that counts already"
    return None
