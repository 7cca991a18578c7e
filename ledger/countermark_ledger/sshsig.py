"""SSH signatures (OpenSSH PROTOCOL.sshsig), verified in this process.

Layer: ledger core. Imports nothing of ours but `ssh_key`, `canonical` and `errors`; does no I/O.
Trust: the armor and the signature are hostile until `verify` returns. The caller pins the namespace and the
keys; a key inside a signature is only ever compared with those.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .canonical import b64decode
from .errors import BadSignature, Malformed, TooLarge
from .ssh_key import PublicKey, Wire, fingerprint, parse_public_key, string

__all__ = ["BEGIN", "END", "MAX_ARMOR", "PublicKey", "Signature", "parse_public_key", "verify"]

BEGIN: Final = b"-----BEGIN SSH SIGNATURE-----\n"
END: Final = b"-----END SSH SIGNATURE-----\n"
MAX_ARMOR = 32 * 1024

_MAGIC = b"SSHSIG"
_VERSION = 1
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_ARMOR_LINES = re.compile(rb"([A-Za-z0-9+/=]{1,76}\n)+")


@dataclass(frozen=True, slots=True)
class Signature:
    """What an armored signature says, before anybody believes it."""

    public_key: bytes
    namespace: bytes
    hash_name: bytes
    signature: bytes

    def encode(self) -> bytes:
        """Spell the signature in wire format."""
        parts = (self.public_key, self.namespace, b"", self.hash_name, self.signature)
        return _MAGIC + _VERSION.to_bytes(4, "big") + b"".join(map(string, parts))

    @classmethod
    def parse(cls, armored: bytes) -> Signature:
        """Accept armor whose lines (of 76 characters at most) are all full but the last."""
        raw = _dearmor(armored)
        if not raw.startswith(_MAGIC):
            raise Malformed("SSH signature: expected it to start with SSHSIG, found otherwise")
        wire = Wire(raw[len(_MAGIC) :])
        version = wire.u32()
        if version != _VERSION:
            raise Malformed(f"SSH signature: expected version {_VERSION}, found {version}")
        public_key, namespace, reserved, hash_name, signature = (wire.string() for _ in range(5))
        wire.end()
        if reserved or hash_name not in _HASHES:
            raise Malformed("SSH signature: expected sha256 or sha512 and an empty reserved field, found otherwise")
        return cls(public_key, namespace, hash_name, signature)

    def signed_bytes(self, message: bytes) -> bytes:
        """Spell what the key signed (PROTOCOL.sshsig section 2)."""
        digest = _HASHES[self.hash_name](message).digest()
        return _MAGIC + b"".join(map(string, (self.namespace, b"", self.hash_name, digest)))


def verify(armored: bytes, *, message: bytes, namespace: str, allowed: Iterable[PublicKey]) -> PublicKey:
    """Return the allowed key that signed the message for this namespace; raise otherwise.

    `BadSignature` when it does not hold, `Malformed` when it is no signature, `UnsafeKey` for a weak key.
    """
    signature = Signature.parse(armored)
    if signature.namespace != namespace.encode("utf-8"):
        raise BadSignature(f"SSH signature: expected namespace {namespace!r}, found {signature.namespace!r:.80}")
    for key in allowed:
        if key.blob == signature.public_key:
            key.check(signature.signature, signature.signed_bytes(message))
            return key
    raise BadSignature(f"SSH signature: made by {fingerprint(signature.public_key)}, which is not an allowed key")


def _dearmor(armored: bytes) -> bytes:
    if len(armored) > MAX_ARMOR:
        raise TooLarge(f"SSH signature: expected at most {MAX_ARMOR} bytes, found {len(armored)}")
    text = armored if armored.endswith(b"\n") else armored + b"\n"  # some signers leave the last newline out
    body = text[len(BEGIN) : -len(END)]
    if text != BEGIN + body + END or not _ARMOR_LINES.fullmatch(body):
        raise Malformed("SSH signature: expected PEM-like armor around base64, found something else")
    joined = body.replace(b"\n", b"")
    width = body.index(b"\n")
    if body != b"".join(joined[at : at + width] + b"\n" for at in range(0, len(joined), width)):
        raise Malformed("SSH signature: expected lines of one length, found others")
    return b64decode(joined.decode("ascii"))
