"""CMS SignedData (RFC 5652) with exactly one signer, as timestamp tokens and signed commits use it.

Layer: ledger core, above `x509`. Does no I/O and reads no clock.
Trust: the token is hostile. `SignedData.parse` says only that it is well formed; `require_signed_by` says that
the given certificate's key signed it.

In a timestamp, whatever the signature does not cover is refused (unsigned attributes, revocation lists) or
compared with what is pinned (the certificates inside). What is left has two spellings at most, which mean the
same: the version, and whether an algorithm's parameters are absent or NULL. A commit's signature is detached and
carries its log entry in unsigned attributes; `parse_detached` hands them on, for the caller to prove or refuse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from . import der
from .der import NULL, Reader, Tag, sequence
from .errors import BadTimestamp, Malformed, TooLarge
from .public_key import ECDSA, RSA_PKCS1
from .x509 import Certificate

MAX_ATTRIBUTES = 16
MAX_CERTIFICATES = 8
SIGNED_DATA = "1.2.840.113549.1.7.2"
DATA = "1.2.840.113549.1.7.1"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
SHA256 = sequence(der.oid("2.16.840.1.101.3.4.2.1"))

_DIGEST_OIDS = {
    "sha256": der.oid("2.16.840.1.101.3.4.2.1"),
    "sha384": der.oid("2.16.840.1.101.3.4.2.2"),
    "sha512": der.oid("2.16.840.1.101.3.4.2.3"),
}
_RSA = der.oid("1.2.840.113549.1.1.1")  # the digest is then the signer's digest algorithm
# RFC 5754 2: parameters are absent, and NULL is accepted.
_DIGESTS = {sequence(oid, null): name for name, oid in _DIGEST_OIDS.items() for null in (b"", NULL)}
_SIGNATURES = {
    **{(name, algorithm): algorithm for name, algorithm in ECDSA.items()},
    **{(name, algorithm): algorithm for name, algorithm in RSA_PKCS1.items()},
    **{(name, sequence(_RSA, null)): RSA_PKCS1[name] for name in RSA_PKCS1 for null in (b"", NULL)},
}
_VERSIONS = {1, 3}  # RFC 5652 5.1 says 3 for content that is not data; some authorities write 1


class Signer(NamedTuple):
    """The one SignerInfo: whose certificate, the signed attributes by type, and the signature over them.

    `signed` is the exact encoding that was signed; `unsigned` are attributes by type that nobody vouches for.
    """

    issuer: bytes
    serial: int
    digest: str
    attributes: Mapping[str, bytes]
    signed: bytes
    algorithm: bytes
    signature: bytes
    unsigned: Mapping[str, bytes]


class SignedData(NamedTuple):
    """A content of some type (empty when detached), the certificates that came along, and who claims to have signed."""

    content_type: str
    content: bytes
    certificates: tuple[bytes, ...]
    signer: Signer

    @classmethod
    def parse(cls, reader: Reader) -> SignedData:
        """Read a ContentInfo around SignedData of one signer; raise `Malformed` for every other shape."""
        return cls._read(reader, detached=False)

    @classmethod
    def parse_detached(cls, raw: bytes) -> SignedData:
        """Read the one ContentInfo that `raw` is, around SignedData of one signer over data that lies elsewhere."""
        reader = Reader(raw)
        parsed = cls._read(reader, detached=True)
        reader.finish()
        return parsed

    @classmethod
    def _read(cls, reader: Reader, *, detached: bool) -> SignedData:
        outer = reader.enter(Tag.SEQUENCE)
        content_type = outer.oid()
        wrapped = outer.enter(Tag.CONTEXT_0)
        outer.finish()
        body = wrapped.enter(Tag.SEQUENCE)
        wrapped.finish()
        if content_type != SIGNED_DATA:
            raise Malformed(f"expected CMS signed data, found content of type {content_type}")
        return cls._body(body, detached=detached)

    @classmethod
    def _body(cls, body: Reader, *, detached: bool) -> SignedData:
        if body.integer() not in _VERSIONS:
            raise Malformed("signed data: expected version 1 or 3")
        digests = body.read(Tag.SET)
        content_type, content = _content(body.enter(Tag.SEQUENCE), detached=detached)
        certificates = _certificates(body.enter(Tag.CONTEXT_0)) if body.next_is(Tag.CONTEXT_0) else ()
        signers = body.enter(Tag.SET)
        body.finish()
        signer = _signer(signers.enter(Tag.SEQUENCE), digests, detached=detached)
        signers.finish()
        return cls(content_type, content, certificates, signer)

    def require_signed_by(self, certificate: Certificate, pinned: Sequence[bytes]) -> None:
        """Return when this certificate's key signed the content and every certificate inside is a pinned one."""
        signer, attributes = self.signer, self.signer.attributes
        if (signer.issuer, signer.serial) != (certificate.body.issuer, certificate.body.serial):
            raise BadTimestamp("signed data: expected the pinned signer, found another certificate named")
        if attributes.get(CONTENT_TYPE) != der.oid(self.content_type):
            raise BadTimestamp("signed data: its signed content type is another one")
        digest = hashlib.new(signer.digest, self.content).digest()
        if attributes.get(MESSAGE_DIGEST) != der.octet_string(digest):
            raise BadTimestamp("signed data: its signed digest is not that of its content")
        _require_signing_certificate(attributes, certificate)
        _require_pinned(self.certificates, certificate, pinned)
        certificate.public_key().verify(signer.algorithm, signature=signer.signature, message=signer.signed)


def _content(reader: Reader, *, detached: bool) -> tuple[str, bytes]:
    content_type = reader.oid()
    if detached:
        reader.finish()
        return content_type, b""
    wrapped = reader.enter(Tag.CONTEXT_0)
    reader.finish()
    content = wrapped.read(Tag.OCTET_STRING)
    wrapped.finish()
    return content_type, content


def _certificates(reader: Reader) -> tuple[bytes, ...]:
    found: list[bytes] = []
    while reader.more():
        found.append(reader.raw(Tag.SEQUENCE))
        if len(found) > MAX_CERTIFICATES:
            raise TooLarge(f"signed data: expected at most {MAX_CERTIFICATES} certificates")
    return tuple(found)


def _signer(reader: Reader, digests: bytes, *, detached: bool) -> Signer:
    if reader.integer() != 1:
        raise Malformed("signer: expected version 1, naming a certificate by issuer and serial number")
    name = reader.enter(Tag.SEQUENCE)
    issuer, serial = name.raw(Tag.SEQUENCE), name.integer()
    name.finish()
    digest_algorithm = reader.raw(Tag.SEQUENCE)
    signed = der.tlv(Tag.SET, reader.read(Tag.CONTEXT_0))  # RFC 5652 5.4: signed under the tag of a SET OF
    algorithm, signature = reader.raw(Tag.SEQUENCE), reader.read(Tag.OCTET_STRING)
    unsigned = reader.optional(Tag.CONTEXT_1) if detached else None
    reader.finish()
    digest = _DIGESTS.get(digest_algorithm)
    if digest is None or digests != digest_algorithm:
        raise Malformed("signed data: expected one digest algorithm of the SHA-2 family, the signer's")
    if (digest, algorithm) not in _SIGNATURES:
        raise Malformed(f"signer: expected ECDSA or RSA PKCS#1 with {digest}, found {algorithm.hex()}")
    verified_as = _SIGNATURES[digest, algorithm]
    others = {} if unsigned is None else _attributes(der.tlv(Tag.SET, unsigned))
    return Signer(issuer, serial, digest, _attributes(signed), signed, verified_as, signature, others)


def _attributes(signed: bytes) -> dict[str, bytes]:
    reader = der.only(signed, Tag.SET)
    found: dict[str, bytes] = {}
    order: list[bytes] = []
    while reader.more():
        one = reader.raw(Tag.SEQUENCE)
        attribute = der.only(one, Tag.SEQUENCE)
        oid, value = attribute.oid(), attribute.read(Tag.SET)
        attribute.finish()
        if oid in found or len(found) == MAX_ATTRIBUTES:
            raise Malformed(f"signer: expected attribute {oid} once and at most {MAX_ATTRIBUTES} in all")
        found[oid] = value
        order.append(one)
    if order != sorted(order):
        raise Malformed("signer: expected the attributes in DER order")
    return found


def _require_signing_certificate(attributes: Mapping[str, bytes], certificate: Certificate) -> None:
    """RFC 5816: the signer's certificate stands, by digest, inside what was signed."""
    if SIGNING_CERTIFICATE not in attributes and SIGNING_CERTIFICATE_V2 not in attributes:
        raise BadTimestamp("signed data: expected a signing-certificate attribute, found none")
    if SIGNING_CERTIFICATE in attributes:
        digest = hashlib.sha1(certificate.der, usedforsecurity=False).digest()  # RFC 2634 knows no other
        _require_named(_first_name(attributes[SIGNING_CERTIFICATE]), digest, certificate)
    if SIGNING_CERTIFICATE_V2 in attributes:
        name = _first_name(attributes[SIGNING_CERTIFICATE_V2])
        algorithm = name.raw(Tag.SEQUENCE) if name.next_is(Tag.SEQUENCE) else SHA256
        if algorithm not in _DIGESTS:
            raise Malformed("signing certificate: expected a digest of the SHA-2 family")
        _require_named(name, hashlib.new(_DIGESTS[algorithm], certificate.der).digest(), certificate)


def _first_name(value: bytes) -> Reader:
    names = der.only(value, Tag.SEQUENCE).enter(Tag.SEQUENCE)
    return names.enter(Tag.SEQUENCE)


def _require_named(name: Reader, digest: bytes, certificate: Certificate) -> None:
    body = certificate.body
    serial = sequence(sequence(der.tlv(Tag.CONTEXT_4, body.issuer)), der.integer(body.serial))
    if name.read(Tag.OCTET_STRING) != digest or (name.more() and name.raw(Tag.SEQUENCE) != serial):
        raise BadTimestamp("signed data: its signing certificate is not the pinned one")
    name.finish()


def _require_pinned(found: Sequence[bytes], certificate: Certificate, pinned: Sequence[bytes]) -> None:
    if len(set(found)) != len(found) or not set(found) <= set(pinned):
        raise BadTimestamp("signed data: it carries a certificate that is not pinned, or one twice")
    if found and certificate.der not in found:
        raise BadTimestamp("signed data: it carries certificates, and the signer's is not one of them")
