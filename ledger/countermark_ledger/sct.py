"""The embedded certificate timestamp (RFC 6962): the promise that a certificate is in the certificate log.

Layer: ledger core, above `x509`. Does no I/O and reads no clock.
Trust: the certificate is hostile; the issuer's key and the timestamp key are pinned.

The bytes the promise signs are the certificate-log entry itself (MerkleTreeLeaf, section 3.4), so whoever
checks the promise holds the entry, and our verifier asks for the proof that the log kept it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from . import der, x509
from .der import Tag
from .errors import BadCertificateTimestamp, Malformed
from .public_key import ECDSA_SHA256, PublicKey
from .refusal import refused_as

_V1_LEAF = b"\x00\x00"  # version v1; leaf type and signature type share the number 0
_PRECERTIFICATE = b"\x00\x01"
_NO_EXTENSIONS = b"\x00\x00"
_SHA256_ECDSA = b"\x04\x03"  # RFC 5246 7.4.1.4.1
_ID_BYTES = 32
_TIME_BYTES = 8
_MAX_MILLISECONDS = 253_402_300_800_000  # the year 10000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CertificateTimestamp(NamedTuple):
    """One promise: under which key, at what time (milliseconds since 1970), and the signature."""

    log_id: bytes
    milliseconds: int
    signature: bytes

    def encode(self) -> bytes:
        """Spell the extension's value: an octet string around a list of exactly one."""
        promise = b"".join(
            (
                b"\x00",
                self.log_id,
                self.milliseconds.to_bytes(_TIME_BYTES, "big"),
                _NO_EXTENSIONS,
                _SHA256_ECDSA,
                _sized(self.signature, 2),
            )
        )
        return der.octet_string(_sized(_sized(promise, 2), 2))

    @classmethod
    def parse(cls, value: bytes) -> CertificateTimestamp:
        """Accept exactly what `encode` emits: one v1 promise, no extensions, SHA-256 with ECDSA."""
        reader = der.Reader(value)
        content = reader.read(Tag.OCTET_STRING)
        log_id, rest = content[5 : 5 + _ID_BYTES], content[5 + _ID_BYTES :]
        found = cls(log_id, int.from_bytes(rest[:_TIME_BYTES], "big"), rest[_TIME_BYTES + 6 :])
        if found.milliseconds >= _MAX_MILLISECONDS or found.encode() != value:
            raise Malformed("expected exactly one promise of version 1, found something else")
        return found


def entry(tbs: bytes, *, issuer_spki: bytes, milliseconds: int) -> bytes:
    """Spell the certificate-log entry of a precertificate body: what the promise signs."""
    time = milliseconds.to_bytes(_TIME_BYTES, "big")
    issuer = PublicKey.parse(issuer_spki).sha256
    return b"".join((_V1_LEAF, time, _PRECERTIFICATE, issuer, _sized(tbs, 3), _NO_EXTENSIONS))


def entry_of(certificate: bytes, issuer_spki: bytes) -> bytes:
    """Recompute the certificate-log entry from a certificate. Raises `BadCertificateTimestamp`."""
    with refused_as(BadCertificateTimestamp, "certificate timestamp"):
        parsed = x509.parse(certificate)
        milliseconds = _embedded(parsed).milliseconds
        precertificate = parsed.body.without(x509.EMBEDDED_TIMESTAMPS).encode()
        return entry(precertificate, issuer_spki=issuer_spki, milliseconds=milliseconds)


def verify(certificate: bytes, issuer_spki: bytes, sct_key: bytes) -> bytes:
    """Return the certificate-log entry that the embedded promise signs. Raises `BadCertificateTimestamp`.

    Both keys are SubjectPublicKeyInfo. The promise must lie in the certificate's life.
    """
    expected = entry_of(certificate, issuer_spki)
    with refused_as(BadCertificateTimestamp, "certificate timestamp"):
        parsed = x509.parse(certificate)
        promise, key = _embedded(parsed), PublicKey.parse(sct_key)
        if promise.log_id != key.sha256:
            raise BadCertificateTimestamp("certificate timestamp: made under another key than the pinned one")
        key.verify(ECDSA_SHA256, signature=promise.signature, message=expected)
        at = _EPOCH + timedelta(milliseconds=promise.milliseconds)
        if not parsed.body.not_before <= at <= parsed.body.not_after:
            raise BadCertificateTimestamp(f"certificate timestamp: {at} is outside the certificate's life")
    return expected


def _embedded(certificate: x509.Certificate) -> CertificateTimestamp:
    extension = certificate.body.extension(x509.EMBEDDED_TIMESTAMPS)
    if extension is None or extension.critical:
        raise BadCertificateTimestamp("certificate timestamp: expected one that is not critical, found none")
    return CertificateTimestamp.parse(extension.value)


def _sized(content: bytes, octets: int) -> bytes:
    return len(content).to_bytes(octets, "big") + content
