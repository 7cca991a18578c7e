"""Revocation: what the newest status says of a verified statement, at an evaluation time.

Layer: ledger core. Does no I/O and reads no clock: the evaluation time is an argument.
Trust: a status is a verified statement by the authority of this very trust root; the newest from all sources
wins. A signer's own clock decides nothing: a revocation holds from a time OR a log index, whichever bites.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from .errors import Revoked, StatusExpired, WrongIdentity, WrongStatement
from .identity import Identity, Kind
from .predicates.status import Revocation, RevokedKind, Status
from .trust import TrustRoot
from .verifier import Verified

CLOCK_SLACK = timedelta(minutes=5)
"""How far a reader's clock may lie behind the authority's; beyond, an old clock would revive an expired status."""
RENEW_HINT = "countermark status renew"
FETCH_HINT = "git fetch origin '+refs/countermark/bundles:refs/countermark/bundles'"
"""A ledger has had a status since `init`: where none is found, the evidence was not fetched."""


@dataclass(frozen=True, slots=True)
class CurrentStatus:
    """The newest status and where it stands in the log."""

    status: Status
    log_index: int
    name: str


def status_of(verified: Verified, trust: TrustRoot) -> CurrentStatus:
    """Read a verified statement as a status of this trust root; raise when it is another's word."""
    if verified.signer.kind is not Kind.AUTHORITY:
        raise WrongIdentity(f"status: expected the authority as signer, found {verified.signer}")
    status = Status.parse(verified.statement)
    if f"sha256:{status.trust_root_sha256}" != trust.digest:
        raise WrongStatement("status: it is about another trust root")
    return CurrentStatus(status, verified.log_index, verified.name)


def newest(found: Iterable[CurrentStatus], *, at: datetime, seen: int = 0) -> CurrentStatus:
    """Choose the newest status; raise `StatusExpired` when there is none, it is past due, or older than one `seen`."""
    ranked = sorted(found, key=lambda one: (one.status.number, one.log_index))
    if not ranked:
        raise StatusExpired("status: expected a signed status, found none", hint=FETCH_HINT)
    current = ranked[-1]
    if current.status.number < seen:
        raise StatusExpired(
            f"status: number {seen} was seen before, the newest found here is {current.status.number}",
            hint="countermark bundles fetch",
        )
    if current.status.issued - at > CLOCK_SLACK:
        raise StatusExpired(
            f"clock: it says {at.isoformat(timespec='seconds')}, "
            f"the newest status is from {current.status.issued.isoformat()}",
            hint="date -u",
        )
    if at > current.status.next_update:
        due = current.status.next_update.isoformat()
        raise StatusExpired(f"status: a newer one was due by {due}", hint=RENEW_HINT)
    return current


def refuse_revoked(verified: Verified, names: Iterable[tuple[RevokedKind, str]], current: CurrentStatus) -> None:
    """Raise `Revoked` when the status names the signer, its key, or one of `names` (session, models, image) in time.

    What has no session, as a claim has none, is one by itself: it is named by the sha256 of what was signed.
    Also refuses evidence that is newer than the status: an older status can't clear it.
    """
    if verified.log_index > current.log_index:
        raise StatusExpired(
            f"status: it stands at log index {current.log_index}, the evidence at {verified.log_index}",
            hint=RENEW_HINT,
        )
    own = (RevokedKind.SESSION, verified.pae_sha256)
    accused = {(RevokedKind.IDENTITY, str(verified.signer)), (RevokedKind.KEY, verified.key_sha256), own, *names}
    for entry in current.status.revocations:
        bites = verified.signed >= entry.from_time or verified.log_index >= entry.from_log_index
        if (entry.kind, entry.value) in accused and bites:
            raise _revoked(entry)


def refuse_revoked_ever(signer: Identity, key: str, current: CurrentStatus) -> None:
    """Raise `Revoked` when the status names a commit's signer or key (its fingerprint), from whenever on.

    A signed commit has the time its author chose, and no place in the log: nothing shows that it came before.
    """
    for entry in current.status.revocations:
        if (entry.kind, entry.value) in {(RevokedKind.IDENTITY, str(signer)), (RevokedKind.KEY, key)}:
            raise _revoked(entry)


def _revoked(entry: Revocation) -> Revoked:
    return Revoked(f"{entry.kind} {entry.value} is revoked since {entry.from_time.isoformat()}: {entry.reason}")
