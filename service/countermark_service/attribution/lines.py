"""Who brought each line of files, as the ledger knows it: what `blame` shows, and what goes out to other tools.

Trust: evidence is verified as the gate verifies it, and signed commits count as they count there. An origin says who
accounts for lines and at what level, never that a model wrote them: models are what somebody named, and says who.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import TypeAlias

from countermark_ledger.chain import Edge
from countermark_ledger.collection import Candidate, Collection
from countermark_ledger.errors import LedgerError
from countermark_ledger.evidence import Evidence, Question, judge, verify_candidate
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Kind
from countermark_ledger.predicates.generation import Generation, Model
from countermark_ledger.verifier import Verified
from countermark_service import blame
from countermark_service.blame import Hop, Line
from countermark_service.embedded import Embedded
from countermark_service.gate.root import policy_at, protected
from countermark_service.gate.signers.who import Signers
from countermark_service.history import COMMIT, History, committed, contents_of, histories
from countermark_service.sources import Source

Candidates: TypeAlias = Mapping[tuple[str, int], Sequence[Candidate]]
"""Bundles by the statement that they say they hold: what was signed, and where it stands in the log."""
Told: TypeAlias = Mapping[str, History]

UNACCOUNTED = "unaccounted"
CLAIMED = "claimed"
COMMITTED = "committed"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who brought a line: in words for people, in fields for programs. What is not known is None or empty.

    `statement` names the bundle, or `commit:<id>`; `merged` says that lines of other signers may be among them.
    """

    signer: str | None
    kind: Kind | None
    short: str
    evidence: str
    signed: datetime | None
    statement: str | None
    note: str | None
    session: str | None = None
    models: tuple[Model, ...] = ()
    tags: tuple[str, ...] = ()
    merged: tuple[Edge, ...] = ()


NOBODY = Origin(None, None, "-", UNACCOUNTED, None, None, None)


class Reading:
    """The verified evidence for some paths, laid along their history up to a commit. Make one with `of`."""

    def __init__(
        self, repository: Repository, embedded: Embedded, evidence: Evidence, candidates: Candidates, told: Told
    ) -> None:
        self._repository = repository
        self._trust = embedded.trust
        self._evidence = evidence
        self._candidates = candidates
        self._told = told
        self._names = {row.id: row.name for row in embedded.store.identities()}

    @classmethod
    def of(
        cls,
        repository: Repository,
        embedded: Embedded,
        commit: str,
        paths: Sequence[str],
        sources: Iterable[Source],
    ) -> Reading:
        """Collect and verify what is known of paths as they are at a commit. Raises `StatusExpired` as a gate does."""
        wanted = set(paths)
        collection = Collection.of(chain.from_iterable(source(wanted) for source in sources))
        question = Question(wanted, embedded.config.repository_id, embedded.clock())
        evidence = judge(collection, question, embedded.trust)
        candidates: dict[tuple[str, int], list[Candidate]] = {}
        for candidate in collection.candidates.values():
            candidates.setdefault(_statement(candidate), []).append(candidate)
        told = histories(repository, paths, commit, _signers(repository, embedded.config.protected_ref))
        return cls(repository, embedded, evidence, candidates, told)

    def lines(self, path: str) -> list[Line]:
        """Give each line of a path to the hop that brought it."""
        steps, edges = self._told[path].steps, self._evidence.edges.get(path, [])
        nodes = {step.node for step in steps} | {node for edge in edges for node in (edge.before, edge.after)}
        contents = contents_of(self._repository, (node for node in nodes if node is not None))
        return blame.attribute(blame.hops(steps, edges, contents))

    def not_counted(self, path: str) -> Sequence[LedgerError]:
        """Say which evidence for a path does not hold, and which could not be checked here."""
        return [*self._evidence.refusals.get(path, []), *self._told[path].unread]

    def origin(self, hop: Hop) -> Origin:
        """Say who brought the lines of a hop."""
        edge = hop.edge
        if edge is None:
            return NOBODY
        short, who, kind = self._short(edge), str(edge.signer), edge.signer.kind
        if edge.index is None:
            at = committed(self._repository, edge.source.removeprefix(COMMIT))
            return Origin(who, kind, short, COMMITTED, at, edge.source, None)
        account, signed = self._evidence.accounts[edge.source], self._evidence.words[edge.source].signed
        others = ", ".join(dict.fromkeys(self._short(one) for one in hop.merged))
        note = f"the content in between was never committed: may also be of {others}" if others else None
        origin = Origin(who, kind, short, CLAIMED, signed, self._bundle(edge), note, merged=hop.merged)
        return _with_account(origin, account) if isinstance(account, Generation) else origin

    def _short(self, edge: Edge) -> str:
        return self._names.get(str(edge.signer)) or edge.signer.name

    def _bundle(self, edge: Edge) -> str:
        """Name a bundle that holds a statement: of several that say they do, the first that does."""
        offered = self._candidates[edge.source, -1 if edge.index is None else edge.index]
        return next(verified.name for verified in map(self._verified, offered) if verified is not None)

    def _verified(self, candidate: Candidate) -> Verified | None:
        try:
            return verify_candidate(candidate, self._trust)
        except LedgerError:
            return None  # another bundle of the same statement holds, or there would be no edge


def _with_account(origin: Origin, account: Generation) -> Origin:
    return replace(
        origin,
        evidence=account.evidence.value,
        session=account.session.id,
        models=account.models,
        tags=account.tags,
    )


def _signers(repository: Repository, protected_ref: str) -> Signers:
    """Name whoever the policy at the protected tip names, as the gate would; nobody where there is no policy yet."""
    policy = policy_at(repository, protected_ref)
    if policy is None:
        return Signers((), (), lambda: None)
    return Signers.at(repository, protected(repository, protected_ref)[1], policy.people, policy.bots)


def _statement(candidate: Candidate) -> tuple[str, int]:
    """Name a statement as an edge does: what was signed, and where it stands in the log."""
    bundle = candidate.bundle
    if bundle is None:
        return candidate.name, -1
    return hashlib.sha256(bundle.envelope.pae()).hexdigest(), bundle.entry.log_index
