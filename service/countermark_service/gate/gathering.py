"""Steps 3 to 5, up to the answer: what there is to know of the paths that differ, and of what was signed with them.

A statement that a chain could use may speak of paths that do not differ. Where something else than its result is
there, whoever led that on has to be known too, so collecting goes round again with those paths. In the common change
there are none, and nothing is read twice.

Trust: sources are hostile. Going round ends: what would take it further is left out, as if nobody had offered it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain
from typing import NamedTuple

from countermark_ledger import wholeness
from countermark_ledger.branch import branch_of
from countermark_ledger.collection import Collection
from countermark_ledger.coverage import Landing
from countermark_ledger.errors import TooLarge
from countermark_ledger.evidence import Evidence, Question, judge
from countermark_ledger.git.change import LandingChange, nodes_at
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.node import Node
from countermark_service.gate.commits import add_commits
from countermark_service.gate.facts import Root
from countermark_service.gate.landing import landing
from countermark_service.sources import LedgerSource, Source

MAX_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is asked about: one change, at a time (UTC), with the highest status number that was ever seen."""

    repository: Repository
    change: LandingChange
    root: Root
    sources: tuple[Source, ...]
    at: datetime
    seen_status: int

    def collected(self, paths: AbstractSet[str], known: Gathered | None) -> Collection:
        """Ask every source about the paths; where none has an index, all that there is came with the first answer."""
        if known is not None and not any(isinstance(source, LedgerSource) for source in self.sources):
            return known.collection
        return Collection.of(chain.from_iterable(source(paths) for source in self.sources))


class Gathered(NamedTuple):
    """What there is to know: all that was collected, what of it holds, and what git says of the landing."""

    collection: Collection
    evidence: Evidence
    landing: Landing


class _Row(NamedTuple):
    """A row of a group, and what is there instead of its result."""

    group: str
    path: str
    there: Node | Oversized | None


Look = Callable[[Mapping[str, Node | None], Gathered | None], Gathered]
Matter = Callable[[Landing, Evidence], set[str]]
There = Callable[[Sequence[str]], Mapping[str, Node | Oversized | None]]


def gather(inquiry: Inquiry, step: Callable[[str], None]) -> Gathered:
    """Collect and verify what the answer can turn on. Raises what collecting, verifying and the reader raise."""
    change = inquiry.change
    here = {row.path for row in change.change.transitions} | change.refused.keys()
    there = partial(nodes_at, inquiry.repository, change.tree)
    return settle(partial(_look, inquiry, step), wholeness.needed, here, there)


def settle(look: Look, matter: Matter, here: AbstractSet[str], there: There) -> Gathered:
    """Look again, with more paths, until nothing that matters leads any further.

    `matter` names the groups that must be whole; `here` are the paths that differ, `there` gives what is at others;
    `look` is given those among them where that is not what was signed, and what it found before.
    """
    found = look({}, None)
    astray = _astray(found, matter, here, there)
    for _ in range(MAX_ROUNDS):
        still = {row.path: row.there for row in astray if not isinstance(row.there, Oversized)}
        if still.keys() <= found.landing.still.keys():
            break
        try:
            found = look({**found.landing.still, **still}, found)
        except TooLarge:
            break  # whoever logs too much about other paths costs those an answer whose statements lead there
        astray = _astray(found, matter, here, there)
    found.evidence.drop({row.group for row in astray if row.path not in found.landing.still})
    return found


def _look(
    inquiry: Inquiry, step: Callable[[str], None], still: Mapping[str, Node | None], known: Gathered | None
) -> Gathered:
    root, change = inquiry.root, inquiry.change
    paths = {row.path for row in change.change.transitions} | still.keys()
    step("3/8 collecting bundles")
    collection = inquiry.collected(paths, known)  # 3
    step("4/8 verifying evidence")
    branch = branch_of(root.protected_ref)
    question = Question(paths, root.repository_id, inquiry.at, root.policy.gates, inquiry.seen_status, branch)
    evidence = judge(collection, question, root.trust)  # 4
    step("5/8 binding evidence to what would land")
    add_commits(inquiry.repository, change, root, collection, evidence, paths)
    distance = root.policy.max_base_distance
    return Gathered(collection, evidence, landing(inquiry.repository, change, evidence, distance, still))


def _astray(found: Gathered, matter: Matter, here: AbstractSet[str], there: There) -> list[_Row]:
    """List the rows of what matters whose paths do not differ, and have something else than was signed."""
    groups = matter(found.landing, found.evidence)
    others = [row for row in _results(found.evidence, groups) if row[1] not in here]
    nodes = there(sorted({path for _, path, _ in others})) if others else {}
    return [_Row(group, path, nodes[path]) for group, path, result in others if nodes[path] != result]


def _results(evidence: Evidence, groups: AbstractSet[str]) -> Iterator[tuple[str, str, Node | None]]:
    for source in (*evidence.accounts, *evidence.commits):
        if (group := evidence.group(source)) in groups:
            yield from ((group, path, result) for path, result in evidence.results(source).items())
