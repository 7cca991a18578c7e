"""Attacks on the verifier, each against `python -I -m countermark_ledger verify` as a process of its own.

Right is the exit code AND the reason: a refusal for another reason would let the attack through once that one is
gone. What only a gate can decide (no evidence at all, a replaced checkpoint) is asked of the gate.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countermark_ledger import canonical
from countermark_ledger.authority.issuing import Signed
from countermark_ledger.bundle import Bundle
from countermark_ledger.identity import Kind
from countermark_ledger.note import Cosigner, SignedNote
from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_ledger.trust import TrustRoot

from ..conftest import NOW, Founded, Offer, Recipe, SimulatedAuthority, change_of
from .conftest import MUTANTS, Mutant
from .job import LEDGER, Answer, Job, put_bundle, start

SPELLING = "expected the canonical spelling of the Sigstore v0.3 profile"
RECOMPUTED = "expected the one recomputed from this payload, signature and certificate"
AT = "2026-11-20T12:00:00Z"
UNLIKE_CHECKPOINT = "its size and root are not those of the signed checkpoint"
OTHER_ROOT = "inclusion proof: expected root"
OF_MUTANTS = {
    "trailing-junk-after-the-json": "Extra data",
    "trailing-newline": SPELLING,
    "duplicate-json-key": "duplicate key in an object",
    "nan-in-an-extra-field": "number 'NaN': only integers are accepted",
    "float-in-an-extra-field": "number '1e400': only integers are accepted",
    "extra-field": SPELLING,
    "other-media-type": SPELLING,
    "loose-base64-tail": "base64: expected the canonical spelling",
    "leading-zero-in-an-index": SPELLING,
    "number-for-an-index": "inclusionProof.logIndex: expected a string, found int",
    "integrated-time": SPELLING,
    "two-log-entries": "expected exactly one log entry, found 2",
    "no-log-entry": "expected exactly one log entry, found 0",
    "no-inclusion-proof": "hashes: expected inside an object, found NoneType",
    "no-checkpoint": "envelope: expected inside an object, found NoneType",
    "duplicate-timestamp": "expected exactly one timestamp, found 2",
    "no-timestamp": "expected exactly one timestamp, found 0",
    "payload-type-changed": "expected payload type application/vnd.in-toto+json",
    "second-signature": "expected exactly one signature, found 2",
    "no-signature": "expected exactly one signature, found 0",
    "payload-is-no-statement": "the predicate is not an object",
    "entry-of-another-kind": SPELLING,
    "payload-changed": RECOMPUTED,
    "signature-changed": RECOMPUTED,
    "signature-s-negated": RECOMPUTED,
    "entry-for-another-digest": RECOMPUTED,
    "entry-for-another-signature": RECOMPUTED,
    "entry-for-another-certificate": RECOMPUTED,
    "timestamp-over-other-data": "timestamp: it is about other data",
    "another-timestamp-authority": "expected the pinned signer, found another certificate named",
    "timestamp-is-junk": "timestamp: DER:",
    "timestamp-before-the-certificate": "not at 2026-11-20T11:59:59",
    "timestamp-after-the-certificate": "not at 2026-11-20T12:10:01",
    "another-certificate-authority": "another issuer key than the one above it",
    "another-sct-key": "made under another key than the pinned one",
    "no-certificate-proof": "log proof: expected 'c2sp.org/tlog-proof@v1'",
    "cut-certificate-proof": "path is too short",
    "proof-of-another-certificate": OTHER_ROOT,
    "certificate-in-the-wrong-log": "expected origin certificates.forge.example, found log.forge.example",
    "another-certificate-log-key": "expected a signature by certificates.forge.example",
    "signed-by-another-key": "the certificate's key did not sign this payload",
    "signed-without-the-payload-type": "the certificate's key did not sign this payload",
    "proof-hash-changed": OTHER_ROOT,
    "proof-hash-of-another-length": "expected hashes of 32 bytes",
    "proof-truncated": "path is too short",
    "proof-extended": "path is too long",
    "lying-top-level-index": "the entry says 3, its proof says 2",
    "lying-inner-index": "the entry says 2, its proof says 3",
    "lying-both-indices": OTHER_ROOT,
    "lying-inner-size": UNLIKE_CHECKPOINT,
    "lying-root-hash": UNLIKE_CHECKPOINT,
    "checkpoint-signature-broken": "Ed25519 signature does not verify",
    "checkpoint-of-another-size": UNLIKE_CHECKPOINT,
    "checkpoint-of-another-root": UNLIKE_CHECKPOINT,
    "checkpoint-of-another-origin": "expected origin log.forge.example, found log.other.example",
    "checkpoint-is-junk": "note signature: expected a key id",
    "another-log-key": "expected that of log.forge.example, found another key's",
    "another-log-key-under-our-id": "expected a signature by log.forge.example",
    "identity-of-another-trust-domain": "found spiffe://other.example/agent/builder",
    "identity-that-is-none-of-ours": "expected spiffe://<domain>/<kind>/<name>",
    "identity-of-an-unknown-kind": "expected spiffe://<domain>/<kind>/<name>",
    "another-issuer": "by https://authority.forge.example",
}


@dataclass
class Desk:
    """A folder of files that a reader was sent, and the one that the reader pins."""

    place: Path
    founded: Founded

    def put(self, offer: Offer, name: str = "b") -> str:
        (self.place / f"{name}.certificate.tlog-proof").write_bytes(offer.certificate_proof)
        return self.file(f"{name}.sigstore.json", offer.raw)

    def file(self, name: str, content: bytes) -> str:
        (self.place / name).write_bytes(content)
        return name

    def ask(self, *words: str, trust: TrustRoot | None = None, **how: object) -> Answer:
        self.file("trust-root.json", (trust or self.founded.trust).encode())
        return start((*LEDGER, "verify", *words, "--trust-root", "trust-root.json"), cwd=self.place, **how)

    def accepts(self, *words: str, **how: object) -> str:
        answer = self.ask(*words, **how)
        assert (answer.code, answer.err) == (0, ""), answer.told
        assert answer.out.startswith("verified: "), answer.told
        return answer.out

    def refuses(self, code: int, reason: str, *words: str, **how: object) -> str:
        return refused(self.ask(*words, **how), code, reason)


def refused(answer: Answer, code: int, reason: str) -> str:
    """Say what it said, which is never nothing."""
    assert (answer.code, answer.out) == (code, ""), answer.told
    assert reason in answer.err, answer.told
    return answer.err


@pytest.fixture
def desk(tmp_path: Path, founded_authority: Founded) -> Desk:
    (tmp_path / "desk").mkdir()
    return Desk(tmp_path / "desk", founded_authority)


@pytest.fixture
def honest(desk: Desk, honest_recipe: Recipe) -> str:
    """The name of a bundle that holds: what every attack here is a change of."""
    name = desk.put(honest_recipe.make())
    assert "signer: spiffe://forge.example/agent/builder" in desk.accepts(name)
    return name


# --- the table of mutants ---------------------------------------------------------------------------


def test_every_mutant_has_its_right_answer() -> None:
    assert list(OF_MUTANTS) == [mutant.name for mutant in MUTANTS]


def test_a_mutant_is_refused(mutant: Mutant, desk: Desk, honest_recipe: Recipe, rogue_authority: Founded) -> None:
    name = desk.put(mutant.recipe(honest_recipe, rogue_authority).make())
    assert desk.refuses(12, OF_MUTANTS[mutant.name], name)


# --- an exception is no success ---------------------------------------------------------------------


def test_an_answer_that_could_not_be_written_is_no_success(desk: Desk, honest: str) -> None:
    with Path("/dev/full").open("wb") as full:
        for words in ((honest,), (honest, "--json")):
            assert refused(desk.ask(*words, stdout=full), 1, "output: No space left on device")


def test_a_verifier_without_standard_streams_is_no_success(desk: Desk, honest: str) -> None:
    desk.file("trust-root.json", desk.founded.trust.encode())
    line = " ".join((*LEDGER, "verify", honest, "--trust-root", "trust-root.json"))
    for closed in (">&-", ">&- 2>&-", "<&- >&-"):
        assert start(("/bin/sh", "-c", f"{line} {closed}"), cwd=desk.place).code == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to an address space")
def test_a_verifier_that_runs_out_of_memory_is_no_success(desk: Desk, honest: str) -> None:
    desk.file(honest, b"[" + b'"aaaaaaaaaaaaaaaa",' * 1_500_000 + b'""]')
    line = " ".join((*LEDGER, "verify", honest, "--trust-root", "trust-root.json"))
    assert refused(start(("/bin/sh", "-c", f"ulimit -v 150000; exec {line}"), cwd=desk.place), 1, "MemoryError")


# --- nothing to verify is not verified --------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "JSON document: Expecting value", id="empty-file"),
        pytest.param(b"[]", "verificationMaterial: expected inside an object, found list", id="empty-list"),
        pytest.param(b"{}", "timestampVerificationData: expected inside an object, found NoneType", id="empty-object"),
        pytest.param(b"null", "verificationMaterial: expected inside an object, found NoneType", id="null"),
        pytest.param(b"\xff\xfe{\x00}\x00", "can't decode byte 0xff", id="not-utf-8"),
    ],
)
def test_a_file_without_an_attestation_is_refused(desk: Desk, honest: str, content: bytes, reason: str) -> None:
    desk.file(honest, content)
    assert desk.refuses(12, reason, honest)


def test_a_file_that_is_among_no_subjects_is_refused(desk: Desk, honest: str) -> None:
    """Verified and required are counted together: one file that holds does not carry another."""
    held, other = desk.file("a.py", b"print('a')\n"), desk.file("c.py", b"print('c')\n")
    assert "file: a.py is subject a.py" in desk.accepts(honest, held)
    assert desk.refuses(12, "c.py: expected a subject with sha256", honest, held, other)


@pytest.mark.parametrize("words", [(), ("--trust-root", "trust-root.json")], ids=["nothing", "no-bundle"])
def test_a_line_that_names_no_bundle_verifies_nothing(desk: Desk, honest: str, words: tuple[str, ...]) -> None:
    assert refused(
        start((*LEDGER, "verify", *words), cwd=desk.place), 2, "the following arguments are required: BUNDLE"
    )


def test_a_change_without_any_evidence_does_not_pass_the_gate(job: Job) -> None:
    job.commit({"app.py": "two = 2\n"})
    job.offered.mkdir()
    assert job.gate(offer=False).refused(20, None, "expected a signed status, found none")
    assert job.gate().refused(11, "app.py", "no signed statement accounts for it")


def test_evidence_for_one_of_two_files_does_not_pass_the_gate(job: Job) -> None:
    rows = job.write({"app.py": "two = 2\n"})
    job.sign(rows)
    job.commit({"b.py": "b = 1\n"})
    answer = job.gate()
    assert answer.refused(11, "b.py", "no signed statement accounts for it")
    assert answer.document["coverage"] == {"covered": 1, "rows": 2}


def test_a_policy_that_names_no_scanner_is_no_clean_scan(job: Job) -> None:
    job.ask(score={"scanners": []})
    job.change({"app.py": "two = 2\n"})
    assert job.gate().refused(20, None, "scanner")


# --- another kind of statement ----------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v1 ", ""])
def test_a_predicate_of_another_type_is_refused(desk: Desk, honest: str, wanted: str) -> None:
    assert desk.refuses(12, f"predicate type: expected {wanted}, found", honest, "--predicate-type", wanted)


def test_a_statement_of_a_kind_that_nobody_knows_accounts_for_nothing(desk: Desk, honest_recipe: Recipe) -> None:
    payload = honest_recipe.payload.replace(b"slsa.dev/provenance/v1", b"slsa.dev/provenance/v2")
    name = desk.put(replace(honest_recipe, payload=payload).make())
    assert "says:" not in desk.accepts(name)  # it holds, and says nothing that anybody could use
    assert desk.refuses(
        12, "found https://slsa.dev/provenance/v2", name, "--predicate-type", "https://slsa.dev/provenance/v1"
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param(b'"evidence":"observed"', b'"evidence":"certain!"', "evidence: expected asserted", id="a-word"),
        pytest.param(b'"number":1', b'"number":9', "part 9 of 1", id="a-part-beyond-the-whole"),
        pytest.param(b'"path":"a.py"', b'"path":"z.py"', "rows are not sorted", id="rows-out-of-order"),
        pytest.param(
            b"in-toto.io/Statement/v1", b"in-toto.io/Statement/v0", "statement", id="another-statement-version"
        ),
        pytest.param(b'"number":1', b'"number":"1"', "part.number: expected an integer", id="text-for-a-number"),
        pytest.param(b'"number":1', b'"number":true', "part.number: expected an integer", id="true-for-one"),
        pytest.param(b'"number":1', b'"number":1,"number":1', "duplicate key", id="a-key-twice"),
        pytest.param(b'"number":1', b'"number":9007199254740993', "past 2**53-1", id="a-number-past-2-to-the-53"),
        pytest.param(b'"number":1', b'"number":1.0', "only integers", id="a-float"),
        pytest.param(b'"number":1', b'"number":1e400', "only integers", id="infinity"),
        pytest.param(b'"number":1', b'"number":NaN', "only integers", id="not-a-number"),
        pytest.param(b'"number":1', b'"number":-0', "negative zero", id="negative-zero"),
        pytest.param(b'"path":"a.py"', b'"path":"\\ud800"', "lone surrogate", id="a-lone-surrogate"),
        pytest.param(b'"path":"a.py"', b'"path":"\\u0061.py"', "statement", id="an-escape-that-json-does-not-need"),
    ],
)
def test_a_signed_payload_is_read_strictly_as_if_a_stranger_had_signed_it(
    desk: Desk, honest_recipe: Recipe, old: bytes, new: bytes, reason: str
) -> None:
    """Honestly signed, stamped and logged, by whoever may sign: two readers must not read it in two ways."""
    payload = honest_recipe.payload.replace(old, new)
    assert payload != honest_recipe.payload
    assert desk.refuses(12, reason, desk.put(replace(honest_recipe, payload=payload).make()))


# --- bytes that were signed, and bytes that look the same -------------------------------------------


@pytest.mark.parametrize(
    "normalised",
    [
        pytest.param(lambda raw: raw.replace(b'":"', b'": "'), id="white-space"),
        pytest.param(lambda raw: raw + b"\n", id="a-last-newline"),
        pytest.param(lambda raw: b"\xef\xbb\xbf" + raw, id="a-byte-order-mark"),
        pytest.param(lambda raw: json.dumps(json.loads(raw), sort_keys=False, indent=1).encode(), id="another-order"),
    ],
)
def test_a_payload_that_only_means_the_same_as_what_was_signed_is_refused(
    desk: Desk, honest_recipe: Recipe, normalised: Callable[[bytes], bytes]
) -> None:
    """The signature was made over the canonical payload; what is offered is another spelling of it."""
    offer = honest_recipe.make()
    bundle = Bundle.parse(offer.raw)
    other = normalised(bundle.envelope.payload)
    assert other != bundle.envelope.payload
    spelled = bundle._replace(envelope=bundle.envelope._replace(payload=other)).encode()
    answer = desk.ask(desk.put(replace(offer, raw=spelled)))
    assert (answer.code, answer.out) == (12, ""), answer.told
    assert RECOMPUTED in answer.err or "JSON document" in answer.err or "statement" in answer.err, answer.told


def test_a_commit_signed_over_bytes_that_git_would_clean_up_is_refused(job: Job) -> None:
    """Git shows the text up to a NUL and checks the signature over what is left; nothing of that is read here."""
    job.commit_signed({"app.py": "two = 2\n"}, spoil=lambda raw: raw + b"\x00more\n")
    assert job.gate().refused(12, None, "commit: expected headers, an empty line and text")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        pytest.param(b"gpgsig-sha256 x\n", "expected no gpgsig-sha256 header", id="a-second-signature-header"),
        pytest.param(b"gpgsig x\n", "expected one gpgsig", id="a-signature-twice"),
        pytest.param(b"tree " + b"0" * 40 + b"\n", "expected one tree", id="a-tree-twice"),
        pytest.param(b"encoding utf-8\nencoding utf-16\n", "expected one encoding", id="an-encoding-twice"),
        pytest.param(b"no-value\n", "expected lines of `name value`", id="a-header-without-a-value"),
    ],
)
def test_a_signed_commit_with_two_readings_is_refused(job: Job, headers: bytes, reason: str) -> None:
    job.commit_signed({"app.py": "two = 2\n"}, headers=headers)
    assert job.gate().refused(12, None, reason)


# --- a log entry of something else ------------------------------------------------------------------


def test_evidence_that_was_altered_for_another_file_is_named_by_the_gate(job: Job) -> None:
    """A valid entry, for another statement: the leaf is recomputed from what is offered, never looked up."""
    job.sign(job.write({"app.py": "two = 2\n"}))
    job.commit({"app.py": "evil = 2\n"})
    signed = job.evidence[0]
    bundle = Bundle.parse(signed.raw)
    payload = json.loads(bundle.envelope.payload)
    row = payload["predicate"]["buildDefinition"]["internalParameters"]["changes"][0]
    row["afterMode"] = "100755"
    envelope = bundle.envelope._replace(payload=canonical.dumps(payload))
    job.loose = put_bundle(bundle._replace(envelope=envelope).encode(), signed.certificate_proof)
    assert job.gate().refused(12, "app.py", "statement contradicts itself")


# --- one witness twice ------------------------------------------------------------------------------


def cosigner(number: int) -> Cosigner:
    return Cosigner(f"w{number}.example", Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


ONE, TWO, STRANGER = (cosigner(number) for number in (1, 2, 3))
NAMESAKE = Cosigner("w2.example", Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))
UNDER_TWO_NAMES = Cosigner("w4.example", Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))


@pytest.mark.parametrize(
    ("witnesses", "code", "reason"),
    [
        pytest.param([ONE], 12, "expected 2 witnesses, found 1", id="one-alone"),
        pytest.param([ONE, ONE], 12, "expected one signature a key, found two", id="one-twice"),
        pytest.param([ONE, STRANGER], 12, "expected 2 witnesses, found 1", id="one-and-a-stranger"),
        pytest.param([ONE, NAMESAKE], 12, "expected 2 witnesses, found 1", id="one-and-a-namesake-of-the-other"),
        pytest.param([ONE, UNDER_TWO_NAMES], 12, "expected 2 witnesses, found 1", id="one-under-two-names"),
        pytest.param([ONE, TWO], 0, "split-view: seen by 2 witnesses", id="both"),
    ],
)
def test_one_witness_never_counts_as_two(
    desk: Desk, honest_recipe: Recipe, witnesses: list[Cosigner], code: int, reason: str
) -> None:
    seen = int(NOW.timestamp())

    def cosigned(raw: bytes) -> bytes:
        note = SignedNote.parse(raw)
        lines = [*note.signatures, *(one.cosign(note.text, time=seen) for one in witnesses)]
        return note.text + b"\n" + "".join(line.encode() for line in lines).encode()

    name = desk.put(
        replace(honest_recipe, proof=lambda entry: entry._replace(checkpoint=cosigned(entry.checkpoint))).make()
    )
    trust = desk.founded.authority.trust_root("repository-1", quorum=2, witnesses=(ONE.verifier, TWO.verifier))
    answer = desk.ask(name, "--require-witnesses", trust=trust)
    assert (answer.code, reason in answer.out + answer.err) == (code, True), answer.told


@pytest.mark.parametrize("again", ["log", "certificateLog", "sct"])
def test_a_trust_root_in_which_one_key_plays_two_parts_is_refused(desk: Desk, honest: str, again: str) -> None:
    document = json.loads(desk.founded.trust.encode())
    if again == "sct":
        tlogs, ctlogs = (document["trustedRoot"][name] for name in ("tlogs", "ctlogs"))
        ctlogs[0]["publicKey"] = tlogs[0]["publicKey"]
    else:
        document["witnesses"] = {"quorum": 1, "keys": [document[again]]}
    desk.file("twice.json", canonical.dumps(document) + b"\n")
    assert refused(start((*LEDGER, "verify", honest, "--trust-root", "twice.json"), cwd=desk.place), 2, "twice.json: ")


# --- time -------------------------------------------------------------------------------------------


@dataclass
class Signers:
    """A desk beside a living authority, whose clock a test may set."""

    desk: Desk
    authority: SimulatedAuthority

    def generation(self) -> str:
        rows = change_of(a_py=(None, "print('a')\n"))
        return self._put(self.authority.sign_change(rows)[0], "b")

    def status(self, *revocations: Revocation, number: int = 1, **other: object) -> str:
        return self._put(self.authority.status(*revocations, number=number, **other), f"status-{number}")

    def _put(self, signed: Signed, name: str) -> str:
        return self.desk.put(Offer(signed.raw, signed.certificate_proof), name)

    def revocation(self, **other: object) -> Revocation:
        facts = {"kind": RevokedKind.IDENTITY, "value": str(self.authority.who(Kind.AGENT)), "reason": "stolen"}
        return Revocation(**{**facts, "from_time": NOW + timedelta(days=900), "from_log_index": 10**6, **other})


@pytest.fixture
def signers(desk: Desk, simulated: SimulatedAuthority) -> Signers:
    return Signers(desk, simulated)


def test_a_signature_from_after_its_revocation_is_refused(signers: Signers) -> None:
    bundle = signers.generation()
    status = signers.status(signers.revocation(from_time=NOW))
    assert signers.desk.refuses(13, "is revoked since 2026-11-20", bundle, "--status", status, "--at", AT)


def test_a_backdated_signature_is_refused_by_its_place_in_the_log(signers: Signers) -> None:
    """Who holds the stolen key and a timestamp authority that lies signs in the past; the log does not move back."""
    at = ("--at", AT)
    signers.status(number=1)
    bundle = signers.generation()
    later, index = signers.status(signers.revocation(), number=2), 1
    assert "not revoked by status 2" in signers.desk.accepts(bundle, "--status", later, *at)
    by_place = signers.status(signers.revocation(from_log_index=index), number=3)
    assert signers.desk.refuses(13, "is revoked since 2029-", bundle, "--status", by_place, *at)


@pytest.mark.parametrize("order", [1, -1], ids=["newest-last", "newest-first"])
def test_an_older_status_beside_the_newest_clears_nobody(signers: Signers, order: int) -> None:
    bundle = signers.generation()
    named = [signers.status(number=1), signers.status(signers.revocation(from_time=NOW), number=2)][::order]
    options = [word for status in named for word in ("--status", status)]
    assert signers.desk.refuses(13, "is revoked since", bundle, *options, "--at", AT)


def test_a_frozen_status_is_inconclusive_once_it_is_due(signers: Signers) -> None:
    bundle = signers.generation()
    status = signers.status(days=2)
    at = ("--at", "2026-11-22T12:00:01Z")
    assert signers.desk.refuses(
        20, "status: a newer one was due by 2026-11-22T12:00:00", bundle, "--status", status, *at
    )


def test_evidence_that_is_newer_than_the_frozen_status_is_inconclusive(signers: Signers) -> None:
    status = signers.status()
    bundle = signers.generation()
    assert signers.desk.refuses(
        20, "it stands at log index 0, the evidence at 1", bundle, "--status", status, "--at", AT
    )


def test_a_frozen_collection_is_inconclusive_for_a_job_that_saw_a_newer_one(job: Job) -> None:
    job.change({"app.py": "two = 2\n"})
    newest = job.gate().passed()["statusNumber"]
    assert job.gate("--seen-status", str(newest), offer=False).passed()
    assert job.gate("--seen-status", str(newest + 1), offer=False).refused(
        20, None, f"status: number {newest + 1} was seen before, the newest found here is {newest}"
    )


def test_a_status_by_anybody_but_the_authority_is_refused(signers: Signers) -> None:
    bundle = signers.generation()
    forged = signers.status(signer=signers.authority.who(Kind.AGENT))
    assert signers.desk.refuses(12, "expected the authority as signer", bundle, "--status", forged, "--at", AT)


def test_evidence_under_a_trust_root_that_was_replaced_is_refused(
    desk: Desk, honest: str, rogue_authority: Founded, job: Job
) -> None:
    """The stale root has every name that the pinned one has; only the keys are others."""
    assert desk.refuses(12, "expected the pinned signer", honest, trust=rogue_authority.trust)
    job.change({"app.py": "two = 2\n"})
    stale = (*job.pins()[:-1], rogue_authority.trust.digest)
    assert job.gate(pins=stale).refused(12, None, "trust root: expected sha256:")


# --- identity ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    [
        "spiffe://forge.example/agent/build",
        "spiffe://forge.example/agent/builder2",
        "spiffe://forge.example/agent/.*",
        "spiffe://forge.example/agent/*",
        ".*",
        "",
        "spiffe://FORGE.example/agent/builder",
        "spiffe://forge.example/agent/builder/",
        "spiffe://forge.example/agent/builder\n",
        "builder",
    ],
)
def test_an_identity_is_compared_whole_and_is_no_pattern(desk: Desk, honest: str, pattern: str) -> None:
    assert desk.refuses(12, "signer: expected", honest, "--identity", pattern)


def test_a_policy_names_agents_whole_and_not_by_pattern(job: Job) -> None:
    job.ask(agents=["spiffe://forge.example/agent/build"])
    job.change({"app.py": "two = 2\n"})
    assert job.gate().refused(10, "app.py", "agent spiffe://forge.example/agent/builder is not on the policy's list")


# --- the working directory --------------------------------------------------------------------------

IN_THE_WAY = {
    ".countermark/trust-root.json": "{}",
    ".countermark/config.json": '{"trustRoot": "sha256:0"}',
    "countermark.toml": "[verify]\nidentity = '.*'\n",
    "pyproject.toml": "[tool.countermark]\nmode = 'observe'\n",
    "setup.cfg": "[countermark]\nmode = observe\n",
    ".env": "COUNTERMARK_MODE=observe\n",
    ".sigstore/root.json": "{}",
    "openssl.cnf": "openssl_conf = evil\n",
}


def test_no_configuration_of_the_working_directory_is_read(
    desk: Desk, honest: str, rogue_authority: Founded, tmp_path: Path
) -> None:
    """Neither files that configure other verifiers nor variables that point at them change the answer."""
    before = desk.ask(honest, "--json")
    files = {**IN_THE_WAY, "trust-root.json.countermark": "{}", "root.json": rogue_authority.trust.encode().decode()}
    for name, text in files.items():
        (desk.place / name).parent.mkdir(exist_ok=True)
        (desk.place / name).write_text(text)
    names = ("COUNTERMARK_TRUST_ROOT", "TRUST_ROOT", "SIGSTORE_ROOT_FILE", "TUF_ROOT", "COUNTERMARK_CONFIG")
    environ = dict.fromkeys(names, str(desk.place / "root.json"))
    after = desk.ask(honest, "--json", environ={**environ, "OPENSSL_CONF": str(desk.place / "openssl.cnf")})
    assert after == before
    assert before.code == 0


def test_without_a_pin_no_trust_root_is_looked_for(desk: Desk, honest: str) -> None:
    for place in (".", ".countermark", "home", "home/.config/countermark"):
        (desk.place / place).mkdir(parents=True, exist_ok=True)
        (desk.place / place / "trust-root.json").write_bytes(desk.founded.trust.encode())
    answer = start((*LEDGER, "verify", honest), cwd=desk.place, environ={"HOME": str(desk.place / "home")})
    assert refused(answer, 2, "the following arguments are required: --trust-root")


# --- without an end ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        pytest.param(lambda: b" " * (32 * 1024 * 1024 + 1), 20, "expected at most 33554432 bytes", id="too-many-bytes"),
        pytest.param(lambda: b"[" * 100_000, 20, "nested deeper than 64", id="a-hundred-thousand-brackets"),
        pytest.param(lambda: b'{"a":' * 100_000, 20, "nested deeper than 64", id="a-hundred-thousand-objects"),
        pytest.param(lambda: b"[" + b"9" * 5_000_000 + b"]", 12, "past 2**53-1", id="a-number-of-five-million-digits"),
        pytest.param(lambda: b'"' + b"\\" * 5_000_001, 12, "JSON document", id="an-unclosed-string-of-escapes"),
        pytest.param(lambda: b'"' * 5_000_001, 12, "Extra data", id="five-million-quotes"),
    ],
)
def test_a_bundle_without_an_end_is_refused_before_it_is_read(
    desk: Desk, honest: str, content: Callable[[], bytes], code: int, reason: str
) -> None:
    desk.file(honest, content())
    assert desk.refuses(code, reason, honest)


def _with_hashes(count: int) -> Callable[[dict], None]:
    def change(raw: dict) -> None:
        proof = raw["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
        proof["hashes"] = [base64.b64encode(bytes(32)).decode()] * count

    return change


def test_a_proof_of_a_million_hashes_is_refused_before_any_is_hashed(desk: Desk, honest_recipe: Recipe) -> None:
    name = desk.put(replace(honest_recipe, spelled=honest_recipe.edited(_with_hashes(500_000))).make())
    assert desk.refuses(20, "expected at most 64 hashes, found 500000", name)


def test_a_checkpoint_of_a_thousand_signatures_is_refused(desk: Desk, honest_recipe: Recipe) -> None:
    lines = b"\xe2\x80\x94 x.example AAAAAAAA\n" * 1000
    crowded = replace(honest_recipe, proof=lambda entry: entry._replace(checkpoint=entry.checkpoint + lines))
    assert desk.refuses(20, "expected at most 100 signatures", desk.put(crowded.make()))


@pytest.mark.parametrize("endless", ["bundle", "certificate-proof", "file", "trust-root", "status"])
@pytest.mark.parametrize("kind", ["fifo", "device", "link-to-a-device"])
def test_a_file_that_never_ends_or_never_begins_is_refused(desk: Desk, honest: str, endless: str, kind: str) -> None:
    """A checkout can hold links, and an archive of evidence a FIFO: neither may hold a job for ever."""
    trap = desk.place / "trap"
    if kind == "fifo":
        os.mkfifo(trap)
    if kind == "link-to-a-device":
        trap.symlink_to("/dev/zero")
    name = "/dev/zero" if kind == "device" else "trap"
    options = {
        "bundle": (name, "--certificate-proof", "b.certificate.tlog-proof"),
        "certificate-proof": (honest, "--certificate-proof", name),
        "file": (honest, name),
        "trust-root": (honest,),
        "status": (honest, "--status", name),
    }[endless]
    root = name if endless == "trust-root" else "trust-root.json"
    desk.file("trust-root.json", desk.founded.trust.encode())
    answer = start((*LEDGER, "verify", *options, "--trust-root", root), cwd=desk.place)
    assert refused(answer, 2, f"{name}: expected a regular file")
