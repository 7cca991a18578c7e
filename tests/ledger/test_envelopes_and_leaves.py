"""DSSE envelopes and the log leaf made from them: signed over type and length, and byte for byte canonical."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import canonical, dsse, leaf
from countermark_ledger.canonical import b64encode
from countermark_ledger.dsse import PAYLOAD_TYPE, Envelope
from countermark_ledger.errors import Malformed

if TYPE_CHECKING:
    from countermark_ledger.canonical import Json

ENVELOPE = Envelope(b'{"_type":"x"}', b"signature")
envelopes = st.builds(
    Envelope, st.binary(), st.binary(max_size=80), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)

# --- envelopes --------------------------------------------------------------------------------------


def test_the_signed_bytes_are_those_of_the_dsse_specifications_example() -> None:
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert ENVELOPE.pae() == b'DSSEv1 28 application/vnd.in-toto+json 13 {"_type":"x"}'


@given(st.text(max_size=9), st.binary(max_size=9), st.text(max_size=9), st.binary(max_size=9))
def test_no_two_pairs_of_type_and_payload_share_their_signed_bytes(
    kind: str, payload: bytes, other_kind: str, other_payload: bytes
) -> None:
    same = (kind, payload) == (other_kind, other_payload)
    assert (dsse.pae(kind, payload) == dsse.pae(other_kind, other_payload)) is same


def test_a_payload_cannot_move_its_start_into_the_type() -> None:
    assert dsse.pae("a", b"b c") != dsse.pae("a b", b"c")
    assert dsse.pae("\u00e9", b"") == b"DSSEv1 2 \xc3\xa9 0 "


@given(envelopes)
def test_an_envelope_reads_back_as_itself(envelope: Envelope) -> None:
    value = canonical.loads(canonical.dumps(envelope.json()))
    assert Envelope.parse(value) == envelope


SIG: dict[str, Json] = {"sig": b64encode(b"signature"), "keyid": ""}


def _with(**fields: Json) -> dict[str, Json]:
    return {**ENVELOPE.json(), **fields}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="a-list"),
        pytest.param("", id="text"),
        pytest.param({}, id="empty"),
        pytest.param(_with(extra=1), id="extra-field"),
        pytest.param({k: v for k, v in ENVELOPE.json().items() if k != "payload"}, id="no-payload"),
        pytest.param({k: v for k, v in ENVELOPE.json().items() if k != "payloadType"}, id="no-payload-type"),
        pytest.param({k: v for k, v in ENVELOPE.json().items() if k != "signatures"}, id="no-signatures"),
        pytest.param(_with(payloadType="application/json"), id="another-payload-type"),
        pytest.param(_with(payloadType=PAYLOAD_TYPE.upper()), id="payload-type-in-capitals"),
        pytest.param(_with(payloadType=None), id="null-payload-type"),
        pytest.param(_with(payload="e30"), id="payload-without-padding"),
        pytest.param(_with(payload="e31="), id="payload-with-stray-tail-bits"),
        pytest.param(_with(payload="-_-_"), id="url-safe-payload"),
        pytest.param(_with(payload=None), id="null-payload"),
        pytest.param(_with(payload={}), id="payload-not-encoded"),
        pytest.param(_with(signatures=[]), id="no-signature"),
        pytest.param(_with(signatures=[SIG, SIG]), id="two-signatures"),
        pytest.param(_with(signatures=SIG), id="signatures-not-a-list"),
        pytest.param(_with(signatures=[None]), id="null-signature"),
        pytest.param(_with(signatures=[{"keyid": ""}]), id="signature-without-bytes"),
        pytest.param(_with(signatures=[{"sig": SIG["sig"]}]), id="signature-without-keyid"),
        pytest.param(_with(signatures=[{**SIG, "keyid": None}]), id="null-keyid"),
        pytest.param(_with(signatures=[{**SIG, "keyid": 0}]), id="number-for-a-keyid"),
        pytest.param(_with(signatures=[{**SIG, "cert": ""}]), id="extra-field-in-the-signature"),
        pytest.param(_with(signatures=[{**SIG, "sig": "c2lnbmF0dXJl\n"}]), id="newline-in-the-signature"),
    ],
)
def test_an_envelope_in_another_spelling_is_refused(value: Json) -> None:
    with pytest.raises(Malformed):
        Envelope.parse(value)


# --- leaves -----------------------------------------------------------------------------------------


def _general(pae_digest: bytes, signature: bytes, certificate: bytes) -> bytes:
    """Spell the leaf with the general encoder, from the object that Rekor's specification names."""
    verifier: Json = {
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        "x509Certificate": {"rawBytes": b64encode(certificate)},
    }
    spec: Json = {
        "data": {"algorithm": "SHA2_256", "digest": b64encode(pae_digest)},
        "signature": {"content": b64encode(signature), "verifier": verifier},
    }
    return canonical.dumps({"kind": "hashedrekord", "apiVersion": "0.0.2", "spec": {"hashedRekordV002": spec}})


@given(digest=st.binary(min_size=32, max_size=32), signature=st.binary(), certificate=st.binary())
def test_the_template_spells_every_leaf_as_canonical_json_does(
    digest: bytes, signature: bytes, certificate: bytes
) -> None:
    raw = leaf.entry(digest, signature, certificate)
    assert raw == _general(digest, signature, certificate)
    assert canonical.dumps(canonical.loads(raw)) == raw


def test_a_leaf_over_another_payload_signature_or_certificate_is_another_leaf() -> None:
    digest = hashlib.sha256(ENVELOPE.pae()).digest()
    leaves = {
        leaf.entry(digest, b"s", b"c"),
        leaf.entry(hashlib.sha256(b"another").digest(), b"s", b"c"),
        leaf.entry(digest, b"t", b"c"),
        leaf.entry(digest, b"s", b"d"),
        leaf.entry(digest, b"c", b"s"),
    }
    assert len(leaves) == 5


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(33), bytes(64)])
def test_a_leaf_is_not_made_from_another_digest(digest: bytes) -> None:
    with pytest.raises(RuntimeError):
        leaf.entry(digest, b"s", b"c")
