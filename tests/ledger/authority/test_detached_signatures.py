"""CMS signatures over data that lies elsewhere, as signed commits carry them: one shape, and nothing beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import cms, der
from countermark_ledger.cms import SignedData
from countermark_ledger.der import octet_string, sequence, tlv
from countermark_ledger.errors import LedgerError, Malformed

SHA256 = sequence(der.oid("2.16.840.1.101.3.4.2.1"))
ECDSA_SHA256 = sequence(der.oid("1.2.840.10045.4.3.2"))
CERTIFICATE = sequence(der.integer(1))
ISSUER = sequence(der.utf8_string("issuer"))
LOG_ENTRY = "1.3.6.1.4.1.57264.3.1"


def attribute(name: str, value: bytes) -> bytes:
    return sequence(der.oid(name), tlv(0x31, value))


SIGNED = (
    attribute(cms.CONTENT_TYPE, der.oid(cms.DATA)),
    attribute(cms.MESSAGE_DIGEST, octet_string(hashlib.sha256(b"commit").digest())),
)


@dataclass(frozen=True)
class Detached:
    """A detached signature in parts, each of which a test may replace."""

    content: bytes = sequence(der.oid(cms.DATA))
    signed: tuple[bytes, ...] = SIGNED
    unsigned: tuple[bytes, ...] | None = (attribute(LOG_ENTRY, octet_string(b"entry")),)
    signer_tail: bytes = b""
    tail: bytes = b""

    def build(self) -> bytes:
        signer = sequence(
            der.integer(1),
            sequence(ISSUER, der.integer(7)),
            SHA256,
            tlv(0xA0, *sorted(self.signed)),
            ECDSA_SHA256,
            octet_string(b"signature"),
            b"" if self.unsigned is None else tlv(0xA1, *self.unsigned),
            self.signer_tail,
        )
        body = sequence(der.integer(1), tlv(0x31, SHA256), self.content, tlv(0xA0, CERTIFICATE), tlv(0x31, signer))
        return sequence(der.oid(cms.SIGNED_DATA), tlv(0xA0, body)) + self.tail


def test_a_detached_signature_hands_on_what_nobody_signed_apart_from_what_was() -> None:
    parsed = SignedData.parse_detached(Detached().build())
    assert (parsed.content_type, parsed.content, parsed.certificates) == (cms.DATA, b"", (CERTIFICATE,))
    assert parsed.signer.unsigned == {LOG_ENTRY: octet_string(b"entry")}
    assert set(parsed.signer.attributes) == {cms.CONTENT_TYPE, cms.MESSAGE_DIGEST}
    assert parsed.signer.signed == tlv(0x31, *sorted(SIGNED))
    assert (parsed.signer.issuer, parsed.signer.serial, parsed.signer.signature) == (ISSUER, 7, b"signature")


def test_a_detached_signature_needs_no_unsigned_attributes() -> None:
    assert SignedData.parse_detached(Detached(unsigned=None).build()).signer.unsigned == {}


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param({"content": sequence(der.oid(cms.DATA), tlv(0xA0, octet_string(b"commit")))}, id="content-inside"),
        pytest.param({"unsigned": (attribute(LOG_ENTRY, b""),) * 2}, id="two-log-entries"),
        pytest.param({"unsigned": tuple(sorted(SIGNED, reverse=True))}, id="unsigned-out-of-order"),
        pytest.param({"signed": SIGNED * 2}, id="signed-attribute-twice"),
        pytest.param({"signer_tail": der.integer(1)}, id="more-in-the-signer"),
        pytest.param({"tail": b"\x00"}, id="more-behind-it"),
        pytest.param({"tail": Detached().build()}, id="a-second-signature"),
    ],
)
def test_any_other_shape_of_a_detached_signature_is_refused(forged: dict[str, bytes]) -> None:
    with pytest.raises(Malformed):
        SignedData.parse_detached(replace(Detached(), **forged).build())


@given(st.integers(0, len(Detached().build()) - 1), st.integers(1, 255))
def test_no_altered_octet_makes_a_detached_signature_fail_otherwise_than_by_refusal(at: int, by: int) -> None:
    raw = bytearray(Detached().build())
    raw[at] ^= by
    try:
        parsed = SignedData.parse_detached(bytes(raw))
    except LedgerError:
        return
    assert parsed != SignedData.parse_detached(Detached().build()) or raw[at] in {1, 3}
