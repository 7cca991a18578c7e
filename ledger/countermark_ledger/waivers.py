"""Waivers: what one is worth now. The one place that decides it, for the gate, for `waiver list` and for reports.

    proposed -> approved -> active -> expired | revoked | exhausted        or refused: it can never hold

Layer: ledger core. Does no I/O and reads no clock: the time to decide at is an argument.
Trust: the statements hold (`consent`); what the policy says of people and days was read at the protected tip. A
statement counts from the time that the authority stamped on it, never from one that its signer chose. What is
not known (who is behind the agent, how often it was used) is never taken for the better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from . import shape
from .consent import People, Said, stands_for
from .identity import Identity
from .predicates.status import RevokedKind, Status
from .predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from .revocation import CLOCK_SLACK
from .uses import Count, Counted, Uncounted

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a waiver is judged against, at a time (UTC).

    `people` are whom the policy names with their SSH keys, `behind` the owners and operators of the waiver's agent
    (nobody: it is not known who they are), `revoked` why the newest status ends waivers, by their names, and
    `landing` the tree that is judged now, which is no further use.
    """

    at: datetime
    people: People
    behind: AbstractSet[Identity]
    max_days: int
    revoked: Mapping[str, str]
    used: Count
    landing: str | None = None


@dataclass(frozen=True, slots=True)
class Proposed:
    """Asked for, and nobody who counts has approved it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Approved:
    """Approved, and not in force before `begins`."""

    approver: Identity
    begins: datetime


@dataclass(frozen=True, slots=True)
class Active:
    """In force until `until`, for `left` more landing trees (None: any number)."""

    approver: Identity
    until: datetime
    left: int | None


@dataclass(frozen=True, slots=True)
class Expired:
    """In force no more, or never, since a time."""

    since: datetime


@dataclass(frozen=True, slots=True)
class Revoked:
    """Ended before its time."""

    reason: str


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Used as often as was asked for."""

    uses: int


@dataclass(frozen=True, slots=True)
class Refused:
    """It can never hold as it was asked for."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Whether it is in force can't be told. This is never active, and never a plain no."""

    reason: str


State: TypeAlias = Proposed | Approved | Active | Expired | Revoked | Exhausted | Refused | Unknown


def state_of(
    request: Said[WaiverRequest],
    approvals: Sequence[Said[WaiverApproval]],
    revocations: Sequence[Said[WaiverRevocation]],
    facts: Facts,
) -> State:
    """Decide what a waiver is worth, from its own three kinds of statement and the facts."""
    asked = request.what
    ended = _ended(request, revocations, facts)
    if ended is not None:
        return Revoked(ended)
    impossible = _impossible(request, facts)
    if impossible is not None:
        return Refused(impossible)
    if facts.at >= asked.expires:
        return Expired(asked.expires)
    objections = [(one, _objection(one, request, facts)) for one in approvals if one.what.request == request.name]
    approval = next((one for one, objection in objections if objection is None), None)
    if approval is None:
        reasons = sorted({objection for _, objection in objections if objection is not None})
        return Proposed("; ".join(reasons) or "nobody has approved it")
    if asked.not_before is not None and facts.at < asked.not_before:
        return Approved(approval.what.approver, asked.not_before)
    return _in_force(asked, approval.what.approver, facts)


def revoked_by(status: Status) -> dict[str, str]:
    """Say why a status ends waivers, by their names: whoever leaves out the revocation itself can't leave this out."""
    return {
        entry.value: f"by the status since {shape.spell_time(entry.from_time)}: {entry.reason}"
        for entry in status.revocations
        if entry.kind is RevokedKind.WAIVER
    }


def word_of(state: State) -> str:
    """Spell the state in one word."""
    return type(state).__name__.lower()


def describe(state: State) -> str:
    """Say the state to a person, in one line."""
    match state:
        case Proposed(reason) | Revoked(reason) | Refused(reason) | Unknown(reason):
            return f"{word_of(state)}: {reason}"
        case Approved(approver, begins):
            return f"approved by {approver}, in force from {shape.spell_time(begins)}"
        case Active(approver, until, left):
            uses = "" if left is None else f", for {left} more landings"
            return f"active until {shape.spell_time(until)}{uses}, approved by {approver}"
        case Expired(since):
            return f"expired since {shape.spell_time(since)}"
        case Exhausted(uses):
            return f"exhausted: used {uses} times"
        case _:
            assert_never(state)


def _ended(request: Said[WaiverRequest], revocations: Sequence[Said[WaiverRevocation]], facts: Facts) -> str | None:
    """Say who ended it: whom the policy names, who asked for it, or the authority in its status."""
    if request.name in facts.revoked:
        return facts.revoked[request.name]
    for one in revocations:
        may = one.what.person in facts.people or one.what.person == request.what.requester
        if one.what.request == request.name and may and one.signed <= facts.at + CLOCK_SLACK:
            return f"by {one.what.person} since {shape.spell_time(one.signed)}: {one.what.reason}"
    return None


def _impossible(request: Said[WaiverRequest], facts: Facts) -> str | None:
    """Say what no approval can mend."""
    asked = request.what
    if not facts.behind:
        return f"who is behind agent {asked.agent} is not known, so nobody is a second person"
    if asked.requester in facts.behind:
        return f"{asked.requester} asked for it and is behind agent {asked.agent}"
    if (objection := stands_for(request, facts.people)) is not None:
        return f"it was asked for by nobody who may: {objection}"
    if asked.log_size > request.log_index:
        return f"it says that the log had {asked.log_size} entries, and is itself entry {request.log_index}"
    return None


def _objection(approval: Said[WaiverApproval], request: Said[WaiverRequest], facts: Facts) -> str | None:
    """Say why an approval does not count, None when it does."""
    approver, asked = approval.what.approver, request.what
    if approver == asked.requester:
        return f"{approver} asked for it and approved it"
    if approval.key is not None and approval.key == request.key:
        return f"one SSH key asked for it and approved it: {approval.key}"
    if approver in facts.behind:
        return f"{approver} approved it and is behind agent {asked.agent}"
    if (objection := stands_for(approval, facts.people)) is not None:
        return f"it was approved by nobody who may: {objection}"
    if approval.signed > facts.at + CLOCK_SLACK:
        return f"{approver} approved it after the time to decide at"
    days = (asked.expires - max(approval.signed, asked.not_before or approval.signed)) / _DAY
    return f"it would hold for {days:.0f} days, the policy allows {facts.max_days}" if days > facts.max_days else None


def _in_force(asked: WaiverRequest, approver: Identity, facts: Facts) -> State:
    if asked.uses is None:
        return Active(approver, asked.expires, None)
    match facts.used:
        case Uncounted(reason):
            return Unknown(f"how often it was used is not known: {reason}")
        case Counted(trees):
            left = asked.uses - len(trees - {facts.landing})
            return Active(approver, asked.expires, left) if left > 0 else Exhausted(asked.uses)
        case _:
            assert_never(facts.used)
