"""Consent: what people said about letting something through, and which of it holds.

Layer: ledger core. Does no I/O and reads no clock.
Trust: candidates are hostile. Only what the log took in and what names this repository, a changed path or one of
the two commits is looked at, so junk costs nothing. A statement holds when the person whom it names signed it,
when an SSH signature in it is one, and when the newest status revokes neither person nor key: consent lasts no
longer than the trust in who gave it, so a revocation counts whenever it came. What ends a waiver holds without
any of this but its person's signature: it only ever lets less through. Whether somebody MAY consent is another
question: the policy's (`stands_for`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, assert_never

from . import countersignature, dsse
from .checkpoint import TreeHead
from .collection import Candidate
from .countersignature import READERS, C, Consent
from .errors import LedgerError, TooLarge, WrongIdentity
from .evidence import is_logged, verify_candidate
from .identity import Identity, Kind
from .predicates.approval import Approval
from .predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from .revocation import CurrentStatus, refuse_revoked, refuse_revoked_ever
from .trust import TrustRoot
from .verifier import Verified

MAX_JUDGED = 2_000


@dataclass(frozen=True, slots=True)
class Question:
    """Consent to what: `commits` are the tip and the head, `paths` the changed ones (None: every waiver)."""

    repository_id: str
    paths: AbstractSet[str] | None = None
    commits: AbstractSet[str] = frozenset()


People = Mapping[Identity, AbstractSet[str]]
"""The people whom a policy names, each with the fingerprints of the SSH keys that it lists for them."""


@dataclass(frozen=True, slots=True)
class Said(Generic[C]):
    """What somebody said and it holds. `name` is the sha256 of what was signed, `signed` its timestamp (UTC).

    `key` is the fingerprint of the SSH key that signed it too, None without such a signature.
    """

    name: str
    what: C
    signed: datetime
    log_index: int
    key: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """What somebody said and it does not hold, and why. `what` is a claim."""

    name: str
    what: Consent
    error: LedgerError


@dataclass(slots=True)
class Consents:
    """Approvals, and the three statements of each waiver by the name of its request; in log order, each once.

    `heads` has, by statement, the oldest head of the log that proves it; `judged` are the bundles looked at.
    """

    approvals: list[Said[Approval]] = field(default_factory=list)
    requests: dict[str, Said[WaiverRequest]] = field(default_factory=dict)
    waiver_approvals: dict[str, list[Said[WaiverApproval]]] = field(default_factory=dict)
    waiver_revocations: dict[str, list[Said[WaiverRevocation]]] = field(default_factory=dict)
    refusals: list[Refused] = field(default_factory=list)
    heads: dict[str, TreeHead] = field(default_factory=dict)
    judged: list[str] = field(default_factory=list)


def stands_for(said: Said[C], people: People) -> str | None:
    """Say why somebody's consent is none under a policy; None when it is.

    Where the policy lists SSH keys for a person, one of them must have signed: a certificate can be had by whoever
    holds the authority's keys.
    """
    person = said.what.person
    if person not in people:
        return f"{person} is not named by the policy at the tip"
    if people[person] and said.key not in people[person]:
        return f"no SSH key that the policy lists for {person} signed it"
    return None


def judge(candidates: Iterable[Candidate], question: Question, current: CurrentStatus, trust: TrustRoot) -> Consents:
    """Verify what the question needs. Raises `TooLarge` when that is more than `MAX_JUDGED` logged statements."""
    read = [(one, said) for one in candidates if (said := _read(one)) is not None]
    wanted = {_name(one) for one, said in read if isinstance(said, WaiverRequest) and _is_asked(said, question)}
    needed = [(one, said) for one, said in read if _is_needed(one, said, wanted, question) and is_logged(one, trust)]
    if len(needed) > MAX_JUDGED:
        raise TooLarge(f"consent: expected at most {MAX_JUDGED} statements for one change, found {len(needed)}")
    consents = Consents(judged=[one.name for one, _ in needed])
    for candidate, said in sorted(needed, key=_log_index):
        try:
            verified, key = _hold(candidate, said, current, trust)
        except LedgerError as error:
            consents.refusals.append(Refused(_name(candidate), said, error))
        else:
            _keep(consents, said, verified, key)
    return consents


def _read(candidate: Candidate) -> Consent | None:
    reader = READERS.get(candidate.claims.predicate_type)
    try:
        return None if reader is None else reader(candidate.claims)
    except LedgerError:
        return None  # what nobody can read (an expiry that is no time) asks for nothing and allows nothing


def _name(candidate: Candidate) -> str:
    return dsse.name_of(candidate.claims.encode())


def _is_asked(request: WaiverRequest, question: Question) -> bool:
    here = request.repository_id == question.repository_id
    return here and (question.paths is None or request.path in question.paths)


def _is_needed(candidate: Candidate, said: Consent, wanted: AbstractSet[str], question: Question) -> bool:
    match said:
        case Approval():
            about = {said.tip, said.head} & question.commits
            return said.repository_id == question.repository_id and bool(about)
        case WaiverRequest():
            return _name(candidate) in wanted
        case WaiverApproval() | WaiverRevocation():
            return said.request in wanted
        case _:
            assert_never(said)


def _log_index(needed: tuple[Candidate, Consent]) -> int:
    bundle = needed[0].bundle
    return -1 if bundle is None else bundle.entry.log_index


def _hold(candidate: Candidate, said: Consent, current: CurrentStatus, trust: TrustRoot) -> tuple[Verified, str | None]:
    """Verify one statement; return it, and the fingerprint of the SSH key that signed it too."""
    verified = verify_candidate(candidate, trust)
    if verified.signer != said.person or said.person.kind is not Kind.PERSON:
        raise WrongIdentity(f"signer: expected person {said.person}, found {verified.signer}")
    if isinstance(said, WaiverRevocation):
        return verified, None
    key = countersignature.verify(said)
    refuse_revoked(verified, (), current)
    refuse_revoked_ever(verified.signer, key.fingerprint if key else verified.key_sha256, current)
    return verified, key.fingerprint if key else None


def _keep(consents: Consents, said: Consent, verified: Verified, key: str | None) -> None:
    known = consents.heads.get(verified.pae_sha256, verified.head)
    consents.heads[verified.pae_sha256] = min(known, verified.head, key=lambda head: head.size)
    match said:
        case Approval():
            _add(consents.approvals, _said(said, verified, key))
        case WaiverRequest():
            consents.requests.setdefault(verified.pae_sha256, _said(said, verified, key))
        case WaiverApproval():
            _add(consents.waiver_approvals.setdefault(said.request, []), _said(said, verified, key))
        case WaiverRevocation():
            _add(consents.waiver_revocations.setdefault(said.request, []), _said(said, verified, key))
        case _:
            assert_never(said)


def _said(what: C, verified: Verified, key: str | None) -> Said[C]:
    return Said(verified.pae_sha256, what, verified.signed, verified.log_index, key)


def _add(known: list[Said[C]], said: Said[C]) -> None:
    """Keep the first of each name: the same words logged again say nothing new."""
    if all(one.name != said.name for one in known):
        known.append(said)
