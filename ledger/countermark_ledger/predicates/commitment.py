"""Commitments to personal or guessable text: HMAC-SHA256 under a random 32-byte key that only the store keeps.

Layer: ledger core. Does no I/O; the caller supplies the key.
Trust: without the key a commitment tells nothing, also about short texts; erasing the key erases the text's trace.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from .. import shape
from ..canonical import Json
from ..errors import Malformed, WrongStatement

KEY_BYTES = 32


class Commitment(NamedTuple):
    """The HMAC-SHA256 (hex) of a text under a key that is not in the statement."""

    hmac_sha256: str

    def json(self) -> Json:
        """Spell the commitment."""
        return {"hmacSha256": self.hmac_sha256}

    @classmethod
    def parse(cls, value: Json) -> Commitment | None:
        """Read a commitment, or null for a field that was empty."""
        return None if value is None else cls(shape.hex64(shape.member(value, "hmacSha256"), "hmacSha256"))

    @classmethod
    def of(cls, text: str, key: bytes) -> Commitment:
        """Commit to a text."""
        if len(key) != KEY_BYTES:
            raise Malformed(f"commitment key: expected {KEY_BYTES} bytes, found {len(key)}")
        return cls(hmac.new(key, text.encode(), hashlib.sha256).hexdigest())

    def open(self, text: str, key: bytes) -> str:
        """Return the text when it is the one committed to; raise `WrongStatement` otherwise."""
        if not hmac.compare_digest(Commitment.of(text, key).hmac_sha256, self.hmac_sha256):
            raise WrongStatement("commitment: the text is not the one that was committed to")
        return text
