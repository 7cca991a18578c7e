"""The timestamp authority (RFC 3161): says that some bytes existed at a time the caller gives.

Layer: ledger, authority side, above `cms` and `timestamp`. Does no I/O and reads no clock; serials are random.
Trust: whoever holds the key can lie about time, for tokens made from then on; revocation therefore also holds
from a log index (FORMATS.md section 3).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from .. import cms, der, x509
from ..der import Tag, octet_string, sequence, set_of
from ..errors import UnsafeKey
from ..public_key import ECDSA_SHA256
from ..timestamp import GRANTED, TST_INFO, pinned_authority
from .keys import Signer

POLICY = "1.3.6.1.4.1.57264.2"  # Sigstore's timestamping policy
_SIGNING_TIME = "1.2.840.113549.1.9.5"
_SERIAL_BITS = 127


class TimestampAuthority:
    """A key that only timestamps. `chain` is its certificate first and its root last, DER."""

    def __init__(self, *, signer: Signer, chain: Sequence[bytes]) -> None:
        self.chain = tuple(chain)
        self._certificate = x509.parse(self.chain[0])
        if self._certificate.body.spki != signer.spki:
            raise UnsafeKey("timestamp authority: its key and certificate are not a pair")
        self._signer = signer

    def timestamp(self, data: bytes, *, at: datetime, nonce: int | None = None) -> bytes:
        """Return a DER TimeStampResp over the data, at `at` cut to the second, with the request's nonce."""
        pinned_authority(self.chain).require_valid(at)
        info = _info(hashlib.sha256(data).digest(), at, nonce)
        attributes = self._attributes(info, at)
        signature = self._signer.sign(set_of(*attributes))
        return sequence(GRANTED, _content_info(cms.SIGNED_DATA, self._signed_data(info, attributes, signature)))

    def _attributes(self, info: bytes, at: datetime) -> list[bytes]:
        own = octet_string(hashlib.sha256(self._certificate.der).digest())
        return [
            _attribute(cms.CONTENT_TYPE, der.oid(TST_INFO)),
            _attribute(_SIGNING_TIME, der.utc_time(at)),
            _attribute(cms.MESSAGE_DIGEST, octet_string(hashlib.sha256(info).digest())),
            _attribute(cms.SIGNING_CERTIFICATE_V2, sequence(sequence(sequence(own)))),
        ]

    def _signed_data(self, info: bytes, attributes: list[bytes], signature: bytes) -> bytes:
        body = self._certificate.body
        signer = sequence(
            der.integer(1),
            sequence(body.issuer, der.integer(body.serial)),
            cms.SHA256,
            der.tlv(Tag.CONTEXT_0, *sorted(attributes)),
            ECDSA_SHA256,
            octet_string(signature),
        )
        return sequence(
            der.integer(3),
            set_of(cms.SHA256),
            _content_info(TST_INFO, octet_string(info)),
            der.tlv(Tag.CONTEXT_0, self._certificate.der),
            set_of(signer),
        )


def _info(imprint: bytes, at: datetime, nonce: int | None = None) -> bytes:
    return sequence(
        der.integer(1),
        der.oid(POLICY),
        sequence(cms.SHA256, octet_string(imprint)),
        der.integer(secrets.randbits(_SERIAL_BITS) + 1),
        der.generalized_time(at),
        b"" if nonce is None else der.integer(nonce),
    )


def _content_info(content_type: str, content: bytes) -> bytes:
    return sequence(der.oid(content_type), der.tlv(Tag.CONTEXT_0, content))


def _attribute(oid: str, value: bytes) -> bytes:
    return sequence(der.oid(oid), set_of(value))
