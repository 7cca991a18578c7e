"""Signed notes (c2sp.org/signed-note): a text, and lines saying which keys signed it.

Layer: ledger core. Imports `canonical`, `ed25519` and `errors`; does no I/O and reads no clock.
Trust: the bytes given to `parse` are hostile until it returns; the text is hostile until `verify` returns.

Two signature types, for two statements: 0x01, a log signs its tree head; 0x04, a witness says when it saw
that head (c2sp.org/tlog-cosignature). Lines of unknown keys are carried and ignored, up to a cap.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, assert_never

from . import ed25519
from .canonical import b64decode, b64encode
from .errors import BadSignature, Malformed, TooLarge

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MAX_BYTES = 1024 * 1024
MAX_SIGNATURES = 100
ID_BYTES = 4
TIME_BYTES = 8
MAX_TIME = 2**63 - 1
_DASH = "\u2014 "
_NOT_IN_NAMES = re.compile("[+\x00-\x20\x7f\\s\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class KeyType(IntEnum):
    """What a key of this type states with a signature."""

    ED25519 = 0x01
    COSIGNATURE_V1 = 0x04


@dataclass(frozen=True, slots=True)
class Signature:
    """One line: who claims to have signed, under which 4-byte key id, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def __post_init__(self) -> None:
        """Refuse a line that would not read back as itself."""
        check_name(self.name)
        if len(self.key_id) != ID_BYTES:
            raise Malformed(f"note signature: expected a key id of 4 bytes, found {len(self.key_id)}")

    def encode(self) -> str:
        """Spell the line, newline included."""
        return f"{_DASH}{self.name} {b64encode(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Accept exactly what `encode` emits."""
        name, _, body = line.removeprefix(_DASH).removesuffix("\n").partition(" ")
        raw = b64decode(body)
        parsed = cls(name, raw[:ID_BYTES], raw[ID_BYTES:])
        if parsed.encode() != line:
            raise Malformed(f"note signature: expected a dash, a name and base64, found {line[:80]!r}")
        return parsed


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A pinned public key: its name, what it signs, and 32 raw Ed25519 bytes that are safe to verify with."""

    name: str
    key_type: KeyType
    raw: bytes

    def __post_init__(self) -> None:
        """Refuse a name with a second reading and a key anyone can sign under."""
        check_name(self.name)
        ed25519.public_key(self.raw)

    @property
    def key_hash(self) -> bytes:
        """SHA-256 over name, type and key, all 32 bytes (Sigstore's `logId.keyId`)."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._encoded()).digest()

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of the hash: they find a line and prove nothing."""
        return self.key_hash[:ID_BYTES]

    def vkey(self) -> str:
        """Spell the key as `name+id+base64`, the form every C2SP tool takes."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(self._encoded())}"

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """Accept exactly what `vkey` emits."""
        name, _, rest = vkey.partition("+")
        raw = b64decode(rest.partition("+")[2])
        if raw[:1] not in {bytes([kind]) for kind in KeyType}:
            raise Malformed(f"verifier key {name!r}: expected type 01 or 04, found {raw[:1].hex() or 'none'}")
        parsed = cls(name, KeyType(raw[0]), raw[1:])
        if parsed.vkey() != vkey:
            raise Malformed(f"verifier key {name!r}: expected {parsed.vkey()}, found {vkey}")
        return parsed

    def _encoded(self) -> bytes:
        return bytes([self.key_type]) + self.raw


@dataclass(frozen=True, slots=True)
class SignedNote:
    """The signed text, last newline included, and its signature lines in order."""

    text: bytes
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        """Refuse a note that would not read back as itself, and two lines of one key."""
        _check_text(self.text)
        if not 0 < len(self.signatures) <= MAX_SIGNATURES:
            raise Malformed(f"note: expected 1 to {MAX_SIGNATURES} signatures, found {len(self.signatures)}")
        if len({(line.name, line.key_id) for line in self.signatures}) != len(self.signatures):
            raise Malformed("note: expected one signature a key, found two for one name and key id")

    def encode(self) -> bytes:
        """Spell the note: text, blank line, signature lines."""
        return self.text + b"\n" + "".join(line.encode() for line in self.signatures).encode()

    @classmethod
    def parse(cls, raw: bytes) -> SignedNote:
        """Accept exactly what `encode` emits."""
        if len(raw) > MAX_BYTES:
            raise TooLarge(f"note: expected at most {MAX_BYTES} bytes, found {len(raw)}")
        head, _, tail = raw.rpartition(b"\n\n")
        if tail.count(b"\n") > MAX_SIGNATURES:
            raise TooLarge(f"note: expected at most {MAX_SIGNATURES} signatures, found more lines")
        lines = _decode(tail).split("\n")[:-1]
        note = cls(head + b"\n", tuple(Signature.parse(line + "\n") for line in lines))
        if note.encode() != raw:
            raise Malformed("note: expected a text, a blank line and signature lines")
        return note

    def verify(self, key: VerifierKey) -> Signature:
        """Return the key's line when it holds; raise `BadSignature` when there is none or it does not."""
        for line in self.signatures:
            if (line.name, line.key_id) == (key.name, key.key_id):
                _verify_line(key, line, self.text)
                return line
        raise BadSignature(f"note: expected a signature by {key.name} ({key.key_id.hex()}), found none")


class NoteSigner:
    """A log's Ed25519 key under its name: signs texts with type 0x01."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self.verifier = VerifierKey(name, KeyType.ED25519, key.public_key().public_bytes_raw())
        self._key = key

    def sign(self, text: bytes) -> Signature:
        """Return the line that belongs under this text."""
        return Signature(self.verifier.name, self.verifier.key_id, self._key.sign(text))


class Cosigner:
    """A witness's Ed25519 key under its name: says with type 0x04 when it saw a checkpoint."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self.verifier = VerifierKey(name, KeyType.COSIGNATURE_V1, key.public_key().public_bytes_raw())
        self._key = key

    def cosign(self, text: bytes, *, time: int) -> Signature:
        """Return the line saying that this text was the newest one seen at `time`, in POSIX seconds."""
        if not 0 <= time <= MAX_TIME:
            raise Malformed(f"cosignature time: expected 0 to 2**63-1, found {time}")
        signature = time.to_bytes(TIME_BYTES, "big") + self._key.sign(_cosigned(text, time))
        return Signature(self.verifier.name, self.verifier.key_id, signature)


def cosigned_at(line: Signature) -> int:
    """Return the POSIX seconds of a cosignature line that was verified under a type 0x04 key."""
    return int.from_bytes(line.signature[:TIME_BYTES], "big")


def check_name(name: str) -> None:
    """Refuse a key name that is empty or holds a space, a plus sign, a control or a lone surrogate."""
    if not name or _NOT_IN_NAMES.search(name):
        raise Malformed(f"key name: expected text without spaces, plus signs and controls, found {name[:80]!r}")


def _verify_line(key: VerifierKey, line: Signature, text: bytes) -> None:
    match key.key_type:
        case KeyType.ED25519:
            ed25519.verify(key.raw, signature=line.signature, message=text)
        case KeyType.COSIGNATURE_V1:
            time = cosigned_at(line)
            if time > MAX_TIME:
                raise BadSignature(f"cosignature by {line.name}: time {time} is past 2**63-1")
            ed25519.verify(key.raw, signature=line.signature[TIME_BYTES:], message=_cosigned(text, time))
        case _:
            assert_never(key.key_type)


def _cosigned(text: bytes, time: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % time + text


def _check_text(text: bytes) -> None:
    if not text.endswith(b"\n"):
        raise Malformed("note: expected a text that ends in a newline")
    _decode(text)


def _decode(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"note: expected UTF-8: {error}") from error
    if _CONTROL.search(text):
        raise Malformed("note: expected no control character but the newline")
    return text
