"""Evidence: which candidates of a collection hold, for the paths of one change.

Layer: ledger core. Does no I/O and reads no clock: the evaluation time is an argument.
Trust: candidates are hostile. Only those that name a needed row are judged, so junk costs nothing; one that
fails is remembered against the rows it named and never defeats one that holds. Where there are many, only what
the log took in is looked at closely: who may push files but not log entries can't wear a reader down.

DESIGN.md section 2, steps 3 to 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from .account import Account, damaged_paths, read_account
from .branch import branch_of
from .chain import Edge
from .checkpoint import TreeHead
from .collection import Candidate, Collection
from .errors import (
    Forged,
    LedgerError,
    Malformed,
    Revoked,
    StatusExpired,
    TooLarge,
    WrongEntry,
    WrongIdentity,
    WrongStatement,
)
from .identity import Identity, Kind
from .node import Node
from .predicates import rows, status, verdict
from .predicates.claim import Claim
from .predicates.generation import Generation
from .predicates.status import RevokedKind
from .predicates.verdict import Outcome, Verdict
from .revocation import CurrentStatus, newest, refuse_revoked, status_of
from .statement import Subject
from .testimony import Testimony, Word
from .trust import TrustRoot
from .verifier import Verified, verify_logged, verify_parsed

MAX_JUDGED = 5_000
MAX_SAID = 3
"""So many statements that do not count are named for one path."""


@dataclass(frozen=True, slots=True)
class Question:
    """What evidence is needed for: these paths, in this repository, at this time (UTC).

    `seen_status` is the highest status number this reader ever saw; `gates` the identities whose verdicts count;
    `branch` the only one (`branch_of`) that statements may be signed towards, None for any.
    """

    paths: AbstractSet[str]
    repository_id: str
    at: datetime
    gates: AbstractSet[str] = frozenset()
    seen_status: int = 0
    branch: str | None = None


@dataclass(slots=True)
class Evidence(Testimony):
    """What held and what did not, and what it all rests on.

    `heads` has, by statement (and by the status's own name), the oldest head that proves it: a later one may lack
    its consistency proof. `accounts` are the statements that answer for rows, whole. `revoked` has, by path, what was
    signed and is genuine, and does not count since its signer or a model was revoked: only to say who signed what last.
    `commits` has, by source, every path of a signed commit with the node that it made there.
    """

    status: CurrentStatus = field(kw_only=True)
    accounts: dict[str, Account] = field(default_factory=dict)
    revoked: dict[str, list[tuple[Edge, datetime | None]]] = field(default_factory=dict)
    commits: dict[str, dict[str, Node | None]] = field(default_factory=dict)
    heads: dict[str, TreeHead] = field(default_factory=dict)
    judged: list[str] = field(default_factory=list)

    def results(self, source: str) -> Mapping[str, Node | None]:
        """Give every path of a source, also those that nobody asked about, with the node that it made there."""
        account = self.accounts.get(source)
        if account is None:
            return self.commits.get(source, {})
        return {row.path: row.after for row in account.part.rows.transitions}

    def drop(self, groups: AbstractSet[str]) -> None:
        """Forget the rows of groups, as if nobody had offered them."""
        for path, edges in self.edges.items() if groups else ():
            self.edges[path] = [edge for edge in edges if self.group(edge.source) not in groups]


def judge(collection: Collection, question: Question, trust: TrustRoot) -> Evidence:
    """Verify what the question needs. Raises `StatusExpired` without a fresh status, `TooLarge` beyond the cap."""
    claimed = {candidate.name: read_account(candidate) for candidate in collection.candidates.values()}
    needed = _needed(collection, claimed, question)
    if len(needed) > MAX_JUDGED:
        needed = [(candidate, account) for candidate, account in needed if is_logged(candidate, trust)]
    if len(needed) > MAX_JUDGED:
        raise TooLarge(f"evidence: expected at most {MAX_JUDGED} bundles for one change, found {len(needed)}")
    current, head = current_status(collection, trust, at=question.at, seen=question.seen_status)
    evidence = Evidence(status=current, heads={current.name: head}, judged=[current.name])
    held = [one for candidate in needed if (one := _hold(candidate, evidence, question, trust)) is not None]
    for group in _groups(held):
        _take_group(group, evidence, question)
    _take_damaged((collection.candidates[name] for name, account in claimed.items() if not account), evidence, question)
    _say_elsewhere(collection, claimed, evidence, question, trust)
    evidence.consumed = _consumed(collection, {verified.pae_sha256 for verified, _ in held}, evidence, question, trust)
    return evidence


def verify_candidate(candidate: Candidate, trust: TrustRoot) -> Verified:
    """Verify a candidate under any of the certificate proofs found for it; raise the last refusal."""
    bundle = candidate.bundle
    if candidate.altered or bundle is None:
        raise WrongEntry(f"bundle {candidate.name[:12]}: its bytes are not the ones its name promises")
    refusal: LedgerError = Malformed(f"bundle {candidate.name[:12]}: expected a certificate proof, found none")
    for proof in candidate.certificate_proofs:
        try:
            return verify_parsed(candidate.name, bundle, candidate.claims, certificate_proof=proof, trust=trust)
        except LedgerError as error:
            refusal = error
    raise refusal


def _needed(
    collection: Collection, claimed: Mapping[str, Account | None], question: Question
) -> list[tuple[Candidate, Account]]:
    """Candidates with a row on a needed path, and the other parts of the same changes."""
    accounts = [(collection.candidates[name], account) for name, account in claimed.items() if account is not None]
    here = [(c, a) for c, a in accounts if a.target.repository_id == question.repository_id and _is_here(a, question)]
    changes = {
        account.part.changes_sha256
        for _, account in here
        if any(row.path in question.paths for row in account.part.rows.transitions)
    }
    return [(c, a) for c, a in here if a.part.changes_sha256 in changes]


def _is_here(account: Account, question: Question) -> bool:
    return question.branch in (None, branch_of(account.target.protected_ref))


def _say_elsewhere(
    collection: Collection,
    claimed: Mapping[str, Account | None],
    evidence: Evidence,
    question: Question,
    trust: TrustRoot,
) -> None:
    """Remember what was signed for another branch, so that nobody wonders why it does not count."""
    for name, account in claimed.items():
        if account is None or account.target.repository_id != question.repository_id or _is_here(account, question):
            continue
        paths = [row.path for row in account.part.rows.transitions if row.path in question.paths]
        silent = [path for path in paths if len(evidence.unusable.get(path, ())) < MAX_SAID]
        if silent and is_logged(collection.candidates[name], trust):
            said = WrongStatement(f"statement {name[:12]} was signed towards {account.target.protected_ref}")
            for path in silent:
                evidence.unusable.setdefault(path, []).append(said)


def current_status(
    collection: Collection, trust: TrustRoot, *, at: datetime, seen: int
) -> tuple[CurrentStatus, TreeHead]:
    """Find the newest status and the oldest head that proves it. Raises `StatusExpired` as `newest` does.

    Looks from the highest claimed number down, so that one verification is enough.
    """
    claimed = [c for c in collection.candidates.values() if c.claims.predicate_type == status.PREDICATE_TYPE]
    found: list[tuple[CurrentStatus, TreeHead]] = []
    for candidate in sorted(claimed, key=_claimed_number, reverse=True):
        if found and _claimed_number(candidate) < found[0][0].status.number:
            break
        if not is_logged(candidate, trust):
            continue
        try:
            verified = verify_candidate(candidate, trust)
            found.append((status_of(verified, trust), verified.head))
        except LedgerError:
            continue  # a status that does not hold is nobody's word; with none left, `newest` refuses
    current = newest((one for one, _ in found), at=at, seen=seen)
    return current, min((head for one, head in found if one.log_index == current.log_index), key=lambda h: h.size)


def _claimed_number(candidate: Candidate) -> int:
    number = candidate.claims.predicate.get("number")
    return number if isinstance(number, int) else -1


def is_logged(candidate: Candidate, trust: TrustRoot) -> bool:
    """Tell whether a candidate is worth a closer look; nothing is believed for being logged."""
    if candidate.altered or candidate.bundle is None:
        return False
    with suppress(LedgerError):
        verify_logged(candidate.bundle, trust)
        return True
    return False


def _keep_oldest(verified: Verified, evidence: Evidence) -> None:
    known = evidence.heads.get(verified.pae_sha256, verified.head)
    evidence.heads[verified.pae_sha256] = min(known, verified.head, key=lambda head: head.size)


def _hold(
    needed: tuple[Candidate, Account], evidence: Evidence, question: Question, trust: TrustRoot
) -> tuple[Verified, Account] | None:
    """Verify one candidate and ask the status about it; a refusal is kept against the rows it named."""
    candidate, account = needed
    evidence.judged.append(candidate.name)
    try:
        verified = verify_candidate(candidate, trust)
        _check_signer(verified, account)
    except LedgerError as error:
        _refuse(account, error, evidence, question)
        return None
    if not _stands(verified, account, evidence, question):
        return None
    _keep_oldest(verified, evidence)
    return verified, account


def _stands(verified: Verified, account: Account, evidence: Evidence, question: Question) -> bool:
    """Ask the status about a genuine statement; what it revokes is kept too, to say who signed what last."""
    try:
        refuse_revoked(verified, accused(account), evidence.status)
    except LedgerError as error:
        _refuse(account, error, evidence, question)
        for path, edge in _edges(verified, account, question) if isinstance(error, Revoked) else ():
            evidence.revoked.setdefault(path, []).append((edge, verified.signed))
        return False
    return True


def _check_signer(verified: Verified, account: Account) -> None:
    """A generation is signed by its agent, a claim by its person; nobody speaks for another."""
    expected, kind = (account.agent, Kind.AGENT) if isinstance(account, Generation) else (account.person, Kind.PERSON)
    if verified.signer != expected or expected.kind is not kind:
        raise WrongIdentity(f"signer: expected {kind} {expected}, found {verified.signer}")


def accused(account: Account) -> list[tuple[RevokedKind, str]]:
    """Name what else a revocation could hit: the session, models by either id, and the image."""
    if isinstance(account, Claim):
        return []
    models = {name for model in account.models for name in (model.requested_id, model.returned_id) if name}
    image = account.session.image_digest
    named = [(RevokedKind.SESSION, account.session.id), *((RevokedKind.MODEL, name) for name in sorted(models))]
    return [*named, (RevokedKind.IMAGE, image)] if image else named


def _refuse(account: Account, error: LedgerError, evidence: Evidence, question: Question) -> None:
    for row in account.part.rows.transitions:
        if row.path in question.paths:
            evidence.refusals.setdefault(row.path, []).append(error)


def _take_damaged(unreadable: Iterable[Candidate], evidence: Evidence, question: Question) -> None:
    """Remember the needed rows that a statement names which contradicts itself: altered, and not merely missing."""
    for candidate in unreadable:
        for path in damaged_paths(candidate, question.repository_id) & question.paths:
            evidence.refusals.setdefault(path, []).append(_damage(candidate))


def _damage(candidate: Candidate) -> LedgerError:
    if candidate.altered:
        return WrongEntry(f"bundle {candidate.name[:12]}: it was altered, its bytes are not the ones its name promises")
    return WrongStatement(f"bundle {candidate.name[:12]}: its statement contradicts itself")


def _groups(held: Iterable[tuple[Verified, Account]]) -> list[list[tuple[Verified, Account]]]:
    """Put the parts of one signer's one change together; they count only together."""
    groups: dict[tuple[Identity, str, str, int], list[tuple[Verified, Account]]] = {}
    for verified, account in held:
        session = account.session.id if isinstance(account, Generation) else account.target.base_commit
        key = (verified.signer, session, account.part.changes_sha256, account.part.of)
        groups.setdefault(key, []).append((verified, account))
    return list(groups.values())


def _take_group(group: list[tuple[Verified, Account]], evidence: Evidence, question: Question) -> None:
    try:
        rows.join([account.part for _, account in group])
    except Forged as error:
        for _, account in group:
            _refuse(account, error, evidence, question)
        return
    first = min(verified.pae_sha256 for verified, _ in group)
    for verified, account in group:
        if account.part.of > 1:
            evidence.parts[verified.pae_sha256] = first
        evidence.accounts[verified.pae_sha256] = account
        evidence.words[verified.pae_sha256] = Word.of(account, verified.signed)
        for path, edge in _edges(verified, account, question):
            evidence.edges.setdefault(path, []).append(edge)


def _edges(verified: Verified, account: Account, question: Question) -> Iterator[tuple[str, Edge]]:
    base = account.target.base_commit
    for row in account.part.rows.transitions:
        if row.path in question.paths:
            yield row.path, Edge(row.before, row.after, verified.signer, verified.pae_sha256, base, verified.log_index)


def _consumed(
    collection: Collection, names: AbstractSet[str], evidence: Evidence, question: Question, trust: TrustRoot
) -> dict[str, set[str]]:
    """Find which of these statements a PASSED verdict of a known gate used up (whether it landed, git tells)."""
    consumed: dict[str, set[str]] = {}
    for candidate in collection.candidates.values():
        claimed = _claimed_verdict(candidate, names)
        if claimed is None or not is_logged(candidate, trust):
            continue
        try:
            verified = verify_candidate(candidate, trust)
            with suppress(StatusExpired):  # a verdict newer than the status may use up, it never covers
                refuse_revoked(verified, (), evidence.status)
        except LedgerError:
            continue  # nobody's verdict consumes nothing
        if verified.signer == claimed.gate and str(claimed.gate) in question.gates:
            for name in claimed.binding.consumed:
                consumed.setdefault(name, set()).add(claimed.binding.landing_tree)
    return consumed


def _claimed_verdict(candidate: Candidate, names: AbstractSet[str]) -> Verdict | None:
    """Read a PASSED verdict that says it used up one of these statements; most are about others', and not read."""
    claims = candidate.claims
    if claims.predicate_type != verdict.PREDICATE_TYPE or not names & set(_texts(claims.subjects[0])):
        return None
    try:
        claimed = Verdict.parse(claims)
    except LedgerError:
        return None  # an unreadable verdict consumes nothing
    return claimed if claimed.outcome is Outcome.PASSED else None


def _texts(subject: Subject) -> list[str]:
    said = subject.annotations.get("statementsConsumed")
    return [name for name in said if isinstance(name, str)] if isinstance(said, list) else []
