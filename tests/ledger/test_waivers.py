"""What a waiver is worth: every state, every boundary, and every way to be one's own second person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.consent import People, Said
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.predicates.status import Revocation, RevokedKind, Status
from countermark_ledger.predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from countermark_ledger.uses import Count, Counted, Uncounted
from countermark_ledger.waivers import (
    Active,
    Approved,
    Exhausted,
    Expired,
    Facts,
    Proposed,
    Refused,
    Revoked,
    State,
    Unknown,
    describe,
    revoked_by,
    state_of,
    word_of,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
NAME, OTHER_NAME = "f" * 64, "0" * 64
AGENT = Identity("forge.example", Kind.AGENT, "builder")
ANNA, BERT, CARL, OWEN, EVE = (
    Identity("forge.example", Kind.PERSON, name) for name in ("anna", "bert", "carl", "owen", "eve")
)
ASKED = WaiverRequest("repository-1", "a.py", NAME, None, None, AGENT, ANNA, "why", 3, None, NOW + 30 * DAY, None)


def approved(
    by: Identity = BERT, *, at: datetime = NOW - DAY, request: str = NAME, key: str | None = None
) -> Said[WaiverApproval]:
    return Said(NAME, WaiverApproval(request, by), at, 6, key)


def ended(by: Identity, *, at: datetime = NOW - DAY, request: str = NAME) -> Said[WaiverRevocation]:
    return Said(NAME, WaiverRevocation(request, by, "fixed"), at, 7, None)


def named(*people: Identity, **keys: str) -> People:
    """The people whom the policy names; a keyword lists an SSH key for the person of that name."""
    return {person: {keys[person.name]} if person.name in keys else set() for person in people}


def facts(**other: object) -> Facts:
    known = {"people": named(ANNA, BERT, CARL, OWEN), "behind": {OWEN}, "max_days": 90, "revoked": {}}
    return Facts(**{"at": NOW, "used": Counted(frozenset()), **known, **other})


def judge(
    asked: WaiverRequest = ASKED,
    *,
    approvals: Sequence[Said[WaiverApproval]] | None = None,
    revocations: Sequence[Said[WaiverRevocation]] = (),
    key: str | None = None,
    **other: object,
) -> State:
    request = Said(NAME, asked, NOW - DAY, 5, key)
    return state_of(request, [approved()] if approvals is None else approvals, revocations, facts(**other))


# --- the life of a waiver ---------------------------------------------------------------------------


def test_what_another_person_approved_is_active_until_it_expires() -> None:
    assert judge() == Active(BERT, NOW + 30 * DAY, None)


def test_what_nobody_approved_is_proposed() -> None:
    assert judge(approvals=()) == Proposed("nobody has approved it")


def test_it_is_in_force_from_the_second_that_was_asked_for() -> None:
    later = replace(ASKED, not_before=NOW + SECOND)
    assert judge(later) == Approved(BERT, NOW + SECOND)
    assert judge(later, at=NOW + SECOND) == Active(BERT, ASKED.expires, None)


def test_it_expires_at_the_second_that_was_asked_for() -> None:
    assert judge(at=ASKED.expires - SECOND) == Active(BERT, ASKED.expires, None)
    assert judge(at=ASKED.expires) == Expired(ASKED.expires)
    assert judge(replace(ASKED, expires=NOW - SECOND)) == Expired(NOW - SECOND)


def test_a_waiver_that_expires_before_it_begins_is_never_in_force() -> None:
    backwards = replace(ASKED, not_before=NOW + 40 * DAY)
    states = [judge(backwards, at=NOW + days * DAY) for days in (0, 29, 31, 41)]
    assert [word_of(state) for state in states] == ["approved", "approved", "expired", "expired"]


def test_the_first_approval_that_counts_is_enough() -> None:
    assert judge(approvals=[approved(EVE), approved(CARL), approved(BERT)]) == Active(CARL, ASKED.expires, None)


# --- who may ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("approver", "why"),
    [
        pytest.param(ANNA, "asked for it and approved it", id="requester-is-approver"),
        pytest.param(OWEN, "is behind agent", id="approver-is-owner-of-the-bot"),
        pytest.param(EVE, "is not named by the policy", id="approver-whom-the-policy-does-not-name"),
        pytest.param(AGENT, "is not named by the policy", id="approver-is-the-agent"),
    ],
)
def test_an_approval_by_who_is_no_second_person_does_not_count(approver: Identity, why: str) -> None:
    state = judge(approvals=[approved(approver)])
    assert isinstance(state, Proposed)
    assert why in state.reason


def test_one_ssh_key_under_two_names_is_one_person() -> None:
    state = judge(approvals=[approved(key="SHA256:same")], key="SHA256:same")
    assert state == Proposed("one SSH key asked for it and approved it: SHA256:same")
    assert isinstance(judge(approvals=[approved(key="SHA256:other")], key="SHA256:same"), Active)


def test_where_the_policy_lists_ssh_keys_requester_and_approver_signed_with_theirs() -> None:
    people = named(ANNA, BERT, anna="SHA256:anna", bert="SHA256:bert")
    assert isinstance(judge(approvals=[approved(key="SHA256:bert")], key="SHA256:anna", people=people), Active)
    state = judge(approvals=[approved()], key="SHA256:anna", people=people)
    assert state == Proposed(
        f"it was approved by nobody who may: no SSH key that the policy lists for {BERT} signed it"
    )
    state = judge(approvals=[approved(key="SHA256:bert")], key="SHA256:bert", people=people)
    assert state == Refused(
        f"it was asked for by nobody who may: no SSH key that the policy lists for {ANNA} signed it"
    )


@pytest.mark.parametrize(
    ("other", "why"),
    [
        pytest.param({"behind": {ANNA, OWEN}}, "is behind agent", id="requester-is-operator"),
        pytest.param(
            {"people": named(BERT)}, "is not named by the policy", id="requester-whom-the-policy-does-not-name"
        ),
        pytest.param({"behind": set()}, "is not known", id="operator-unknown"),
    ],
)
def test_a_request_that_nobody_could_approve_is_refused(other: dict[str, object], why: str) -> None:
    state = judge(**other)
    assert isinstance(state, Refused)
    assert why in state.reason


def test_an_approval_of_another_waiver_is_none_of_this() -> None:
    assert judge(approvals=[approved(request=OTHER_NAME)]) == Proposed("nobody has approved it")


@pytest.mark.parametrize(("seconds", "active"), [(300, True), (301, False)])
def test_an_approval_from_after_the_time_to_decide_at_does_not_count(seconds: int, *, active: bool) -> None:
    state = judge(approvals=[approved(at=NOW + seconds * SECOND)])
    assert isinstance(state, Active if active else Proposed)


# --- for how long -----------------------------------------------------------------------------------


def test_it_may_last_as_many_days_as_the_policy_says_and_not_a_second_more() -> None:
    lasts = replace(ASKED, expires=NOW + 90 * DAY)
    assert isinstance(judge(lasts, approvals=[approved(at=NOW)]), Active)
    state = judge(replace(lasts, expires=lasts.expires + SECOND), approvals=[approved(at=NOW)])
    assert state == Proposed("it would hold for 90 days, the policy allows 90")


def test_days_are_counted_from_where_it_begins() -> None:
    later = replace(ASKED, not_before=NOW + 100 * DAY, expires=NOW + 130 * DAY)
    assert isinstance(judge(later), Approved)
    early = replace(later, not_before=NOW - 100 * DAY)
    assert isinstance(judge(early), Proposed)


def test_a_policy_that_allows_no_day_allows_no_waiver_and_one_that_allows_all_does_not_overflow() -> None:
    assert isinstance(judge(max_days=0), Proposed)
    forever = replace(ASKED, expires=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert isinstance(judge(forever), Proposed)
    assert isinstance(judge(forever, max_days=2**53 - 1), Active)


# --- how often --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trees", "landing", "state"),
    [
        pytest.param((), None, Active(BERT, ASKED.expires, 2), id="never"),
        pytest.param(("a",), "b", Active(BERT, ASKED.expires, 1), id="once"),
        pytest.param(("a", "b"), "c", Exhausted(2), id="as-often-as-asked-for"),
        pytest.param(("a", "b"), "b", Active(BERT, ASKED.expires, 1), id="the-same-tree-again"),
        pytest.param(("a", "b", "c"), "c", Exhausted(2), id="more-often-than-asked-for"),
    ],
)
def test_uses_are_counted_by_landing_tree(trees: tuple[str, ...], landing: str | None, state: State) -> None:
    assert judge(replace(ASKED, uses=2), used=Counted(frozenset(trees)), landing=landing) == state


def test_no_use_at_all_is_exhausted_from_the_first() -> None:
    assert judge(replace(ASKED, uses=0)) == Exhausted(0)


def test_uses_that_nobody_could_count_are_unknown_and_not_zero() -> None:
    state = judge(replace(ASKED, uses=2), used=Uncounted("entry 4 is not at hand"))
    assert state == Unknown("how often it was used is not known: entry 4 is not at hand")


def test_a_waiver_for_any_number_of_uses_needs_no_count() -> None:
    assert isinstance(judge(used=Uncounted("nobody asked")), Active)


def test_a_request_that_lies_about_the_log_so_that_uses_are_counted_from_later_is_refused() -> None:
    assert isinstance(judge(replace(ASKED, log_size=5)), Active)
    state = judge(replace(ASKED, log_size=6))
    assert state == Refused("it says that the log had 6 entries, and is itself entry 5")


# --- the end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", [ANNA, BERT, CARL])
def test_any_person_of_the_policy_ends_it_alone(person: Identity) -> None:
    state = judge(revocations=[ended(person)])
    assert isinstance(state, Revoked)
    assert str(person) in state.reason


def test_who_asked_for_it_ends_it_even_when_the_policy_forgot_them() -> None:
    assert isinstance(judge(revocations=[ended(ANNA)], people=named(BERT)), Revoked)


@pytest.mark.parametrize(
    "revocation", [ended(EVE), ended(BERT, request=OTHER_NAME), ended(BERT, at=NOW + timedelta(minutes=6))]
)
def test_what_ends_something_else_or_later_does_not_end_it_now(revocation: Said[WaiverRevocation]) -> None:
    assert isinstance(judge(revocations=[revocation]), Active)


def test_a_revocation_in_the_status_holds_when_the_statement_is_withheld() -> None:
    entry = Revocation(RevokedKind.WAIVER, NAME, NOW, 8, "fixed")
    others = (replace(entry, value=OTHER_NAME), replace(entry, kind=RevokedKind.SESSION))
    status = Status("0" * 64, 1, 9, NOW, NOW + 7 * DAY, (*others, entry))
    state = judge(revoked=revoked_by(status))
    assert state == Revoked("by the status since 2026-11-20T12:00:00Z: fixed")
    assert isinstance(judge(revoked=revoked_by(replace(status, revocations=others))), Active)


def test_the_end_comes_before_every_other_word() -> None:
    assert isinstance(judge(revocations=[ended(ANNA)], at=ASKED.expires, approvals=(), behind=set()), Revoked)


# --- in words ---------------------------------------------------------------------------------------

STATES = [
    (Proposed("r"), "proposed: r"),
    (Approved(BERT, NOW), f"approved by {BERT}, in force from 2026-11-20T12:00:00Z"),
    (Active(BERT, NOW, None), f"active until 2026-11-20T12:00:00Z, approved by {BERT}"),
    (Active(BERT, NOW, 2), f"active until 2026-11-20T12:00:00Z, for 2 more landings, approved by {BERT}"),
    (Expired(NOW), "expired since 2026-11-20T12:00:00Z"),
    (Revoked("r"), "revoked: r"),
    (Exhausted(3), "exhausted: used 3 times"),
    (Refused("r"), "refused: r"),
    (Unknown("r"), "unknown: r"),
]


@pytest.mark.parametrize(("state", "words"), STATES)
def test_a_state_is_said_in_one_line(state: State, words: str) -> None:
    assert describe(state) == words
    assert words.startswith(word_of(state))


# --- nothing makes it better ------------------------------------------------------------------------

whoever = st.sampled_from([ANNA, BERT, CARL, OWEN, EVE, AGENT])
moments = st.integers(-200, 200).map(lambda days: NOW + days * DAY)


@given(
    st.lists(st.builds(approved, whoever, at=moments), max_size=4),
    st.lists(st.builds(ended, whoever, at=moments), max_size=2),
    moments,
    st.frozensets(whoever).map(lambda some: named(*some)),
    st.frozensets(whoever),
    st.sampled_from([Counted(frozenset()), Uncounted("withheld")]),
)
def test_whatever_is_said_it_is_active_only_between_three_different_people(
    approvals: list[Said[WaiverApproval]],
    revocations: list[Said[WaiverRevocation]],
    at: datetime,
    people: People,
    behind: frozenset[Identity],
    used: Count,
) -> None:
    asked = replace(ASKED, uses=1)
    state = judge(asked, approvals=approvals, revocations=revocations, at=at, people=people, behind=behind, used=used)
    if not isinstance(state, Active):
        return
    assert isinstance(used, Counted)
    assert behind
    assert {ANNA, state.approver} <= people.keys()
    assert len({ANNA, state.approver} | behind) == 2 + len(behind)
    assert at < asked.expires
    assert not [one for one in revocations if one.what.person in people.keys() | {ANNA} and one.signed <= at]
