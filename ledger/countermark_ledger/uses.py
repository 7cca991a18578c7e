"""Uses: on how many landing trees a waiver has been used, as far as that can be known.

Layer: ledger core. Does no I/O and reads no clock.
Trust: verdicts come from whoever offers bundles, and each one that is left out would be a use more. So the count
is known only where every entry of the log is at hand, from where the waiver was asked for up to the newest size
that anything at hand proves; otherwise it is `Uncounted`, which is never zero. Who shows an older log altogether
is held by the status: it has a number and an end.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from .collection import Candidate
from .consent import Said
from .errors import LedgerError, Revoked, StatusExpired
from .evidence import verify_candidate
from .predicates import VERDICT
from .predicates.verdict import Outcome, Verdict
from .predicates.waiver import WaiverRequest
from .revocation import CurrentStatus, refuse_revoked
from .trust import TrustRoot
from .verifier import verify_logged

MAX_COUNTED = 50_000
"""Log entries looked through for one answer; beyond, nobody has counted."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The landing trees (git's ids) of every PASSED verdict that used the waiver."""

    trees: frozenset[str]


@dataclass(frozen=True, slots=True)
class Uncounted:
    """How often it was used is not known. This is never zero."""

    reason: str


Count: TypeAlias = Counted | Uncounted


@dataclass(slots=True)
class Entries:
    """The candidates that the log took in, by their place in it, and the newest size that one of them proves."""

    size: int = 0
    at: dict[int, list[Candidate]] = field(default_factory=dict)

    @classmethod
    def of(cls, candidates: Iterable[Candidate], trust: TrustRoot) -> Entries:
        """Look through what was offered; what the log did not take in has no place."""
        entries = cls()
        for candidate in candidates:
            if candidate.bundle is None or candidate.altered:
                continue
            with suppress(LedgerError):  # not in the log, or not proven to be: then its place is empty
                entries.size = max(entries.size, verify_logged(candidate.bundle, trust).size)
                entries.at.setdefault(candidate.bundle.entry.log_index, []).append(candidate)
        return entries

    def gap(self, since: int, size: int) -> str | None:
        """Say what is missing from `since` up to the newest size, `size` or one seen here; None when all is here."""
        newest = max(self.size, size)
        if newest - since > MAX_COUNTED:
            return f"the log has {newest - since} entries since it was asked for, more than are looked through"
        missing = next((index for index in range(since, newest) if index not in self.at), None)
        return None if missing is None else f"entry {missing} of {newest} in the log is not at hand"


@dataclass(frozen=True, slots=True)
class Question:
    """Whose verdicts count: of these gates, about this repository, by this status."""

    repository_id: str
    gates: AbstractSet[str]
    current: CurrentStatus
    trust: TrustRoot


def count(waiver: Said[WaiverRequest], entries: Entries, size: int, question: Question) -> Count:
    """Count the landing trees on which a waiver was used; `size` is the newest known size of the log."""
    since = waiver.what.log_size
    gap = entries.gap(since, size)
    if gap is not None:
        return Uncounted(gap)
    trees = set[str]()
    for index, candidates in entries.at.items():
        claimed = _using(candidates[0], waiver.name, question) if index >= since else None
        try:
            trees |= set() if claimed is None else _tree(claimed, candidates, question)
        except LedgerError as error:
            return Uncounted(f"the verdict at log index {index} can't be verified: {error.message}")
    return Counted(frozenset(trees))


def _using(candidate: Candidate, waiver: str, question: Question) -> Verdict | None:
    """Read a PASSED verdict that names the waiver; all candidates of one place in the log say the same."""
    if candidate.claims.predicate_type != VERDICT:
        return None
    try:
        claimed = Verdict.parse(candidate.claims)
    except LedgerError:
        return None  # another tool's verdict uses no waiver of ours
    passed = claimed.outcome is Outcome.PASSED and claimed.binding.repository_id == question.repository_id
    return claimed if passed and waiver in claimed.waivers else None


def _tree(claimed: Verdict, candidates: list[Candidate], question: Question) -> set[str]:
    """Give the tree of a verdict that a gate of the policy signed, none for another's; raise when nobody can tell."""
    refusals: list[LedgerError] = []
    for candidate in candidates:
        try:
            verified = verify_candidate(candidate, question.trust)
            with suppress(StatusExpired):  # newer than the status: it may use up, it never lets through
                refuse_revoked(verified, (), question.current)
        except Revoked:
            return set()
        except LedgerError as error:
            refusals.append(error)
        else:
            counts = verified.signer == claimed.gate and str(claimed.gate) in question.gates
            return {claimed.binding.landing_tree} if counts else set()
    raise refusals[-1]
