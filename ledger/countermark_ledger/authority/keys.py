"""Keys: the Signer port, a key in memory, and the directory that keeps an authority's keys.

Layer: ledger, authority side. Its I/O is that of `private_files`; reads no clock.
Trust: whoever can call `sign` is the authority for as long as they can; a PKCS#11 or KMS key, which cannot be
copied, is one more class behind the same port.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ..errors import UnsafeKey
from ..public_key import p256_spki
from . import private_files

PrivateKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Signer(Protocol):
    """ECDSA on P-256 with SHA-256."""

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The key that the signatures verify under."""
        ...

    @property
    def spki(self) -> bytes:
        """The same key as SubjectPublicKeyInfo, DER."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return a DER signature over the data, in its low-s form."""
        ...


class EcdsaSigner:
    """A P-256 key in this process's memory."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self.public_key = key.public_key()
        self.spki = p256_spki(self.public_key)
        self._key = key

    def sign(self, data: bytes) -> bytes:
        """Sign; of the two signatures that verify, return the one with the smaller s."""
        signature = self._key.sign(data, ec.ECDSA(hashes.SHA256()))
        r, s = decode_dss_signature(signature)
        return signature if s <= _ORDER // 2 else encode_dss_signature(r, _ORDER - s)


@dataclass(frozen=True, slots=True)
class KeyDirectory:
    """A directory of private keys (`<name>.key`, PKCS #8 in PEM) and of files about them.

    Every read checks again that the directory and the file are ours alone; `UnsafeKey` says what is not.
    """

    path: Path

    @classmethod
    def create(cls, path: Path, keys: Mapping[str, PrivateKey], files: Mapping[str, bytes]) -> KeyDirectory:
        """Write keys and files, whole or not at all, where nothing was before."""
        private_files.create(path, {**{f"{name}.key": _pem(key) for name, key in keys.items()}, **files})
        return cls(path)

    def read(self, name: str) -> bytes:
        """Read one of the files."""
        return private_files.read(self.path, name)

    def signer(self, name: str) -> EcdsaSigner:
        """Load a P-256 key."""
        key = self._key(name)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise UnsafeKey(f"key {name}: expected ECDSA on P-256, found another kind")
        return EcdsaSigner(key)

    def ed25519(self, name: str) -> Ed25519PrivateKey:
        """Load an Ed25519 key."""
        key = self._key(name)
        if not isinstance(key, Ed25519PrivateKey):
            raise UnsafeKey(f"key {name}: expected Ed25519, found another kind")
        return key

    def _key(self, name: str) -> object:
        raw = self.read(f"{name}.key")
        try:
            return load_pem_private_key(raw, password=None)
        except (ValueError, TypeError) as error:
            raise UnsafeKey(f"key {name}: expected PKCS #8 in PEM without a password: {error}") from error


def _pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
