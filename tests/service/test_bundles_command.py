"""Bundles travel through a git ref: nothing is lost on the way, and nothing that others push spoils anything."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countermark_ledger import checkpoint
from countermark_ledger.authority.root import load_authority
from countermark_ledger.checkpoint import SignedCheckpoint, TreeHead
from countermark_ledger.collection import CHECKPOINT, Collection
from countermark_ledger.errors import LedgerError, RefMoved
from countermark_ledger.evidence import verify_candidate
from countermark_ledger.git import own
from countermark_ledger.git.reader import Repository
from countermark_ledger.logview import view
from countermark_ledger.note import Cosigner
from countermark_service import collecting
from countermark_service.cli import bundles, main
from countermark_service.embedded import opened
from countermark_service.joining import join, newest_checkpoint
from countermark_service.sources import BUNDLE_REF, from_ref

from .conftest import Desk

REFSPEC = "+refs/countermark/bundles:refs/countermark/bundles"


@pytest.fixture
def bare(desk: Desk, tmp_path: Path) -> Path:
    """A remote, `origin` of the desk."""
    place = tmp_path / "remote.git"
    desk.git("clone", "-q", "--bare", str(desk.root), str(place))
    desk.git("remote", "add", "origin", str(place))
    return place


def files(root: Path) -> dict[str, bytes]:
    with Repository.open(root) as repository:
        return dict(from_ref(repository)(frozenset()))


def vandalise(desk: Desk, bare: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Push whatever one likes to the remote's ref, as anybody with push rights can."""
    held = files(bare)
    change(held)
    names = own.write_blobs(bare, list(held.values()))
    tree = own.write_tree(bare, dict(zip(held, names, strict=True)))
    old = desk.git("-C", str(bare), "rev-parse", BUNDLE_REF)
    made = own.commit_tree(bare, tree, [old], message="mine\n", author=own.Author("Mallory", "m@example.org"))
    own.move_ref(bare, BUNDLE_REF, made, old, reason="vandalism")


def first_bundle(held: dict[str, bytes], ending: str = ".sigstore.json") -> str:
    return next(
        path
        for path in sorted(held)
        if path.endswith(ending) and (ending == ".tlog-consistency" or path[67:] == ending)
    )


def assert_whole(desk: Desk, root: Path) -> Collection:
    """Every entry of the ledger is in the ref, verifies, and is tied to the newest head."""
    collection = Collection.of(files(root).items())
    with opened(desk.home) as ledger:
        verified = [verify_candidate(one, ledger.trust) for one in collection.candidates.values()]
        assert sorted(one.log_index for one in verified) == list(range(ledger.log.head.size))
        seen = view(collection, [one.head for one in verified], ledger.trust)
        assert seen.newest is not None
        assert (seen.newest.size, seen.untied) == (ledger.log.head.size, ())
    assert collection.junk == 0
    return collection


def test_a_push_brings_every_bundle_with_its_proofs_and_the_chain_of_heads(desk: Desk, bare: Path) -> None:
    desk.record("echo x >> app.py")
    desk.must("bundles", "push")
    assert_whole(desk, bare)
    held = files(bare)
    assert sum(path.endswith(".certificate.tlog-proof") for path in held) == sum(
        path.endswith(".sigstore.json") for path in held
    )
    change = desk.generations()[-1].part.changes_sha256
    named = held[f"index/{change}"].decode().split()
    assert [f"{name[:2]}/{name}.sigstore.json" in held for name in named] == [True]
    newest = held["status"].decode().strip()
    assert f"{newest[:2]}/{newest}.sigstore.json" in held


def test_a_second_push_adds_only_what_is_new_and_a_third_nothing(desk: Desk, bare: Path) -> None:
    desk.must("bundles", "push")
    desk.record("echo x >> app.py")
    before = files(bare)
    said = desk.json("bundles", "push", "--json")
    after = files(bare)
    assert before.keys() < after.keys()
    assert said["added"] == len(after.keys() - before.keys())
    assert all(after[path] == before[path] for path in before if path not in {"status", "checkpoint"})
    assert desk.json("bundles", "push", "--json") == {**said, "added": 0}


def test_a_push_to_an_up_to_date_remote_makes_no_commit(desk: Desk, bare: Path) -> None:
    desk.must("bundles", "push")
    tip = desk.git("rev-parse", BUNDLE_REF)
    desk.must("bundles", "push")
    assert desk.git("rev-parse", BUNDLE_REF) == tip == desk.git("-C", str(bare), "rev-parse", BUNDLE_REF)


def test_a_fetch_joins_the_remote_into_the_local_ref(
    desk: Desk, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.must("bundles", "push")
    other = desk.clone(tmp_path / "other", bare)
    monkeypatch.chdir(other)
    said = desk.json("bundles", "fetch", "--json")
    assert said["commit"] == desk.git("-C", str(bare), "rev-parse", BUNDLE_REF)
    assert said["added"] == len(files(bare))
    assert files(other) == files(bare)
    assert "fetched 0 new files" in desk.must("bundles", "fetch", "origin")


def test_the_documented_refspec_brings_the_same_files(desk: Desk, bare: Path, tmp_path: Path) -> None:
    desk.must("bundles", "push")
    other = desk.clone(tmp_path / "other", bare)
    desk.git("-C", str(other), "fetch", "-q", "origin", REFSPEC)
    assert files(other) == files(desk.root)


def test_a_remote_without_bundles_is_said_to_have_none(desk: Desk, bare: Path) -> None:
    assert "origin has no bundles" in desk.must("bundles", "fetch")
    assert desk.json("bundles", "fetch", "--json") == {"added": 0, "commit": None, "leftOut": 0, "ref": BUNDLE_REF}


def test_two_clones_that_each_hold_what_the_other_lacks_lose_nothing(
    desk: Desk, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = desk.clone(tmp_path / "other", bare)
    desk.must("bundles", "push")
    monkeypatch.chdir(other)
    desk.record("echo other >> app.py")
    desk.must("bundles", "push")
    monkeypatch.chdir(desk.root)
    desk.record("echo mine >> app.py")
    desk.must("bundles", "push")
    assert_whole(desk, bare)
    monkeypatch.chdir(other)
    desk.must("bundles", "fetch")
    assert files(other) == files(bare)


def test_when_another_push_comes_in_between_the_union_is_made_again(
    desk: Desk, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rival's push lands after our fetch and before our push."""
    other = desk.clone(tmp_path / "other", bare)
    desk.must("bundles", "push")
    desk.record("echo x >> app.py")
    real, rivals = own.push, ["one", "two"]

    def late(checkout: Path, remote: str, ref: str, commit: str) -> None:
        if rivals:
            mark = rivals.pop().encode()
            vandalise(desk, bare, lambda held: held.update({f"index/{mark.hex():0>64}": first_name(held)}))
        real(checkout, remote, ref, commit)

    def first_name(held: dict[str, bytes]) -> bytes:
        return first_bundle(held)[3:67].encode() + b"\n"

    monkeypatch.setattr(own, "push", late)
    desk.must("bundles", "push")
    assert not rivals
    assert_whole(desk, bare)
    assert {path for path in files(bare) if path.startswith("index/0000")} == {
        f"index/{mark.hex():0>64}" for mark in (b"one", b"two")
    }
    assert other.is_dir()


def test_pushes_at_once_from_many_clones_lose_nothing(desk: Desk, bare: Path, tmp_path: Path) -> None:
    """Threads push hints of their own from four clones until all are in."""
    clones = [desk.clone(tmp_path / f"clone{number}", bare) for number in range(4)]
    desk.must("bundles", "push")
    refusals: list[Exception] = []

    def push(number: int) -> None:
        try:
            with opened(desk.home) as ledger:
                bundles._patiently(clones[number], "origin", ledger, pushing=False)
                mark_locally(clones[number], number)
                bundles._patiently(clones[number], "origin", ledger, pushing=True)
        except LedgerError as error:
            refusals.append(error)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refusals == []
    assert_whole(desk, bare)
    assert {path for path in files(bare) if path.startswith("index/00000000")} == {
        f"index/{number:064}" for number in range(4)
    }


def mark_locally(root: Path, number: int) -> None:
    held = files(root)
    held[f"index/{number:064}"] = first_bundle(held)[3:67].encode() + b"\n"
    tree = own.write_tree(root, dict(zip(held, own.write_blobs(root, list(held.values())), strict=True)))
    with Repository.open(root) as repository:
        old = repository.resolve(BUNDLE_REF)
    made = own.commit_tree(root, tree, [old], message="mark\n", author=own.COUNTERMARK)
    own.move_ref(root, BUNDLE_REF, made, old, reason="mark")


def test_retries_are_bounded_and_the_last_refusal_is_told(
    desk: Desk, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def never(*_: object) -> None:
        tried.append(1)
        raise RefMoved("origin: moved by others meanwhile", hint="run the command again")

    monkeypatch.setattr(own, "push", never)
    monkeypatch.setattr(bundles, "PAUSE_SECONDS", 0)
    assert "moved by others" in desk.refused(2, "bundles", "push")
    assert len(tried) == bundles.ATTEMPTS


@pytest.mark.parametrize(
    "path",
    ["README", "ab/x.sigstore.json", f"00/{'1' * 64}.sigstore.json", "consistency/x", "index/short"],
)
def test_junk_in_the_remote_is_left_out_and_spoils_nothing(desk: Desk, bare: Path, path: str) -> None:
    desk.must("bundles", "push")
    whole = files(bare)
    vandalise(desk, bare, lambda held: held.update({path: b"junk"}))
    code, out, err = desk.run("bundles", "push")
    assert code == 0, err
    assert "left out 1 files" in err
    assert "pushed" in out
    assert files(bare) == whole


def test_an_altered_bundle_in_the_remote_is_replaced_by_the_true_one(desk: Desk, bare: Path) -> None:
    desk.must("bundles", "push")
    whole = files(bare)
    victim = first_bundle(whole)
    vandalise(desk, bare, lambda held: held.update({victim: held[victim].replace(b"dsse", b"esse")}))
    desk.must("bundles", "fetch")
    desk.must("bundles", "push")
    assert files(bare) == whole == files(desk.root)


@pytest.mark.parametrize("ending", [".certificate.tlog-proof", ".tlog-proof", ".tlog-consistency", ".sigstore.json"])
def test_what_the_remote_deleted_comes_back(desk: Desk, bare: Path, ending: str) -> None:
    desk.must("bundles", "push")
    whole = files(bare)
    vandalise(desk, bare, lambda held: held.pop(first_bundle(held, ending)) and None)
    desk.must("bundles", "push")
    assert files(bare) == whole


@pytest.mark.parametrize("ending", [".certificate.tlog-proof", ".tlog-proof", ".tlog-consistency"])
@pytest.mark.parametrize("with_ledger", [True, False])
def test_a_junk_proof_loses_against_the_true_one(desk: Desk, bare: Path, ending: str, *, with_ledger: bool) -> None:
    desk.must("bundles", "push")
    whole = files(bare)
    victim = first_bundle(whole, ending)
    # A fetch has no ledger to ask: the true file of the local ref must win by verification alone.
    vandalise(desk, bare, lambda held: held.update({victim: b"junk"}))
    desk.must("bundles", "push" if with_ledger else "fetch")
    assert files(desk.root) == whole


@pytest.mark.parametrize("ending", [".certificate.tlog-proof", ".tlog-proof", ".tlog-consistency"])
def test_a_junk_proof_in_the_local_ref_loses_against_the_remotes_true_one(desk: Desk, bare: Path, ending: str) -> None:
    desk.must("bundles", "push")
    whole = files(bare)
    vandalise(desk, desk.root, lambda held: held.update({first_bundle(held, ending): b"junk"}))
    desk.must("bundles", "fetch")
    assert files(desk.root) == whole


def test_a_link_with_the_checkpoint_of_another_size_loses(desk: Desk, bare: Path) -> None:
    desk.must("bundles", "push")
    whole = files(bare)
    one, two = sorted(path for path in whole if path.endswith(".tlog-consistency"))[:2]
    vandalise(desk, desk.root, lambda held: held.update({one: held[two]}))
    desk.must("bundles", "fetch")
    assert files(desk.root) == whole


def forged_checkpoint(desk: Desk, size: int, *, key: str) -> bytes:
    """A checkpoint of any size under the log's own key, or with a signature of another key pasted in."""
    signer = load_authority(desk.home.keys).log
    head = TreeHead(signer.verifier.name, size, b"\x07" * 32)
    raw = checkpoint.sign(head, signer)
    if key == "own":
        return raw
    text, _, signature = raw.partition(b"\n\n")
    return text.replace(f"\n{size}\n".encode(), f"\n{size + 1}\n".encode()) + b"\n\n" + signature


def test_a_larger_fake_checkpoint_is_left_out(desk: Desk, bare: Path) -> None:
    desk.must("bundles", "push")
    whole = files(bare)
    fake = forged_checkpoint(desk, 1000, key="none")
    SignedCheckpoint.parse(fake)  # it reads well, and verifies under nothing
    vandalise(desk, bare, lambda held: held.update({CHECKPOINT: fake}))
    desk.must("bundles", "fetch")
    desk.must("bundles", "push")
    assert files(bare) == whole == files(desk.root)


def test_a_fake_checkpoint_that_is_the_only_one_is_not_fetched(
    desk: Desk, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.must("bundles", "push")
    vandalise(desk, bare, lambda held: held.update({CHECKPOINT: b"junk", "status": b"junk"}))
    monkeypatch.chdir(desk.clone(tmp_path / "other", bare))
    assert desk.json("bundles", "fetch", "--json")["leftOut"] == 2
    assert not {CHECKPOINT, "status"} & files(tmp_path / "other").keys()


def test_a_fork_signed_by_the_logs_own_key_is_refused(desk: Desk, bare: Path) -> None:
    desk.must("bundles", "push")
    tip = desk.git("rev-parse", BUNDLE_REF)
    vandalise(desk, bare, lambda held: held.update({CHECKPOINT: forged_checkpoint(desk, 3, key="own")}))
    assert "not of this ledger's history" in desk.refused(12, "bundles", "push")
    assert desk.git("rev-parse", BUNDLE_REF) == tip


def test_a_checkpoint_that_the_ledger_has_not_reached_is_kept_and_warned_of(desk: Desk, bare: Path) -> None:
    desk.must("bundles", "push")
    ahead = forged_checkpoint(desk, 1000, key="own")
    vandalise(desk, bare, lambda held: held.update({CHECKPOINT: ahead}))
    code, _, err = desk.run("bundles", "fetch")
    assert code == 0
    assert "a checkpoint of 1000 entries, this ledger only" in err
    assert files(desk.root)[CHECKPOINT] == ahead


def test_two_heads_of_one_size_are_a_fork(desk: Desk, bare: Path) -> None:
    desk.must("bundles", "push")
    fork = forged_checkpoint(desk, 1000, key="own")
    vandalise(desk, bare, lambda held: held.update({CHECKPOINT: fork}))
    desk.must("bundles", "fetch")
    signer = load_authority(desk.home.keys).log
    second = checkpoint.sign(TreeHead(signer.verifier.name, 1000, b"\x08" * 32), signer)
    vandalise(desk, bare, lambda held: held.update({CHECKPOINT: second}))
    assert "two signed checkpoints of size 1000" in desk.refused(12, "bundles", "fetch")


@pytest.mark.parametrize("hint", [b"junk\n", b"0" * 64 + b"\n", b"", b"\xff\n"])
def test_a_status_hint_at_nothing_loses_against_the_true_one(desk: Desk, bare: Path, hint: bytes) -> None:
    desk.must("bundles", "push")
    whole = files(bare)
    vandalise(desk, bare, lambda held: held.update({"status": hint}))
    desk.must("bundles", "fetch")
    assert files(desk.root)["status"] == whole["status"]


def test_the_status_hint_with_the_highest_number_is_kept(desk: Desk, bare: Path) -> None:
    """A hint at an older status, or at a statement that is none, is not taken for newer."""
    desk.must("bundles", "push")
    old = files(bare)["status"]
    desk.must("status", "renew")
    desk.must("bundles", "push")
    new = files(bare)["status"]
    assert old != new
    for hint in (old, first_enrolment(desk)):
        vandalise(desk, bare, lambda held, hint=hint: held.update({"status": hint}))
        desk.must("bundles", "fetch")
        assert files(desk.root)["status"] == new


def first_enrolment(desk: Desk) -> bytes:
    collection = Collection.of(files(desk.root).items())
    return next(
        f"{name}\n".encode()
        for name, one in collection.candidates.items()
        if one.claims.predicate_type.endswith("enrolment/v1")
    )


def test_hints_at_one_change_are_united_and_only_name_bundles_that_are_there(desk: Desk, bare: Path) -> None:
    desk.record("echo x >> app.py")
    desk.must("bundles", "push")
    held = files(bare)
    path = next(one for one in held if one.startswith("index/"))
    another = next(one[3:67] for one in held if one.endswith(".sigstore.json") and one[3:67] not in held[path].decode())
    vandalise(desk, bare, lambda held: held.update({path: f"{another}\n{'0' * 64}\njunk\n".encode()}))
    desk.must("bundles", "fetch")
    assert files(desk.root)[path].decode().split() == sorted([another, held[path].decode().strip()])


def test_a_symbolic_link_in_the_remote_is_not_taken_for_a_bundle(desk: Desk, bare: Path) -> None:
    desk.must("bundles", "push")
    whole = files(bare)
    listing = desk.git("-C", str(bare), "ls-tree", "-r", BUNDLE_REF).replace("100644 blob", "120000 blob", 1)
    lines = "".join(f"{mode} {blob}\t{path}\n" for mode, _, blob, path in map(str.split, listing.splitlines()))
    index = bare / "scratch-index"
    own._git(bare, "update-index", "--index-info", stdin=lines.encode(), index=index)
    tree = own._text(own._git(bare, "write-tree", index=index))
    old = desk.git("-C", str(bare), "rev-parse", BUNDLE_REF)
    made = own.commit_tree(bare, tree, [old], message="m\n", author=own.COUNTERMARK)
    own.move_ref(bare, BUNDLE_REF, made, old, reason="m")
    desk.must("bundles", "push")
    assert files(bare) == whole


def test_more_files_or_bytes_than_the_caps_allow_are_refused(
    desk: Desk, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.must("bundles", "push")
    monkeypatch.setattr(collecting, "CAPS", type(collecting.CAPS)(files=3))
    assert "expected at most 3 bundle files" in desk.refused(20, "bundles", "fetch")
    monkeypatch.setattr(collecting, "CAPS", type(collecting.CAPS)(total_bytes=3))
    assert "expected at most 3 bytes of bundles" in desk.refused(20, "bundles", "fetch")


def test_a_file_beyond_the_cap_is_left_out(desk: Desk, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.must("bundles", "push")
    monkeypatch.setattr(collecting, "MAX_FILE", 10)
    said = desk.json("bundles", "fetch", "--json")
    assert said["leftOut"] == len(files(bare)) > 0


def test_a_bundle_that_was_erased_from_the_ledger_is_passed_over(desk: Desk, bare: Path) -> None:
    desk.record("echo x >> app.py")
    with opened(desk.home) as ledger:
        victim = ledger.store.newest(ledger.log.origin, "https://slsa.dev/provenance/v1").bundle_sha256
        with ledger.store._engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("UPDATE blob SET of = NULL WHERE of = ?", (victim,))
            connection.exec_driver_sql("DELETE FROM blob WHERE sha256 = ?", (victim,))
    desk.must("bundles", "push")
    assert not [path for path in files(bare) if path[3:67] == victim]


def test_a_remote_that_does_not_exist_is_told_plainly(desk: Desk) -> None:
    assert "git fetch from nowhere" in desk.refused(2, "bundles", "fetch", "nowhere")


def test_a_remote_that_refuses_is_not_asked_again(desk: Desk, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    monkeypatch.setattr(bundles, "ATTEMPTS", 1)
    assert "pre-receive hook declined" in desk.refused(2, "bundles", "push")


def test_a_checkout_that_is_not_set_up_is_sent_to_init(
    quiet_git: None,
    new_repository: Callable[[Path], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(new_repository(tmp_path / "plain"))
    assert main(["bundles", "fetch"]) == 2
    assert "countermark init" in capsys.readouterr().err


def test_what_a_push_prints_as_json_is_one_document(desk: Desk, bare: Path) -> None:
    out = desk.must("bundles", "push", "--json")
    assert set(json.loads(out)) == {"ref", "commit", "added", "leftOut"}


def test_a_push_runs_no_hook_of_the_checkout(desk: Desk, bare: Path) -> None:
    for name in ("pre-push", "reference-transaction", "post-commit"):
        hook = desk.root / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {desk.root}/ran-{name}\n")
        hook.chmod(0o755)
    desk.must("bundles", "push")
    desk.must("bundles", "fetch")
    assert not list(desk.root.glob("ran-*"))


def test_of_two_copies_of_one_head_the_better_witnessed_is_kept(simulate: Callable) -> None:
    """A line that looks like the witness's and does not hold is worth nothing."""
    witness = Cosigner("witness.example", Ed25519PrivateKey.generate())
    authority = simulate(witness)
    plain, witnessed = authority.log.head.checkpoint, authority.checkpoint()
    lines = witnessed.splitlines(keepends=True)
    broken = b"".join([*lines[:-1], lines[-1][:-12] + b"AAAAAAAAAA=\n"])
    for order in ([plain, witnessed, broken], [broken, plain, witnessed]):
        assert newest_checkpoint(order, authority.trust) == witnessed
    assert newest_checkpoint([b"junk"], authority.trust) is None


def test_a_hint_outside_the_layout_is_a_mistake_of_ours(simulated: object) -> None:
    with pytest.raises(RuntimeError, match="not a name of the layout"):
        join([], [], {"elsewhere": b""}, simulated.trust, lambda _blobs: {})


def test_a_ledger_whose_index_lost_the_status_pushes_all_the_rest(desk: Desk, bare: Path) -> None:
    with opened(desk.home) as ledger, ledger.store._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM entry_index WHERE predicate_type LIKE '%status%'")
    desk.must("bundles", "push")
    assert "status" not in files(bare)
    assert first_bundle(files(bare))
