"""Checkpoints: one spelling a head, the pinned log only, and witnesses that count once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.checkpoint import (
    MAX_REMEMBERED_BYTES,
    Cosignature,
    SignedCheckpoint,
    TreeHead,
    Witnesses,
    sign,
    verified,
)
from countermark_ledger.errors import BadSignature, Malformed, NotWitnessed, WrongLog
from countermark_ledger.merkle import EMPTY_ROOT, MAX_SIZE
from countermark_ledger.note import Cosigner, KeyType, NoteSigner, Signature, SignedNote

if TYPE_CHECKING:
    from collections.abc import Callable


def _secret(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


LOG = NoteSigner("log.example", _secret(1))
W1, W2, W3 = (Cosigner(f"w{n}.example", _secret(n + 10)) for n in (1, 2, 3))
PINNED = (W1.verifier, W2.verifier, W3.verifier)
HEAD = TreeHead("log.example", 7, bytes(range(32)))
RAW = sign(HEAD, LOG)


def _checkpoint(*lines: Signature) -> SignedCheckpoint:
    """Build the log's checkpoint with these lines below its own."""
    text = HEAD.encode()
    return SignedCheckpoint.parse(SignedNote(text, (LOG.sign(text), *lines)).encode())


def _seen(*witnesses: Cosigner, time: int = 9) -> tuple[Signature, ...]:
    return tuple(witness.cosign(HEAD.encode(), time=time) for witness in witnesses)


# --- heads ------------------------------------------------------------------------------------------

origins = st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"], exclude_characters="+"), min_size=1)
heads = st.builds(TreeHead, origins, st.integers(1, MAX_SIZE), st.binary(min_size=32, max_size=32))


def test_a_head_is_three_lines() -> None:
    assert HEAD.encode() == b"log.example\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"


@given(heads)
def test_a_head_reads_back_as_itself(head: TreeHead) -> None:
    assert TreeHead.parse(head.encode()) == head


def test_the_head_of_no_leaves_reads_back_as_itself() -> None:
    empty = TreeHead("log.example", 0, EMPTY_ROOT)
    assert TreeHead.parse(empty.encode()) == empty


@given(st.binary(max_size=80) | st.lists(st.text(max_size=50), max_size=5).map(lambda x: "\n".join(x).encode()))
def test_whatever_parses_as_a_head_has_one_spelling(raw: bytes) -> None:
    try:
        head = TreeHead.parse(raw)
    except Malformed:
        return
    assert head.encode() == raw


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(HEAD.encode()[:-1], id="last-newline-missing"),
        pytest.param(HEAD.encode() + b"\n", id="trailing-blank-line"),
        pytest.param(HEAD.encode() + b"extension\n", id="extension-line"),
        pytest.param(b"\n" + HEAD.encode(), id="leading-blank-line"),
        pytest.param(HEAD.encode().replace(b"log.example", b""), id="no-origin"),
        pytest.param(HEAD.encode().replace(b"log.example", b"log example"), id="space-in-the-origin"),
        pytest.param(HEAD.encode().replace(b"log.example", b"log.example "), id="space-after-the-origin"),
        pytest.param(HEAD.encode().replace(b"log.example", b"log+example"), id="plus-in-the-origin"),
        pytest.param(HEAD.encode().replace(b"log.example", b"log\xffexample"), id="origin-not-utf-8"),
        pytest.param(HEAD.encode().replace(b"log.example", b"log.example\r"), id="carriage-return"),
        pytest.param(HEAD.encode().replace(b"7", b"07"), id="leading-zero"),
        pytest.param(HEAD.encode().replace(b"7", b"+7"), id="plus-sign"),
        pytest.param(HEAD.encode().replace(b"7", b"-7"), id="negative"),
        pytest.param(HEAD.encode().replace(b"7", b"7 "), id="trailing-space"),
        pytest.param(HEAD.encode().replace(b"7", b"0x7"), id="hexadecimal"),
        pytest.param(HEAD.encode().replace(b"7", b"7_0"), id="underscore"),
        pytest.param(HEAD.encode().replace(b"7", "\uff17".encode()), id="full-width-digit"),
        pytest.param(HEAD.encode().replace(b"7", b""), id="no-size"),
        pytest.param(HEAD.encode().replace(b"7", str(MAX_SIZE + 1).encode()), id="size-past-the-limit"),
        pytest.param(HEAD.encode().replace(b"7", b"9" * 5000), id="endless-size"),
        pytest.param(HEAD.encode().replace(b"7", b"0"), id="no-leaves-and-another-root"),
        pytest.param(HEAD.encode().replace(b"8=", b"8"), id="root-without-padding"),
        pytest.param(HEAD.encode().replace(b"8=", b"9="), id="root-with-stray-tail-bits"),
        pytest.param(b"log.example\n7\nAAEC\n", id="short-root"),
        pytest.param(b"log.example\n7\n" + b"A" * 48 + b"\n", id="long-root"),
    ],
)
def test_a_second_spelling_of_a_head_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        TreeHead.parse(raw)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: replace(HEAD, size=-1), id="negative-size"),
        pytest.param(lambda: replace(HEAD, size=MAX_SIZE + 1), id="size-past-the-limit"),
        pytest.param(lambda: replace(HEAD, size=0), id="no-leaves-and-another-root"),
        pytest.param(lambda: replace(HEAD, root=b""), id="no-root"),
        pytest.param(lambda: replace(HEAD, origin="log\nexample"), id="two-lines-of-origin"),
        pytest.param(lambda: SignedCheckpoint(replace(HEAD, size=8), _checkpoint().note), id="another-heads-note"),
    ],
)
def test_a_head_that_no_log_has_is_not_made(make: Callable[[], object]) -> None:
    with pytest.raises(Malformed):
        make()


# --- the log's signature ----------------------------------------------------------------------------


def test_a_checkpoint_of_the_pinned_log_gives_its_head() -> None:
    assert SignedCheckpoint.parse(RAW).verify(LOG.verifier) == HEAD


def test_a_log_key_does_not_sign_another_origin() -> None:
    with pytest.raises(RuntimeError):
        sign(replace(HEAD, origin="other.example"), LOG)


def test_a_checkpoint_of_another_origin_under_the_same_key_is_refused() -> None:
    """A stock client lets this pass: the signature line is the pinned log's, the origin is not."""
    text = replace(HEAD, origin="other.example").encode()
    with pytest.raises(WrongLog):
        SignedCheckpoint.parse(SignedNote(text, (LOG.sign(text),)).encode()).verify(LOG.verifier)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(RAW.replace(b"\n7\n", b"\n8\n"), id="another-size"),
        pytest.param(RAW.replace(b"AAEC", b"BAEC"), id="another-root"),
        pytest.param(sign(HEAD, NoteSigner("log.example", _secret(2))), id="another-key-of-the-same-name"),
        pytest.param(
            SignedNote(HEAD.encode(), (W1.cosign(HEAD.encode(), time=9),)).encode(), id="a-witness-but-no-log"
        ),
    ],
)
def test_a_checkpoint_that_the_pinned_log_did_not_sign_is_refused(raw: bytes) -> None:
    with pytest.raises(BadSignature):
        SignedCheckpoint.parse(raw).verify(LOG.verifier)


def test_a_cosignature_by_the_logs_own_name_and_key_is_no_log_signature() -> None:
    witness = Cosigner("log.example", _secret(1))
    text = HEAD.encode()
    checkpoint = SignedCheckpoint.parse(SignedNote(text, (witness.cosign(text, time=9),)).encode())
    with pytest.raises(BadSignature):
        checkpoint.verify(LOG.verifier)
    with pytest.raises(Malformed, match="type 01"):
        checkpoint.verify(witness.verifier)


LONG = _checkpoint(*(Signature(f"unknown{n}.example", bytes(4), bytes(64)) for n in range(90))).note.encode()


@pytest.mark.parametrize("raw", [RAW, LONG])
def test_a_checkpoint_that_was_verified_before_is_believed_under_no_other_key(raw: bytes) -> None:
    assert (len(LONG) > MAX_REMEMBERED_BYTES, len(RAW) > MAX_REMEMBERED_BYTES) == (True, False)
    assert verified(raw, LOG.verifier) == verified(raw, LOG.verifier) == HEAD
    for other in (NoteSigner("log.example", _secret(2)), NoteSigner("other.example", _secret(1))):
        with pytest.raises((BadSignature, WrongLog)):
            verified(raw, other.verifier)
    with pytest.raises(BadSignature):
        verified(raw.replace(b"\n7\n", b"\n8\n"), LOG.verifier)


# --- witnesses --------------------------------------------------------------------------------------


def test_each_pinned_witness_counts_once_and_says_when() -> None:
    found = _checkpoint(*_seen(W3, W1)).verify_witnessed(LOG.verifier, Witnesses(2, PINNED))
    assert found == (Cosignature(W1.verifier, 9), Cosignature(W3.verifier, 9))


def test_a_quorum_of_none_is_met_by_none() -> None:
    assert _checkpoint().verify_witnessed(LOG.verifier, Witnesses(0, PINNED)) == ()


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((), id="none"),
        pytest.param(_seen(W1), id="one"),
        pytest.param((*_seen(W1), *_seen(Cosigner("w9.example", _secret(99)))), id="one-and-a-stranger"),
        pytest.param((*_seen(W1), *_seen(Cosigner("w2.example", _secret(99)))), id="one-and-a-namesake"),
        pytest.param((*_seen(W1), *_seen(Cosigner("x.example", _secret(11)))), id="one-under-two-names"),
        pytest.param((*_seen(W1), NoteSigner("w2.example", _secret(12)).sign(HEAD.encode())), id="a-plain-signature"),
        pytest.param((*_seen(W1), *_seen(Cosigner("log.example", _secret(1)))), id="one-and-the-log-itself"),
    ],
)
def test_a_witness_counted_twice_or_not_pinned_does_not_make_a_quorum(lines: tuple[Signature, ...]) -> None:
    with pytest.raises(NotWitnessed):
        _checkpoint(*lines).verify_witnessed(LOG.verifier, Witnesses(2, PINNED))


def test_one_witness_cannot_sign_twice_with_two_times() -> None:
    with pytest.raises(Malformed, match="two for one"):
        _checkpoint(*_seen(W1, time=9), *_seen(W1, time=10))


def test_a_witness_line_moved_from_another_head_is_refused() -> None:
    moved = W2.cosign(replace(HEAD, size=8).encode(), time=9)
    with pytest.raises(BadSignature):
        _checkpoint(*_seen(W1), moved).cosignatures(LOG.verifier, PINNED)


def test_witnesses_without_the_logs_own_signature_prove_nothing() -> None:
    checkpoint = SignedCheckpoint.parse(SignedNote(HEAD.encode(), _seen(W1, W2)).encode())
    with pytest.raises(BadSignature):
        checkpoint.verify_witnessed(LOG.verifier, Witnesses(2, PINNED))


def test_a_log_pinned_as_its_own_witness_is_refused() -> None:
    itself = Cosigner("w1.example", _secret(1))
    with pytest.raises(Malformed, match="own witness"):
        _checkpoint(*_seen(itself)).verify_witnessed(LOG.verifier, Witnesses(1, (itself.verifier,)))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Witnesses(1, (W1.verifier, W1.verifier)), id="one-key-twice"),
        pytest.param(lambda: Witnesses(1, (W1.verifier, replace(W2.verifier, name="w1.example"))), id="one-name-twice"),
        pytest.param(lambda: Witnesses(1, (W1.verifier, replace(W1.verifier, name="x"))), id="one-key-two-names"),
        pytest.param(lambda: Witnesses(1, (replace(W1.verifier, key_type=KeyType.ED25519),)), id="a-log-key"),
        pytest.param(lambda: Witnesses(4, PINNED), id="a-quorum-nobody-reaches"),
        pytest.param(lambda: Witnesses(-1, PINNED), id="a-negative-quorum"),
        pytest.param(lambda: Witnesses(1, ()), id="a-quorum-of-nobody"),
        pytest.param(
            lambda: _checkpoint().cosignatures(LOG.verifier, (W1.verifier, W1.verifier)), id="one-key-twice-at-the-call"
        ),
    ],
)
def test_a_set_of_witnesses_in_which_one_could_count_twice_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(Malformed):
        make()
