"""The log as files, and the head kept outside the database."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from countermark_ledger.checkpoint import SignedCheckpoint
from countermark_ledger.errors import LogDiverged, StoreFailed
from countermark_ledger.log import MemoryStore, ReleasedFile, ReleasedMemory, export
from countermark_ledger.merkle import leaf_hash, verify_inclusion
from countermark_ledger.proving import inclusion_path
from countermark_ledger.tiles import EntryBundle, HashTile, TileCoord, node_reader

if TYPE_CHECKING:
    from conftest import Bench

    from countermark_ledger.log import Log


def fill(log: Log, start: int, end: int) -> None:
    log.append([b"entry %d" % number for number in range(start, end)])


def verify_from_files(bench: Bench, folder: Path) -> int:
    """Read every entry and prove it under the checkpoint, from the files alone."""
    head = SignedCheckpoint.parse((folder / "checkpoint").read_bytes()).verify(bench.verifier)

    @cache
    def fetch(coord: TileCoord) -> HashTile:
        return HashTile.parse((folder / coord.path()).read_bytes(), width=coord.width)

    node = cache(node_reader(head.size, fetch))
    for start in range(0, head.size, 256):
        width = min(256, head.size - start)
        raw = (folder / TileCoord(None, start // 256, width).path()).read_bytes()
        for index, entry in enumerate(EntryBundle.parse(raw, width=width).entries, start):
            path = inclusion_path(index, head.size, node)
            verify_inclusion(index=index, size=head.size, leaf=leaf_hash(entry), path=path, root=head.root)
    return head.size


def test_an_export_proves_every_entry_from_files_alone_and_grows(bench: Bench, tmp_path: Path) -> None:
    log, folder = bench.create(), tmp_path / "site"
    assert export(log, folder).size == verify_from_files(bench, folder) == 0
    for start, end in ((0, 1), (1, 256), (256, 257), (257, 700)):
        fill(log, start, end)
        assert export(log, folder) == log.head
        assert verify_from_files(bench, folder) == end
    assert export(log, folder).size == 700
    assert not [path for path in folder.rglob("*") if path.name.endswith(".new")]


def test_an_interrupted_export_promises_nothing_and_is_finished_by_the_next(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, written = bench.create(), []
    fill(log, 0, 10)
    export(log, tmp_path)
    fill(log, 10, 600)
    replace = Path.replace

    def failing(path: Path, target: Path) -> Path:
        written.append(target.name)
        if len(written) == 4:
            raise OSError(28, "No space left on device")
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing)
        with pytest.raises(StoreFailed, match="No space left"):
            export(log, tmp_path)
    assert verify_from_files(bench, tmp_path) == 10
    export(log, tmp_path)
    assert verify_from_files(bench, tmp_path) == 600


def test_the_checkpoint_is_written_last(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, written, replace = bench.create(), [], Path.replace
    fill(log, 0, 300)
    monkeypatch.setattr(Path, "replace", lambda path, to: written.append(to) or replace(path, to))
    export(log, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "tile/entries/000",
        "tile/entries/001.p/44",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "checkpoint",
    ]


def test_a_folder_of_another_log_or_another_history_is_left_alone(
    bench: Bench, bench_of: type[Bench], tmp_path: Path
) -> None:
    log = bench.create()
    fill(log, 0, 10)
    twin = bench_of(MemoryStore()).create()
    fill(twin, 5, 12)
    export(twin, tmp_path / "fork")
    with pytest.raises(LogDiverged, match="another history"):
        export(log, tmp_path / "fork")
    other = bench_of(MemoryStore(), origin="other.example")
    other.signer = other.signer_of("other.example", 9)
    export(other.create(), tmp_path / "other")
    with pytest.raises(LogDiverged, match="another log"):
        export(log, tmp_path / "other")


# --- the released head ------------------------------------------------------------------------------


@pytest.fixture(params=["file", "memory"])
def released(request: pytest.FixtureRequest, tmp_path: Path) -> ReleasedFile | ReleasedMemory:
    return ReleasedFile(tmp_path / "released") if request.param == "file" else ReleasedMemory()


def test_the_released_head_never_goes_back(bench: Bench, released: ReleasedFile | ReleasedMemory) -> None:
    assert released.read() is None
    log, heads = bench.create(), []
    for number in range(3):
        fill(log, number, number + 1)
        heads.append(log.head.checkpoint)
    for given, kept in ((1, 1), (0, 1), (2, 2), (2, 2), (1, 2)):
        released.advance(heads[given])
        assert released.read() == heads[kept]


def test_the_released_head_is_durable_before_it_counts(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: events.append("fsync") or fsync(fd))
    monkeypatch.setattr(Path, "replace", lambda path, to: events.append("rename") or replace(path, to))
    checkpoint = bench.create().head.checkpoint
    events.clear()
    ReleasedFile(tmp_path / "released").advance(checkpoint)
    assert events == ["fsync", "rename", "fsync"]


def test_a_released_head_that_cannot_be_read_or_written_is_told(bench: Bench, tmp_path: Path) -> None:
    checkpoint = bench.create().head.checkpoint
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreFailed, match="released head"):
        ReleasedFile(tmp_path / "folder").read()
    with pytest.raises(StoreFailed, match="lock file"):
        ReleasedFile(tmp_path / "nowhere" / "released").advance(checkpoint)


def test_a_full_disk_keeps_the_old_released_head(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, released = bench.create(), ReleasedFile(tmp_path / "released")
    released.advance(log.head.checkpoint)
    old = released.read()
    fill(log, 0, 1)

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFailed, match="No space left"):
        released.advance(log.head.checkpoint)
    assert released.read() == old
