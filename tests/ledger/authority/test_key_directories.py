"""Private keys on disk: whole or absent, ours alone, outside every work tree."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import pem
from countermark_ledger.authority import KeyDirectory, create_authority, load_authority, private_files
from countermark_ledger.errors import LedgerError, Malformed, UnsafeKey
from countermark_ledger.public_key import ECDSA_SHA256, PublicKey

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORDER = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    private_files.create(tmp_path / "keys", {"a": b"secret"})
    return tmp_path / "keys"


def test_files_are_written_for_their_owner_alone(place: Path) -> None:
    assert private_files.read(place, "a") == b"secret"
    assert place.stat().st_mode & 0o777 == 0o700
    assert (place / "a").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in place.parent.iterdir()] == ["keys"]


def test_missing_parents_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    private_files.create(tmp_path / "b" / "c" / "keys", {})
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("b", "b/c")] == [0o700, 0o700]


@pytest.mark.parametrize("mask", [0o000, 0o277, 0o777])
def test_a_permissive_or_strict_umask_changes_nothing(tmp_path: Path, mask: int) -> None:
    keys = tmp_path / "b" / "c" / "keys"
    before = os.umask(mask)
    try:
        private_files.create(keys, {"a": b"x"})
    finally:
        os.umask(before)
    assert private_files.read(keys, "a") == b"x"
    assert (keys / "a").stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in (keys, *list(keys.parents)[:2])} == {0o700}


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("/nowhere")])
def test_nothing_is_ever_written_over(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "keys")
    with pytest.raises(UnsafeKey, match="expected nothing there"):
        private_files.create(tmp_path / "keys", {"a": b"x"})
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_a_directory_that_appears_meanwhile_wins_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_files.create(tmp_path / "keys", {"a": b"theirs"})
    monkeypatch.setattr(private_files.os.path, "lexists", lambda _: False)
    with pytest.raises(UnsafeKey, match="expected nothing there"):
        private_files.create(tmp_path / "keys", {"a": b"ours"})
    monkeypatch.undo()
    assert private_files.read(tmp_path / "keys", "a") == b"theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        private_files.create(tmp_path / "keys", {"a": b"x"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o740, 0o755])
def test_a_directory_others_can_enter_is_refused(place: Path, mode: int) -> None:
    place.chmod(mode)
    with pytest.raises(UnsafeKey, match="yours alone") as refusal:
        private_files.read(place, "a")
    assert refusal.value.hint == f"chmod -R u=rwX,go= {place}"


@pytest.mark.parametrize("mode", [0o601, 0o604, 0o620, 0o644])
def test_a_file_others_can_reach_is_refused(place: Path, mode: int) -> None:
    (place / "a").chmod(mode)
    with pytest.raises(UnsafeKey, match="yours alone"):
        private_files.read(place, "a")


def test_a_file_of_somebody_else_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_files.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(UnsafeKey, match="yours alone"):
        private_files.read(place, "a")


def test_a_symlink_is_not_followed(place: Path) -> None:
    (place.parent / "link").symlink_to(place)
    (place / "b").symlink_to(place / "a")
    for path, name in ((place.parent / "link", "a"), (place, "b")):
        with pytest.raises(UnsafeKey, match="no symlink"):
            private_files.read(path, name)


def test_what_is_no_regular_file_is_refused(place: Path) -> None:
    os.mkfifo(place / "pipe", 0o600)
    (place / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(UnsafeKey):
            private_files.read(place, name)


def test_a_missing_or_huge_file_is_refused(place: Path) -> None:
    (place / "big").write_bytes(bytes(64 * 1024 + 1))
    (place / "big").chmod(0o600)
    for name in ("absent", "big"):
        with pytest.raises(UnsafeKey):
            private_files.read(place, name)


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch], ids=["repository", "worktree"])
def test_a_place_inside_a_work_tree_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    private_files.create(tmp_path / "deep" / "keys", {"a": b"x"})
    (tmp_path / "elsewhere").symlink_to(tmp_path / "deep")
    make(tmp_path / ".git")
    for path in (tmp_path / "deep" / "new", tmp_path / ".git" / "keys", tmp_path / "elsewhere" / "new"):
        with pytest.raises(UnsafeKey, match="inside the git work tree"):
            private_files.create(path, {})
    with pytest.raises(UnsafeKey, match="inside the git work tree"):
        private_files.read(tmp_path / "deep" / "keys", "a")


def test_keys_read_back_as_themselves(tmp_path: Path) -> None:
    p256, ed25519 = ec.generate_private_key(ec.SECP256R1()), Ed25519PrivateKey.generate()
    keys = KeyDirectory.create(tmp_path / "keys", {"a": p256, "b": ed25519}, {"note": b"text"})
    assert keys.signer("a").public_key == p256.public_key()
    assert keys.ed25519("b").public_key() == ed25519.public_key()
    assert keys.read("note") == b"text"
    assert b"BEGIN PRIVATE KEY" in keys.read("a.key")
    for wrong in (lambda: keys.signer("b"), lambda: keys.ed25519("a")):
        with pytest.raises(UnsafeKey, match="another kind"):
            wrong()


def test_a_p384_key_is_no_signer(tmp_path: Path) -> None:
    keys = KeyDirectory.create(tmp_path / "keys", {"a": ec.generate_private_key(ec.SECP384R1())}, {})
    with pytest.raises(UnsafeKey):
        keys.signer("a")


def test_a_key_that_is_garbage_or_has_a_password_is_refused(tmp_path: Path) -> None:
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
    )
    keys = KeyDirectory.create(tmp_path / "keys", {}, {"a.key": b"garbage", "b.key": locked})
    for name in ("a", "b"):
        with pytest.raises(UnsafeKey, match="PKCS #8"):
            keys.signer(name)


def test_every_signature_is_in_its_low_form(bench: Any) -> None:
    signer = bench.key("sct")
    for number in range(40):
        message = b"%d" % number
        signature = signer.sign(message)
        assert decode_dss_signature(signature)[1] <= ORDER // 2
        PublicKey.parse(signer.spki).verify(ECDSA_SHA256, signature=signature, message=message)


def test_a_founded_authority_loads_as_itself(bench: Any) -> None:
    loaded = load_authority(bench.path)
    assert loaded.trust_root("repository-1") == bench.trust
    assert sorted(path.name for path in bench.path.iterdir()) == [
        "authority.json",
        "certificate-log.key",
        "intermediate.crt",
        "intermediate.key",
        "log.key",
        "root.crt",
        "root.key",
        "sct.key",
        "tsa-root.crt",
        "tsa-root.key",
        "tsa.crt",
        "tsa.key",
    ]


@pytest.mark.parametrize("domain", ["", "Example.org", "a/b", "1.2.3.4", "x" * 250, "example.org\n"])
def test_an_authority_is_founded_for_a_host_name_only(tmp_path: Path, domain: str) -> None:
    with pytest.raises(Malformed):
        create_authority(tmp_path / "keys", domain, NOW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        pytest.param("authority.json", b'{"trustDomain":"a.example","version":2}', Malformed, id="version"),
        pytest.param("authority.json", b'{"version":1}', Malformed, id="no-domain"),
        pytest.param("root.crt", b"garbage", Malformed, id="no-certificate"),
        pytest.param("sct.key", b"garbage", UnsafeKey, id="no-key"),
    ],
)
def test_an_authority_with_a_broken_file_does_not_load(
    tmp_path: Path, name: str, content: bytes, refusal: type[LedgerError]
) -> None:
    create_authority(tmp_path / "keys", "a.example", NOW)
    (tmp_path / "keys" / name).write_bytes(content)
    with pytest.raises(refusal):
        load_authority(tmp_path / "keys")


@pytest.mark.parametrize(("one", "other"), [("intermediate", "sct"), ("tsa", "root")])
def test_an_authority_with_swapped_keys_does_not_load(tmp_path: Path, one: str, other: str) -> None:
    keys = tmp_path / "keys"
    create_authority(keys, "a.example", NOW)
    (keys / f"{one}.key").write_bytes((keys / f"{other}.key").read_bytes())
    with pytest.raises(UnsafeKey, match="not a pair"):
        load_authority(keys)


@given(st.binary(min_size=1, max_size=300))
def test_a_certificate_in_pem_reads_back_as_itself(content: bytes) -> None:
    assert pem.certificate_from(pem.of_certificate(content)) == content


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: raw + b"\n", id="trailing-newline"),
        pytest.param(lambda raw: raw.replace(b"\n", b"\r\n"), id="carriage-returns"),
        pytest.param(lambda raw: raw + raw, id="two-certificates"),
        pytest.param(lambda raw: raw[28:], id="no-header"),
        pytest.param(lambda raw: b"", id="empty"),
    ],
)
def test_a_second_spelling_of_pem_is_refused(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Malformed):
        pem.certificate_from(change(pem.of_certificate(b"x" * 100)))
