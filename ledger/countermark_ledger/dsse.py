"""DSSE envelopes (github.com/secure-systems-lab/dsse): a payload, its type, and exactly one signature.

Layer: ledger core. Imports `canonical`, `errors` and `shape`; does no I/O and reads no clock.
Trust: the JSON given to `parse` is hostile until it returns; the payload is hostile until its signature,
over `pae` and never over the payload alone, was verified.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from . import shape
from .canonical import b64decode, b64encode
from .errors import Malformed

if TYPE_CHECKING:
    from .canonical import Json

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: type and payload, each behind its length (DSSE v1)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def name_of(payload: bytes) -> str:
    """Name a statement by what is signed of it: the sha256 of its `pae`, hex."""
    return hashlib.sha256(pae(PAYLOAD_TYPE, payload)).hexdigest()


class Envelope(NamedTuple):
    """An in-toto payload and one signature; `keyid` is a hint that decides nothing."""

    payload: bytes
    signature: bytes
    keyid: str = ""

    def pae(self) -> bytes:
        """Return the bytes that are signed."""
        return pae(PAYLOAD_TYPE, self.payload)

    def json(self) -> dict[str, Json]:
        """Spell the envelope as a bundle's `dsseEnvelope`."""
        return {
            "payload": b64encode(self.payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": b64encode(self.signature), "keyid": self.keyid}],
        }

    @classmethod
    def parse(cls, value: Json) -> Envelope:
        """Accept exactly what `json` emits: this payload type, one signature, no other field."""
        signatures = shape.items(shape.member(value, "signatures"), "signatures", lambda item: item)
        if len(signatures) != 1:
            raise Malformed(f"envelope: expected exactly one signature, found {len(signatures)}")
        envelope = cls(
            b64decode(shape.member(value, "payload")),
            b64decode(shape.member(signatures[0], "sig")),
            shape.text(shape.member(signatures[0], "keyid"), "keyid"),
        )
        if envelope.json() != value:
            raise Malformed(f"envelope: expected payload type {PAYLOAD_TYPE} and no other field")
        return envelope
