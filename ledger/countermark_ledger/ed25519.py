"""Ed25519 public keys: the ones that mean one signer, and nothing else.

Layer: ledger core. Imports nothing of ours but `errors`; does no I/O and reads no clock.
Trust: raw keys are hostile until `public_key` returns. OpenSSL accepts any 32 bytes as a key, and under a
small-order key one signature holds for ANY message (ATTACKS.md, semantics). It does refuse S >= L itself;
a test pins that.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .errors import BadSignature, UnsafeKey

KEY_BYTES = 32

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_Y8 = int("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", 16)
_SMALL_ORDER_Y = frozenset({0, 1, _P - 1, _Y8, _P - _Y8})  # all eight points of order 1, 2, 4 and 8


@lru_cache(maxsize=256)
def public_key(raw: bytes) -> Ed25519PublicKey:
    """Accept the one encoding of a curve point that is not of small order; raise `UnsafeKey` otherwise."""
    if len(raw) != KEY_BYTES:
        raise UnsafeKey(f"Ed25519 public key: expected {KEY_BYTES} bytes, found {len(raw)}")
    y = int.from_bytes(raw, "little") & ~(1 << 255)
    if y >= _P:
        raise UnsafeKey("Ed25519 public key: not the canonical encoding of a point")
    if y in _SMALL_ORDER_Y:
        raise UnsafeKey("Ed25519 public key: a point of small order, under which anyone can sign")
    if pow((y * y - 1) * (_D * y * y + 1), (_P - 1) // 2, _P) != 1:
        raise UnsafeKey("Ed25519 public key: not a point of the curve")
    return Ed25519PublicKey.from_public_bytes(raw)


def verify(raw: bytes, *, signature: bytes, message: bytes) -> None:
    """Return when the key made the signature over the message; raise `BadSignature` or `UnsafeKey`."""
    try:
        public_key(raw).verify(signature, message)
    except InvalidSignature as error:
        raise BadSignature(f"Ed25519 signature does not verify under key {raw.hex()}") from error
