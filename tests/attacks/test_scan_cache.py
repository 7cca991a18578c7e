"""Scan-cache entries poisoned by an earlier pull request: whatever lies in the cache, no answer of the gate changes.

The attacker owns the cache directory, as a job of an earlier pull request does where a runner keeps it between jobs.
The operator owns the key, which lies where no job that runs a change's code can read it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from countermark_ledger import canonical
from countermark_scanners import canary
from countermark_scanners.sealed import FOLDER, SealedRecords

from .job import Answer, Job

FLAW = "import subprocess\n\n\ndef run(command):\n    subprocess.run(command, shell=True)\n"
CLEAN = "def run(command):\n    return command\n"
KEY, OTHER_KEY = "11" * 32, "22" * 32


class Cached:
    """A job with a cache, the operator's key, and a change that has a flaw."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.folder = job.place / "cache"
        self.key = job.place / "scan-cache.key"
        self.key.write_text(f"{KEY}\n")
        self.key.chmod(0o600)

    def gate(self, *words: str) -> Answer:
        return self.job.gate("--scan-cache", str(self.folder), "--scan-cache-key", str(self.key), *words)

    @property
    def records(self) -> list[Path]:
        return sorted((self.folder / FOLDER).iterdir())

    def refused(self) -> dict[str, int]:
        """Ask: the flaw must be found, whatever lies in the cache. Return what was made of the cache."""
        answer = self.gate()
        assert answer.refused(10, None, "score")
        assert {row["path"] for row in answer.document["findings"] if row["severity"] != "info"} == {"app.py"}
        return answer.document["scanCache"]


@pytest.fixture
def cached(job: Job) -> Cached:
    """The cache is warm: the very change was scanned before, by an honest job."""
    job.change({"app.py": FLAW})
    found = Cached(job)
    assert found.refused() == {"asked": 4, "known": 0, "refused": 0}
    return found


def test_what_was_answered_before_is_known(cached: Cached) -> None:
    assert cached.refused() == {"asked": 4, "known": 4, "refused": 0}


def test_entries_that_call_every_flaw_clean_under_the_attackers_own_seal(cached: Cached) -> None:
    names = {path.name for path in cached.records}
    questions = [canonical.loads(path.read_bytes().split(b"\n")[1])["question"] for path in cached.records]
    with SealedRecords.open(cached.folder, bytes.fromhex(OTHER_KEY)) as forger:
        for question in questions:
            forger.keep(question, True if "saw" in str(question) else [])
    assert {path.name for path in cached.records} == names
    assert cached.refused() == {"asked": 4, "known": 0, "refused": 6}


def test_an_honest_entry_of_clean_code_in_the_place_of_another(cached: Cached) -> None:
    flawed = {path: path.read_bytes() for path in cached.records}
    cached.job.change({"app.py": CLEAN})
    assert cached.gate().passed()
    clean = [path.read_bytes() for path in cached.records if path not in flawed]
    assert clean
    cached.job.change({"app.py": FLAW})
    for raw in clean:
        for path in flawed:
            path.write_bytes(raw)
        assert cached.refused()["known"] < 4


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _link_to_nothing(path: Path) -> None:
    path.symlink_to("/dev/null")


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _deep(path: Path) -> None:
    path.write_bytes(b"[" * 1_000_000)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**11)


PLANTED = [_fifo, _link_to_nothing, _endless, Path.mkdir, Path.touch, _deep, _huge]


@pytest.mark.parametrize("first", [0, 3, 6])
def test_what_is_no_record_in_the_place_of_every_record(first: int, cached: Cached) -> None:
    for number, path in enumerate(cached.records, start=first):
        path.unlink()
        PLANTED[number % len(PLANTED)](path)
    assert cached.refused()["known"] == 0


def test_what_is_no_record_turns_nothing_red(cached: Cached) -> None:
    cached.job.change({"app.py": CLEAN})
    assert cached.gate().passed()
    for number, path in enumerate(cached.records):
        path.unlink()
        PLANTED[number % len(PLANTED)](path)
    assert cached.gate().passed()["scanCache"] == {"asked": 4, "known": 0, "refused": 6}


def _file(folder: Path) -> None:
    folder.write_text("not a folder")


def _link_elsewhere(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    folder.symlink_to(folder.parent / "elsewhere")


def _inner_link(folder: Path) -> None:
    folder.mkdir()
    (folder.parent / "elsewhere").mkdir()
    (folder / FOLDER).symlink_to(folder.parent / "elsewhere")


@pytest.mark.parametrize("plant", [_file, _fifo, _link_elsewhere, _inner_link])
def test_a_cache_that_is_no_folder_turns_nothing_red_and_nothing_green(
    plant: Callable[[Path], None], cached: Cached
) -> None:
    shutil.rmtree(cached.folder)
    plant(cached.folder)
    assert cached.refused() is None
    assert "every scanner is asked about everything" in cached.gate().err
    cached.job.change({"app.py": CLEAN})
    assert cached.gate().passed()
    elsewhere = cached.folder.parent / "elsewhere"
    assert not elsewhere.exists() or list(elsewhere.iterdir()) == []


def test_a_change_that_is_the_planted_file_itself(cached: Cached) -> None:
    cached.job.change({"app.py": canary.SOURCE})
    for _ in range(2):
        assert cached.refused()


@pytest.fixture
def in_the_checkout(cached: Cached) -> Path:
    path = cached.job.root / "scan-cache.key"
    path.write_text(f"{OTHER_KEY}\n")
    path.chmod(0o600)
    cached.key = path
    return path


@pytest.mark.usefixtures("in_the_checkout")
def test_a_key_that_the_change_brings_along(cached: Cached) -> None:
    assert cached.gate().refused(2, None, "inside the git work tree")


def test_a_link_to_a_key_in_the_checkout(cached: Cached, in_the_checkout: Path) -> None:
    cached.key = cached.job.place / "link"
    cached.key.symlink_to(in_the_checkout)
    assert cached.gate().refused(2, None, "inside the git work tree")


def test_a_key_that_others_can_read_or_that_is_no_file_of_ours(cached: Cached) -> None:
    cached.key.chmod(0o644)
    assert cached.gate().refused(2, None, "a file of yours alone")
    cached.key.chmod(0o600)
    cached.key.rename(cached.key.with_name("real.key"))
    cached.key.symlink_to("real.key")
    assert cached.gate().refused(2, None, "scan cache key")
    cached.key.unlink()
    assert cached.gate().refused(2, None, "No such file")
    os.mkfifo(cached.key, 0o600)
    assert cached.gate().refused(2, None, "a file of yours alone")


@pytest.mark.parametrize(
    "text", ["", "11" * 31, "11" * 33, "zz" * 32, "AA" * 32, f" {KEY}", f"{KEY}\n\n", f"{KEY}\r\n"]
)
def test_a_key_in_another_spelling(text: str, cached: Cached) -> None:
    cached.key.write_text(text)
    assert cached.gate().refused(2, None, "64 lower-case hex digits")


def test_a_cache_without_a_key(cached: Cached) -> None:
    answer = cached.job.gate("--scan-cache", str(cached.folder))
    assert answer.refused(2, None, "expected --scan-cache-key")
    assert cached.job.gate("--scan-cache-key", str(cached.key)).refused(2, None, "expected --scan-cache DIR")


def test_without_a_home_and_without_the_option_nothing_is_kept_and_nothing_is_read(cached: Cached) -> None:
    for words in ((), ("--no-scan-cache", "--scan-cache", str(cached.folder), "--scan-cache-key", str(cached.key))):
        answer = cached.job.gate(*words)
        assert answer.refused(10, None, "score")
        assert answer.document["scanCache"] is None


def test_another_operators_key_finds_nothing_here(cached: Cached) -> None:
    cached.key.write_text(OTHER_KEY)
    assert cached.refused() == {"asked": 4, "known": 0, "refused": 6}


def test_a_cache_in_the_checkout_is_as_good_as_anywhere(cached: Cached) -> None:
    shutil.rmtree(cached.folder)
    cached.folder = cached.job.root / ".cache"
    assert [cached.refused()["known"] for _ in range(2)] == [0, 4]
