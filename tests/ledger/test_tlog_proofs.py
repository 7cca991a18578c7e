"""Portable proofs: one spelling, the pinned log only, and nothing proved by a proof of something else."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.checkpoint import TreeHead, sign
from countermark_ledger.errors import (
    BadConsistency,
    BadInclusion,
    BadSignature,
    LedgerError,
    Malformed,
    TooLarge,
    WrongLog,
)
from countermark_ledger.merkle import MAX_PATH, MAX_SIZE, leaf_hash, verify_consistency
from countermark_ledger.note import NoteSigner
from countermark_ledger.proving import RightEdge, consistency_path, inclusion_path, root_of
from countermark_ledger.tlog_proof import MAX_BYTES, TlogProof

if TYPE_CHECKING:
    from collections.abc import Callable

LOG = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
LEAVES = [leaf_hash(b"%d" % n) for n in range(7)]
NODES = {(node.level, node.index): node.digest for node in RightEdge.empty().extend(LEAVES).nodes}
CHECKPOINT = sign(TreeHead("log.example", 7, root_of(LEAVES)), LOG)


def _proof(index: int, extra: bytes | None = None) -> TlogProof:
    path = inclusion_path(index, 7, lambda level, at: NODES[level, at])
    return TlogProof(index, tuple(path), CHECKPOINT, extra)


PROOF = _proof(5, b"hint")
RAW = PROOF.encode()

# --- what holds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(7))
def test_a_proof_of_the_pinned_log_gives_the_head_that_holds_the_entry(index: int) -> None:
    head = TlogProof.parse(_proof(index).encode()).verify(LEAVES[index], LOG.verifier)
    assert head == TreeHead("log.example", 7, root_of(LEAVES))


def test_a_log_of_one_entry_needs_no_path() -> None:
    proof = TlogProof(0, (), sign(TreeHead("log.example", 1, LEAVES[0]), LOG))
    assert TlogProof.parse(proof.encode()).verify(LEAVES[0], LOG.verifier).size == 1


def test_a_proof_is_magic_extra_index_path_and_the_checkpoint_verbatim() -> None:
    path = "".join(f"{base64.b64encode(digest).decode()}\n" for digest in PROOF.path)
    head = f"c2sp.org/tlog-proof@v1\nextra aGludA==\nindex 5\n{path}\n".encode()
    assert head + CHECKPOINT == RAW


@given(
    index=st.integers(0, MAX_SIZE - 1),
    path=st.lists(st.binary(min_size=32, max_size=32), max_size=MAX_PATH).map(tuple),
    extra=st.none() | st.binary(max_size=40),
)
def test_a_proof_reads_back_as_itself(index: int, path: tuple[bytes, ...], extra: bytes | None) -> None:
    proof = TlogProof(index, path, CHECKPOINT, extra)
    assert TlogProof.parse(proof.encode()) == proof


@given(st.binary(max_size=40), st.integers(0, len(RAW)), st.integers(0, 3))
def test_whatever_parses_as_a_proof_has_one_spelling(junk: bytes, at: int, cut: int) -> None:
    raw = RAW[:at] + junk + RAW[at + cut :]
    try:
        proof = TlogProof.parse(raw)
    except Malformed:
        return
    assert proof.encode() == raw


def test_empty_extra_data_is_not_absent_extra_data() -> None:
    assert TlogProof.parse(_proof(5, b"").encode()).extra == b""
    assert TlogProof.parse(_proof(5, None).encode()).extra is None


# --- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(RAW.replace(b"@v1", b"@v2"), id="another-version"),
        pytest.param(RAW.replace(b"c2sp.org", b"c2sp-org"), id="another-magic"),
        pytest.param(b"\n" + RAW, id="leading-newline"),
        pytest.param(RAW.replace(b"\n", b"\r\n"), id="carriage-returns"),
        pytest.param(RAW + b"\n", id="trailing-newline"),
        pytest.param(RAW[:-1], id="last-newline-missing"),
        pytest.param(RAW.replace(b"index 5", b"index 05"), id="leading-zero"),
        pytest.param(RAW.replace(b"index 5", b"index  5"), id="two-spaces"),
        pytest.param(RAW.replace(b"index 5", b"index -5"), id="negative-index"),
        pytest.param(RAW.replace(b"index 5", b"index "), id="no-index"),
        pytest.param(RAW.replace(b"index 5", "index \uff15".encode()), id="full-width-digit"),
        pytest.param(RAW.replace(b"index 5", b"index %d" % MAX_SIZE), id="index-past-the-limit"),
        pytest.param(RAW.replace(b"index 5", b"index " + b"9" * 5000), id="endless-index"),
        pytest.param(RAW.replace(b"index 5\n", b""), id="no-index-line"),
        pytest.param(RAW.replace(b"index 5\n", b"index 5\nindex 5\n"), id="two-index-lines"),
        pytest.param(RAW.replace(b"extra aGludA==", b"extra aGludA"), id="extra-without-padding"),
        pytest.param(RAW.replace(b"extra aGludA==", b"extra aGludB=="), id="extra-with-stray-tail-bits"),
        pytest.param(RAW.replace(b"extra aGludA==", b"extra\taGludA=="), id="extra-after-a-tab"),
        pytest.param(RAW.replace(b"extra aGludA==\n", b"extra aGludA==\n" * 2), id="two-extra-lines"),
        pytest.param(RAW.replace(b"extra aGludA==\nindex 5\n", b"index 5\nextra aGludA==\n"), id="extra-after-index"),
        pytest.param(RAW.replace(b"extra aGludA==", b"extra \xff"), id="extra-not-text"),
        pytest.param(RAW.replace(b"extra ", b"other "), id="an-unknown-line"),
        pytest.param(RAW.replace(b"index 5\n", b"index 5\nAAAA\n"), id="a-short-hash"),
        pytest.param(RAW.replace(b"index 5\n", b"index 5\n" + b"A" * 48 + b"\n"), id="a-long-hash"),
        pytest.param(RAW.replace(b"index 5\n", b"index 5\n" + b"A" * 43 + b" =\n"), id="a-space-in-a-hash"),
        pytest.param(RAW.replace(b"index 5\n", b"index 5\n" + b"A" * 42 + b"B=\n"), id="stray-tail-bits-in-a-hash"),
        pytest.param(RAW.replace(b"\n\n", b"\n", 1), id="no-blank-line"),
        pytest.param(RAW.partition(b"\n\n")[0] + b"\n\n", id="no-checkpoint"),
        pytest.param(RAW.partition(b"\n\n")[0], id="only-the-head"),
        pytest.param(RAW.replace(b"\nlog.example\n7\n", b"\nlog.example\n07\n"), id="malformed-checkpoint"),
    ],
)
def test_a_second_spelling_of_a_proof_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        TlogProof.parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(bytes(MAX_BYTES + 1), id="bytes"),
        pytest.param(RAW.replace(b"index 5\n", b"index 5\n" + (b"A" * 43 + b"=\n") * 65), id="hashes"),
    ],
)
def test_a_proof_past_a_cap_is_refused(raw: bytes) -> None:
    with pytest.raises(TooLarge):
        TlogProof.parse(raw)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: replace(PROOF, index=-1), id="negative-index"),
        pytest.param(lambda: replace(PROOF, index=MAX_SIZE), id="index-past-the-limit"),
        pytest.param(lambda: replace(PROOF, path=(b"",)), id="empty-hash"),
        pytest.param(lambda: replace(PROOF, path=(bytes(32),) * 65), id="too-many-hashes"),
        pytest.param(lambda: replace(PROOF, checkpoint=b""), id="no-checkpoint"),
    ],
)
def test_a_proof_that_would_not_read_back_is_not_made(make: Callable[[], object]) -> None:
    with pytest.raises(Malformed):
        make()


OTHER = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32))
ELSEWHERE = NoteSigner("other.example", Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
HEAD = TreeHead("log.example", 7, root_of(LEAVES))


@pytest.mark.parametrize(
    ("proof", "leaf", "refusal"),
    [
        pytest.param(PROOF, leaf_hash(b"another"), BadInclusion, id="another-entry"),
        pytest.param(PROOF, LEAVES[4], BadInclusion, id="an-entry-of-the-log-at-another-index"),
        pytest.param(replace(PROOF, index=4), LEAVES[5], BadInclusion, id="a-lying-index"),
        pytest.param(replace(PROOF, index=7), LEAVES[5], BadInclusion, id="an-index-beyond-the-log"),
        pytest.param(replace(PROOF, path=PROOF.path[:-1]), LEAVES[5], BadInclusion, id="a-shorter-path"),
        pytest.param(replace(PROOF, path=()), LEAVES[5], BadInclusion, id="no-path"),
        pytest.param(
            replace(PROOF, checkpoint=sign(replace(HEAD, size=9), LOG)),
            LEAVES[5],
            BadInclusion,
            id="a-signed-checkpoint-of-another-size",
        ),
        pytest.param(
            replace(PROOF, checkpoint=sign(HEAD, OTHER)), LEAVES[5], BadSignature, id="another-key-of-the-same-name"
        ),
        pytest.param(
            replace(PROOF, checkpoint=CHECKPOINT.replace(b"\n7\n", b"\n8\n")), LEAVES[5], BadSignature, id="edited-size"
        ),
        pytest.param(
            replace(PROOF, checkpoint=sign(replace(HEAD, origin="other.example"), ELSEWHERE)),
            LEAVES[5],
            WrongLog,
            id="another-origin-under-the-same-secret",
        ),
    ],
)
def test_a_proof_of_something_else_is_refused(proof: TlogProof, leaf: bytes, refusal: type[LedgerError]) -> None:
    with pytest.raises(refusal):
        TlogProof.parse(proof.encode()).verify(leaf, LOG.verifier)


def test_extra_data_is_carried_and_never_authenticated() -> None:
    forged = TlogProof.parse(replace(PROOF, extra=b"anything").encode())
    assert forged.verify(LEAVES[5], LOG.verifier) == HEAD


def test_a_log_that_signs_one_root_under_two_sizes_is_caught_by_consistency_alone() -> None:
    """Leaf 5 has a path of one shape in trees of 7 and 8: no inclusion proof can tell, so heads must be tied."""
    lie = replace(PROOF, checkpoint=sign(replace(HEAD, size=8), LOG)).verify(LEAVES[5], LOG.verifier)
    assert (lie.size, lie.root) == (8, HEAD.root)
    node = {(n.level, n.index): n.digest for n in RightEdge.empty().extend([*LEAVES, LEAVES[6]]).nodes}
    path = consistency_path(7, 8, lambda level, index: node[level, index])
    with pytest.raises(BadConsistency):
        verify_consistency(old=7, new=8, old_root=HEAD.root, new_root=lie.root, path=path)
