"""Public keys: what is read is safe to verify with, and has one spelling."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import der
from countermark_ledger.der import NULL, sequence
from countermark_ledger.errors import BadSignature, LedgerError, Malformed, UnsafeKey
from countermark_ledger.public_key import (
    ECDSA,
    RSA_PKCS1,
    EcdsaVerification,
    PublicKey,
    ed25519_spki,
    p256_spki,
)

RSA_2048 = rsa.generate_private_key(65537, 2048)
RSA_ALGORITHM = sequence(der.oid("1.2.840.113549.1.1.1"), NULL)
P256 = sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7"))
KeyType = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


def spki(key: KeyType) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def rsa_spki(modulus: int, exponent: int = 65537, tail: bytes = b"") -> bytes:
    return sequence(RSA_ALGORITHM, der.bit_string(sequence(der.integer(modulus), der.integer(exponent), tail)))


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()], ids=lambda curve: curve.name)
@pytest.mark.parametrize("digest", sorted(ECDSA))
def test_an_ecdsa_signature_verifies_under_its_key_alone(curve: ec.EllipticCurve, digest: str) -> None:
    key = ec.generate_private_key(curve)
    hashed = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[digest]
    signature = key.sign(b"message", ec.ECDSA(hashed))
    public = PublicKey.parse(spki(key.public_key()))
    public.verify(ECDSA[digest], signature=signature, message=b"message")
    with pytest.raises(BadSignature):
        public.verify(ECDSA[digest], signature=signature, message=b"another message")
    with pytest.raises(BadSignature, match="not one for this key"):
        public.verify(RSA_PKCS1[digest], signature=signature, message=b"message")


P256_KEY = ec.generate_private_key(ec.SECP256R1())
SIGNATURE = P256_KEY.sign(b"message", ec.ECDSA(hashes.SHA256()))
R, S = decode_dss_signature(SIGNATURE)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def verifies(algorithm: ec.ECDSA, signature: bytes, message: bytes) -> bool:
    try:
        P256_KEY.public_key().verify(signature, message, algorithm)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda digest: digest.name)
@pytest.mark.parametrize(
    ("signature", "message"),
    [
        pytest.param(SIGNATURE, b"message", id="true"),
        pytest.param(encode_dss_signature(R, ORDER - S), b"message", id="other-s"),
        pytest.param(SIGNATURE, b"another", id="another-message"),
        pytest.param(encode_dss_signature(S, R), b"message", id="swapped"),
        pytest.param(encode_dss_signature(R, S + ORDER), b"message", id="s-past-the-order"),
        pytest.param(encode_dss_signature(0, 0), b"message", id="zeroes"),
        pytest.param(SIGNATURE + b"\x00", b"message", id="with-a-tail"),
        pytest.param(SIGNATURE[:-1], b"message", id="cut"),
        pytest.param(b"", b"message", id="empty"),
    ],
)
def test_our_ecdsa_accepts_and_refuses_what_the_librarys_does(
    digest: hashes.HashAlgorithm, signature: bytes, message: bytes
) -> None:
    expected = verifies(ec.ECDSA(digest), signature, message)
    assert verifies(EcdsaVerification(digest), signature, message) is expected
    assert verifies(ec.ECDSA(hashes.SHA256()), SIGNATURE, b"message")


@given(at=st.integers(0, len(SIGNATURE) - 1), octet=st.integers(0, 255))
def test_our_ecdsa_agrees_with_the_librarys_on_every_altered_octet(at: int, octet: int) -> None:
    altered = SIGNATURE[:at] + bytes([octet]) + SIGNATURE[at + 1 :]
    for message in (b"message", b"another"):
        expected = verifies(ec.ECDSA(hashes.SHA256()), altered, message)
        assert verifies(EcdsaVerification(hashes.SHA256()), altered, message) is expected


def test_our_ecdsa_says_what_the_librarys_says() -> None:
    ours, theirs = EcdsaVerification(hashes.SHA384()), ec.ECDSA(hashes.SHA384())
    facts = [name for name, member in vars(ec.ECDSA).items() if isinstance(member, property)]
    assert facts == ["algorithm", "deterministic_signing"]
    assert isinstance(theirs.algorithm, hashes.HashAlgorithm)
    assert (ours.algorithm.name, ours.deterministic_signing) == (theirs.algorithm.name, theirs.deterministic_signing)


def test_verifying_ecdsa_loads_neither_ciphers_nor_rsa() -> None:
    spelled, algorithm = spki(P256_KEY.public_key()), ECDSA["sha256"]
    code = (
        "import sys; from countermark_ledger.public_key import PublicKey\n"
        f"PublicKey.parse({spelled!r}).verify({algorithm!r}, signature={SIGNATURE!r}, message=b'message')\n"
        "print(*(name for name in sys.modules if 'ciphers' in name or name.endswith(('.rsa', '.backend'))))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_an_rsa_signature_verifies_under_its_key_alone() -> None:
    signature = RSA_2048.sign(b"message", padding.PKCS1v15(), hashes.SHA256())
    public = PublicKey.parse(spki(RSA_2048.public_key()))
    public.verify(RSA_PKCS1["sha256"], signature=signature, message=b"message")
    for algorithm in (RSA_PKCS1["sha384"], ECDSA["sha256"]):
        with pytest.raises(BadSignature):
            public.verify(algorithm, signature=signature, message=b"message")


def test_keys_are_spelled_as_everybody_spells_them() -> None:
    p256 = ec.generate_private_key(ec.SECP256R1()).public_key()
    ed = ed25519.Ed25519PrivateKey.generate().public_key()
    assert p256_spki(p256) == spki(p256)
    assert ed25519_spki(ed.public_bytes_raw()) == spki(ed)


def test_a_key_of_another_kind_is_no_p256_key() -> None:
    p384 = ec.generate_private_key(ec.SECP384R1()).public_key()
    with pytest.raises(UnsafeKey):
        p256_spki(p384)
    for key in (p384, RSA_2048.public_key()):
        with pytest.raises(UnsafeKey):
            PublicKey.parse(spki(key)).p256()


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        pytest.param(sequence(P256, der.bit_string(b"\x00")), UnsafeKey, id="point-at-infinity"),
        pytest.param(sequence(P256, der.bit_string(b"\x04" + bytes(64))), UnsafeKey, id="point-off-the-curve"),
        pytest.param(sequence(P256, der.bit_string(b"\x06" + bytes(64))), UnsafeKey, id="hybrid-point"),
        pytest.param(sequence(P256, der.bit_string(b"\x02" + bytes(32))), UnsafeKey, id="compressed-point"),
        pytest.param(rsa_spki((1 << 2046) + 1), UnsafeKey, id="rsa-too-short"),
        pytest.param(rsa_spki((1 << 8192) + 1), UnsafeKey, id="rsa-too-long"),
        pytest.param(rsa_spki(1 << 2047), UnsafeKey, id="rsa-even"),
        pytest.param(rsa_spki(-(1 << 2047) - 1), UnsafeKey, id="rsa-negative"),
        pytest.param(rsa_spki((1 << 2047) + 1, exponent=3), UnsafeKey, id="rsa-exponent-3"),
        pytest.param(rsa_spki((1 << 2047) + 1, tail=NULL), Malformed, id="rsa-with-a-tail"),
        pytest.param(ed25519_spki(bytes(32)), UnsafeKey, id="ed25519"),
        pytest.param(spki(ec.generate_private_key(ec.SECP521R1()).public_key()), UnsafeKey, id="p521"),
        pytest.param(sequence(P256, der.bit_string(b""), NULL), Malformed, id="with-a-tail"),
        pytest.param(b"", Malformed, id="empty"),
    ],
)
def test_a_weak_or_foreign_key_is_refused(raw: bytes, refusal: type[LedgerError]) -> None:
    with pytest.raises(refusal):
        PublicKey.parse(raw)
