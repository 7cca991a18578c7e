"""Public keys: what is read is safe to verify with, and has one spelling."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from countermark_ledger import der
from countermark_ledger.der import NULL, sequence
from countermark_ledger.errors import BadSignature, LedgerError, Malformed, UnsafeKey
from countermark_ledger.public_key import ECDSA, RSA_PKCS1, PublicKey, ed25519_spki, p256_spki

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
