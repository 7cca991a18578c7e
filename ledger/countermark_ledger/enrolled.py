"""Enrolled: who an agent belongs to, by the authority's own logged word.

Layer: ledger core. Does no I/O and reads no clock.
Trust: candidates are hostile; an enrolment counts when the authority of this very trust root signed it. An agent
whose enrolment is not at hand has no known owner, which is never the same as having none: who withholds an
enrolment makes nobody a second person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from .collection import Candidate
from .errors import LedgerError, WrongIdentity, WrongStatement
from .evidence import is_logged, verify_candidate
from .identity import Identity, Kind
from .predicates.enrolment import ENROLMENT_TYPE, ROTATION_TYPE, Enrolment
from .trust import TrustRoot

Owners = Mapping[Identity, AbstractSet[Identity]]
"""Every person whom an enrolment names as owner, by agent; an enrolled agent that belongs to nobody has none."""


def owners(candidates: Iterable[Candidate], agents: AbstractSet[Identity], trust: TrustRoot) -> Owners:
    """Verify the enrolments of these agents, and say who owns them."""
    found: dict[Identity, set[Identity]] = {}
    for candidate in candidates:
        claimed = _read(candidate)
        if claimed is None or claimed.identity not in agents or not is_logged(candidate, trust):
            continue
        try:
            held = _held(candidate, trust)
        except LedgerError:
            continue  # nobody's word about who owns an agent; without any other its owner stays unknown
        found.setdefault(held.identity, set()).update([held.owner] if held.owner else [])
    return found


def _read(candidate: Candidate) -> Enrolment | None:
    if candidate.claims.predicate_type not in (ENROLMENT_TYPE, ROTATION_TYPE):
        return None
    try:
        return Enrolment.parse(candidate.claims)
    except LedgerError:
        return None  # unreadable, so it enrols nobody


def _held(candidate: Candidate, trust: TrustRoot) -> Enrolment:
    verified = verify_candidate(candidate, trust)
    if verified.signer.kind is not Kind.AUTHORITY:
        raise WrongIdentity(f"enrolment: expected the authority as signer, found {verified.signer}")
    enrolled = Enrolment.parse(verified.statement)
    if f"sha256:{enrolled.trust_root_sha256}" != trust.digest:
        raise WrongStatement("enrolment: it is about another trust root")
    return enrolled
