"""The certificate authority (Fulcio's role): binds a fresh key to an identity for about ten minutes.

Layer: ledger, authority side, above `x509` and `sct`. Does no I/O and reads no clock; serials are random.
Trust: whoever holds the intermediate and SCT keys can be anybody, visibly to a reader of the certificate log.

Order (FORMATS.md section 3): precertificate body, promise over its log entry, certificate. The caller commits
the entry to the certificate log BEFORE the certificate leaves: the promise is made here, it is kept there.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from .. import der, sct, x509
from ..certificate import MAX_LIFE, OIDC_ISSUER, OIDC_ISSUER_V2, is_uri
from ..der import Tag
from ..errors import Malformed, UnsafeKey
from ..issuers import authority_key_identifier, issuers
from ..public_key import ECDSA_SHA256, PublicKey, p256_spki
from ..x509 import Body, Certificate, Extension
from .keys import Signer

_SERIAL_BITS = 127
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate, and the entry that must be in the certificate log before it is released."""

    certificate_der: bytes
    certificate_log_entry: bytes


class CertificateAuthority:
    """An intermediate and its SCT key. `chain` is the intermediate and the root, DER."""

    def __init__(self, *, intermediate: Signer, sct_signer: Signer, chain: Sequence[bytes]) -> None:
        self.chain = tuple(chain)
        self._above = issuers(self.chain, x509.CODE_SIGNING)
        if self._above.key.spki != intermediate.spki:
            raise UnsafeKey("certificate authority: the intermediate's key and certificate are not a pair")
        self._signer = intermediate
        self._sct_signer = sct_signer

    @property
    def sct_key(self) -> bytes:
        """The SubjectPublicKeyInfo that the promises verify under."""
        return self._sct_signer.spki

    def issue(
        self,
        public_key: ec.EllipticCurvePublicKey,
        identity: str,
        issuer: str,
        not_before: datetime,
        minutes: int = 10,
    ) -> Issued:
        """Bind a P-256 key to a URI that `issuer` vouches for; append the entry before releasing the certificate.

        Raises `UnsafeKey`, `Malformed`, or `BadCertificate` when the authority itself is not valid then.
        """
        life = timedelta(minutes=minutes)
        if not timedelta(0) < life <= MAX_LIFE:
            raise Malformed(f"certificate: expected a life of 1 to {MAX_LIFE // timedelta(minutes=1)} minutes")
        self._above.require_valid(not_before)
        self._above.require_valid(not_before + life)
        body = self._body(p256_spki(public_key), identity, issuer, not_before, life)
        return self._promised(body, (not_before - _EPOCH) // _MILLISECOND)

    def _body(self, spki: bytes, identity: str, issuer: str, not_before: datetime, life: timedelta) -> Body:
        begin = not_before.astimezone(UTC).replace(microsecond=0)
        return Body(
            serial=serial(),
            algorithm=ECDSA_SHA256,
            issuer=self._above.subject,
            not_before=begin,
            not_after=begin + life,
            subject=x509.EMPTY_NAME,
            spki=spki,
            extensions=_leaf_extensions(spki, self._above.key, identity, issuer),
        )

    def _promised(self, body: Body, milliseconds: int) -> Issued:
        entry = sct.entry(body.encode(), issuer_spki=self._above.key.spki, milliseconds=milliseconds)
        log_id = PublicKey.parse(self._sct_signer.spki).sha256
        promise = sct.CertificateTimestamp(log_id, milliseconds, self._sct_signer.sign(entry))
        embedded = Extension(x509.EMBEDDED_TIMESTAMPS, critical=False, value=promise.encode())
        final = body._replace(extensions=(*body.extensions, embedded))
        return Issued(signed(final, self._signer).der, entry)


def signed(body: Body, signer: Signer) -> Certificate:
    """Sign a body as a certificate."""
    return Certificate.assemble(body, signer.sign(body.encode()))


def serial() -> int:
    """Draw a serial number that nobody can predict (RFC 5280 4.1.2.2, CA/B Forum 7.1)."""
    return secrets.randbits(_SERIAL_BITS) + 1


def _leaf_extensions(spki: bytes, above: PublicKey, identity: str, issuer: str) -> tuple[Extension, ...]:
    for text in (identity, issuer):
        if not is_uri(text):
            raise Malformed(f"certificate: expected a URI of printable ASCII, found {text[:80]!r}")
    uri = der.sequence(der.tlv(Tag.IMPLICIT_6, identity.encode()))
    own = der.octet_string(PublicKey.parse(spki).key_identifier)
    link = authority_key_identifier(above.key_identifier)
    return (
        Extension(x509.KEY_USAGE, critical=True, value=x509.key_usage_value(x509.DIGITAL_SIGNATURE)),
        Extension(x509.EXTENDED_KEY_USAGE, critical=False, value=x509.extended_key_usage(x509.CODE_SIGNING)),
        Extension(x509.SUBJECT_KEY_IDENTIFIER, critical=False, value=own),
        Extension(x509.AUTHORITY_KEY_IDENTIFIER, critical=False, value=link),
        Extension(x509.SUBJECT_ALTERNATIVE_NAME, critical=True, value=uri),
        Extension(OIDC_ISSUER, critical=False, value=issuer.encode()),
        Extension(OIDC_ISSUER_V2, critical=False, value=der.utf8_string(issuer)),
    )
