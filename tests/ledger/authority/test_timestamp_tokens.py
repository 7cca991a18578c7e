"""RFC 3161 tokens: ours hold, and a token that breaks any one rule does not, even under the authority's key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import der, x509
from countermark_ledger.authority import EcdsaSigner, TimestampAuthority
from countermark_ledger.der import NULL, octet_string, sequence, tlv
from countermark_ledger.errors import BadCertificate, BadTimestamp, UnsafeKey
from countermark_ledger.issuers import basic_constraints
from countermark_ledger.public_key import ECDSA, RSA_PKCS1
from countermark_ledger.timestamp import verify_timestamp
from countermark_ledger.x509 import Body, Extension

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TIME = NOW + timedelta(minutes=1)
SHA1 = sequence(der.oid("1.3.14.3.2.26"))
SHA256 = sequence(der.oid("2.16.840.1.101.3.4.2.1"))
SHA512 = sequence(der.oid("2.16.840.1.101.3.4.2.3"))
DATA = der.oid("1.2.840.113549.1.7.1")
PURPOSE, USAGE = x509.EXTENDED_KEY_USAGE, x509.KEY_USAGE


@pytest.fixture(scope="module")
def stamped(bench: Any) -> bytes:
    token: bytes = bench.authority.tsa.timestamp(b"signature", at=TIME)
    return token


def verify(bench: Any, token: bytes) -> datetime:
    return verify_timestamp(token, data=b"signature", chain=bench.trust.tsa_chain)


def names(*certificates: bytes) -> bytes:
    return sequence(sequence(*certificates))


def test_a_token_says_when_the_data_existed(bench: Any) -> None:
    for nonce in (None, 0, 2**64):
        token = bench.authority.tsa.timestamp(b"signature", at=TIME + timedelta(milliseconds=900), nonce=nonce)
        assert verify(bench, token) == TIME


def test_a_token_is_about_its_data_alone(bench: Any) -> None:
    with pytest.raises(BadTimestamp, match="other data"):
        verify_timestamp(
            bench.authority.tsa.timestamp(b"signature", at=TIME), data=b"Signature", chain=bench.trust.tsa_chain
        )


def test_no_two_tokens_share_a_serial_number(bench: Any) -> None:
    assert len({bench.authority.tsa.timestamp(b"x", at=TIME)[80:200] for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({}, id="as-it-should-be"),
        pytest.param({"certificates": b""}, id="no-certificate-inside"),
        pytest.param({"version": 1}, id="version-1"),
    ],
)
def test_a_token_within_the_rules_is_accepted(bench: Any, token: Any, parts: dict[str, Any]) -> None:
    assert verify(bench, replace(token, **parts).build()) == TIME


def test_a_digest_algorithm_may_carry_null(bench: Any, token: Any) -> None:
    spelled = sequence(der.oid("2.16.840.1.101.3.4.2.1"), NULL)
    forged = replace(token, digests=spelled, digest_algorithm=spelled, imprint_algorithm=spelled)
    assert verify(bench, forged.build()) == TIME


def test_everything_optional_may_stand_in_the_info(bench: Any, token: Any) -> None:
    tail = sequence(der.integer(1)) + der.TRUE + der.integer(7) + tlv(0xA0, tlv(0xA4, x509.name("a", "b")))
    assert verify(bench, replace(token, info_tail=tail).build()) == TIME


def test_both_kinds_of_signing_certificate_may_stand_together(bench: Any, token: Any) -> None:
    body = x509.parse(token.certificate).body
    serial = sequence(sequence(tlv(0xA4, body.issuer)), der.integer(body.serial))
    old = octet_string(hashlib.sha1(token.certificate, usedforsecurity=False).digest())
    new = octet_string(hashlib.sha512(token.certificate).digest())
    forged = replace(
        token,
        attributes={
            "signing-certificate": names(sequence(old, serial)),
            "signing-certificate-v2": names(sequence(SHA512, new, serial), sequence(octet_string(b"another"))),
            "1.2.3": NULL,
        },
    )
    assert verify(bench, forged.build()) == TIME


def test_the_old_kind_of_signing_certificate_suffices(bench: Any, token: Any) -> None:
    old = octet_string(hashlib.sha1(token.certificate, usedforsecurity=False).digest())
    attributes = {"signing-certificate": names(sequence(old)), "signing-certificate-v2": None}
    assert verify(bench, replace(token, attributes=attributes).build()) == TIME


SHA256_OF_NOTHING = octet_string(hashlib.sha256(b"").digest())


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"status": sequence(der.integer(1))}, id="granted-with-modifications"),
        pytest.param({"status": sequence(der.integer(2))}, id="rejected"),
        pytest.param({"status": sequence(der.integer(0), sequence(der.utf8_string("x")))}, id="status-with-words"),
        pytest.param({"tail": NULL}, id="junk-after-the-token"),
        pytest.param({"outer_type": DATA}, id="no-signed-data"),
        pytest.param({"version": 2}, id="version-2"),
        pytest.param({"content_type": DATA}, id="content-of-another-type"),
        pytest.param({"info_version": 2}, id="info-of-version-2"),
        pytest.param({"imprint_algorithm": SHA512}, id="imprint-of-another-hash"),
        pytest.param({"imprint": bytes(32)}, id="imprint-of-other-data"),
        pytest.param({"imprint": hashlib.sha256(b"signature").digest()[:16]}, id="imprint-cut"),
        pytest.param({"time": tlv(0x18, b"20261122120100")}, id="time-without-z"),
        pytest.param({"time": tlv(0x18, b"20261122120100.0Z")}, id="time-with-a-second-spelling"),
        pytest.param({"time": tlv(0x17, b"261122120100Z")}, id="time-of-another-type"),
        pytest.param({"time": tlv(0x18, b"20251122120100Z")}, id="time-before-the-authority"),
        pytest.param({"time": tlv(0x18, b"20461122120100Z")}, id="time-after-the-authority"),
        pytest.param({"info_tail": tlv(0xA1, b"")}, id="info-with-extensions"),
        pytest.param({"info_tail": NULL}, id="info-with-junk"),
        pytest.param({"after_certificates": tlv(0xA1, b"")}, id="with-revocation-lists"),
        pytest.param({"second_signer": True}, id="two-signers"),
        pytest.param({"signer_version": 3}, id="signer-version-3"),
        pytest.param({"signer_tail": tlv(0xA1, b"")}, id="with-unsigned-attributes"),
        pytest.param({"issuer": x509.name("a", "b")}, id="signer-of-another-issuer"),
        pytest.param({"serial": 1}, id="signer-of-another-serial"),
        pytest.param({"digests": b""}, id="no-digest-algorithm"),
        pytest.param({"digests": SHA256 + SHA256}, id="two-digest-algorithms"),
        pytest.param({"digests": SHA1, "digest_algorithm": SHA1}, id="sha-1"),
        pytest.param({"digests": SHA512}, id="digest-algorithms-that-differ"),
        pytest.param({"algorithm": ECDSA["sha512"]}, id="signature-of-another-hash"),
        pytest.param({"algorithm": RSA_PKCS1["sha256"]}, id="signature-of-another-kind"),
        pytest.param({"signature": b"\x30\x06\x02\x01\x01\x02\x01\x01"}, id="another-signature"),
        pytest.param({"certificates": b"junk"}, id="certificates-that-are-junk"),
        pytest.param({"shuffle": True}, id="attributes-out-of-order"),
        pytest.param({"attributes": {"content-type": None}}, id="no-content-type-attribute"),
        pytest.param({"attributes": {"content-type": DATA}}, id="another-content-type-attribute"),
        pytest.param({"attributes": {"message-digest": None}}, id="no-digest-attribute"),
        pytest.param({"attributes": {"message-digest": SHA256_OF_NOTHING}}, id="another-digest-attribute"),
        pytest.param({"attributes": {"signing-certificate-v2": None}}, id="no-signing-certificate"),
        pytest.param(
            {"attributes": {"signing-certificate-v2": names(sequence(octet_string(bytes(32))))}},
            id="another-signing-certificate",
        ),
        pytest.param(
            {"attributes": {"signing-certificate": names(sequence(octet_string(bytes(20))))}},
            id="another-old-signing-certificate",
        ),
        pytest.param(
            {"attributes": {"signing-certificate-v2": names(sequence(SHA1, octet_string(bytes(20))))}},
            id="signing-certificate-by-sha-1",
        ),
        pytest.param({"attributes": {"signing-certificate-v2": names()}}, id="signing-certificate-of-nothing"),
        pytest.param({"attributes": {f"1.2.{n}": NULL for n in range(14)}}, id="too-many-attributes"),
    ],
)
def test_a_token_that_breaks_a_rule_is_refused(bench: Any, token: Any, parts: dict[str, Any]) -> None:
    with pytest.raises(BadTimestamp):
        verify(bench, replace(token, **parts).build())


def test_a_signing_certificate_with_another_serial_or_a_tail_is_refused(bench: Any, token: Any) -> None:
    own = octet_string(hashlib.sha256(token.certificate).digest())
    body = x509.parse(token.certificate).body
    serial = sequence(sequence(tlv(0xA4, body.issuer)), der.integer(body.serial))
    for one in (sequence(own, sequence(sequence(), der.integer(1))), sequence(own, serial, NULL)):
        with pytest.raises(BadTimestamp):
            verify(bench, replace(token, attributes={"signing-certificate-v2": names(one)}).build())


def test_an_attribute_twice_is_refused(bench: Any, token: Any) -> None:
    twice = replace(token, attributes={"1.2.840.113549.1.9.4": octet_string(bytes(32))})
    with pytest.raises(BadTimestamp, match="once"):
        verify(bench, twice.build())


def test_a_certificate_that_is_not_pinned_cannot_ride_along(bench: Any, token: Any) -> None:
    tsa, root = bench.trust.tsa_chain
    verify(bench, replace(token, certificates=tsa + root).build())
    for inside in (tsa + bench.leaf, tsa + tsa, root, tsa * 9):
        with pytest.raises(BadTimestamp):
            verify(bench, replace(token, certificates=inside).build())


def test_a_token_by_another_key_is_refused(bench: Any, token: Any) -> None:
    stranger = EcdsaSigner(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(BadTimestamp, match="does not verify"):
        verify(bench, replace(token, signer=stranger).build())


def extended(oid: str, value: bytes, *, critical: bool) -> Callable[[Any, Body], Body]:
    return lambda bench, body: bench.with_extension(body, Extension(oid, critical, value))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _, body: body.without(PURPOSE), id="no-purpose"),
        pytest.param(
            extended(PURPOSE, x509.extended_key_usage(x509.TIME_STAMPING), critical=False), id="purpose-not-critical"
        ),
        pytest.param(
            extended(PURPOSE, x509.extended_key_usage(x509.CODE_SIGNING), critical=True), id="another-purpose"
        ),
        pytest.param(
            extended(PURPOSE, sequence(der.oid(x509.TIME_STAMPING), der.oid(x509.CODE_SIGNING)), critical=True),
            id="two-purposes",
        ),
        pytest.param(lambda _, body: body.without(USAGE), id="no-key-usage"),
        pytest.param(extended(USAGE, x509.key_usage_value(0x84), critical=True), id="signs-certificates"),
        pytest.param(extended(USAGE, x509.key_usage_value(0x80), critical=False), id="key-usage-not-critical"),
        pytest.param(
            extended(x509.BASIC_CONSTRAINTS, basic_constraints(None), critical=True), id="a-certificate-authority"
        ),
        pytest.param(extended("1.2.3", NULL, critical=True), id="unknown-critical-extension"),
        pytest.param(lambda _, body: body._replace(not_after=TIME - timedelta(seconds=1)), id="expired-before"),
        pytest.param(lambda _, body: body._replace(not_before=TIME + timedelta(seconds=1)), id="not-valid-yet"),
    ],
)
def test_a_pinned_signer_outside_its_limits_is_refused(
    bench: Any, token: Any, change: Callable[[Any, Body], Body]
) -> None:
    signer = bench.altered("tsa", "tsa-root", lambda body: change(bench, body))
    forged = replace(token, certificate=signer).build()
    with pytest.raises(BadTimestamp):
        verify_timestamp(forged, data=b"signature", chain=(signer, bench.certificate("tsa-root")))


def test_a_signer_that_says_it_is_no_authority_is_accepted(bench: Any, token: Any) -> None:
    harmless = extended(x509.BASIC_CONSTRAINTS, sequence(), critical=True)
    signer = bench.altered("tsa", "tsa-root", lambda body: harmless(bench, body))
    forged = replace(token, certificate=signer).build()
    assert verify_timestamp(forged, data=b"signature", chain=(signer, bench.certificate("tsa-root"))) == TIME


@pytest.mark.parametrize("roles", [(), ("tsa",), ("tsa", "root"), ("tsa-root",), ("intermediate", "root")])
def test_a_token_under_another_chain_is_refused(bench: Any, token: Any, roles: tuple[str, ...]) -> None:
    with pytest.raises(BadTimestamp):
        verify_timestamp(token.build(), data=b"signature", chain=[bench.certificate(role) for role in roles])


def test_an_expired_root_is_refused(bench: Any, token: Any) -> None:
    root = bench.altered("tsa-root", "tsa-root", lambda body: body._replace(not_after=TIME - timedelta(seconds=1)))
    with pytest.raises(BadTimestamp, match="valid from"):
        verify_timestamp(token.build(), data=b"signature", chain=(bench.certificate("tsa"), root))


def test_a_huge_token_is_refused_before_it_is_read(bench: Any) -> None:
    with pytest.raises(BadTimestamp, match="at most"):
        verify(bench, bytes(64 * 1024 + 1))


@given(st.data())
def test_no_altered_byte_of_a_token_is_accepted_for_another_time(
    bench: Any, stamped: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(stamped) - 1))
    flipped = bytes([stamped[at] ^ data.draw(st.integers(1, 255))])
    altered = stamped[:at] + flipped + stamped[at + 1 :]
    try:
        found = verify(bench, altered)
    except BadTimestamp:
        return
    assert found == TIME  # the version, which nothing signs, may say 1 or 3


def test_an_authority_whose_key_and_certificate_differ_does_not_start(bench: Any) -> None:
    with pytest.raises(UnsafeKey, match="not a pair"):
        TimestampAuthority(signer=bench.key("sct"), chain=bench.trust.tsa_chain)


@pytest.mark.parametrize("days", [-2, 3653])
def test_an_authority_does_not_timestamp_outside_its_life(bench: Any, days: int) -> None:
    with pytest.raises(BadCertificate, match="valid from"):
        bench.authority.tsa.timestamp(b"signature", at=NOW + timedelta(days=days))
