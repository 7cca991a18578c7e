"""Verdicts on record: which of those that a collection claims to hold are about a landing, and hold.

Trust: bundles are hostile; a verdict counts when it verifies against the pinned trust root, was signed by the gate
that it names, and the newest status revokes neither that gate nor anything that it rested on. Whether a policy names
the gate, and whether it was decided under that policy, is asked by whoever knows the landing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from countermark_ledger import dsse
from countermark_ledger.account import Account, read_account
from countermark_ledger.branch import branch_of
from countermark_ledger.checkpoint import TreeHead
from countermark_ledger.collection import Candidate, Collection
from countermark_ledger.errors import LedgerError, StatusExpired, WrongIdentity
from countermark_ledger.evidence import accused, current_status, verify_candidate
from countermark_ledger.identity import Kind
from countermark_ledger.predicates.verdict import PREDICATE_TYPE, Outcome, Verdict
from countermark_ledger.revocation import CurrentStatus, refuse_revoked
from countermark_ledger.trust import TrustRoot
from countermark_ledger.verifier import Verified

FETCH_HINT = "countermark bundles fetch"


class Claimed(NamedTuple):
    """What a candidate says, which nobody has verified."""

    candidate: Candidate
    verdict: Verdict


class Recorded(NamedTuple):
    """A verdict that holds. `name` is its bundle's; `head` the log's head that proves it; `signed` is UTC."""

    verdict: Verdict
    name: str
    signed: datetime
    log_index: int
    head: TreeHead


class Pinned(NamedTuple):
    """Whose verdicts, and where they count: one repository, one branch, one trust root."""

    repository_id: str
    protected_ref: str
    trust: TrustRoot


@dataclass(slots=True)
class Verdicts:
    """Every claimed verdict about one branch, by the landing tree (git's id) that it is about.

    `statements` gives what verdicts rested on; it is asked at most once, and only when something is revoked at all.
    """

    pinned: Pinned
    status: CurrentStatus
    by_tree: Mapping[str, Sequence[Claimed]]
    statements: Callable[[], Collection]
    _by_name: dict[str, list[Candidate]] | None = field(default=None, init=False)

    @classmethod
    def of(
        cls, collection: Collection, pinned: Pinned, *, at: datetime, seen: int, statements: Callable[[], Collection]
    ) -> Verdicts:
        """Read what is claimed. `at` is UTC, `seen` the highest status number known. Raises `StatusExpired`."""
        current, _ = current_status(collection, pinned.trust, at=at, seen=seen)
        return replace(cls.under(collection, pinned, current), statements=statements)

    @classmethod
    def under(cls, collection: Collection, pinned: Pinned, status: CurrentStatus) -> Verdicts:
        """Read what is claimed, to be held under a status that is known already."""
        by_tree: dict[str, list[Claimed]] = {}
        for candidate in collection.candidates.values():
            claimed = _read(candidate)
            if claimed is not None and _is_here(claimed, pinned):
                by_tree.setdefault(claimed.binding.landing_tree, []).append(Claimed(candidate, claimed))
        return cls(pinned, status, by_tree, lambda: collection)

    def about(self, tree: str) -> list[Claimed]:
        """List the claimed verdicts about a landing tree, those that say PASSED first."""
        return sorted(self.by_tree.get(tree, ()), key=lambda one: one.verdict.outcome is not Outcome.PASSED)

    def hold(self, claimed: Claimed) -> Recorded:
        """Verify a verdict and that its gate is trusted still; raise `Revoked`, `StatusExpired` or why it is none."""
        verified = verify_candidate(claimed.candidate, self.pinned.trust)
        if verified.signer != claimed.verdict.gate or verified.signer.kind is not Kind.GATE:
            raise WrongIdentity(f"verdict: expected gate {claimed.verdict.gate} as signer, found {verified.signer}")
        refuse_revoked(verified, (), self.status)
        return _recorded(claimed.verdict, verified)

    def refuse_suspect(self, recorded: Recorded) -> None:
        """Raise `Revoked` when something that a verdict rested on was revoked since, as if it were judged today."""
        if not self.status.status.revocations:
            return
        verdict = recorded.verdict
        for name in sorted({*verdict.binding.consumed, *verdict.waivers, *verdict.approvals}):
            verified, account = self._statement(name)
            refuse_revoked(verified, accused(account) if account else (), self.status)

    def _statement(self, name: str) -> tuple[Verified, Account | None]:
        for candidate in self._named().get(name, ()):
            try:
                return verify_candidate(candidate, self.pinned.trust), read_account(candidate)
            except LedgerError:
                continue  # junk under the same payload: the next one may hold, and with none left this refuses
        message = f"statement {name[:12]}: what a verdict rested on is not at hand, and something was revoked"
        raise StatusExpired(message, hint=FETCH_HINT)

    def _named(self) -> Mapping[str, Sequence[Candidate]]:
        if self._by_name is None:
            self._by_name = {}
            for one in self.statements().candidates.values():
                if one.bundle is not None:
                    self._by_name.setdefault(dsse.name_of(one.bundle.envelope.payload), []).append(one)
        return self._by_name


def _read(candidate: Candidate) -> Verdict | None:
    if candidate.claims.predicate_type != PREDICATE_TYPE:
        return None
    try:
        return Verdict.parse(candidate.claims)
    except LedgerError:
        return None  # what can't be read says nothing about any landing


def _is_here(claimed: Verdict, pinned: Pinned) -> bool:
    here = claimed.binding.repository_id == pinned.repository_id
    return here and branch_of(claimed.binding.protected_ref) == branch_of(pinned.protected_ref)


def _recorded(verdict: Verdict, verified: Verified) -> Recorded:
    return Recorded(verdict, verified.name, verified.signed, verified.log_index, verified.head)
