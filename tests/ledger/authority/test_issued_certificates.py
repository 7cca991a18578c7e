"""Leaf certificates: what the authority issues is accepted, and nothing that leaves the profile by one bit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import der, x509
from countermark_ledger.authority import CertificateAuthority, EcdsaSigner
from countermark_ledger.certificate import OIDC_ISSUER, OIDC_ISSUER_V2, verify_leaf
from countermark_ledger.errors import BadCertificate, Malformed, TooLarge, UnsafeKey
from countermark_ledger.public_key import ECDSA, ed25519_spki
from countermark_ledger.x509 import Body, Extension

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
P384 = ec.generate_private_key(ec.SECP384R1()).public_key()


def verify(bench: Any, leaf: bytes, at: datetime = NOW) -> object:
    return verify_leaf(leaf, chain=bench.trust.ca_chain, at=at)


def extended(oid: str, value: bytes, *, critical: bool = False) -> Callable[[Any, Body], Body]:
    return lambda bench, body: bench.with_extension(body, Extension(oid, critical, value))


def without(oid: str) -> Callable[[Any, Body], Body]:
    return lambda _, body: body.without(oid)


def names(*general: bytes) -> bytes:
    return der.sequence(*general)


def uri(text: bytes) -> bytes:
    return der.tlv(0x86, text)


def test_an_issued_leaf_says_who_holds_the_key_and_who_vouched(bench: Any) -> None:
    leaf = verify_leaf(bench.leaf, chain=bench.trust.ca_chain, at=NOW + timedelta(minutes=5))
    assert (leaf.identity, leaf.issuer) == (
        "spiffe://forge.example/agent/builder",
        "https://authority.forge.example",
    )
    assert (leaf.not_before, leaf.not_after) == (NOW, NOW + timedelta(minutes=10))
    spki = x509.parse(bench.leaf).body.spki
    assert leaf.spki_sha256 == hashlib.sha256(spki).hexdigest()
    assert leaf.der == bench.leaf


@pytest.mark.parametrize("seconds", [0, 600])
def test_a_leaf_is_valid_at_both_ends_of_its_life(bench: Any, seconds: int) -> None:
    verify(bench, bench.leaf, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-1, -0.000001, 600.000001, 601])
def test_a_leaf_is_refused_outside_its_life(bench: Any, seconds: float) -> None:
    with pytest.raises(BadCertificate, match="valid from"):
        verify(bench, bench.leaf, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _, body: body._replace(subject=x509.name("a", "b")), id="with-a-subject"),
        pytest.param(lambda _, body: body._replace(issuer=x509.name("a", "b")), id="another-issuer"),
        pytest.param(
            lambda _, body: body._replace(not_after=body.not_before + timedelta(seconds=3601)), id="long-lived"
        ),
        pytest.param(lambda _, body: body._replace(spki=ed25519_spki(bytes(32))), id="ed25519-key"),
        pytest.param(lambda _, body: body._replace(algorithm=ECDSA["sha384"]), id="another-algorithm"),
        pytest.param(extended("1.2.3", b"\x05\x00", critical=True), id="unknown-critical-extension"),
        pytest.param(extended(x509.BASIC_CONSTRAINTS, der.sequence()), id="basic-constraints"),
        pytest.param(
            extended(x509.BASIC_CONSTRAINTS, der.sequence(der.TRUE), critical=True), id="a-certificate-authority"
        ),
        pytest.param(without(x509.KEY_USAGE), id="no-key-usage"),
        pytest.param(extended(x509.KEY_USAGE, x509.key_usage_value(0x80)), id="key-usage-not-critical"),
        pytest.param(extended(x509.KEY_USAGE, x509.key_usage_value(0xC0), critical=True), id="more-key-usage"),
        pytest.param(extended(x509.KEY_USAGE, x509.key_usage_value(0x84), critical=True), id="signs-certificates"),
        pytest.param(without(x509.EXTENDED_KEY_USAGE), id="no-purpose"),
        pytest.param(
            extended(x509.EXTENDED_KEY_USAGE, x509.extended_key_usage(x509.TIME_STAMPING)), id="another-purpose"
        ),
        pytest.param(
            extended(x509.EXTENDED_KEY_USAGE, der.sequence(der.oid(x509.CODE_SIGNING), der.oid(x509.TIME_STAMPING))),
            id="two-purposes",
        ),
        pytest.param(
            extended(x509.EXTENDED_KEY_USAGE, x509.extended_key_usage(x509.CODE_SIGNING), critical=True),
            id="critical-purpose",
        ),
        pytest.param(without(x509.SUBJECT_KEY_IDENTIFIER), id="no-key-identifier"),
        pytest.param(extended(x509.SUBJECT_KEY_IDENTIFIER, der.octet_string(bytes(20))), id="another-keys-identifier"),
        pytest.param(without(x509.AUTHORITY_KEY_IDENTIFIER), id="no-authority-key-identifier"),
        pytest.param(
            extended(x509.AUTHORITY_KEY_IDENTIFIER, der.sequence(der.tlv(0x80, bytes(20)))),
            id="another-authoritys-identifier",
        ),
        pytest.param(without(x509.SUBJECT_ALTERNATIVE_NAME), id="no-identity"),
        pytest.param(
            extended(x509.SUBJECT_ALTERNATIVE_NAME, names(uri(b"spiffe://forge.example/agent/a"))),
            id="identity-not-critical",
        ),
        pytest.param(extended(x509.SUBJECT_ALTERNATIVE_NAME, names(), critical=True), id="identity-empty"),
        pytest.param(
            extended(x509.SUBJECT_ALTERNATIVE_NAME, names(uri(b"a://b"), uri(b"a://c")), critical=True),
            id="two-identities",
        ),
        pytest.param(
            extended(x509.SUBJECT_ALTERNATIVE_NAME, names(der.tlv(0x81, b"a@b.example")), critical=True),
            id="an-email-address",
        ),
        pytest.param(
            extended(x509.SUBJECT_ALTERNATIVE_NAME, names(uri(b"a://b\n")), critical=True),
            id="identity-with-a-newline",
        ),
        pytest.param(
            extended(x509.SUBJECT_ALTERNATIVE_NAME, names(uri("a://ü".encode())), critical=True),
            id="identity-not-ascii",
        ),
        pytest.param(
            extended(x509.SUBJECT_ALTERNATIVE_NAME, names(uri(b"builder")), critical=True), id="identity-no-uri"
        ),
        pytest.param(
            extended(x509.SUBJECT_ALTERNATIVE_NAME, names(uri(b"a:" + b"b" * 2047)), critical=True),
            id="identity-too-long",
        ),
        pytest.param(without(OIDC_ISSUER), id="no-raw-issuer"),
        pytest.param(without(OIDC_ISSUER_V2), id="no-second-issuer"),
        pytest.param(extended(OIDC_ISSUER, b"https://another.example"), id="two-issuers"),
        pytest.param(
            extended(OIDC_ISSUER_V2, der.tlv(0x16, b"https://authority.forge.example")), id="issuer-of-another-type"
        ),
        pytest.param(extended(OIDC_ISSUER, b"x", critical=True), id="issuer-critical"),
    ],
)
def test_a_leaf_outside_the_profile_is_refused_even_when_the_authority_signed_it(
    bench: Any, change: Callable[[Any, Body], Body]
) -> None:
    forged = bench.altered_leaf(lambda body: change(bench, body))
    with pytest.raises(BadCertificate):
        verify(bench, forged)


def test_an_extension_nobody_must_understand_is_let_through(bench: Any) -> None:
    verify(bench, bench.altered_leaf(lambda body: extended("1.2.3", b"\x05\x00")(bench, body)))


def test_a_leaf_signed_by_another_key_is_refused(bench: Any) -> None:
    from countermark_ledger.authority.ca import signed

    stranger = EcdsaSigner(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(BadCertificate, match="does not verify"):
        verify(bench, signed(x509.parse(bench.leaf).body, stranger).der)


def test_a_leaf_under_the_timestamp_chain_is_refused(bench: Any) -> None:
    with pytest.raises(BadCertificate):
        verify_leaf(bench.leaf, chain=bench.trust.tsa_chain[1:], at=NOW)


@given(st.data())
def test_no_altered_byte_of_a_leaf_is_accepted(bench: Any, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(bench.leaf) - 1))
    flipped = bytes([bench.leaf[at] ^ data.draw(st.integers(1, 255))])
    with pytest.raises(BadCertificate):
        verify(bench, bench.leaf[:at] + flipped + bench.leaf[at + 1 :])


def test_a_certificate_reads_back_as_itself(bench: Any) -> None:
    for raw in (bench.leaf, *bench.trust.ca_chain, *bench.trust.tsa_chain):
        assert x509.parse(raw).der == raw


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: b"", id="empty"),
        pytest.param(lambda raw: raw + b"\x00", id="trailing-byte"),
        pytest.param(lambda raw: raw[:-1], id="cut"),
        pytest.param(lambda raw: raw.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x01", 1), id="version-2"),
        pytest.param(lambda raw: der.sequence(raw, bytes(20_000)), id="too-large"),
    ],
)
def test_a_second_spelling_of_a_certificate_is_refused(bench: Any, change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Malformed):
        x509.parse(change(bench.leaf))
    with pytest.raises(BadCertificate):
        verify(bench, change(bench.leaf))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda body: body._replace(serial=0), id="serial-zero"),
        pytest.param(lambda body: body._replace(serial=-1), id="serial-negative"),
        pytest.param(lambda body: body._replace(serial=2**159), id="serial-of-21-octets"),
        pytest.param(lambda body: body._replace(extensions=body.extensions * 2), id="extension-twice"),
        pytest.param(
            lambda body: body._replace(
                extensions=tuple(Extension(f"1.2.{n}", critical=False, value=b"") for n in range(33))
            ),
            id="too-many-extensions",
        ),
    ],
)
def test_an_impossible_certificate_is_refused(bench: Any, change: Callable[[Body], Body]) -> None:
    with pytest.raises(Malformed):
        x509.parse(bench.altered_leaf(change))


def test_a_life_past_2049_is_spelled_with_four_digits(bench: Any) -> None:
    forged = bench.altered_leaf(lambda body: body._replace(not_after=datetime(2050, 1, 1, tzinfo=UTC)))
    assert b"20500101000000Z" in forged
    assert x509.parse(forged).body.not_after.year == 2050


@pytest.mark.parametrize("value", [b"", b"\x03\x01\x00", b"\x03\x02\x00\x80", b"\x03\x03\x07\x00\x80"])
def test_a_second_spelling_of_a_key_usage_is_refused(value: bytes) -> None:
    with pytest.raises(Malformed):
        x509.key_usage(value)


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        pytest.param({"public_key": P384}, UnsafeKey, id="a-key-on-another-curve"),
        pytest.param({"identity": "builder"}, Malformed, id="an-identity-that-is-no-uri"),
        pytest.param({"identity": "spiffe://a/b\x00"}, Malformed, id="an-identity-with-a-control"),
        pytest.param({"issuer": "somebody"}, Malformed, id="an-issuer-that-is-no-uri"),
        pytest.param({"minutes": 0}, Malformed, id="no-life"),
        pytest.param({"minutes": 61}, Malformed, id="a-long-life"),
        pytest.param({"not_before": NOW - timedelta(days=2)}, BadCertificate, id="before-the-authority"),
        pytest.param({"not_before": NOW + timedelta(days=3651)}, BadCertificate, id="after-the-authority"),
    ],
)
def test_the_authority_refuses_to_issue(bench: Any, arguments: dict[str, Any], refusal: type[Exception]) -> None:
    wanted = {"public_key": KEY, "identity": "a://b", "issuer": "https://i.example", "not_before": NOW, **arguments}
    with pytest.raises(refusal):
        bench.authority.ca.issue(**wanted)


def test_two_certificates_never_share_a_serial_number(bench: Any) -> None:
    issued = [bench.authority.ca.issue(KEY, "a://b", "https://i.example", NOW) for _ in range(20)]
    assert len({x509.parse(one.certificate_der).body.serial for one in issued}) == 20


def test_an_authority_whose_key_and_certificate_differ_does_not_start(bench: Any) -> None:
    with pytest.raises(UnsafeKey, match="not a pair"):
        CertificateAuthority(intermediate=bench.key("root"), sct_signer=bench.key("sct"), chain=bench.trust.ca_chain)


def test_a_huge_certificate_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge):
        x509.parse(bytes(16 * 1024 + 1))
