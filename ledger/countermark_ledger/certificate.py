"""The leaf certificate: who signed, for ten minutes or so, said by the pinned authority.

Layer: ledger core, above `issuers`. Does no I/O and reads no clock.
Trust: the leaf is hostile until `verify_leaf` returns; the chain comes from the pinned trust root.

The profile is FORMATS.md section 1. A leaf outside it is refused even where the authority signed it: one kind
of certificate means one thing to say about it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from . import der, x509
from .der import Tag
from .errors import BadCertificate
from .issuers import authority_key_identifier, issuers, refuse_unknown, require_valid
from .refusal import refused_as

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric import ec

    from .issuers import Issuers
    from .x509 import Certificate

OIDC_ISSUER = "1.3.6.1.4.1.57264.1.1"  # the text itself
OIDC_ISSUER_V2 = "1.3.6.1.4.1.57264.1.8"  # the same as a UTF8String
MAX_LIFE = timedelta(hours=1)
MAX_URI = 2048
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[!-~]+")
_CRITICAL = {x509.SUBJECT_ALTERNATIVE_NAME, x509.KEY_USAGE, x509.EXTENDED_KEY_USAGE}


class LeafCertificate(NamedTuple):
    """A leaf that held. `identity` is its URI, `issuer` who vouched for the holder, `spki_sha256` is hex."""

    der: bytes
    identity: str
    issuer: str
    public_key: ec.EllipticCurvePublicKey
    not_before: datetime
    not_after: datetime
    spki_sha256: str


def verify_leaf(raw: bytes, *, chain: Sequence[bytes], at: datetime) -> LeafCertificate:
    """Return what the leaf says, when it was valid at `at` under this chain (issuer first, root last).

    Raises `BadCertificate`. `at` is the time of the signature, from the timestamp; never the reader's clock.
    """
    with refused_as(BadCertificate, "leaf certificate"):
        above = issuers(tuple(chain), x509.CODE_SIGNING)
        leaf = x509.parse(raw)
        above.require_issued(leaf)
        above.require_valid(at)
        require_valid(leaf, at)
        _require_profile(leaf, above)
        return _read(leaf)


def is_uri(text: str) -> bool:
    """Say whether a text may be an identity or an issuer: printable ASCII that begins with a scheme."""
    return len(text) <= MAX_URI and _URI.fullmatch(text) is not None


def _require_profile(leaf: Certificate, above: Issuers) -> None:
    body = leaf.body
    refuse_unknown(leaf, _CRITICAL)
    if body.subject != x509.EMPTY_NAME:
        raise BadCertificate("leaf certificate: expected an empty subject, found a name")
    if body.not_after - body.not_before > MAX_LIFE:
        raise BadCertificate(f"leaf certificate: expected a life of at most {MAX_LIFE}")
    if body.extension(x509.BASIC_CONSTRAINTS) is not None:
        raise BadCertificate("leaf certificate: expected no basic constraints")
    own = der.octet_string(leaf.public_key().key_identifier)
    _require(leaf, x509.KEY_USAGE, x509.key_usage_value(x509.DIGITAL_SIGNATURE), critical=True)
    _require(leaf, x509.EXTENDED_KEY_USAGE, x509.extended_key_usage(x509.CODE_SIGNING), critical=False)
    _require(leaf, x509.SUBJECT_KEY_IDENTIFIER, own, critical=False)
    link = authority_key_identifier(above.key.key_identifier)
    _require(leaf, x509.AUTHORITY_KEY_IDENTIFIER, link, critical=False)


def _require(leaf: Certificate, oid: str, value: bytes, *, critical: bool) -> None:
    if _value(leaf, oid, critical=critical) != value:
        raise BadCertificate(f"leaf certificate: extension {oid} does not hold what the profile says")


def _value(leaf: Certificate, oid: str, *, critical: bool) -> bytes:
    extension = leaf.body.extension(oid)
    if extension is None or extension.critical is not critical:
        raise BadCertificate(f"leaf certificate: expected extension {oid} with critical={critical}")
    return extension.value


def _read(leaf: Certificate) -> LeafCertificate:
    key = leaf.public_key()
    return LeafCertificate(
        der=leaf.der,
        identity=_identity(leaf),
        issuer=_issuer(leaf),
        public_key=key.p256(),
        not_before=leaf.body.not_before,
        not_after=leaf.body.not_after,
        spki_sha256=key.sha256.hex(),
    )


def _identity(leaf: Certificate) -> str:
    names = der.only(_value(leaf, x509.SUBJECT_ALTERNATIVE_NAME, critical=True), Tag.SEQUENCE)
    uri = names.read(Tag.IMPLICIT_6)
    names.finish()
    return _uri(uri)


def _issuer(leaf: Certificate) -> str:
    text = _value(leaf, OIDC_ISSUER, critical=False)
    if _value(leaf, OIDC_ISSUER_V2, critical=False) != der.tlv(Tag.UTF8_STRING, text):
        raise BadCertificate("leaf certificate: its two issuer claims differ")
    return _uri(text)


def _uri(raw: bytes) -> str:
    text = raw.decode("latin-1")
    if not is_uri(text):
        raise BadCertificate(f"leaf certificate: expected a URI of printable ASCII, found {raw[:80]!r}")
    return text
