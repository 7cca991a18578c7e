"""`countermark log` and `countermark verify` at a desk: proofs, fsck against a tampered store, and the export."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from countermark_ledger import merkle
from countermark_ledger.bundle import Bundle, content_name
from countermark_ledger.checkpoint import SignedCheckpoint
from countermark_ledger.collection import Collection, certificate_proof_path
from countermark_ledger.log.rows import BlobKind
from countermark_ledger.trust import TrustRoot
from countermark_scanners.result import ScanResult
from countermark_scanners.score import score
from countermark_service import embedded, exporting, fsck
from countermark_service.cli import deciding
from countermark_service.embedded import Embedded
from countermark_service.sources import from_directory

if TYPE_CHECKING:
    from conftest import Desk


@pytest.fixture
def signed(desk: Desk) -> Desk:
    """A desk whose agent has signed a change."""
    desk.write({"app.py": "three\n"})
    desk.must("sign", "--agent", "coder")
    return desk


@pytest.fixture
def ledger(signed: Desk) -> Iterator[Embedded]:
    with embedded.opened(signed.home) as opened:
        yield opened


@pytest.fixture
def export(signed: Desk) -> Path:
    folder = signed.data / "export"
    signed.must("log", "export", str(folder))
    return folder


def exported_bundle(folder: Path) -> Path:
    """Find the bundle of the agent's change."""
    paths = sorted(folder.glob("??/*.sigstore.json"))
    return next(path for path in paths if b"agent-change/v1" in Bundle.parse(path.read_bytes()).envelope.payload)


def sql(desk: Desk, statement: str, *values: object) -> None:
    """Tamper with the database, as somebody who controls it can."""
    with closing(sqlite3.connect(desk.home.database)) as connection, connection:
        connection.execute(statement, values)


# --- proofs -----------------------------------------------------------------------------------------


def test_the_checkpoint_is_the_signed_head_of_either_log(signed: Desk, ledger: Embedded) -> None:
    for option, key in (([], ledger.trust.log), (["--certificates"], ledger.trust.certificate_log)):
        raw = signed.must("log", "checkpoint", *option).encode()
        head = SignedCheckpoint.parse(raw).verify(key)
        document = signed.json("log", "checkpoint", *option, "--json")
        assert (document["origin"], document["size"], document["checkpoint"]) == (key.name, head.size, raw.decode())


def test_an_entry_is_proved_by_its_index_its_bundle_or_its_name(signed: Desk, export: Path) -> None:
    bundle = exported_bundle(export)
    index = Bundle.parse(bundle.read_bytes()).entry.log_index
    by_index = signed.must("log", "prove", str(index))
    assert signed.must("log", "prove", str(bundle)) == by_index
    assert signed.must("log", "prove", bundle.name.removesuffix(".sigstore.json")) == by_index
    assert signed.json("log", "prove", str(index), "--json") == {
        "origin": signed.json("log", "checkpoint", "--json")["origin"],
        "index": index,
        "proof": by_index,
    }


def test_a_proof_is_verified_from_files_alone(signed: Desk, export: Path, tmp_path: Path) -> None:
    bundle, proof, raw = exported_bundle(export), tmp_path / "proof", tmp_path / "entry"
    proof.write_text(signed.must("log", "prove", str(bundle)))
    raw.write_bytes(Bundle.parse(bundle.read_bytes()).entry.body)
    assert signed.must("log", "verify", str(proof), str(bundle), str(raw)).startswith("verified: entry ")
    trust_root = export / "trust-root.json"
    (document,) = signed.json("log", "verify", str(proof), str(raw), "--trust-root", str(trust_root), "--json")
    assert document["path"] == str(raw)
    assert "expected root" in signed.refused(12, "log", "verify", str(proof), str(bundle), str(trust_root))


def test_a_certificate_is_proved_to_be_in_the_certificate_log(signed: Desk, export: Path, tmp_path: Path) -> None:
    bundle, proof = exported_bundle(export), tmp_path / "proof"
    proof.write_text(signed.must("log", "prove", str(bundle), "--certificates"))
    signed.must("log", "verify", str(proof), str(bundle), "--certificates")
    assert "expected origin" in signed.refused(12, "log", "verify", str(proof), str(bundle))


@pytest.mark.parametrize(
    ("named", "code", "says"),
    [
        ("999", 20, "entry 999 is not among"),
        ("0" * 64, 20, "not in the store"),
        ("absent.sigstore.json", 2, "No such file"),
        ("app.py", 20, "has no such entry"),
    ],
)
def test_what_is_not_in_the_log_is_not_proved(signed: Desk, named: str, code: int, says: str) -> None:
    assert says in signed.refused(code, "log", "prove", named)


# --- verify -----------------------------------------------------------------------------------------


def test_verify_at_home_uses_the_pinned_trust_root(signed: Desk, export: Path) -> None:
    bundle = str(exported_bundle(export))
    status = (export / "status").read_text().strip()
    options = ("--status", str(export / status[:2] / f"{status}.sigstore.json"))
    said = signed.must("verify", bundle, "app.py", *options)
    assert "file: app.py is subject app.py" in said
    assert "revocation: not revoked by status" in said
    assert signed.json("verify", bundle, "--json")["revocation"] == {"checked": False, "status": None}


def test_verify_at_home_refuses_a_trust_root_that_the_checkout_brought(signed: Desk, export: Path) -> None:
    rogue = json.loads((export / "trust-root.json").read_text())
    path = signed.root / ".countermark" / "trust-root.json"
    path.write_text(json.dumps({**rogue, "repositoryId": "other"}, sort_keys=True, separators=(",", ":")) + "\n")
    assert "expected the pinned trust root" in signed.refused(2, "verify", str(exported_bundle(export)))
    path.unlink()
    assert "No such file" in signed.refused(2, "verify", str(exported_bundle(export)))


def test_verify_elsewhere_asks_for_a_trust_root(
    signed: Desk, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = str(exported_bundle(export))
    monkeypatch.chdir("/")
    assert "hint: countermark verify BUNDLE --trust-root" in signed.refused(2, "verify", bundle)
    signed.must("verify", bundle, "--trust-root", str(export / "trust-root.json"))


# --- fsck -------------------------------------------------------------------------------------------


def test_a_ledger_that_agrees_with_itself_is_green(signed: Desk, ledger: Embedded) -> None:
    size = ledger.log.head.size
    assert f"log: {size} entries" in signed.must("log", "fsck")
    document = signed.json("log", "fsck", "--json")
    assert (document["bundles"], document["withoutBundle"], document["indexDiffers"]) == (size, [], [])
    assert signed.json("log", "fsck", "--repair", "--json")["repaired"] is False


INDEX_ATTACKS = {
    "identity-changed": "UPDATE entry_index SET identity = 'spiffe://x/agent/x' WHERE \"index\" = 3",
    "time-changed": 'UPDATE entry_index SET time_ms = 0 WHERE "index" = 3',
    "row-gone": 'DELETE FROM entry_index WHERE "index" = 3',
    "path-renamed": "UPDATE entry_path SET path = 'other' WHERE path = 'app.py'",
    "path-gone": "DELETE FROM entry_path WHERE path = 'app.py'",
    "label-changed": "UPDATE entry_label SET value = 'other' WHERE name = 'session'",
    "row-past-the-end": "INSERT INTO entry_index SELECT origin, 999, bundle_sha256, identity, predicate_type, time_ms "
    'FROM entry_index WHERE "index" = 0',
}


@pytest.mark.parametrize("attack", INDEX_ATTACKS.values(), ids=INDEX_ATTACKS)
def test_an_index_that_says_something_else_is_found_and_rebuilt(signed: Desk, attack: str) -> None:
    sql(signed, attack)
    said = signed.run("log", "fsck")
    assert said[0] == 12
    assert "index differs: " in said[1]
    assert said[2].endswith("hint: countermark log fsck --repair\n")
    code, _, err = signed.run("log", "fsck", "--repair")
    assert (code, err) == (0, "repaired the index of 1 entries\n")
    assert signed.json("log", "fsck", "--json")["indexDiffers"] == []


def test_many_entries_are_named_up_to_a_limit(signed: Desk) -> None:
    for index in range(1000, 1030):
        insert = "INSERT INTO entry_index SELECT origin, ?, bundle_sha256, identity, predicate_type, time_ms"
        sql(signed, f'{insert} FROM entry_index WHERE "index" = 0', index)
    code, out, _ = signed.run("log", "fsck")
    assert (code, "1019, ..." in out, "1020" in out) == (12, True, False)


def test_an_erased_bundle_is_counted_never_green_and_its_row_stays(signed: Desk, export: Path) -> None:
    name = exported_bundle(export).name.removesuffix(".sigstore.json")
    index = Bundle.parse(exported_bundle(export).read_bytes()).entry.log_index
    sql(signed, 'DELETE FROM blob WHERE sha256 = ? OR "of" = ?', name, name)
    sql(signed, 'UPDATE entry_index SET time_ms = 0 WHERE "index" = 0')
    for _ in range(2):
        code, out, err = signed.run("log", "fsck", "--repair", "--json")
        assert (code, json.loads(out)["withoutBundle"]) == (20, [index])
        assert "1 entries have no bundle here" in err
    with closing(sqlite3.connect(signed.home.database)) as connection:
        rows = connection.execute('SELECT bundle_sha256 FROM entry_index WHERE "index" = ?', (index,)).fetchall()
        paths = connection.execute('SELECT path FROM entry_path WHERE "index" = ?', (index,)).fetchall()
    assert (rows, ("app.py",) in paths) == ([(name,)], True)


STORE_ATTACKS: dict[str, tuple[str, str]] = {
    "entry-flipped": (
        "UPDATE leaf SET entry = CAST(entry || x'00' AS BLOB) WHERE origin LIKE 'log.%' AND \"index\" = 1",
        "entry 1",
    ),
    "certificate-entry-flipped": (
        "UPDATE leaf SET entry = CAST(entry || x'00' AS BLOB) WHERE origin LIKE 'certificates.%' AND \"index\" = 1",
        "entry 1",
    ),
    "text-for-bytes": ("UPDATE leaf SET entry = 'text' WHERE \"index\" = 1", "stored row 1: expected bytes"),
    "text-that-is-none": ("UPDATE leaf SET entry = CAST(x'ff' AS TEXT) WHERE \"index\" = 1", "store: Could not decode"),
    "bundle-altered": ("UPDATE blob SET data = CAST(data || x'20' AS BLOB) WHERE kind = 'bundle'", "blob "),
    "certificate-proofs-gone": ("DELETE FROM blob WHERE kind = 'certificate-proof'", "expected a certificate proof"),
    "proofs-beside-another-bundle": (
        'UPDATE blob SET "of" = (SELECT bundle_sha256 FROM entry_index WHERE "index" = 0) WHERE kind = \'log-proof\'',
        "bundle ",
    ),
}


@pytest.mark.parametrize(("attack", "says"), STORE_ATTACKS.values(), ids=STORE_ATTACKS)
def test_whatever_was_altered_in_the_store_is_named(signed: Desk, attack: str, says: str) -> None:
    sql(signed, attack)
    assert says in signed.refused(12, "log", "fsck")


def test_a_proof_beside_a_bundle_must_be_of_its_own_entry(
    signed: Desk, ledger: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No two entries are equal, so the index of a proof that holds can't differ; this guards the comparison."""
    monkeypatch.setattr(fsck.TlogProof, "verify", lambda *_: None)
    monkeypatch.setattr(fsck.evidence, "verify_candidate", lambda *_: None)
    blobs = ledger.store.blobs(kind=BlobKind.BUNDLE)
    first, second = blobs[:2]
    (proof,) = [one for one in ledger.store.blobs(of=second.sha256) if one.kind is BlobKind.LOG_PROOF]
    with pytest.raises(fsck.Malformed, match="the proof beside it is of entry"):
        fsck._check_proof(ledger, proof.data, Bundle.parse(first.data))


@dataclass(frozen=True)
class Foreign:
    """A bundle and the proof of its certificate, from a ledger with the same keys and another history."""

    raw: bytes
    certificate_proof: bytes

    def put_into(self, desk: Desk) -> None:
        insert = 'INSERT INTO blob (sha256, kind, data, "of") VALUES (?, ?, ?, ?)'
        name, proof = content_name(self.raw), self.certificate_proof
        sql(desk, insert, name, "bundle", self.raw, None)
        sql(desk, insert, content_name(proof), "certificate-proof", proof, name)


@pytest.fixture
def fork(signed: Desk, tmp_path: Path) -> Foreign:
    """Sign in a copy of the private folder, and go on with the original as if nothing had happened."""
    original = tmp_path / "original"
    shutil.copytree(signed.home.path, original)
    signed.write({"fork.py": "theirs\n"})
    signed.must("sign", "--agent", "coder", "fork.py")
    signed.must("log", "export", str(tmp_path / "fork"))
    shutil.rmtree(signed.home.path)
    original.rename(signed.home.path)
    paths = sorted((tmp_path / "fork").glob("??/*.sigstore.json"))
    path = next(path for path in paths if b"fork.py" in Bundle.parse(path.read_bytes()).envelope.payload)
    name = path.name.removesuffix(".sigstore.json")
    return Foreign(path.read_bytes(), (tmp_path / "fork" / certificate_proof_path(name)).read_bytes())


@pytest.mark.parametrize(("signatures", "says"), [(0, "it is past the end of a log of"), (2, "of this log is another")])
def test_a_bundle_of_a_fork_of_this_log_is_found(signed: Desk, fork: Foreign, signatures: int, says: str) -> None:
    for number in range(signatures):
        signed.write({"fork.py": f"ours {number}\n"})
        signed.must("sign", "--agent", "coder", "fork.py")
    fork.put_into(signed)
    assert says in signed.refused(12, "log", "fsck")


def test_keys_that_make_another_trust_root_than_the_pinned_one_are_found(signed: Desk) -> None:
    config = signed.config()
    (signed.home.path / "config.json").write_text(json.dumps({**config, "trustRoot": "sha256:00"}))
    assert "sha256:00 is pinned on this machine" in signed.refused(12, "log", "fsck")


# --- export -----------------------------------------------------------------------------------------


def test_an_export_holds_the_logs_the_collection_and_the_trust_root_in_three_forms(
    signed: Desk, export: Path, ledger: Embedded
) -> None:
    trust = TrustRoot.parse((export / "trust-root.json").read_bytes())
    assert trust == ledger.trust
    assert json.loads((export / "trusted-root.json").read_text()) == trust.stock()
    assert json.loads((export / "client-trust-config.json").read_text()) == trust.client_trust_config()
    for key in (trust.log, trust.certificate_log):
        folder = export / exporting.LOGS / key.name
        head = SignedCheckpoint.parse((folder / "checkpoint").read_bytes()).verify(key)
        assert (folder / "tile" / "0" / f"000.p/{head.size}").stat().st_size == head.size * merkle.HASH_BYTES
        assert (folder / "tile" / "entries" / f"000.p/{head.size}").is_file()
    collection = Collection.of(from_directory(export)(frozenset()))
    assert len(collection.candidates) == ledger.log.head.size
    assert (collection.junk, collection.checkpoints) == (0, [ledger.log.head.checkpoint])
    assert all(one.certificate_proofs and not one.altered for one in collection.candidates.values())


def test_a_second_export_writes_what_is_new_and_mends_what_was_damaged(signed: Desk, export: Path) -> None:
    assert signed.json("log", "export", str(export), "--json")["written"] == 0
    exported_bundle(export).write_bytes(b"damaged")
    (export / "status").unlink()
    (export / "status").symlink_to("/etc/passwd")
    assert signed.json("log", "export", str(export), "--json")["written"] == 2
    assert not (export / "status").is_symlink()
    signed.must("status", "renew")
    assert signed.json("log", "export", str(export), "--json")["written"] > 2


def test_an_erased_bundle_is_left_out_of_the_export(signed: Desk, export: Path, tmp_path: Path) -> None:
    name = exported_bundle(export).name.removesuffix(".sigstore.json")
    sql(signed, "DELETE FROM blob WHERE sha256 = ?", name)
    assert "exported " in signed.must("log", "export", str(tmp_path / "again"))
    assert not list((tmp_path / "again").glob(f"??/{name}.sigstore.json"))


def test_a_folder_that_can_not_be_written_is_inconclusive(signed: Desk, export: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "export to" in signed.refused(20, "log", "export", str(tmp_path / "file"))
    bundle = exported_bundle(export)
    bundle.unlink()
    bundle.mkdir()
    (bundle / "full").write_text("")
    assert "export to" in signed.refused(20, "log", "export", str(export))


def test_the_export_of_another_ledger_is_not_overwritten(signed: Desk, export: Path) -> None:
    (folder,) = (export / exporting.LOGS).glob("certificates.*")
    (folder / "checkpoint").write_bytes((export / "checkpoint").read_bytes())
    assert "another log is there" in signed.refused(12, "log", "export", str(export))


def test_a_gate_reads_an_export_where_there_is_no_ledger(
    signed: Desk, export: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(deciding, "scan_landing", lambda *_: lambda *_: ScanResult((), (), (), (), (), score(()), None))
    signed.git("checkout", "-q", "-b", "work")
    signed.commit("work")
    pins = signed.config()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    words = ("gate", "--repository-id", str(pins["repositoryId"]), "--trust-root", str(pins["trustRoot"]))
    words = (*words, "--protected-ref", "refs/heads/main", "--json")
    assert json.loads(signed.run(*words)[1])["coverage"]["covered"] == 0
    assert json.loads(signed.run(*words, "--bundles", str(export))[1])["coverage"] == {"covered": 1, "rows": 1}
