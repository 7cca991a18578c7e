"""The mutation corpus: one real bundle, made wrong in exactly one way each, and the refusal that is right.

`MUTANTS` maps a mutant's name to the class that our verifier must raise and to the one different step.
Everything else in a mutant is honest and signed by the honest keys, as an attacker in that place could have it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from countermark_ledger import checkpoint, leaf
from countermark_ledger.authority import EcdsaSigner, create_authority
from countermark_ledger.bundle import Bundle, Entry
from countermark_ledger.checkpoint import TreeHead
from countermark_ledger.errors import (
    BadCertificate,
    BadCertificateTimestamp,
    BadInclusion,
    BadSignature,
    BadTimestamp,
    LedgerError,
    Malformed,
    WrongEntry,
    WrongIdentity,
    WrongLog,
)
from countermark_ledger.log.lock import FileLock
from countermark_ledger.note import NoteSigner, SignedNote
from countermark_ledger.tlog_proof import TlogProof

from ..conftest import DOMAIN, REPOSITORY, Founded, Recipe, SimulatedAuthority
from .job import HANGS_AFTER, Answer, Job, SshKey, now, seed

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
OTHER_HASH = b"\xa5" * 32


@dataclass(frozen=True)
class Mutant:
    """A name, the refusal that is right, and the step that differs."""

    name: str
    refusal: type[LedgerError]
    recipe: Callable[[Recipe, Founded], Recipe]


# --- steps that differ ------------------------------------------------------------------------------


def _bundle(**other: Callable[[Bundle], object]) -> Callable[[Recipe, Founded], Recipe]:
    """Change fields of the finished bundle."""
    return lambda recipe, _rogue: replace(
        recipe, bundle=lambda made: made._replace(**{name: change(made) for name, change in other.items()})
    )


def _proof(**other: Callable[[Entry], object]) -> Callable[[Recipe, Founded], Recipe]:
    """Change fields of the finished log entry."""
    return lambda recipe, _rogue: replace(
        recipe, proof=lambda made: made._replace(**{name: change(made) for name, change in other.items()})
    )


def _json(change: Callable[[dict], None]) -> Callable[[Recipe, Founded], Recipe]:
    """Change the spelled bundle, canonically."""

    def step(recipe: Recipe, _rogue: Founded) -> Recipe:
        return replace(recipe, spelled=recipe.edited(change))

    return step


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Recipe, Founded], Recipe]:
    return lambda recipe, _rogue: replace(recipe, spelled=change)


def _step(**other: object) -> Callable[[Recipe, Founded], Recipe]:
    return lambda recipe, _rogue: replace(recipe, **other)


def _material(raw: dict) -> dict:
    return raw["verificationMaterial"]


def _stamps(raw: dict) -> list:
    return _material(raw)["timestampVerificationData"]["rfc3161Timestamps"]


def _proof_of(raw: dict) -> dict:
    return _material(raw)["tlogEntries"][0]["inclusionProof"]


def _negated(signature: bytes) -> bytes:
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, P256_ORDER - s)


def _envelope(**other: Callable[[Bundle], bytes]) -> Callable[[Bundle], object]:
    return lambda made: made.envelope._replace(**{name: change(made) for name, change in other.items()})


def _flipped(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def _other_origin(head: TreeHead, signer: NoteSigner) -> bytes:
    text = replace(head, origin="log.other.example").encode()
    return SignedNote(text, (signer.sign(text),)).encode()


def _broken_checkpoint(head: TreeHead, signer: NoteSigner) -> bytes:
    note = SignedNote.parse(checkpoint.sign(head, signer))
    line = note.signatures[0]
    return SignedNote(note.text, (replace(line, signature=_flipped(line.signature, 9)),)).encode()


def _other_key(name: str) -> NoteSigner:
    return NoteSigner(name, Ed25519PrivateKey.from_private_bytes(b"\x11" * 32))


def _other_signer(_signer: EcdsaSigner, message: bytes) -> bytes:
    return EcdsaSigner(ec.generate_private_key(ec.SECP256R1())).sign(message)


def _other_ca(recipe: Recipe, rogue: Founded) -> Recipe:
    """A rogue intermediate under the pinned SCT key: only the chain is wrong."""
    return replace(recipe, ca=rogue.ca_with(sct_signer=recipe.founded.signer("sct")))


def _other_sct(recipe: Recipe, rogue: Founded) -> Recipe:
    return replace(recipe, ca=recipe.founded.ca_with(sct_signer=rogue.signer("sct")))


def _other_tsa(recipe: Recipe, rogue: Founded) -> Recipe:
    at = recipe.begins + timedelta(minutes=3)
    return replace(recipe, stamp=lambda signature: rogue.authority.tsa.timestamp(signature, at=at))


def _stamp_over_other_data(recipe: Recipe, _rogue: Founded) -> Recipe:
    return replace(recipe, stamp=lambda signature: recipe.stamp(signature + b"\0"))


def _stamped(**after: float) -> Callable[[Recipe, Founded], Recipe]:
    return lambda recipe, _rogue: recipe.stamped_at(recipe.begins + timedelta(**after))


def _log_key(recipe: Recipe, _rogue: Founded) -> Recipe:
    return replace(recipe, log=_other_key(recipe.log.verifier.name))


def _log_key_named_as_ours(recipe: Recipe, _rogue: Founded) -> Recipe:
    own = recipe.log.verifier.key_hash
    return replace(_log_key(recipe, _rogue), proof=lambda entry: entry._replace(key_id=own))


def _certificate_log_key(recipe: Recipe, _rogue: Founded) -> Recipe:
    return replace(recipe, certificate_log=_other_key(recipe.certificate_log.verifier.name))


def _proof_of_another_certificate(recipe: Recipe, _rogue: Founded) -> Recipe:
    return replace(recipe, certificate_entry=lambda entry: _flipped(entry, 20))


def _log_proof_as_certificate_proof(recipe: Recipe, _rogue: Founded) -> Recipe:
    return replace(recipe, certificate_log=recipe.log)


def _cut_certificate_proof(raw: bytes) -> bytes:
    proof = TlogProof.parse(raw)
    return replace(proof, path=proof.path[:-1]).encode()


def _loose_base64_tail(raw: bytes) -> bytes:
    """Set a bit behind the last byte of the root hash: 32 bytes leave two such bits before the `=`."""
    head, marker, tail = raw.partition(b'"rootHash":"')
    last = tail[42:43]
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return head + marker + tail[:42] + alphabet[alphabet.index(last) + 1 :][:1] + tail[43:]


MUTANTS = [
    # 1. ENVELOPE: another spelling, or more or less than the profile has
    Mutant("trailing-junk-after-the-json", Malformed, _bytes(lambda raw: raw + b"{}")),
    Mutant("trailing-newline", Malformed, _bytes(lambda raw: raw + b"\n")),
    Mutant("duplicate-json-key", Malformed, _bytes(lambda raw: raw[:-1] + b',"mediaType":"x"}')),
    Mutant("nan-in-an-extra-field", Malformed, _bytes(lambda raw: raw[:-1] + b',"x":NaN}')),
    Mutant("float-in-an-extra-field", Malformed, _bytes(lambda raw: raw[:-1] + b',"x":1e400}')),
    Mutant("extra-field", Malformed, _json(lambda raw: raw.update(x="y"))),
    Mutant("other-media-type", Malformed, _json(lambda raw: raw.update(mediaType="application/json"))),
    Mutant("loose-base64-tail", Malformed, _bytes(_loose_base64_tail)),
    Mutant("leading-zero-in-an-index", Malformed, _json(lambda raw: _proof_of(raw).update(logIndex="02"))),
    Mutant("number-for-an-index", Malformed, _json(lambda raw: _proof_of(raw).update(logIndex=2))),
    Mutant(
        "integrated-time", Malformed, _json(lambda raw: _material(raw)["tlogEntries"][0].update(integratedTime="1"))
    ),
    Mutant(
        "two-log-entries",
        Malformed,
        _json(lambda raw: _material(raw).update(tlogEntries=_material(raw)["tlogEntries"] * 2)),
    ),
    Mutant("no-log-entry", Malformed, _json(lambda raw: _material(raw).update(tlogEntries=[]))),
    Mutant("no-inclusion-proof", Malformed, _json(lambda raw: _material(raw)["tlogEntries"][0].pop("inclusionProof"))),
    Mutant("no-checkpoint", Malformed, _json(lambda raw: _proof_of(raw).pop("checkpoint"))),
    Mutant("duplicate-timestamp", Malformed, _json(lambda raw: _stamps(raw).append(_stamps(raw)[0]))),
    Mutant("no-timestamp", Malformed, _json(lambda raw: _stamps(raw).clear())),
    Mutant("payload-type-changed", Malformed, _json(lambda raw: raw["dsseEnvelope"].update(payloadType="text/plain"))),
    Mutant(
        "second-signature",
        Malformed,
        _json(lambda raw: raw["dsseEnvelope"].update(signatures=raw["dsseEnvelope"]["signatures"] * 2)),
    ),
    Mutant("no-signature", Malformed, _json(lambda raw: raw["dsseEnvelope"].update(signatures=[]))),
    Mutant("payload-is-no-statement", Malformed, _step(payload=b"{}")),
    Mutant(
        "entry-of-another-kind",
        Malformed,
        _json(lambda raw: _material(raw)["tlogEntries"][0]["kindVersion"].update(kind="dsse")),
    ),
    # 2. ENTRY: the logged entry is about something else
    Mutant(
        "payload-changed",
        WrongEntry,
        _bundle(envelope=_envelope(payload=lambda made: made.envelope.payload.replace(b"a.py", b"c.py"))),
    ),
    Mutant(
        "signature-changed",
        WrongEntry,
        _bundle(envelope=_envelope(signature=lambda made: _flipped(made.envelope.signature, -1))),
    ),
    Mutant(
        "signature-s-negated",
        WrongEntry,
        _bundle(envelope=_envelope(signature=lambda made: _negated(made.envelope.signature))),
    ),
    Mutant(
        "entry-for-another-digest",
        WrongEntry,
        _step(entry=lambda digest, sig, cert: leaf.entry(_flipped(digest, 0), sig, cert)),
    ),
    Mutant(
        "entry-for-another-signature",
        WrongEntry,
        _step(entry=lambda digest, sig, cert: leaf.entry(digest, _negated(sig), cert)),
    ),
    Mutant(
        "entry-for-another-certificate",
        WrongEntry,
        _step(entry=lambda digest, sig, cert: leaf.entry(digest, sig, _flipped(cert, -1))),
    ),
    # 3. TIME
    Mutant("timestamp-over-other-data", BadTimestamp, _stamp_over_other_data),
    Mutant("another-timestamp-authority", BadTimestamp, _other_tsa),
    Mutant("timestamp-is-junk", BadTimestamp, _bundle(timestamp_der=lambda made: _flipped(made.timestamp_der, -1))),
    # 4. CHAIN
    Mutant("timestamp-before-the-certificate", BadCertificate, _stamped(seconds=-1)),
    Mutant("timestamp-after-the-certificate", BadCertificate, _stamped(minutes=10, seconds=1)),
    Mutant("another-certificate-authority", BadCertificate, _other_ca),
    # 5. PROMISE
    Mutant("another-sct-key", BadCertificateTimestamp, _other_sct),
    # 6. ISSUED
    Mutant("no-certificate-proof", Malformed, _step(certificate_proof=lambda _proof: b"")),
    Mutant("cut-certificate-proof", BadInclusion, _step(certificate_proof=_cut_certificate_proof)),
    Mutant("proof-of-another-certificate", BadInclusion, _proof_of_another_certificate),
    Mutant("certificate-in-the-wrong-log", WrongLog, _log_proof_as_certificate_proof),
    Mutant("another-certificate-log-key", BadSignature, _certificate_log_key),
    # 7. SIGNATURE: everything else is honest about a signature that the certificate's key never made
    Mutant("signed-by-another-key", BadSignature, _step(signature=_other_signer)),
    Mutant(
        "signed-without-the-payload-type",
        BadSignature,
        _step(signature=lambda signer, message: signer.sign(message[47:])),
    ),
    # 8. INCLUDED
    Mutant("proof-hash-changed", BadInclusion, _proof(hashes=lambda made: (OTHER_HASH, *made.hashes[1:]))),
    Mutant(
        "proof-hash-of-another-length",
        BadInclusion,
        _proof(hashes=lambda made: (made.hashes[0][:-1], *made.hashes[1:])),
    ),
    Mutant("proof-truncated", BadInclusion, _proof(hashes=lambda made: made.hashes[:-1])),
    Mutant("proof-extended", BadInclusion, _proof(hashes=lambda made: (*made.hashes, OTHER_HASH))),
    Mutant("lying-top-level-index", BadInclusion, _proof(log_index=lambda _made: 3)),
    Mutant("lying-inner-index", BadInclusion, _proof(proof_index=lambda _made: 3)),
    Mutant("lying-both-indices", BadInclusion, _proof(log_index=lambda _made: 3, proof_index=lambda _made: 3)),
    Mutant("lying-inner-size", BadInclusion, _proof(tree_size=lambda _made: 6)),
    Mutant("lying-root-hash", BadInclusion, _proof(root_hash=lambda _made: OTHER_HASH)),
    Mutant("checkpoint-signature-broken", BadSignature, _step(note=_broken_checkpoint)),
    Mutant("checkpoint-of-another-size", BadInclusion, _step(head=lambda head: replace(head, size=6))),
    Mutant("checkpoint-of-another-root", BadInclusion, _step(head=lambda head: replace(head, root=OTHER_HASH))),
    Mutant("checkpoint-of-another-origin", WrongLog, _step(note=_other_origin)),
    Mutant("checkpoint-is-junk", Malformed, _proof(checkpoint=lambda _made: b"junk\n")),
    Mutant("another-log-key", WrongLog, _log_key),
    Mutant("another-log-key-under-our-id", BadSignature, _log_key_named_as_ours),
    # 9. SIGNER: honestly issued, to somebody who may not speak here
    Mutant("identity-of-another-trust-domain", WrongIdentity, _step(identity="spiffe://other.example/agent/builder")),
    Mutant("identity-that-is-none-of-ours", Malformed, _step(identity="https://forge.example/agent/builder")),
    Mutant("identity-of-an-unknown-kind", Malformed, _step(identity="spiffe://forge.example/robot/builder")),
    Mutant("another-issuer", WrongIdentity, _step(issuer="https://authority.other.example")),
]


@pytest.fixture(params=[pytest.param(mutant, id=mutant.name) for mutant in MUTANTS])
def mutant(request: pytest.FixtureRequest) -> Mutant:
    return request.param


@pytest.fixture(scope="session")
def mutants() -> list[Mutant]:
    return MUTANTS


# --- a CI job ---------------------------------------------------------------------------------------


class Ground(NamedTuple):
    """What every job of this process starts from: an authority that is a month old, a person's key, a repository."""

    founded: Founded
    key: SshKey
    checkout: Path


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Found an authority under the clock of this machine, which the gate reads, and make the repository to copy."""
    place, key = tmp_path_factory.mktemp("ground"), SshKey()
    authority = create_authority(place / "keys", DOMAIN, now() - timedelta(days=30))
    founded = Founded(place / "keys", authority, authority.trust_root(REPOSITORY))
    seed(place / "checkout", founded, key)
    return Ground(founded, key, place / "checkout")


@pytest.fixture(scope="session")
def new_job(ground: Ground) -> Callable[[Path], Job]:
    """Make jobs: `new_job(folder)`, for fixtures whose one answer many tests share."""

    def make(place: Path) -> Job:
        shutil.copytree(ground.checkout, place / "checkout", symlinks=True)
        authority = SimulatedAuthority(ground.founded)
        authority.clock.now = now()
        return Job(place, authority, ground.key)

    return make


@pytest.fixture
def job(new_job: Callable[[Path], Job], tmp_path: Path) -> Job:
    """Make a CI job of this test's own."""
    return new_job(tmp_path)


@pytest.fixture(scope="session")
def once_for_all(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[], Answer]], Answer]:
    """Give an answer that costs seconds to every process of this run (pytest-xdist deals a module out to several)."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def get(name: str, ask: Callable[[], Answer]) -> Answer:
        place = folder / f"{name}.json"
        with FileLock(folder / f"{name}.lock", seconds=HANGS_AFTER).hold():
            if not place.exists():
                place.write_text(json.dumps(asdict(ask())))
            return Answer(**json.loads(place.read_text()))

    return get
