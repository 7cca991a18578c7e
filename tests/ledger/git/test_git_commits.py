"""Commit objects have one reading, and their signature covers exactly the rest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import sshsig
from countermark_ledger.errors import BadSignature, Forged, LedgerError, Malformed
from countermark_ledger.git import Commit, Repository

from .checkout import Checkout

TREE = b"tree " + b"a" * 40 + b"\n"
PARENT = b"parent " + b"b" * 40 + b"\n"
AUTHOR = b"author A <a@b> 1 +0000\n"
COMMITTER = b"committer C <c@d> 2 +0000\n"
SIGNATURE = b"gpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\n"
PLAIN = TREE + PARENT + AUTHOR + COMMITTER
SIGNED = PLAIN + SIGNATURE + b"\nmessage\n"


def test_a_commit_is_read_into_its_parts() -> None:
    commit = Commit.parse(SIGNED)
    assert (commit.tree, commit.parents) == ("a" * 40, ("b" * 40,))
    assert (commit.author, commit.committer) == (b"A <a@b> 1 +0000", b"C <c@d> 2 +0000")
    assert commit.message == b"message\n"
    assert commit.signature == b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----"
    assert commit.signed_payload == PLAIN + b"\nmessage\n"


def test_headers_that_git_knows_are_kept_in_the_signed_bytes() -> None:
    merged = b"mergetag object x\n type commit\n \n text\n"
    raw = TREE + AUTHOR + COMMITTER + b"encoding latin-1\n" + merged + merged + SIGNATURE + b"HG:extra x\n\n\n\n"
    commit = Commit.parse(raw)
    assert commit.parents == ()
    assert commit.message == b"\n\n"
    assert commit.signed_payload == raw.replace(SIGNATURE, b"")


def test_a_commit_of_sha256_names_keeps_its_signature_under_another_header() -> None:
    raw = SIGNED.replace(b"a" * 40, b"a" * 64).replace(b"b" * 40, b"b" * 64).replace(b"gpgsig", b"gpgsig-sha256")
    assert Commit.parse(raw).signature is not None


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n\nmessage", id="no-headers"),
        pytest.param(PLAIN, id="no-blank-line"),
        pytest.param(PARENT + AUTHOR + COMMITTER + b"\nm", id="no-tree"),
        pytest.param(AUTHOR + COMMITTER + TREE + b"\nm", id="tree-last"),
        pytest.param(TREE + AUTHOR + b"\nm", id="no-committer"),
        pytest.param(TREE + COMMITTER + b"\nm", id="no-author"),
        pytest.param(TREE + COMMITTER + AUTHOR + b"\nm", id="committer-first"),
        pytest.param(TREE + TREE + AUTHOR + COMMITTER + b"\nm", id="two-trees"),
        pytest.param(PLAIN + TREE + b"\nm", id="a-second-tree-later"),
        pytest.param(PLAIN + PARENT + b"\nm", id="a-parent-after-the-committer"),
        pytest.param(PLAIN + AUTHOR + b"\nm", id="two-authors"),
        pytest.param(PLAIN + COMMITTER + b"\nm", id="two-committers"),
        pytest.param(PLAIN + b"encoding a\nencoding b\n\nm", id="two-encodings"),
        pytest.param(PLAIN + SIGNATURE + SIGNATURE + b"\nm", id="two-signatures"),
        pytest.param(PLAIN + SIGNATURE + b"gpgsig-sha256 x\n\nm", id="a-signature-for-another-hash-too"),
        pytest.param(PLAIN + b"gpgsigextra x\n\nm", id="a-header-git-leaves-out-of-the-signed-bytes"),
        pytest.param(PLAIN + b"x y\n\nmess\0age", id="nul-in-the-message"),
        pytest.param(TREE + b"author A\0 <a@b> 1 +0000\n" + COMMITTER + b"\nm", id="nul-in-a-header"),
        pytest.param(TREE + b" more\n" + AUTHOR + COMMITTER + b"\nm", id="continued-tree"),
        pytest.param(TREE + AUTHOR + b" more\n" + COMMITTER + b"\nm", id="continued-author"),
        pytest.param(b" x\n" + PLAIN + b"\nm", id="continuation-first"),
        pytest.param(PLAIN + b"novalue\n\nm", id="a-header-without-a-value"),
        pytest.param(PLAIN + b"b\xc3\xa4d x\n\nm", id="a-header-name-outside-ascii"),
        pytest.param(TREE.upper().replace(b"TREE", b"tree") + AUTHOR + COMMITTER + b"\nm", id="upper-case-tree"),
        pytest.param(b"tree " + b"a" * 39 + b"\n" + AUTHOR + COMMITTER + b"\nm", id="short-tree"),
        pytest.param(TREE + b"parent " + b"b" * 64 + b"\n" + AUTHOR + COMMITTER + b"\nm", id="parent-of-another-hash"),
        pytest.param(TREE + PARENT * 65 + AUTHOR + COMMITTER + b"\nm", id="too-many-parents"),
    ],
)
def test_a_commit_that_two_readers_would_read_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        Commit.parse(raw)


@given(st.binary(max_size=60), st.integers(0, len(SIGNED)))
def test_bytes_put_into_a_commit_are_refused_or_show(extra: bytes, at: int) -> None:
    raw = SIGNED[:at] + extra + SIGNED[at:]
    try:
        commit = Commit.parse(raw)
    except Malformed:
        return
    assert raw == SIGNED or commit != Commit.parse(SIGNED)


def test_an_unsigned_commit_has_no_signer() -> None:
    with pytest.raises(BadSignature, match="found none"):
        Commit.parse(PLAIN + b"\nm").signer([])


def test_a_signature_of_another_kind_has_no_signer() -> None:
    raw = SIGNED.replace(b"SSH SIGNATURE", b"PGP SIGNATURE")
    with pytest.raises(BadSignature, match="another kind"):
        Commit.parse(raw).signer([])


# --- signed by git itself -----------------------------------------------------------------------------


@pytest.fixture
def person(tmp_path: Path, ssh_keygen: str) -> Path:
    key = tmp_path / "person"
    subprocess.run([ssh_keygen, "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
    return key


@pytest.fixture
def signed(checkout: Checkout, person: Path) -> bytes:
    for key, value in {"gpg.format": "ssh", "user.signingKey": str(person), "commit.gpgSign": "true"}.items():
        checkout.git("config", key, value)
    checkout.commit(a__py=b"1")
    checkout.commit("two\n\nlines and ümlaut", a__py=b"2")
    return checkout.git("cat-file", "commit", "HEAD").encode() + b"\n"


def _key(person: Path) -> sshsig.PublicKey:
    return sshsig.parse_public_key(person.with_suffix(".pub").read_text())


def test_a_commit_that_git_signed_verifies_in_this_process(checkout: Checkout, signed: bytes, person: Path) -> None:
    with Repository.open(checkout.path) as repository:
        commit = repository.commit(repository.resolve("HEAD"))
    assert commit == Commit.parse(signed)
    assert commit.signer([_key(person)]) == _key(person)


def test_every_change_to_a_signed_commit_is_refused(signed: bytes, person: Path) -> None:
    allowed = [_key(person)]
    judged = 0
    for at in range(len(signed)):
        for bit in (0x01, 0x80):
            mutant = signed[:at] + bytes([signed[at] ^ bit]) + signed[at + 1 :]
            with pytest.raises(LedgerError):
                Commit.parse(mutant).signer(allowed)
            judged += 1
    assert judged == 2 * len(signed) > 1000


def test_a_line_taken_out_or_said_twice_is_refused(signed: bytes, person: Path) -> None:
    lines = signed.splitlines(keepends=True)
    for at in range(len(lines)):
        for mutant in (lines[:at] + lines[at + 1 :], lines[: at + 1] + lines[at:]):
            with pytest.raises(LedgerError):
                Commit.parse(b"".join(mutant)).signer([_key(person)])


def test_a_signature_moved_to_another_commit_is_refused(checkout: Checkout, signed: bytes, person: Path) -> None:
    first = checkout.git("cat-file", "commit", "HEAD~1").encode() + b"\n"
    one, other = (Commit.parse(raw).signature.replace(b"\n", b"\n ") for raw in (first, signed))
    assert Commit.parse(first).signer([_key(person)])
    moved = first.replace(one, other)
    assert moved != first
    with pytest.raises(Forged):
        Commit.parse(moved).signer([_key(person)])


def test_a_signature_by_a_key_that_is_not_allowed_is_refused(
    signed: bytes, person: Path, tmp_path: Path, ssh_keygen: str
) -> None:
    other = tmp_path / "other"
    subprocess.run([ssh_keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    with pytest.raises(BadSignature, match="not an allowed key"):
        Commit.parse(signed).signer([_key(other)])
    assert Commit.parse(signed).signer([_key(other), _key(person)]) == _key(person)
