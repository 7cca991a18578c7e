"""Sigstore bundle v0.3, in the one profile of FORMATS.md section 1: one certificate, entry, timestamp and envelope.

Layer: ledger core. Does no I/O and reads no clock.
Trust: the bytes are hostile until `Bundle.parse` returns; then they are well-formed, and still nobody's word
until `verifier.verify` has returned.
Source: https://github.com/sigstore/protobuf-specs (bundle, rekor); every field that a stock client reads
twice (index, size) is kept twice here too, so that the verifier can refuse the two that disagree.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from . import canonical, shape
from .canonical import Json
from .dsse import Envelope
from .errors import Malformed, TooLarge

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
KIND, VERSION = "hashedrekord", "0.0.2"
MAX_BYTES = 32 * 1024 * 1024
MAX_HASHES = 64


class Entry(NamedTuple):
    """The logged entry and its proof. Indices and sizes are counts of leaves; hashes are 32 bytes each."""

    log_index: int
    key_id: bytes
    body: bytes
    proof_index: int
    tree_size: int
    root_hash: bytes
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def json(self) -> Json:
        """Spell the entry; the numbers are strings, as protobuf's JSON has 64-bit integers."""
        return {
            "logIndex": str(self.log_index),
            "logId": {"keyId": canonical.b64encode(self.key_id)},
            "kindVersion": {"kind": KIND, "version": VERSION},
            "inclusionProof": {
                "logIndex": str(self.proof_index),
                "rootHash": canonical.b64encode(self.root_hash),
                "treeSize": str(self.tree_size),
                "hashes": [canonical.b64encode(node) for node in self.hashes],
                "checkpoint": {"envelope": self.checkpoint.decode()},
            },
            "canonicalizedBody": canonical.b64encode(self.body),
        }

    @classmethod
    def parse(cls, value: Json) -> Entry:
        """Read an entry; the caller compares the re-encoded bundle."""
        proof = shape.member(value, "inclusionProof")
        hashes = shape.items(shape.member(proof, "hashes"), "hashes", canonical.b64decode)
        if len(hashes) > MAX_HASHES:
            raise TooLarge(f"inclusion proof: expected at most {MAX_HASHES} hashes, found {len(hashes)}")
        checkpoint = shape.text(shape.member(shape.member(proof, "checkpoint"), "envelope"), "checkpoint")
        return cls(
            _number(shape.member(value, "logIndex"), "logIndex"),
            canonical.b64decode(shape.member(shape.member(value, "logId"), "keyId")),
            canonical.b64decode(shape.member(value, "canonicalizedBody")),
            _number(shape.member(proof, "logIndex"), "inclusionProof.logIndex"),
            _number(shape.member(proof, "treeSize"), "inclusionProof.treeSize"),
            canonical.b64decode(shape.member(proof, "rootHash")),
            hashes,
            checkpoint.encode(),
        )


class Bundle(NamedTuple):
    """A signed statement with everything needed to verify it offline, except the trust root."""

    certificate_der: bytes
    timestamp_der: bytes
    entry: Entry
    envelope: Envelope

    def encode(self) -> bytes:
        """Spell the bundle as canonical JSON."""
        return canonical.dumps(
            {
                "mediaType": MEDIA_TYPE,
                "verificationMaterial": {
                    "certificate": {"rawBytes": canonical.b64encode(self.certificate_der)},
                    "tlogEntries": [self.entry.json()],
                    "timestampVerificationData": {
                        "rfc3161Timestamps": [{"signedTimestamp": canonical.b64encode(self.timestamp_der)}]
                    },
                },
                "dsseEnvelope": self.envelope.json(),
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> Bundle:
        """Accept exactly what `encode` emits: one entry, one timestamp, one signature, no other field."""
        value = canonical.loads(raw, max_bytes=MAX_BYTES)
        material = shape.member(value, "verificationMaterial")
        stamps = shape.member(shape.member(material, "timestampVerificationData"), "rfc3161Timestamps")
        parsed = cls(
            canonical.b64decode(shape.member(shape.member(material, "certificate"), "rawBytes")),
            canonical.b64decode(shape.member(_only(stamps, "timestamp"), "signedTimestamp")),
            Entry.parse(_only(shape.member(material, "tlogEntries"), "log entry")),
            Envelope.parse(shape.member(value, "dsseEnvelope")),
        )
        if parsed.encode() != raw:
            raise Malformed("bundle: expected the canonical spelling of the Sigstore v0.3 profile, found another one")
        return parsed


def content_name(raw: bytes) -> str:
    """Name a bundle by its content: the sha256 of its bytes, hex."""
    return hashlib.sha256(raw).hexdigest()


def _only(value: Json, what: str) -> Json:
    found = shape.items(value, what, lambda item: item)
    if len(found) != 1:
        raise Malformed(f"bundle: expected exactly one {what}, found {len(found)}")
    return found[0]


def _number(value: Json, where: str) -> int:
    digits = shape.text(value, where)
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len("18446744073709551615"):
        raise Malformed(f"{where}: expected decimal digits, found {digits!r:.40}")
    return int(digits)
