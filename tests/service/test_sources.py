"""What a folder of bundles offers: the regular files that a collection reads, whatever else lies there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from countermark_ledger.collection import bundle_path, certificate_proof_path
from countermark_ledger.errors import GitError
from countermark_service.sources import MAX_FILE, from_directory

BUNDLE, PROOF = bundle_path("ab" * 32), certificate_proof_path("ab" * 32)
LINK = "consistency/1-2.tlog-consistency"


def put(folder: Path, path: str, raw: bytes) -> Path:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(raw)
    return place


def offered(folder: Path) -> list[tuple[str, bytes]]:
    return list(from_directory(folder)(frozenset()))


def test_a_folder_offers_what_a_collection_reads_in_order_of_its_names(tmp_path: Path) -> None:
    long = os.urandom(200_000)
    for path, raw in ((LINK, b"l"), (PROOF, b"p"), (BUNDLE, long), ("checkpoint", b"c"), ("README", b"r")):
        put(tmp_path, path, raw)
    assert offered(tmp_path) == [("checkpoint", b"c"), (PROOF, b"p"), (BUNDLE, long), (LINK, b"l")]


def test_links_pipes_and_files_in_other_folders_are_passed_over(tmp_path: Path) -> None:
    there = put(tmp_path, BUNDLE, b"b")
    (tmp_path / "checkpoint").symlink_to(there)
    (tmp_path / "cd").symlink_to(there.parent)
    os.mkfifo(tmp_path / PROOF)
    for folder in ("deep", "ab/deep", "abc"):
        put(tmp_path / folder, BUNDLE, b"d")
    assert offered(tmp_path) == [(BUNDLE, b"b")]


def test_a_file_as_large_as_the_cap_is_offered_and_a_larger_one_is_not(tmp_path: Path) -> None:
    for path, size in ((BUNDLE, MAX_FILE), (PROOF, MAX_FILE + 1)):
        os.truncate(put(tmp_path, path, b""), size)
    assert [(path, len(raw)) for path, raw in offered(tmp_path)] == [(BUNDLE, MAX_FILE)]


def test_a_file_that_turns_into_a_link_between_listing_and_reading_is_refused(tmp_path: Path) -> None:
    first, second = put(tmp_path, PROOF, b"p"), put(tmp_path, BUNDLE, b"b")
    files = iter(from_directory(tmp_path)(frozenset()))
    assert next(files) == (PROOF, b"p")
    second.unlink()
    second.symlink_to(first)
    with pytest.raises(GitError, match="symbolic links"):
        list(files)
