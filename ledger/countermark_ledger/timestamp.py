"""RFC 3161 timestamps: when a signature existed, said by the pinned timestamp authority. A numbered list.

1. STATUS   the authority granted the request
2. SHAPE    CMS SignedData of one signer around a TSTInfo, in DER, and nothing else
3. CHAIN    the pinned signer chains to the pinned root and may do nothing but timestamp
4. SIGNED   its key signed exactly this TSTInfo
5. IMPRINT  the TSTInfo is about our data
6. TIME     the time lies in the life of every certificate

Layer: ledger core, above `cms` and `issuers`. Does no I/O and reads no clock.
Trust: the token is hostile until `verify_timestamp` returns; the chain comes from the pinned trust root. The
certificates inside the token are never believed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from . import der, x509
from .cms import SHA256, SignedData
from .der import NULL, Reader, Tag, sequence
from .errors import BadTimestamp, TooLarge
from .issuers import Issuers, issuers, refuse_unknown, require_valid
from .refusal import refused_as
from .x509 import Certificate

MAX_BYTES = 64 * 1024
TST_INFO = "1.2.840.113549.1.9.16.1.4"
GRANTED = sequence(der.integer(0))
_IMPRINT_ALGORITHMS = {SHA256, sequence(der.oid("2.16.840.1.101.3.4.2.1"), NULL)}
_SIGNS_ONLY = x509.DIGITAL_SIGNATURE | x509.CONTENT_COMMITMENT
_UNDERSTOOD = {x509.KEY_USAGE, x509.EXTENDED_KEY_USAGE, x509.BASIC_CONSTRAINTS}
_NO_AUTHORITY = sequence()


class _Stamp(NamedTuple):
    """What a TSTInfo says that matters here."""

    imprint: bytes
    time: datetime


class PinnedAuthority(NamedTuple):
    """The pinned signer and what stands above it. Everything but the time has been checked."""

    signer: Certificate
    above: Issuers

    def require_valid(self, at: datetime) -> None:
        """Return when every certificate is valid at this time. Raises `BadCertificate`."""
        require_valid(self.signer, at)
        self.above.require_valid(at)


def verify_timestamp(token_der: bytes, *, data: bytes, chain: Sequence[bytes]) -> datetime:
    """Return the UTC time at which `data` existed, by this chain (the authority's leaf first, root last).

    `token_der` is a TimeStampResp. Raises `BadTimestamp`.
    """
    with refused_as(BadTimestamp, "timestamp"):
        signed = _signed_data(token_der)  # 1, 2
        stamp = _stamp(signed)
        authority = pinned_authority(tuple(chain))  # 3
        signed.require_signed_by(authority.signer, chain)  # 4
        if stamp.imprint != hashlib.sha256(data).digest():  # 5
            raise BadTimestamp("timestamp: it is about other data")
        authority.require_valid(stamp.time)  # 6
        return stamp.time


@lru_cache(maxsize=16)
def pinned_authority(chain: tuple[bytes, ...]) -> PinnedAuthority:
    """Check the chain (RFC 3161 2.3), and remember: equal arguments have one answer. Raises a `Forged`."""
    if not chain:
        raise BadTimestamp("timestamp: no authority is pinned")
    signer, above = x509.parse(chain[0]), issuers(chain[1:], x509.TIME_STAMPING)
    above.require_issued(signer)
    refuse_unknown(signer, _UNDERSTOOD)
    constraints = signer.body.extension(x509.BASIC_CONSTRAINTS)
    if constraints is not None and constraints.value != _NO_AUTHORITY:
        raise BadTimestamp("timestamp authority: its certificate may issue certificates")
    if _critical(signer, x509.EXTENDED_KEY_USAGE) != x509.extended_key_usage(x509.TIME_STAMPING):
        raise BadTimestamp("timestamp authority: its certificate is for more than timestamps")
    if x509.key_usage(_critical(signer, x509.KEY_USAGE)) & ~_SIGNS_ONLY:
        raise BadTimestamp("timestamp authority: its key may do more than sign")
    return PinnedAuthority(signer, above)


def _signed_data(token: bytes) -> SignedData:
    if len(token) > MAX_BYTES:
        raise TooLarge(f"expected at most {MAX_BYTES} bytes, found {len(token)}")
    response = der.only(token, Tag.SEQUENCE)
    if response.raw(Tag.SEQUENCE) != GRANTED:
        raise BadTimestamp("timestamp: expected the status granted and no more words, found another one")
    signed = SignedData.parse(response)
    response.finish()
    if signed.content_type != TST_INFO:
        raise BadTimestamp(f"timestamp: expected content of type {TST_INFO}, found {signed.content_type}")
    return signed


def _stamp(signed: SignedData) -> _Stamp:
    """Read a TSTInfo (RFC 3161 2.4.2). Accuracy, ordering, nonce and the authority's name decide nothing."""
    info = der.only(signed.content, Tag.SEQUENCE)
    if info.integer() != 1:
        raise BadTimestamp("timestamp: expected a TSTInfo of version 1")
    info.oid()
    imprint = _imprint(info.enter(Tag.SEQUENCE))
    info.integer()
    time = info.generalized_time()
    info.optional(Tag.SEQUENCE)
    if info.next_is(Tag.BOOLEAN):
        info.boolean()
    if info.next_is(Tag.INTEGER):
        info.integer()
    info.optional(Tag.CONTEXT_0)
    info.finish()
    return _Stamp(imprint, time)


def _imprint(reader: Reader) -> bytes:
    if reader.raw(Tag.SEQUENCE) not in _IMPRINT_ALGORITHMS:
        raise BadTimestamp("timestamp: expected an imprint by SHA-256")
    imprint = reader.read(Tag.OCTET_STRING)
    reader.finish()
    return imprint


def _critical(certificate: Certificate, oid: str) -> bytes:
    extension = certificate.body.extension(oid)
    if extension is None or not extension.critical:
        raise BadTimestamp(f"timestamp authority: expected the critical extension {oid}, found none")
    return extension.value
