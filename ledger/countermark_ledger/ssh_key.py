"""SSH public keys, and signatures under them (RFC 4253, RFC 5656, RFC 8332, RFC 8709, PROTOCOL.u2f).

Layer: ledger core. Imports nothing of ours but `canonical`, `ed25519` and `errors`; does no I/O.
Trust: keys and signatures are hostile until `PublicKey.parse` and `PublicKey.check` return.

Accepted: Ed25519, ECDSA on P-256 and P-384, RSA of 2048 bits or more with SHA-2, and the security-key forms
of Ed25519 and P-256 when the key's holder touched it. Never RSA with SHA-1, never DSA.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from . import ed25519
from .canonical import b64decode, b64encode
from .errors import BadSignature, Malformed, TooLarge, UnsafeKey

MAX_KEY_LINE = 16 * 1024
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
RSA_EXPONENT = 65537
USER_PRESENT = 0x01

_RSA_HASHES: dict[bytes, hashes.HashAlgorithm] = {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}
_LINE = re.compile(r"([a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?: [^\x00-\x1f\x7f]*)?")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that is safe to verify with, by its one wire encoding."""

    blob: bytes

    @property
    def kind(self) -> str:
        """Name the key's type as SSH does."""
        return Wire(self.blob).string().decode("ascii")

    @property
    def fingerprint(self) -> str:
        """Name the key as `ssh-keygen -l` does: `SHA256:` and unpadded base64."""
        return fingerprint(self.blob)

    def line(self) -> str:
        """Spell the key as one line, without a comment."""
        return f"{self.kind} {b64encode(self.blob)}"

    @classmethod
    def parse(cls, blob: bytes) -> PublicKey:
        """Accept the wire encoding of a key that is strong enough; raise `UnsafeKey` or `Malformed`."""
        _scheme(blob)
        return cls(blob)

    def check(self, signature: bytes, signed: bytes) -> None:
        """Return when this key made the wire signature over the bytes; raise `BadSignature` or `Malformed`."""
        wire = Wire(signature)
        try:
            _scheme(self.blob).check(wire.string(), wire, signed)
        except InvalidSignature as error:
            raise BadSignature(f"SSH signature does not verify under {self.fingerprint}") from error


def parse_public_key(line: str) -> PublicKey:
    """Accept `type base64 [comment]`, one line as in a `.pub` file; options before the type are refused."""
    if len(line) > MAX_KEY_LINE:
        raise TooLarge(f"SSH public key: expected at most {MAX_KEY_LINE} characters, found {len(line)}")
    found = _LINE.fullmatch(line.removesuffix("\n"))
    if found is None:
        raise Malformed("SSH public key: expected `type base64 [comment]`, found something else")
    key = PublicKey.parse(b64decode(found[2]))
    if key.kind != found[1]:
        raise Malformed(f"SSH public key: expected type {key.kind}, as it says inside, found {found[1]}")
    return key


def fingerprint(blob: bytes) -> str:
    """Name a key blob, whatever it holds, as `ssh-keygen -l` does."""
    return "SHA256:" + b64encode(hashlib.sha256(blob).digest()).rstrip("=")


def string(raw: bytes) -> bytes:
    """Spell bytes as an SSH string."""
    return len(raw).to_bytes(4, "big") + raw


class Wire:
    """A strict reader of RFC 4251 section 5 data."""

    def __init__(self, raw: bytes) -> None:
        """Start at the first byte."""
        self._raw = raw

    def take(self, size: int) -> bytes:
        """Read so many bytes."""
        if size > len(self._raw):
            raise Malformed(f"SSH data: expected {size} more bytes, found {len(self._raw)}")
        taken, self._raw = self._raw[:size], self._raw[size:]
        return taken

    def u32(self) -> int:
        """Read a 32-bit integer."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """Read bytes after their length."""
        return self.take(self.u32())

    def positive(self) -> int:
        """Read an mpint above zero in its shortest form."""
        raw = self.string()
        value = int.from_bytes(raw, "big")
        if value == 0 or raw != value.to_bytes(value.bit_length() // 8 + 1, "big"):
            raise Malformed("SSH data: expected a positive integer in its shortest form, found otherwise")
        return value

    def end(self) -> None:
        """Refuse anything more."""
        if self._raw:
            raise Malformed(f"SSH data: expected its end, found {len(self._raw)} more bytes")


class _Scheme(Protocol):
    """A key that checks what follows the algorithm's name in a signature, to its last byte."""

    def check(self, algorithm: bytes, wire: Wire, message: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class _Ed25519:
    name: bytes
    raw: bytes

    @classmethod
    def read(cls, name: bytes, wire: Wire) -> _Ed25519:
        raw = wire.string()
        ed25519.public_key(raw)
        return cls(name, raw)

    def check(self, algorithm: bytes, wire: Wire, message: bytes) -> None:
        _expect(algorithm, self.name)
        signature = wire.string()
        wire.end()
        ed25519.verify(self.raw, signature=signature, message=message)


@dataclass(frozen=True, slots=True)
class _Ecdsa:
    name: bytes
    key: ec.EllipticCurvePublicKey
    hash: hashes.HashAlgorithm

    @classmethod
    def read(cls, name: bytes, wire: Wire) -> _Ecdsa:
        curve_name, point = wire.string(), wire.string()
        expected, curve, size, algorithm = _CURVES[name]
        if curve_name != expected or len(point) != size or not point.startswith(b"\x04"):
            raise Malformed(f"SSH public key: expected an uncompressed {curve.name} point, found otherwise")
        try:
            return cls(name, ec.EllipticCurvePublicKey.from_encoded_point(curve, point), algorithm)
        except ValueError as error:
            raise UnsafeKey(f"SSH public key: not a point of {curve.name}") from error

    def check(self, algorithm: bytes, wire: Wire, message: bytes) -> None:
        _expect(algorithm, self.name)
        numbers = Wire(wire.string())
        wire.end()
        r, s = numbers.positive(), numbers.positive()
        numbers.end()
        self.key.verify(encode_dss_signature(r, s), message, ec.ECDSA(self.hash))


@dataclass(frozen=True, slots=True)
class _Rsa:
    key: rsa.RSAPublicKey

    @classmethod
    def read(cls, _name: bytes, wire: Wire) -> _Rsa:
        exponent, modulus = wire.positive(), wire.positive()
        if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or modulus % 2 == 0:
            raise UnsafeKey(
                f"SSH public key: expected RSA of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, found {modulus.bit_length()}"
            )
        if exponent != RSA_EXPONENT:
            raise UnsafeKey(f"SSH public key: expected the RSA exponent {RSA_EXPONENT}, found {exponent:#x}")
        return cls(rsa.RSAPublicNumbers(exponent, modulus).public_key())

    def check(self, algorithm: bytes, wire: Wire, message: bytes) -> None:
        _expect(algorithm, *_RSA_HASHES)
        signature = wire.string()
        wire.end()
        self.key.verify(signature, message, padding.PKCS1v15(), _RSA_HASHES[algorithm])


@dataclass(frozen=True, slots=True)
class _SecurityKey:
    """A FIDO key (PROTOCOL.u2f): it signs the application, what its holder did, a counter and the message."""

    name: bytes
    inner: _Ed25519 | _Ecdsa
    application: bytes

    @classmethod
    def read(cls, name: bytes, wire: Wire) -> _SecurityKey:
        inner = _Ed25519.read(name, wire) if name == _SK_ED25519 else _Ecdsa.read(name, wire)
        return cls(name, inner, wire.string())

    def check(self, algorithm: bytes, wire: Wire, message: bytes) -> None:
        signature, flags, counter = wire.string(), wire.take(1), wire.take(4)
        wire.end()
        if not flags[0] & USER_PRESENT:
            raise BadSignature("SSH signature: expected a touch of the security key, found none")
        application, digest = (hashlib.sha256(part).digest() for part in (self.application, message))
        self.inner.check(algorithm, Wire(string(signature)), application + flags + counter + digest)


_SK_ED25519: Final = b"sk-ssh-ed25519@openssh.com"
_SK_ECDSA: Final = b"sk-ecdsa-sha2-nistp256@openssh.com"
_P256 = (b"nistp256", ec.SECP256R1(), 65, hashes.SHA256())
_CURVES: dict[bytes, tuple[bytes, ec.EllipticCurve, int, hashes.HashAlgorithm]] = {
    b"ecdsa-sha2-nistp256": _P256,
    b"ecdsa-sha2-nistp384": (b"nistp384", ec.SECP384R1(), 97, hashes.SHA384()),
    _SK_ECDSA: _P256,
}
_SCHEMES: dict[bytes, Callable[[bytes, Wire], _Scheme]] = {
    b"ssh-ed25519": _Ed25519.read,
    b"ecdsa-sha2-nistp256": _Ecdsa.read,
    b"ecdsa-sha2-nistp384": _Ecdsa.read,
    b"ssh-rsa": _Rsa.read,
    _SK_ED25519: _SecurityKey.read,
    _SK_ECDSA: _SecurityKey.read,
}


@lru_cache(maxsize=256)
def _scheme(blob: bytes) -> _Scheme:
    wire = Wire(blob)
    name = wire.string()
    if name not in _SCHEMES:
        accepted = ", ".join(known.decode("ascii") for known in _SCHEMES)
        raise UnsafeKey(f"SSH public key: expected one of {accepted}, found {name!r:.80}")
    scheme = _SCHEMES[name](name, wire)
    wire.end()
    return scheme


def _expect(algorithm: bytes, *accepted: bytes) -> None:
    if algorithm not in accepted:
        names = " or ".join(name.decode("ascii") for name in accepted)
        raise BadSignature(f"SSH signature: expected algorithm {names}, found {algorithm!r:.80}")
