"""Public keys as certificates carry them (SubjectPublicKeyInfo), and signatures under them.

Layer: ledger core. Imports nothing of ours but `der` and `errors`; does no I/O and reads no clock.
Trust: a key is hostile until `PublicKey.parse` returns: a point off its curve, a short RSA modulus or an
exotic exponent is `UnsafeKey`, and so is a second spelling of a good key.

Keys are read by our own reader, so that verifying a bundle imports neither X.509 nor PEM machinery. What only
RSA needs is imported when an RSA key is met, and what only signing needs is not imported at all.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from . import der
from .der import Reader, Tag, sequence
from .errors import BadSignature, UnsafeKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
RSA_EXPONENT = 65537

_EC = der.oid("1.2.840.10045.2.1")
_RSA = sequence(der.oid("1.2.840.113549.1.1.1"), der.NULL)
_ED25519 = sequence(der.oid("1.3.101.112"))
_CURVES: dict[bytes, tuple[ec.EllipticCurve, int]] = {
    sequence(_EC, der.oid("1.2.840.10045.3.1.7")): (ec.SECP256R1(), 65),
    sequence(_EC, der.oid("1.3.132.0.34")): (ec.SECP384R1(), 97),
}
P256_ALGORITHM = next(iter(_CURVES))
_UNCOMPRESSED = b"\x04"

# AlgorithmIdentifiers by digest; the names are those of hashlib.
ECDSA = {
    "sha256": sequence(der.oid("1.2.840.10045.4.3.2")),
    "sha384": sequence(der.oid("1.2.840.10045.4.3.3")),
    "sha512": sequence(der.oid("1.2.840.10045.4.3.4")),
}
RSA_PKCS1 = {
    "sha256": sequence(der.oid("1.2.840.113549.1.1.11"), der.NULL),
    "sha384": sequence(der.oid("1.2.840.113549.1.1.12"), der.NULL),
    "sha512": sequence(der.oid("1.2.840.113549.1.1.13"), der.NULL),
}
ECDSA_SHA256 = ECDSA["sha256"]
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_ECDSA = {algorithm: _HASHES[digest] for digest, algorithm in ECDSA.items()}
_RSA_PKCS1 = {algorithm: _HASHES[digest] for digest, algorithm in RSA_PKCS1.items()}


class EcdsaVerification(ec.ECDSA):
    """What `ec.ECDSA` says to a public key, without its constructor.

    That one asks the whole OpenSSL backend, with every cipher, whether this machine could SIGN deterministically:
    a tenth of the time of verifying a bundle. A test pins that both accept and refuse the same signatures.
    """

    def __init__(self, algorithm: hashes.HashAlgorithm) -> None:
        self._hash = algorithm

    @property
    def algorithm(self) -> hashes.HashAlgorithm:
        """Name the hash of the message."""
        return self._hash

    @property
    def deterministic_signing(self) -> bool:
        """Say no: this is for verifying only."""
        return False


class PublicKey(NamedTuple):
    """A key that is safe to verify with, and the one SubjectPublicKeyInfo that spells it."""

    spki: bytes
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey

    @property
    def sha256(self) -> bytes:
        """Name the key: SHA-256 over its SubjectPublicKeyInfo."""
        return hashlib.sha256(self.spki).digest()

    @property
    def key_identifier(self) -> bytes:
        """SHA-1 over the key bits: the name that certificates link by (RFC 5280 4.2.1.2, method 1)."""
        reader = der.only(self.spki, Tag.SEQUENCE)
        reader.read(Tag.SEQUENCE)
        return hashlib.sha1(reader.bits(), usedforsecurity=False).digest()

    def verify(self, algorithm: bytes, *, signature: bytes, message: bytes) -> None:
        """Return when the key made the signature under this AlgorithmIdentifier; raise `BadSignature`."""
        own = _ECDSA if isinstance(self.key, ec.EllipticCurvePublicKey) else _RSA_PKCS1
        if algorithm not in own:
            raise BadSignature(f"signature algorithm {algorithm.hex()} is not one for this key")
        try:
            if isinstance(self.key, ec.EllipticCurvePublicKey):
                self.key.verify(signature, message, EcdsaVerification(own[algorithm]))
            else:
                _verify_rsa(self.key, signature, message, own[algorithm])
        except InvalidSignature as error:
            raise BadSignature(f"signature does not verify under key {self.sha256.hex()}") from error

    @classmethod
    def parse(cls, spki: bytes) -> PublicKey:
        """Accept P-256 and P-384 as uncompressed points, and RSA of 2048 to 8192 bits with exponent 65537."""
        reader = der.only(spki, Tag.SEQUENCE)
        algorithm = reader.raw(Tag.SEQUENCE)
        bits = reader.bits()
        reader.finish()
        if algorithm in _CURVES:
            return cls(spki, _point(*_CURVES[algorithm], bits))
        if algorithm == _RSA:
            return cls(spki, _modulus(bits))
        raise UnsafeKey(f"public key: expected P-256, P-384 or RSA, found algorithm {algorithm.hex()}")

    def p256(self) -> ec.EllipticCurvePublicKey:
        """Return the P-256 key; raise `UnsafeKey` when it is another kind."""
        if isinstance(self.key, ec.EllipticCurvePublicKey) and isinstance(self.key.curve, ec.SECP256R1):
            return self.key
        raise UnsafeKey("public key: expected ECDSA on P-256, found another kind")


def p256_spki(key: ec.EllipticCurvePublicKey) -> bytes:
    """Spell a P-256 key as SubjectPublicKeyInfo; raise `UnsafeKey` when it is on another curve."""
    if not isinstance(key.curve, ec.SECP256R1):
        raise UnsafeKey(f"public key: expected ECDSA on P-256, found {key.curve.name}")
    numbers = key.public_numbers()
    point = b"".join((_UNCOMPRESSED, numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")))
    return sequence(P256_ALGORITHM, der.bit_string(point))


def ed25519_spki(raw: bytes) -> bytes:
    """Spell 32 raw Ed25519 bytes as SubjectPublicKeyInfo (RFC 8410)."""
    return sequence(_ED25519, der.bit_string(raw))


def _point(curve: ec.EllipticCurve, size: int, bits: bytes) -> ec.EllipticCurvePublicKey:
    if len(bits) != size or not bits.startswith(_UNCOMPRESSED):
        raise UnsafeKey(f"public key: expected an uncompressed {curve.name} point of {size} bytes")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, bits)
    except ValueError as error:
        raise UnsafeKey(f"public key: not a point of {curve.name}") from error


def _verify_rsa(key: rsa.RSAPublicKey, signature: bytes, message: bytes, digest: hashes.HashAlgorithm) -> None:
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415 - see the top

    key.verify(signature, message, padding.PKCS1v15(), digest)


def _modulus(bits: bytes) -> rsa.RSAPublicKey:
    reader: Reader = der.only(bits, Tag.SEQUENCE)
    modulus, exponent = reader.integer(), reader.integer()
    reader.finish()
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or modulus % 2 == 0 or modulus < 0:
        raise UnsafeKey(f"public key: expected RSA of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")
    if exponent != RSA_EXPONENT:
        raise UnsafeKey(f"public key: expected the RSA exponent {RSA_EXPONENT}, found {exponent}")
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - see the top

    return rsa.RSAPublicNumbers(exponent, modulus).public_key()
