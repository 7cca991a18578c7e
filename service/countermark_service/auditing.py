"""What landed on a protected ref, step by step along its first parents, and which verdict let it.

A landing is the pair (tree of the first parent, tree of the commit). A verdict answers for it when it was decided for
exactly that pair, on that parent or an older commit with only the same tree since, or for the very commit from an
older one on (a push of several commits): so neither an old tree that passed once, nor the same change landed again
after a revert, is let through by what was decided the first time. Where something in between had landed on its own,
what was decided for the merge of it all is no push that there was.

A history is from before the policy only where no verdict knows better: a merge whose first parent is from before may
have the whole protected branch behind its second one.

Trust: commits, trees and the policies in them are re-hashed; verdicts are verified (`verdicts`). git does not record
which commits were tips: a step within a push that passed is said to be just that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate, chain, pairwise
from typing import NamedTuple

from countermark_ledger.errors import LedgerError, Revoked, StatusExpired, WrongObject
from countermark_ledger.git.reader import Repository
from countermark_ledger.predicates.verdict import Outcome
from countermark_service.exits import Exit
from countermark_service.first_parents import MAX_LINE
from countermark_service.gate.policy import Mode, Policy
from countermark_service.gate.recording import MERGED
from countermark_service.past_policies import CHUNK, PastPolicies
from countermark_service.verdicts import FETCH_HINT, Claimed, Recorded, Verdicts


class Kind(StrEnum):
    """How a landing came about."""

    PASSED = "passed"
    WAIVED = "waived"
    OBSERVED = "observed"
    WITHIN = "within"
    UNCHANGED = "unchanged"
    BEFORE_POLICY = "before-policy"
    REFUSED = "refused"
    GAP = "gap"
    SUSPECT = "suspect"
    INCONCLUSIVE = "inconclusive"
    FORGED = "forged"


CODE = {
    Kind.REFUSED: Exit.UNACCOUNTED,
    Kind.GAP: Exit.UNACCOUNTED,
    Kind.SUSPECT: Exit.REVOKED,
    Kind.INCONCLUSIVE: Exit.INCONCLUSIVE,
    Kind.FORGED: Exit.FORGED,
}
"""What a landing of a kind makes an audit answer; the kinds that are not here are none to complain of."""


NO_POLICY = "the policy had been taken away, or can't be read"
SWAPPED = "which is behind this merge and no first parent of it: another history was put in its place"
_LET = {Kind.PASSED, Kind.WAIVED}


class Landed(NamedTuple):
    """One step of the first-parent history. `parent` is None for the first commit there is."""

    commit: str
    parent: str | None
    kind: Kind
    reason: str = ""
    hint: str | None = None
    verdict: Recorded | None = None

    @property
    def known_good(self) -> bool:
        """Tell whether a verdict that is trusted to this day let exactly this land."""
        return self.kind in _LET


def landings(repository: Repository, line: Sequence[str], verdicts: Verdicts) -> Iterator[Landed]:
    """Judge each step of a line, newest first and one at a time; its last commit is where it begins, and no step.

    Unless that commit has no parent: then all of it is new.
    """
    audit = _Audit(repository, line, verdicts)
    for at, commit in enumerate(line):
        if at + 1 < len(line):
            yield audit.judge(at)
        elif not repository.commit(commit).parents:
            yield Landed(commit, None, Kind.BEFORE_POLICY, "the first commit")


@dataclass(slots=True)
class _Found:
    """What claimed verdicts came to: the first of each kind that there is to report, and why others do not count."""

    by_kind: dict[Kind, tuple[str, Recorded | None]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: Kind, reason: str, recorded: Recorded | None = None) -> None:
        self.by_kind.setdefault(kind, (reason, recorded))


_BY_WEIGHT = (
    *(Kind.PASSED, Kind.WAIVED, Kind.SUSPECT, Kind.REFUSED, Kind.OBSERVED, Kind.INCONCLUSIVE),
    *(Kind.UNCHANGED, Kind.WITHIN, Kind.BEFORE_POLICY, Kind.FORGED, Kind.GAP),
)
"""Which of several answers is the one: a verdict that holds, then what needs none, then junk, then nothing at all."""


class _Audit:
    """One walk. `runs` numbers stretches of one and the same tree; positions count from the newest commit."""

    def __init__(self, repository: Repository, line: Sequence[str], verdicts: Verdicts) -> None:
        self._repository, self._line, self._verdicts = repository, line, verdicts
        self._trees = [repository.commit(commit).tree for commit in line]
        changed = (newer != older for newer, older in pairwise(self._trees))
        self._runs = list(accumulate(changed, initial=0))
        self._positions = {commit: at for at, commit in enumerate(line)}
        self._policies = PastPolicies(repository)
        self._within = 0
        self._alone: dict[tuple[int, str], bool] = {}
        self._strays = self._astray()

    def judge(self, at: int) -> Landed:
        """Answer for the step from the commit at `at + 1` to the one at `at`."""
        if at % CHUNK == 0:
            part = self._trees[at : at + CHUNK + 1]
            self._policies.read_ahead(part)
            self._repository.read_below({tree for tree in part if tree in self._verdicts.by_tree})
        found = _Found()
        for claimed in self._verdicts.about(self._trees[at]):
            self._weigh(claimed, at, found)
            if _LET & found.by_kind.keys():
                break
        self._without_verdict(at, found)
        kind = next(kind for kind in _BY_WEIGHT if kind in found.by_kind)
        reason, recorded = found.by_kind[kind]
        commit, parent = self._line[at], self._line[at + 1]
        return Landed(commit, parent, kind, reason, _hint(kind, commit, parent), recorded)

    def _weigh(self, claimed: Claimed, at: int, found: _Found) -> None:
        """Add what one claimed verdict says of a step, if it is about that step at all."""
        binding = claimed.verdict.binding
        tip = self._positions.get(binding.tip, -1)
        exact = self._is_exact(claimed, at)
        if not exact and not (tip > at and binding.head == self._line[at]):
            return
        if not exact and (own := self._landed_alone(at, tip, binding.merge_method)):
            found.notes.append(f"a verdict from before {own[:12]} landed on its own")
            return
        policy = self._policies.at(self._trees[tip])
        if policy is None or (objection := _objection(claimed, policy)):
            found.notes.append(NO_POLICY if policy is None else objection)
            return
        try:
            kind, reason, recorded = self._held(claimed, policy, self._trees[at])
        except Revoked as error:
            found.add(Kind.SUSPECT, error.message)
        except StatusExpired as error:
            found.add(Kind.INCONCLUSIVE, error.message)
        except LedgerError as error:
            found.add(Kind.FORGED, error.message)
        else:
            found.add(kind, reason, recorded)
            if kind in _LET:
                self._within = max(self._within, tip)

    def _is_exact(self, claimed: Claimed, at: int) -> bool:
        """Tell whether a verdict about this tree was decided on what was there just before."""
        tip = self._positions.get(claimed.verdict.binding.tip, -1)
        return tip > at and self._runs[tip] == self._runs[at + 1]

    def _landed_alone(self, at: int, tip: int, method: str) -> str | None:
        """Name a commit between two positions that was a tip: a verdict of its own let exactly it land.

        What was pushed may have been offered alone before; so beside a push, another push's verdict says that it was.
        """
        return next((self._line[between] for between in range(at + 1, tip) if self._is_let(between, method)), None)

    def _is_let(self, at: int, method: str) -> bool:
        if (at, method) not in self._alone:
            passed = (one for one in self._verdicts.about(self._trees[at]) if one.verdict.outcome is Outcome.PASSED)
            about = (one for one in passed if method in {MERGED, one.verdict.binding.merge_method})
            self._alone[at, method] = any(self._is_exact(one, at) and self._counts(one) for one in about)
        return self._alone[at, method]

    def _counts(self, claimed: Claimed) -> bool:
        """Tell whether a gate of the policy at a verdict's tip signed it, whatever was revoked since."""
        policy = self._policies.at(self._repository.commit(claimed.verdict.binding.tip).tree)
        if policy is None or _objection(claimed, policy):
            return False
        try:
            self._verdicts.hold(claimed)
        except (Revoked, StatusExpired):
            return True  # what is asked with this only ever lets less through
        except LedgerError:
            return False
        return True

    def _left_behind(self, at: int) -> str | None:
        """Name a tip of the protected ref, as a verdict says, that came in by another parent of a merge."""
        if not self._strays or len(self._repository.commit(self._line[at]).parents) == 1:
            return None
        brought = self._repository.between(self._line[at + 1], self._line[at], MAX_LINE)
        known = (one for commit in brought for one in self._strays.get(commit, ()))
        return next((one.verdict.binding.tip for one in known if self._counts(one)), None)

    def _astray(self) -> dict[str, list[Claimed]]:
        """List the claimed verdicts whose tip is none of the line's commits, by that tip."""
        found: dict[str, list[Claimed]] = {}
        for one in chain.from_iterable(self._verdicts.by_tree.values()):
            if one.verdict.binding.tip not in self._positions:
                found.setdefault(one.verdict.binding.tip, []).append(one)
        return found

    def _held(self, claimed: Claimed, policy: Policy, tree: str) -> tuple[Kind, str, Recorded]:
        recorded = self._verdicts.hold(claimed)
        verdict = recorded.verdict
        if verdict.binding.listing_sha256 != self._repository.listing_sha256(tree):
            raise WrongObject(f"tree {tree}: expected the files that the verdict is about, found others")
        if verdict.outcome is Outcome.PASSED:
            self._verdicts.refuse_suspect(recorded)
            used = len(verdict.waivers)
            return (Kind.WAIVED, f"{used} waivers used", recorded) if used else (Kind.PASSED, "", recorded)
        kind = Kind.OBSERVED if policy.mode is Mode.OBSERVE else Kind.REFUSED
        return kind, f"{verdict.outcome} by {verdict.gate}: {'; '.join(verdict.reasons)}", recorded

    def _without_verdict(self, at: int, found: _Found) -> None:
        """Add what a step is when no verdict says."""
        if self._runs[at] == self._runs[at + 1]:
            found.add(Kind.UNCHANGED, "nothing differs from the commit before")
        if at < self._within:
            found.add(Kind.WITHIN, "a step within a push that passed as a whole")
        if self._policies.at(self._trees[at + 1]) is None:
            left = self._left_behind(at)
            if left is None and not self._policies.ever(self._line[at + 1]):
                found.add(Kind.BEFORE_POLICY, "no policy had landed")
            found.notes.append(NO_POLICY if left is None else f"the branch was at {left[:12]}, {SWAPPED}")
        found.add(Kind.GAP, "; ".join(dict.fromkeys(found.notes)) or "no verdict is about this landing")


def _hint(kind: Kind, commit: str, parent: str) -> str | None:
    """Name the command that mends a step: decide on it now, fetch what says better, or take it back."""
    match kind:
        case Kind.GAP | Kind.REFUSED:
            return f"countermark gate --tip {parent} --head {commit} --landed"
        case Kind.FORGED | Kind.INCONCLUSIVE:
            return FETCH_HINT
        case Kind.SUSPECT:
            return f"countermark rollback --commit {commit}"
        case _:
            return None


def _objection(claimed: Claimed, policy: Policy) -> str:
    """Say why a verdict does not count where this policy was in force, or nothing."""
    if str(claimed.verdict.gate) not in policy.gates:
        return f"a verdict by {claimed.verdict.gate}, which the policy does not name"
    if claimed.verdict.policy_sha256 != policy.sha256:
        return "a verdict under another policy"
    return ""
