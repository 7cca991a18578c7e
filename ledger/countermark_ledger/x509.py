"""Certificates as bytes (RFC 5280): parsed once into a frozen type, and spelled again to be sure.

Layer: ledger core. Imports nothing of ours but `der`, `errors` and `public_key`; no I/O, no clock.
Trust: the bytes given to `parse` are hostile; what it returns is well formed and NOT yet believed.
Names and keys stay DER: names are compared, never read, and keys are read by `public_key`.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from . import der
from .der import Reader, Tag, sequence
from .errors import Malformed, TooLarge
from .public_key import PublicKey

MAX_BYTES = 16 * 1024
MAX_EXTENSIONS = 32
MAX_SERIAL = 2**159 - 1  # RFC 5280 4.1.2.2: 20 octets
EMPTY_NAME = sequence()

BASIC_CONSTRAINTS = "2.5.29.19"
KEY_USAGE = "2.5.29.15"
EXTENDED_KEY_USAGE = "2.5.29.37"
SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
EMBEDDED_TIMESTAMPS = "1.3.6.1.4.1.11129.2.4.2"

CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
DIGITAL_SIGNATURE = 0x80  # bits of KeyUsage, RFC 5280 4.2.1.3
CONTENT_COMMITMENT = 0x40
KEY_CERT_SIGN = 0x04
CRL_SIGN = 0x02

_V3 = der.tlv(Tag.CONTEXT_0, der.integer(2))
_FIRST_LONG_YEAR = 2050  # RFC 5280 4.1.2.5


class Extension(NamedTuple):
    """One extension: its object identifier in dotted digits, and the DER inside its octet string."""

    oid: str
    critical: bool
    value: bytes

    def encode(self) -> bytes:
        """Spell the extension; a `critical` of FALSE is left out, as DER demands of defaults."""
        critical = der.TRUE if self.critical else b""
        return sequence(der.oid(self.oid), critical, der.octet_string(self.value))


class Body(NamedTuple):
    """What a certificate's signature covers (TBSCertificate). `algorithm`, names and key are DER."""

    serial: int
    algorithm: bytes
    issuer: bytes
    not_before: datetime
    not_after: datetime
    subject: bytes
    spki: bytes
    extensions: tuple[Extension, ...]

    def encode(self) -> bytes:
        """Spell the body."""
        return sequence(
            _V3,
            der.integer(self.serial),
            self.algorithm,
            self.issuer,
            sequence(_time(self.not_before), _time(self.not_after)),
            self.subject,
            self.spki,
            der.tlv(Tag.CONTEXT_3, sequence(*(extension.encode() for extension in self.extensions))),
        )

    def extension(self, oid: str) -> Extension | None:
        """Find an extension; `parse` has made sure that there is at most one."""
        return next((extension for extension in self.extensions if extension.oid == oid), None)

    def without(self, oid: str) -> Body:
        """Return the body less one extension: a precertificate, when it is the embedded timestamps."""
        return self._replace(extensions=tuple(x for x in self.extensions if x.oid != oid))


class Certificate(NamedTuple):
    """A well-formed certificate; `tbs` is its body's DER."""

    der: bytes
    tbs: bytes
    body: Body
    signature: bytes

    @classmethod
    def assemble(cls, body: Body, signature: bytes) -> Certificate:
        """Put a body and the signature over its DER together."""
        tbs = body.encode()
        return cls(sequence(tbs, body.algorithm, der.bit_string(signature)), tbs, body, signature)

    def public_key(self) -> PublicKey:
        """Read the subject's key; raise `UnsafeKey` for a weak one."""
        return PublicKey.parse(self.body.spki)


@lru_cache(maxsize=64)
def parse(raw: bytes) -> Certificate:
    """Accept a version 3 certificate in the one spelling that `Certificate.assemble` gives it."""
    if len(raw) > MAX_BYTES:
        raise TooLarge(f"certificate: expected at most {MAX_BYTES} bytes, found {len(raw)}")
    outer = der.only(raw, Tag.SEQUENCE)
    body = _body(outer.enter(Tag.SEQUENCE))
    outer.read(Tag.SEQUENCE)
    certificate = Certificate.assemble(body, outer.bits())
    if certificate.der != raw:
        raise Malformed("certificate: expected the one DER spelling of version 3, found another one")
    return certificate


def key_usage_value(bits: int) -> bytes:
    """Spell a KeyUsage of one octet of named bits (digitalSignature is 0x80, keyCertSign 0x04)."""
    return der.tlv(Tag.BIT_STRING, bytes(((bits & -bits).bit_length() - 1, bits)))


def key_usage(value: bytes) -> int:
    """Read what `key_usage_value` spells."""
    bits = value[-1] if value else 0
    if not bits or key_usage_value(bits) != value:
        raise Malformed(f"key usage: expected one octet of named bits, found {value.hex()}")
    return bits


def extended_key_usage(purpose: str) -> bytes:
    """Spell an ExtendedKeyUsage with one purpose."""
    return sequence(der.oid(purpose))


def name(organization: str, common_name: str) -> bytes:
    """Spell a Name of two parts."""
    parts = (("2.5.4.10", organization), ("2.5.4.3", common_name))
    return sequence(*(der.set_of(sequence(der.oid(oid), der.utf8_string(value))) for oid, value in parts))


def _body(reader: Reader) -> Body:
    reader.enter(Tag.CONTEXT_0).read(Tag.INTEGER)
    serial, algorithm, issuer = _serial(reader), reader.raw(Tag.SEQUENCE), reader.raw(Tag.SEQUENCE)
    validity = reader.enter(Tag.SEQUENCE)
    not_before, not_after = _read_time(validity), _read_time(validity)
    subject, spki = reader.raw(Tag.SEQUENCE), reader.raw(Tag.SEQUENCE)
    extensions = _extensions(reader.enter(Tag.CONTEXT_3).enter(Tag.SEQUENCE))
    return Body(serial, algorithm, issuer, not_before, not_after, subject, spki, extensions)


def _serial(reader: Reader) -> int:
    serial = reader.integer()
    if not 0 < serial <= MAX_SERIAL:
        raise Malformed("certificate serial: expected a positive number of at most 20 octets")
    return serial


def _extensions(reader: Reader) -> tuple[Extension, ...]:
    found: dict[str, Extension] = {}
    while reader.more():
        one = reader.enter(Tag.SEQUENCE)
        oid = one.oid()
        if oid in found or len(found) == MAX_EXTENSIONS:
            raise Malformed(f"certificate: expected extension {oid} once and at most {MAX_EXTENSIONS} in all")
        critical = one.boolean() if one.next_is(Tag.BOOLEAN) else False
        found[oid] = Extension(oid, critical, one.read(Tag.OCTET_STRING))
    return tuple(found.values())


def _time(moment: datetime) -> bytes:
    return der.utc_time(moment) if moment.year < _FIRST_LONG_YEAR else der.generalized_time(moment)


def _read_time(reader: Reader) -> datetime:
    return reader.utc_time() if reader.next_is(Tag.UTC_TIME) else reader.generalized_time()
