"""Countersignatures: an SSH signature inside a statement of consent, under a key that its person alone holds.

Layer: ledger core. Imports nothing of ours but `errors`, `sshsig` and the predicates; does no I/O.
Trust: whoever holds the authority's keys can get a certificate in anybody's name, and on one machine that is
every program of its user. None of them can sign under the SSH key of another person. Which keys are a
person's is the word of the policy at the protected tip, never of the statement.

What is signed is the statement itself, in its one spelling, with `sshSignature` null: so also its predicate
type, and no signature serves for two kinds of statement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias, TypeVar

from . import predicates, sshsig
from .predicates.approval import Approval
from .predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from .sshsig import PublicKey
from .statement import Statement

NAMESPACE = "countermark.dev/consent"
Consent: TypeAlias = Approval | WaiverRequest | WaiverApproval | WaiverRevocation
C = TypeVar("C", Approval, WaiverRequest, WaiverApproval, WaiverRevocation)
READERS: dict[str, Callable[[Statement], Consent]] = {
    predicates.APPROVAL: Approval.parse,
    predicates.WAIVER_REQUEST: WaiverRequest.parse,
    predicates.WAIVER_APPROVAL: WaiverApproval.parse,
    predicates.WAIVER_REVOCATION: WaiverRevocation.parse,
}
"""Every kind of consent, by the type of its predicate."""


def message(consent: Consent) -> bytes:
    """Spell what the person's SSH key signs."""
    return replace(consent, signature=None).statement().encode()


def countersigned(consent: C, armored: str) -> C:
    """Put an armored signature over `message` into a statement."""
    return replace(consent, signature=armored)


def verify(consent: Consent) -> PublicKey | None:
    """Return the key that signed a statement too, None where it holds no such signature; whose it is, policies say.

    Raises `BadSignature`, `Malformed` or `UnsafeKey` for a signature that does not hold.
    """
    if consent.signature is None:
        return None
    armored = consent.signature.encode("utf-8")
    key = PublicKey.parse(sshsig.Signature.parse(armored).public_key)
    return sshsig.verify(armored, message=message(consent), namespace=NAMESPACE, allowed=[key])
