"""One contract over every store: what a log and its port promise."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from countermark_ledger.checkpoint import SignedCheckpoint
from countermark_ledger.errors import (
    Conflict,
    LedgerError,
    LogDiverged,
    Malformed,
    NoSuchEntry,
    NoSuchLog,
    NoSuchRecord,
    StoreFailed,
    TooLarge,
)
from countermark_ledger.log import Blob, BlobKind, check_log
from countermark_ledger.log.port import Batch, Counts
from countermark_ledger.log.rows import CommitmentKey, EntryIndex, EntryLabel, EntryPath, Identity
from countermark_ledger.merkle import EMPTY_ROOT, leaf_hash, verify_consistency
from countermark_ledger.proving import root_of
from countermark_ledger.tiles import EntryBundle, HashTile, TileCoord

if TYPE_CHECKING:
    from conftest import Bench

    from countermark_ledger.log import Appended, Log


def entries(start: int, end: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(start, end)]


def fill(log: Log, size: int, step: int) -> None:
    for start in range(0, size, step):
        log.append(entries(start, min(start + step, size)))


def test_a_new_log_has_a_signed_head_of_no_entries(bench: Bench) -> None:
    head = bench.create().head
    signed = SignedCheckpoint.parse(head.checkpoint).verify(bench.verifier)
    assert (signed.size, signed.root) == (head.size, head.root) == (0, EMPTY_ROOT)
    assert check_log(bench.store, bench.verifier) == head


def test_an_append_answers_with_indices_a_head_and_proofs_that_verify(bench: Bench) -> None:
    log = bench.create()
    for start, end in ((0, 1), (1, 4), (4, 300), (300, 301)):
        appended = log.append(entries(start, end))
        assert appended.indices == tuple(range(start, end))
        assert appended.checkpoint == log.head.checkpoint
        for index in appended.indices:
            head = appended.proof(index).verify(leaf_hash(b"entry %d" % index), bench.verifier)
            assert head.size == end
    assert log.head.root == root_of([leaf_hash(entry) for entry in entries(0, 301)])
    assert check_log(bench.store, bench.verifier) == log.head


def test_a_reopened_log_goes_on_where_it_was(bench: Bench) -> None:
    fill(bench.create(), 70, 7)
    log = bench.open()
    assert log.append([b"more"]).indices == (70,)
    assert log.entries(0, 71) == [*entries(0, 70), b"more"]
    assert check_log(bench.store, bench.verifier).size == 71


def test_equal_entries_have_one_index_also_within_one_batch(bench: Bench) -> None:
    log = bench.create()
    assert log.append([b"a", b"b", b"a"]).indices == (0, 1, 0)
    again = log.append([b"b", b"c", b"c", b"a"])
    assert again.indices == (1, 2, 2, 0)
    assert again.proof(0).verify(leaf_hash(b"a"), bench.verifier).size == 3
    assert check_log(bench.store, bench.verifier).size == 3


def test_a_retry_gets_the_old_index_and_a_fresh_proof_and_its_rows_land(bench: Bench) -> None:
    log = bench.create()
    log.append([b"a"])
    log.append([b"b"])
    blob = Blob(BlobKind.BUNDLE, b"late")
    appended = log.append([b"a"], lambda _: [blob])
    assert (appended.indices, appended.head.size) == ((0,), 2)
    assert appended.proof(0).verify(leaf_hash(b"a"), bench.verifier).size == 2
    assert bench.store.blob(blob.sha256) == blob


def test_rows_land_with_their_leaves(bench: Bench) -> None:
    def attach(appended: Appended) -> list[Blob]:
        assert bench.store.head(bench.origin).size == 0, "attach runs before the commit"
        bundle = Blob(BlobKind.BUNDLE, b"bundle")
        return [bundle, Blob(BlobKind.LOG_PROOF, appended.proof(0).encode(), of=bundle.sha256)]

    bench.create().append([b"a"], attach)
    (bundle,) = bench.store.blobs(kind=BlobKind.BUNDLE)
    (proof,) = bench.store.blobs(of=bundle.sha256)
    assert (bundle.data, proof.kind) == (b"bundle", BlobKind.LOG_PROOF)
    assert len(bench.store.blobs()) == 2
    assert bench.store.blobs(after=max(bundle.sha256, proof.sha256)) == []
    assert len(bench.store.blobs(limit=1)) == 1


def test_rows_of_every_kind_are_taken_in_any_order_and_twice(bench: Bench) -> None:
    rows = [
        EntryPath(bench.origin, 0, "a.py", None, "ab"),
        EntryLabel(bench.origin, 0, "model", "m"),
        EntryIndex(bench.origin, 0, "cd", "spiffe://example/agent/a", "type", 1),
        CommitmentKey("ef", "task", b"key"),
        Identity("person/1", "person", "Ada", 1, "{}"),
        Blob(BlobKind.BUNDLE, b"bundle"),
    ]
    log = bench.create()
    log.append([b"a"], lambda _: rows)
    log.append([b"a", b"b"], lambda _: rows)
    assert check_log(bench.store, bench.verifier).size == 2


@pytest.mark.parametrize("text", ["a\0b", "a\ud800"])
def test_a_text_that_some_database_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Identity("id", "person", text, 1, "{}")


def test_a_callback_that_raises_leaves_nothing_behind(bench: Bench) -> None:
    def attach(_appended: Appended) -> list[Blob]:
        raise KeyError("no bundle")

    log = bench.create()
    with pytest.raises(KeyError):
        log.append([b"a"], attach)
    assert log.append([b"b"]).indices == (0,)
    assert check_log(bench.store, bench.verifier).size == 1


def test_entries_that_no_bundle_can_hold_are_refused(bench: Bench) -> None:
    log = bench.create()
    assert log.append([b"", b"x" * 65_535]).indices == (0, 1)
    with pytest.raises(TooLarge):
        log.append([b"x" * 65_536])
    with pytest.raises(RuntimeError):
        log.append([])


def test_every_old_head_proves_its_entries_and_continues_the_one_before(bench: Bench) -> None:
    log = bench.create()
    fill(log, 40, 9)
    sizes = [link.head.size for link in bench.store.history(bench.origin, start=0, limit=100)]
    assert sizes == [0, 9, 18, 27, 36, 40]
    for size in sizes[1:]:
        assert log.inclusion(3, size).verify(leaf_hash(b"entry 3"), bench.verifier).size == size
    assert log.inclusion(39).verify(leaf_hash(b"entry 39"), bench.verifier).size == 40
    for old in range(41):
        path = log.consistency(old)
        verify_consistency(old=old, new=40, old_root=log.root_at(old), new_root=log.head.root, path=path)
    assert log.consistency(9, 18)
    assert log.consistencies(range(41)) == {old: log.consistency(old) for old in range(41)}
    assert log.consistencies([9, 0], 18) == {9: log.consistency(9, 18), 0: []}
    assert log.consistencies([]) == {}


def test_what_the_log_does_not_have_is_refused(bench: Bench) -> None:
    log = bench.create()
    fill(log, 10, 5)
    for question in (
        lambda: log.inclusion(10),
        lambda: log.inclusion(-1),
        lambda: log.inclusion(0, 7),
        lambda: log.inclusion(0, 11),
        lambda: log.inclusion(5, 5),
        lambda: log.consistency(11),
        lambda: log.consistency(3, 11),
        lambda: log.consistencies([3, -1]),
        lambda: log.consistencies([], 11),
        lambda: log.entries(0, 11),
        lambda: log.entries(5, 4),
        lambda: log.root_at(11),
        lambda: log.tile(TileCoord(0, 0, 11)),
        lambda: log.tile(TileCoord(1, 0, 1)),
        lambda: log.tile(TileCoord(None, 0, 11)),
    ):
        with pytest.raises(NoSuchEntry):
            question()
    with pytest.raises(NoSuchRecord):
        bench.store.blob("00")


def test_tiles_and_entry_bundles_are_served_at_every_width(bench: Bench) -> None:
    log = bench.create()
    fill(log, 600, 200)
    digests = [leaf_hash(entry) for entry in entries(0, 600)]
    assert HashTile.parse(log.tile(TileCoord(0, 1)), width=256).hashes == tuple(digests[256:512])
    assert HashTile.parse(log.tile(TileCoord(0, 2, 3)), width=3).hashes == tuple(digests[512:515])
    assert log.tile(TileCoord(1, 0, 2)) == root_of(digests[:256]) + root_of(digests[256:512])
    bundle = EntryBundle.parse(log.tile(TileCoord(None, 2, 88)), width=88)
    assert bundle.entries == tuple(entries(512, 600))


def test_a_store_holds_several_logs_apart(bench: Bench, bench_of: type[Bench]) -> None:
    other = bench_of(bench.store, origin="certificates.example")
    other.signer = other.signer_of("certificates.example", 9)
    first, second = bench.create(), other.create()
    assert first.append([b"a", b"b"]).indices == (0, 1)
    assert second.append([b"a"]).indices == (0,)
    assert bench.store.origins() == ("certificates.example", "log.example")
    assert check_log(bench.store, bench.verifier).size == 2
    assert check_log(bench.store, other.verifier).size == 1
    assert bench.store.counts(bench.origin) == Counts(leaves=2, tiles=1, links=2)


def test_a_log_is_created_once(bench: Bench, bench_of: type[Bench]) -> None:
    with pytest.raises(NoSuchLog):
        bench.open()
    bench.create()
    with pytest.raises(LogDiverged, match="not a new log"):
        bench.create()
    with pytest.raises(Conflict):
        bench_of(bench.store).create()


def test_a_batch_for_an_old_size_is_a_conflict_and_leaves_nothing(bench: Bench) -> None:
    log = bench.create()
    log.append([b"a"])
    before = bench.store.counts(bench.origin)
    blob = Blob(BlobKind.BUNDLE, b"loser")
    with pytest.raises(Conflict):
        bench.store.commit(Batch(bench.origin, 0, (), {}, None, (blob,)))
    assert bench.store.counts(bench.origin) == before
    with pytest.raises(NoSuchRecord):
        bench.store.blob(blob.sha256)


def test_a_leaf_that_is_there_already_fails_the_whole_batch(bench: Bench) -> None:
    log = bench.create()
    log.append([b"a"])
    (leaf,) = bench.store.leaves(bench.origin, 0, 1)
    (link,) = bench.store.history(bench.origin, start=1, limit=1)
    twin = type(leaf)(1, leaf.digest, leaf.entry)
    forged = type(link)(type(link.head)(2, link.head.root, b"", link.head.time_ms), 1, ())
    with pytest.raises(StoreFailed):
        bench.store.commit(Batch(bench.origin, 1, (twin,), {(0, 0): b"x"}, forged, ()))
    assert check_log(bench.store, bench.verifier) == log.head


def test_a_writer_that_loses_reloads_and_tries_the_whole_batch_again(bench: Bench) -> None:
    winner, calls = bench.create(), []
    loser = bench.open()

    def attach(appended: Appended) -> list[Blob]:
        calls.append(appended.indices)
        if len(calls) == 1:
            winner.append([b"won"])
        return []

    assert loser.append([b"lost", b"won"], attach).indices == (1, 0)
    assert calls == [(0, 1), (1, 0)]
    assert check_log(bench.store, bench.verifier).size == 2


def test_a_writer_that_always_loses_gives_up_with_a_conflict(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("countermark_ledger.log.log.ATTEMPTS", 32)
    winner, count = bench.create(), iter(range(1000))
    loser = bench.open()

    def attach(_appended: Appended) -> list[Blob]:
        winner.append([b"won %d" % next(count)])
        return []

    with pytest.raises(Conflict):
        loser.append([b"lost"], attach)
    assert next(count) == 32
    assert loser.append([b"lost"]).indices == (32,)


def test_a_leaf_that_landed_meanwhile_is_a_conflict_before_it_is_proved(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading the head and looking for equal leaves, another process may append just these."""
    log, rival = bench.create(), bench.open()
    look, looked = bench.store.indices, []

    def late(origin: str, digests: list[bytes]) -> dict[bytes, int]:
        if not looked:
            looked.append(digests)
            rival.append([b"a"])
        return look(origin, digests)

    monkeypatch.setattr(bench.store, "indices", late)
    assert log.append([b"a"]).indices == (0,)
    assert check_log(bench.store, bench.verifier).size == 1


def test_inside_a_session_nothing_is_stale_and_a_lost_race_is_told_at_once(bench: Bench) -> None:
    log, rival = bench.create(), bench.open()
    rival.append([b"a"])
    with log.session() as head:
        assert head.size == 1
        assert log.append([b"b"]).indices == (1,)
        with pytest.raises(Conflict):
            log.append([b"c"], lambda _: rival.append([b"d"]) and [])
    assert log.append([b"c"]).indices == (3,)
    assert check_log(bench.store, bench.verifier).size == 4


def test_proof_root_and_size_are_of_one_state_while_others_append(bench: Bench) -> None:
    log = bench.create()
    log.append([b"first"])
    refused: list[LedgerError] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                proof = log.inclusion(0)
                proof.verify(leaf_hash(b"first"), bench.verifier)
            except LedgerError as error:
                refused.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(12):
        log.append(entries(number * 50, number * 50 + 50))
        check_log(bench.store, bench.verifier)
    stop.set()
    for reader in readers:
        reader.join()
    assert refused == []


def test_a_snapshot_does_not_see_what_lands_after_it(bench: Bench) -> None:
    log = bench.create()
    log.append([b"a"])
    with bench.store.snapshot() as view:
        assert view.head(bench.origin).size == 1
        log.append([b"b"], lambda _: [Blob(BlobKind.BUNDLE, b"later")])
        assert view.head(bench.origin).size == 1
        assert view.counts(bench.origin) == Counts(leaves=1, tiles=1, links=2)
        assert len(view.leaves(bench.origin, 0, 9)) == 1
        assert view.blobs() == []
    assert bench.store.head(bench.origin).size == 2
