"""Signed notes: one spelling, known keys verified, unknown keys ignored, no key counted twice."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.errors import BadSignature, Malformed, TooLarge, UnsafeKey
from countermark_ledger.note import (
    MAX_BYTES,
    MAX_SIGNATURES,
    MAX_TIME,
    Cosigner,
    KeyType,
    NoteSigner,
    Signature,
    SignedNote,
    VerifierKey,
    cosigned_at,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG = NoteSigner("log.example", SECRET)
WITNESS = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes(32)))
TEXT = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n".encode()
NOTE = SignedNote(TEXT, (LOG.sign(TEXT), WITNESS.cosign(TEXT, time=1_679_315_147)))

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()

CONTROLS = "".join(map(chr, range(32)))
names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"], exclude_characters="+"), min_size=1)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=CONTROLS)).map(
    lambda text: text.encode() + b"\n"
)
lines = st.builds(Signature, names, st.binary(min_size=4, max_size=4), st.binary(max_size=80))
notes = st.builds(
    SignedNote,
    texts,
    st.lists(lines, min_size=1, max_size=4, unique_by=lambda line: (line.name, line.key_id)).map(tuple),
)

# --- what holds -------------------------------------------------------------------------------------


def test_the_published_note_of_the_go_authors_verifies_under_their_key() -> None:
    key = VerifierKey.parse(GO_KEY)
    assert key.name == "PeterNeumann"
    assert key.vkey() == GO_KEY
    assert SignedNote.parse(GO_NOTE).verify(key).key_id == key.key_id


def test_a_note_holds_under_each_key_that_signed_it() -> None:
    note = SignedNote.parse(NOTE.encode())
    assert note == NOTE
    assert note.verify(LOG.verifier) == NOTE.signatures[0]
    assert cosigned_at(note.verify(WITNESS.verifier)) == 1_679_315_147


def test_a_cosignature_is_over_the_time_and_the_whole_text() -> None:
    line = WITNESS.cosign(b"example.com/log\n7\nroot\n", time=1_679_315_147)
    message = b"cosignature/v1\ntime 1679315147\nexample.com/log\n7\nroot\n"
    assert line.signature[:8] == (1_679_315_147).to_bytes(8, "big")
    Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().verify(line.signature[8:], message)


def test_the_key_hash_is_over_name_type_and_key_and_the_id_is_its_head() -> None:
    key = LOG.verifier
    assert key.key_hash == hashlib.sha256(b"log.example\n\x01" + key.raw).digest()
    assert key.key_id == key.key_hash[:4]
    assert replace(key, key_type=KeyType.COSIGNATURE_V1).key_hash != key.key_hash


@given(notes)
def test_a_note_reads_back_as_itself(note: SignedNote) -> None:
    assert SignedNote.parse(note.encode()) == note


@given(st.binary(max_size=300) | st.builds(lambda a, b: a + b"\n\n\xe2\x80\x94 " + b, st.binary(), st.binary()))
def test_whatever_parses_as_a_note_has_one_spelling(raw: bytes) -> None:
    try:
        note = SignedNote.parse(raw)
    except Malformed:
        return
    assert note.encode() == raw


@given(name=names, secret=st.binary(min_size=32, max_size=32), kind=st.sampled_from(KeyType))
def test_a_verifier_key_reads_back_as_itself(name: str, secret: bytes, kind: KeyType) -> None:
    raw = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    key = VerifierKey(name, kind, raw)
    assert VerifierKey.parse(key.vkey()) == key


@given(st.text(max_size=120))
def test_whatever_parses_as_a_verifier_key_has_one_spelling(text: str) -> None:
    try:
        key = VerifierKey.parse(text)
    except (Malformed, UnsafeKey):
        return
    assert key.vkey() == text


@given(notes, st.integers(0, MAX_TIME))
def test_lines_of_unknown_keys_are_ignored(note: SignedNote, time: int) -> None:
    ours = (LOG.sign(note.text), WITNESS.cosign(note.text, time=time))
    both = SignedNote(note.text, (*note.signatures, *ours))
    assert both.verify(LOG.verifier) == ours[0]
    assert cosigned_at(both.verify(WITNESS.verifier)) == time


def test_as_many_lines_as_the_cap_are_read() -> None:
    others = tuple(Signature("other", n.to_bytes(4, "big"), b"") for n in range(MAX_SIGNATURES - 1))
    full = SignedNote(TEXT, (*others, LOG.sign(TEXT)))
    assert SignedNote.parse(full.encode()).verify(LOG.verifier) == LOG.sign(TEXT)


# --- what is refused --------------------------------------------------------------------------------


def _respell(old: bytes, new: bytes) -> bytes:
    raw = NOTE.encode()
    assert old in raw
    return raw.replace(old, new, 1)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n", id="only-a-newline"),
        pytest.param(b"\n\n", id="only-a-blank-line"),
        pytest.param(TEXT, id="no-signature-block"),
        pytest.param(TEXT + b"\n", id="no-signature-line"),
        pytest.param(NOTE.encode()[:-1], id="last-newline-missing"),
        pytest.param(NOTE.encode() + b"\n", id="trailing-blank-line"),
        pytest.param(NOTE.encode() + b"trailing\n", id="trailing-line"),
        pytest.param(NOTE.encode().replace(b"\n", b"\r\n"), id="carriage-returns"),
        pytest.param(_respell(b"solo", b"so\tlo"), id="tab-in-the-text"),
        pytest.param(_respell(b"solo", b"so\x00lo"), id="nul-in-the-text"),
        pytest.param(_respell(b"solo", b"so\xfflo"), id="text-not-utf-8"),
        pytest.param(_respell(b"log.example", b"log\xff.example"), id="name-not-utf-8"),
        pytest.param(_respell("\u2014 log".encode(), b"- log"), id="hyphen-for-the-dash"),
        pytest.param(_respell("\u2014 log".encode(), "\u2013 log".encode()), id="en-dash-for-the-dash"),
        pytest.param(_respell("\u2014 log".encode(), "\u2014\u00a0log".encode()), id="no-break-space"),
        pytest.param(_respell("\u2014 log".encode(), "\u2014  log".encode()), id="two-spaces"),
        pytest.param(_respell(b"log.example ", b"log.example  "), id="two-spaces-after-the-name"),
        pytest.param(_respell(b"log.example ", b" "), id="no-name"),
        pytest.param(_respell(b"log.example ", b"log+example "), id="plus-in-the-name"),
        pytest.param(_respell(b"log.example ", "log\u2003example ".encode()), id="unicode-space-in-the-name"),
        pytest.param(_respell(b"log.example ", "log\u2028example ".encode()), id="line-separator-in-the-name"),
        pytest.param(_respell(b"log.example ", b"log.example"), id="no-space-before-the-signature"),
        pytest.param(_respell(b"=\n", b"\n"), id="padding-missing"),
        pytest.param(_respell(b"=\n", b"==\n"), id="padding-too-long"),
        pytest.param(_respell(b"=\n", b"= \n"), id="trailing-space"),
        pytest.param(TEXT + b"\n\xe2\x80\x94 log.example AAA=\n", id="no-room-for-a-key-id"),
        pytest.param(TEXT + b"\n\xe2\x80\x94 log.example \n", id="no-signature-bytes"),
        pytest.param(TEXT + b"\n\xe2\x80\x94 log.example AAAAAB==\n", id="stray-tail-bits"),
        pytest.param(TEXT + b"\n\xe2\x80\x94 log.example AAAA_A==\n", id="url-safe-alphabet"),
    ],
)
def test_a_second_spelling_of_a_note_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        SignedNote.parse(raw)


def test_a_note_past_the_byte_cap_is_refused_before_parsing() -> None:
    with pytest.raises(TooLarge):
        SignedNote.parse(b"x" * (MAX_BYTES + 1))


def test_a_note_with_more_signatures_than_the_cap_is_refused() -> None:
    lines = (Signature("other", n.to_bytes(4, "big"), b"").encode().encode() for n in range(MAX_SIGNATURES + 1))
    with pytest.raises(TooLarge):
        SignedNote.parse(TEXT + b"\n" + b"".join(lines))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: SignedNote(TEXT, ()), id="no-signature"),
        pytest.param(lambda: SignedNote(TEXT, NOTE.signatures * 51), id="too-many-signatures"),
        pytest.param(lambda: SignedNote(TEXT[:-1], NOTE.signatures), id="no-newline-at-the-end"),
        pytest.param(lambda: SignedNote(b"", NOTE.signatures), id="no-text"),
        pytest.param(lambda: SignedNote(b"\r\n", NOTE.signatures), id="control-character"),
        pytest.param(lambda: SignedNote(b"\xff\n", NOTE.signatures), id="not-utf-8"),
        pytest.param(lambda: Signature("log", b"abc", b""), id="short-key-id"),
        pytest.param(lambda: Signature("log", b"abcde", b""), id="long-key-id"),
        pytest.param(lambda: WITNESS.cosign(TEXT, time=-1), id="negative-time"),
        pytest.param(lambda: WITNESS.cosign(TEXT, time=MAX_TIME + 1), id="time-past-the-limit"),
    ],
)
def test_a_note_that_would_not_read_back_is_not_made(make: Callable[[], object]) -> None:
    with pytest.raises(Malformed):
        make()


@pytest.mark.parametrize("other", [LOG.sign(TEXT), LOG.sign(b"another\n")], ids=["the-same", "another"])
def test_one_key_signing_twice_is_refused(other: Signature) -> None:
    with pytest.raises(Malformed, match="two for one"):
        SignedNote(TEXT, (LOG.sign(TEXT), other))
    line = other.encode().encode()
    with pytest.raises(Malformed, match="two for one"):
        SignedNote.parse(NOTE.encode() + line)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(LOG.sign(TEXT).encode()[:-1], id="no-newline"),
        pytest.param(LOG.sign(TEXT).encode() + "\n", id="two-newlines"),
        pytest.param(LOG.sign(TEXT).encode().removeprefix("\u2014 "), id="no-dash"),
        pytest.param("\u2014 " + LOG.sign(TEXT).encode(), id="two-dashes"),
        pytest.param("", id="empty"),
    ],
)
def test_a_second_spelling_of_a_line_is_refused(line: str) -> None:
    assert Signature.parse(LOG.sign(TEXT).encode()) == LOG.sign(TEXT)
    with pytest.raises(Malformed):
        Signature.parse(line)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\tb", "a\u00a0b", "a\u0085b", "a\x7fb", "\ud800"])
def test_a_key_name_with_a_second_reading_is_refused(name: str) -> None:
    with pytest.raises(Malformed):
        VerifierKey(name, KeyType.ED25519, LOG.verifier.raw)


VKEY = LOG.verifier.vkey()


def _vkey(encoded: bytes) -> str:
    return f"log.example+{LOG.verifier.key_id.hex()}+{base64.b64encode(encoded).decode()}"


@pytest.mark.parametrize(
    "vkey",
    [
        pytest.param("", id="empty"),
        pytest.param("log.example", id="only-a-name"),
        pytest.param("log.example+" + LOG.verifier.key_id.hex(), id="no-key"),
        pytest.param(VKEY.replace("log.example", ""), id="no-name"),
        pytest.param(VKEY.replace("log.example", "other.example"), id="another-name-under-the-id"),
        pytest.param(VKEY.replace(LOG.verifier.key_id.hex(), "00000000"), id="another-id"),
        pytest.param(VKEY.replace(LOG.verifier.key_id.hex(), LOG.verifier.key_id.hex().upper()), id="upper-case-id"),
        pytest.param(VKEY.replace(LOG.verifier.key_id.hex(), "0" + LOG.verifier.key_id.hex()), id="longer-id"),
        pytest.param(VKEY + "\n", id="trailing-newline"),
        pytest.param(" " + VKEY, id="leading-space"),
        pytest.param(VKEY + "+", id="trailing-plus"),
        pytest.param(_vkey(b"\x02" + LOG.verifier.raw), id="ecdsa-type"),
        pytest.param(_vkey(b"\x06" + LOG.verifier.raw), id="ml-dsa-type"),
        pytest.param(_vkey(b"\x00" + LOG.verifier.raw), id="type-zero"),
        pytest.param(_vkey(b"\x04" + LOG.verifier.raw), id="another-type-under-the-id"),
        pytest.param(_vkey(b""), id="no-type"),
        pytest.param(VKEY[:-1] + "*", id="junk-in-the-base64"),
    ],
)
def test_a_second_spelling_of_a_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(Malformed):
        VerifierKey.parse(vkey)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(bytes([1, *bytes(31)]), id="small-order"),
        pytest.param(b"\xff" * 32, id="not-canonical"),
        pytest.param(bytes(31), id="short"),
        pytest.param(bytes(33), id="long"),
        pytest.param(b"", id="empty"),
    ],
)
@pytest.mark.parametrize("kind", KeyType)
def test_a_key_anyone_can_sign_under_is_refused_when_it_is_pinned(raw: bytes, kind: KeyType) -> None:
    with pytest.raises(UnsafeKey):
        VerifierKey("log.example", kind, raw)
    with pytest.raises(UnsafeKey):
        VerifierKey.parse(f"log.example+00000000+{base64.b64encode(bytes([kind]) + raw).decode()}")


def _signed(signature: bytes, *, by: VerifierKey) -> SignedNote:
    return SignedNote(TEXT, (Signature(by.name, by.key_id, signature),))


GOOD = LOG.sign(TEXT).signature
SEEN = WITNESS.cosign(TEXT, time=7).signature


@pytest.mark.parametrize(
    ("note", "key"),
    [
        pytest.param(replace(NOTE, text=b"another\n"), LOG.verifier, id="another-text"),
        pytest.param(replace(NOTE, text=b"another\n"), WITNESS.verifier, id="another-cosigned-text"),
        pytest.param(replace(NOTE, signatures=NOTE.signatures[1:]), LOG.verifier, id="no-line-of-the-log"),
        pytest.param(replace(NOTE, signatures=NOTE.signatures[:1]), WITNESS.verifier, id="no-line-of-the-witness"),
        pytest.param(NOTE, replace(LOG.verifier, name="other.example"), id="another-name"),
        pytest.param(NOTE, replace(LOG.verifier, key_type=KeyType.COSIGNATURE_V1), id="another-type"),
        pytest.param(_signed(b"", by=LOG.verifier), LOG.verifier, id="no-bytes"),
        pytest.param(_signed(GOOD[:-1], by=LOG.verifier), LOG.verifier, id="a-byte-short"),
        pytest.param(_signed(GOOD + b"\x00", by=LOG.verifier), LOG.verifier, id="a-byte-long"),
        pytest.param(_signed(bytes(64), by=LOG.verifier), LOG.verifier, id="zeros"),
        pytest.param(_signed(b"", by=WITNESS.verifier), WITNESS.verifier, id="cosignature-without-bytes"),
        pytest.param(_signed(SEEN[8:], by=WITNESS.verifier), WITNESS.verifier, id="cosignature-without-time"),
        pytest.param(_signed(bytes(8) + SEEN[8:], by=WITNESS.verifier), WITNESS.verifier, id="another-time"),
        pytest.param(_signed(b"\x80" + SEEN[1:], by=WITNESS.verifier), WITNESS.verifier, id="time-past-the-limit"),
        pytest.param(_signed(SEEN + b"\x00", by=WITNESS.verifier), WITNESS.verifier, id="cosignature-a-byte-long"),
    ],
)
def test_a_line_that_does_not_hold_is_refused(note: SignedNote, key: VerifierKey) -> None:
    with pytest.raises(BadSignature):
        note.verify(key)


def test_a_log_signature_does_not_pass_for_a_cosignature_by_the_same_secret() -> None:
    """One secret under both types: the header line keeps the two statements apart."""
    witness = Cosigner("log.example", SECRET).verifier
    with pytest.raises(BadSignature):
        _signed(bytes(8) + GOOD, by=witness).verify(witness)


def test_a_cosignature_does_not_pass_for_a_log_signature_by_the_same_secret() -> None:
    with pytest.raises(BadSignature):
        _signed(Cosigner("log.example", SECRET).cosign(TEXT, time=7).signature[8:], by=LOG.verifier).verify(
            LOG.verifier
        )
