"""Ed25519 public keys that must be refused, and what we assume of the library underneath."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from countermark_ledger import ed25519
from countermark_ledger.errors import BadSignature, UnsafeKey

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RAW = KEY.public_key().public_bytes_raw()

SMALL_ORDER = [  # libsodium's list of points of small order, sign bit clear
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


def _little(value: int) -> bytes:
    return value.to_bytes(32, "little")


def test_a_key_that_a_signer_made_is_accepted() -> None:
    assert ed25519.public_key(RAW).public_bytes_raw() == RAW
    ed25519.verify(RAW, signature=KEY.sign(b"message"), message=b"message")


@pytest.mark.parametrize("sign", [0, 1 << 255], ids=["sign-clear", "sign-set"])
@pytest.mark.parametrize("raw", SMALL_ORDER)
def test_a_key_of_small_order_is_refused(raw: str, sign: int) -> None:
    with pytest.raises(UnsafeKey, match="small order"):
        ed25519.public_key(_little(int.from_bytes(bytes.fromhex(raw), "little") | sign))


@pytest.mark.parametrize("y", [P, P + 1, P + 3, 2**255 - 1])
@pytest.mark.parametrize("sign", [0, 1 << 255], ids=["sign-clear", "sign-set"])
def test_a_second_spelling_of_a_point_is_refused(y: int, sign: int) -> None:
    with pytest.raises(UnsafeKey, match="canonical"):
        ed25519.public_key(_little(y | sign))


def test_bytes_that_are_not_a_point_of_the_curve_are_refused() -> None:
    with pytest.raises(UnsafeKey, match="curve"):
        ed25519.public_key(_little(2))


@pytest.mark.parametrize("raw", [b"", RAW[:31], RAW + b"\x00"], ids=["empty", "short", "long"])
def test_a_key_of_another_length_is_refused(raw: bytes) -> None:
    with pytest.raises(UnsafeKey, match="32 bytes"):
        ed25519.public_key(raw)


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        pytest.param(KEY.sign(b"message"), b"another", id="another-message"),
        pytest.param(bytes(64), b"message", id="zeros"),
        pytest.param(KEY.sign(b"message")[:63], b"message", id="short"),
        pytest.param(KEY.sign(b"message") + b"\x00", b"message", id="long"),
        pytest.param(b"", b"message", id="empty"),
    ],
)
def test_a_signature_that_does_not_hold_is_refused(signature: bytes, message: bytes) -> None:
    with pytest.raises(BadSignature):
        ed25519.verify(RAW, signature=signature, message=message)


# --- assumptions about the library underneath ---------------------------------------------------------


def test_assumption_the_library_refuses_a_signature_whose_s_was_raised_by_the_group_order() -> None:
    signature = KEY.sign(b"message")
    raised = int.from_bytes(signature[32:], "little") + L
    with pytest.raises(InvalidSignature):
        KEY.public_key().verify(signature[:32] + _little(raised), b"message")


def test_assumption_the_library_alone_lets_anyone_sign_under_the_point_of_order_one() -> None:
    neutral = _little(1)
    Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), b"any message at all")
