"""The pinned certificates above a leaf: from its issuer to the root, checked as one chain.

Layer: ledger core, above `x509`. Does no I/O and reads no clock.
Trust: the chain comes from the pinned trust root, so this guards against a mistaken pin and against an
authority that outgrew its own limits; the leaf given to `require_issued` is hostile.

RFC 5280 section 6 for a chain whose order is known: each certificate is a CA that may sign certificates, its
path length allows what stands below it, it serves the purpose, and it is signed by the next one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from . import der, x509
from .der import Tag
from .errors import BadCertificate
from .public_key import PublicKey
from .refusal import refused_as
from .x509 import Certificate

if TYPE_CHECKING:
    from datetime import datetime

MAX_CHAIN = 4
_UNDERSTOOD = {x509.BASIC_CONSTRAINTS, x509.KEY_USAGE, x509.EXTENDED_KEY_USAGE}


class Issuers(NamedTuple):
    """CA certificates from a leaf's issuer to the root. Everything but the time has been checked."""

    certificates: tuple[Certificate, ...]
    key: PublicKey

    @property
    def subject(self) -> bytes:
        """The issuer's name, DER."""
        return self.certificates[0].body.subject

    def require_issued(self, certificate: Certificate) -> None:
        """Return when the issuer's key signed this certificate under the issuer's name and key identifier."""
        _require_signed(certificate, self.certificates[0], self.key)

    def require_valid(self, at: datetime) -> None:
        """Return when every certificate of the chain is valid at this time."""
        for certificate in self.certificates:
            require_valid(certificate, at)


@lru_cache(maxsize=64)
def issuers(chain: tuple[bytes, ...], purpose: str) -> Issuers:
    """Check the chain, and remember: equal arguments have one answer. Raises `BadCertificate`."""
    if not 0 < len(chain) <= MAX_CHAIN:
        raise BadCertificate(f"pinned chain: expected 1 to {MAX_CHAIN} CA certificates, found {len(chain)}")
    with refused_as(BadCertificate, "pinned chain"):
        certificates = tuple(x509.parse(raw) for raw in chain)
        for below, certificate in enumerate(certificates):
            parent = certificates[min(below + 1, len(certificates) - 1)]
            _require_authority(certificate, below, purpose)
            _require_signed(certificate, parent, parent.public_key())
        return Issuers(certificates, certificates[0].public_key())


def require_valid(certificate: Certificate, at: datetime) -> None:
    """Return when `at` lies in the certificate's life, both ends included (RFC 5280 4.1.2.5)."""
    body = certificate.body
    if not body.not_before <= at <= body.not_after:
        life = f"{body.not_before.isoformat()} to {body.not_after.isoformat()}"
        raise BadCertificate(f"certificate is valid from {life}, not at {at.isoformat()}")


def authority_key_identifier(key_identifier: bytes) -> bytes:
    """Spell an AuthorityKeyIdentifier that holds the key identifier alone."""
    return der.sequence(der.tlv(Tag.IMPLICIT_0, key_identifier))


def basic_constraints(path_length: int | None) -> bytes:
    """Spell the BasicConstraints of a CA."""
    return der.sequence(der.TRUE, b"" if path_length is None else der.integer(path_length))


def refuse_unknown(certificate: Certificate, understood: set[str]) -> None:
    """Refuse a critical extension that nothing here understands (RFC 5280 4.2)."""
    for extension in certificate.body.extensions:
        if extension.critical and extension.oid not in understood:
            raise BadCertificate(f"certificate: critical extension {extension.oid} is not understood")


def _require_authority(certificate: Certificate, below: int, purpose: str) -> None:
    refuse_unknown(certificate, _UNDERSTOOD)
    body = certificate.body
    path_length = _path_length(_critical(certificate, x509.BASIC_CONSTRAINTS))
    if path_length is not None and path_length < below:
        raise BadCertificate(f"certificate allows {path_length} authorities below it, found {below}")
    if not x509.key_usage(_critical(certificate, x509.KEY_USAGE)) & x509.KEY_CERT_SIGN:
        raise BadCertificate("certificate above another one may not sign certificates")
    usage = body.extension(x509.EXTENDED_KEY_USAGE)
    if usage is not None and usage.value != x509.extended_key_usage(purpose):
        raise BadCertificate(f"certificate above another one does not serve purpose {purpose}")


def _critical(certificate: Certificate, oid: str) -> bytes:
    extension = certificate.body.extension(oid)
    if extension is None or not extension.critical:
        raise BadCertificate(f"certificate: expected the critical extension {oid}, found none")
    return extension.value


def _path_length(value: bytes) -> int | None:
    reader = der.only(value, Tag.SEQUENCE)
    authority = reader.boolean() if reader.more() else False
    length = reader.integer() if reader.more() else None
    reader.finish()
    if not authority or (length is not None and length < 0):
        raise BadCertificate("certificate above another one is no certificate authority")
    return length


def _require_signed(child: Certificate, parent: Certificate, key: PublicKey) -> None:
    if child.body.issuer != parent.body.subject:
        raise BadCertificate("certificate names another issuer than the one above it")
    link = child.body.extension(x509.AUTHORITY_KEY_IDENTIFIER)
    if link is not None and link.value != authority_key_identifier(_key_identifier(parent)):
        raise BadCertificate("certificate names another issuer key than the one above it")
    with refused_as(BadCertificate, "certificate"):
        key.verify(child.body.algorithm, signature=child.signature, message=child.tbs)


def _key_identifier(certificate: Certificate) -> bytes:
    extension = certificate.body.extension(x509.SUBJECT_KEY_IDENTIFIER)
    if extension is None:
        raise BadCertificate("certificate above another one has no subject key identifier")
    reader = der.Reader(extension.value)
    identifier = reader.read(Tag.OCTET_STRING)
    reader.finish()
    return identifier
