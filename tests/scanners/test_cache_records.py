"""Sealed records: what was put in comes out, and nothing else does, whatever lies in the directory."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import canonical
from countermark_ledger.canonical import Json
from countermark_scanners import sealed
from countermark_scanners.sealed import Found, SealedRecords

KEY = b"k" * 32
QUESTION: Json = {"kind": "answer", "content": "aa"}
ANSWER: Json = [["rule", 78, 3, 2, 1, 1, "message", "remedy"]]
Open = Callable[..., AbstractContextManager[SealedRecords]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / sealed.FOLDER


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SealedRecords]:
    with SealedRecords.open(tmp_path / "cache", KEY) as found:
        yield found


@pytest.fixture
def only(folder: Path, records: SealedRecords) -> Path:
    """Keep one record; name its file."""
    records.keep(QUESTION, ANSWER)
    (path,) = folder.iterdir()
    return path


def test_an_answer_comes_back_for_its_question_and_for_no_other(records: SealedRecords) -> None:
    records.keep(QUESTION, ANSWER)
    assert records.find(QUESTION) == Found(ANSWER, refused=False)
    assert records.find({"kind": "answer", "content": "ab"}) == Found(None, refused=False)


def test_an_answer_comes_back_in_another_process_with_the_same_key(tmp_path: Path) -> None:
    for _ in range(2):
        with SealedRecords.open(tmp_path / "cache", KEY) as again:
            again.keep(QUESTION, ANSWER)
    with SealedRecords.open(tmp_path / "cache", KEY) as again:
        assert again.find(QUESTION).answer == ANSWER


def test_an_answer_that_was_given_again_is_the_newer_one(records: SealedRecords) -> None:
    records.keep(QUESTION, [])
    records.keep(QUESTION, ANSWER)
    assert records.find(QUESTION).answer == ANSWER


def test_a_record_sealed_with_another_key_is_refused(tmp_path: Path) -> None:
    with SealedRecords.open(tmp_path / "cache", b"x" * 32) as forger:
        forger.keep(QUESTION, [])
    with SealedRecords.open(tmp_path / "cache", KEY) as records:
        assert records.find(QUESTION) == Found(None, refused=True)


def test_no_altered_byte_of_a_record_is_believed(only: Path, records: SealedRecords) -> None:
    raw = only.read_bytes()
    for at in range(len(raw)):
        only.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        assert records.find(QUESTION) == Found(None, refused=True), at
    only.write_bytes(raw)
    assert records.find(QUESTION).answer == ANSWER


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda raw: b"", id="empty"),
        pytest.param(lambda raw: raw[:-1], id="no-last-line-end"),
        pytest.param(lambda raw: raw + b"\n", id="trailing-line-end"),
        pytest.param(lambda raw: raw.replace(b"\n", b"\r\n"), id="other-line-ends"),
        pytest.param(lambda raw: raw[:64].upper() + raw[64:], id="upper-case-seal"),
        pytest.param(lambda raw: raw[:70], id="torn"),
        pytest.param(lambda raw: raw + b"x" * sealed.MAX_RECORD, id="too-large"),
        pytest.param(lambda raw: b"\xff" * 300, id="not-text"),
    ],
)
def test_a_second_spelling_of_a_record_is_refused(
    spoil: Callable[[bytes], bytes], only: Path, records: SealedRecords
) -> None:
    only.write_bytes(spoil(only.read_bytes()))
    assert records.find(QUESTION) == Found(None, refused=True)


def test_a_good_record_under_the_name_of_another_question_is_refused(only: Path, records: SealedRecords) -> None:
    other: Json = {"kind": "answer", "content": "flawed"}
    records.keep(other, ANSWER)
    (theirs,) = [path for path in only.parent.iterdir() if path != only]
    theirs.write_bytes(only.read_bytes())
    assert records.find(other) == Found(None, refused=True)


def _symlink(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("plant", [_symlink, _fifo, _folder, _device])
def test_what_is_no_regular_file_is_refused_and_hangs_nobody(
    plant: Callable[[Path], None], only: Path, records: SealedRecords
) -> None:
    plant(only)
    assert records.find(QUESTION) == Found(None, refused=True)


def test_what_is_refused_holds_no_descriptor(records: SealedRecords, folder: Path) -> None:
    before = len([*Path("/dev/fd").iterdir()])
    for number in range(20):
        records.keep({"content": number}, ANSWER)
    for path in folder.iterdir():
        _folder(path)
    assert [records.find({"content": number}).refused for number in range(20)] == [True] * 20
    assert len([*Path("/dev/fd").iterdir()]) == before


def test_a_record_takes_the_place_of_what_lies_there_unless_that_is_a_folder(
    only: Path, records: SealedRecords
) -> None:
    for plant in (_symlink, _fifo):
        plant(only)
        records.keep(QUESTION, ANSWER)
        assert records.find(QUESTION).answer == ANSWER
    _folder(only)
    records.keep(QUESTION, ANSWER)
    assert records.find(QUESTION) == Found(None, refused=True)
    assert not [path for path in only.parent.iterdir() if path.name.startswith(".draft")]


def test_a_record_of_a_month_ago_or_from_the_future_is_refused(only: Path, tmp_path: Path) -> None:
    written = only.stat().st_mtime
    for later, believed in ((0, True), (29 * 86400, True), (31 * 86400, False), (-7200, False)):
        with SealedRecords.open(tmp_path / "cache", KEY, clock=lambda by=later: written + by) as records:
            assert (records.find(QUESTION).answer == ANSWER) is believed, later


def test_a_link_in_the_place_of_our_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "cache" / sealed.FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=sealed.FOLDER), SealedRecords.open(tmp_path / "cache", KEY):
        pytest.fail("it was opened")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_directory_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="cache"), SealedRecords.open(tmp_path / "cache", KEY):
        pytest.fail("it was opened")


def test_records_are_their_owners_alone(only: Path) -> None:
    assert (only.stat().st_mode & 0o777, only.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_key_of_another_length_is_our_own_mistake(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), SealedRecords.open(tmp_path / "cache", b"short"):
        pytest.fail("it was opened")


def test_an_answer_too_large_to_be_read_again_is_not_written(records: SealedRecords, folder: Path) -> None:
    records.keep(QUESTION, "x" * sealed.MAX_RECORD)
    assert list(folder.iterdir()) == []


def test_room_is_made_by_removing_what_was_not_used_for_longest_and_nothing_of_others(
    records: SealedRecords, folder: Path
) -> None:
    for number in range(8):
        records.keep({"content": number}, ANSWER)
    (folder / "README").write_text("somebody else's")
    (folder / ("f" * 63)).write_text("not a name of ours")
    oldest = {number: number + 1 for number in range(8)}
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    for number, when in oldest.items():
        name = sealed._name(canonical.dumps({"content": number}))
        os.utime(folder / name, (when, when))
    records.make_room(most=7 * 4096)
    left = [number for number in range(8) if records.find({"content": number}).answer == ANSWER]
    assert left == [3, 4, 5, 6, 7]
    assert {path.name for path in folder.iterdir()} >= {"README", "f" * 63}


def test_using_a_record_keeps_it(records: SealedRecords, only: Path) -> None:
    os.utime(only, (1, 1))
    records.find(QUESTION)
    assert only.stat().st_mtime > 1


def test_nothing_is_removed_while_there_is_room(records: SealedRecords, only: Path) -> None:
    records.make_room()
    assert only.exists()


def test_drafts_that_nobody_finished_make_room_first(records: SealedRecords, only: Path, folder: Path) -> None:
    stale, fresh = folder / f".draft-{'0' * 16}", folder / f".draft-{'1' * 16}"
    for draft in (stale, fresh):
        draft.write_bytes(b"half")
    os.utime(stale, (1, 1))
    records.make_room(most=6000)
    assert (stale.exists(), fresh.exists(), only.exists()) == (False, True, True)


def test_room_is_made_when_a_run_that_wrote_something_ends(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SealedRecords.make_room, "__defaults__", (0,))
    with SealedRecords.open(tmp_path / "cache", KEY) as records:
        records.keep(QUESTION, ANSWER)
        assert len(list(folder.iterdir())) == 1
    assert list(folder.iterdir()) == []


def test_two_processes_that_keep_at_once_leave_whole_records(tmp_path: Path) -> None:
    def keep(answer: int) -> None:
        with SealedRecords.open(tmp_path / "cache", KEY) as records:
            for _ in range(50):
                records.keep(QUESTION, [answer] * 500)
                found = records.find(QUESTION)
                seen.append((found.refused, len(set(found.answer)) if isinstance(found.answer, list) else 0))

    seen: list[tuple[bool, int]] = []
    threads = [threading.Thread(target=keep, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(seen), set(seen)) == (200, {(False, 1)})


JSON = st.recursive(
    st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=12,
)


@given(question=JSON, answer=JSON)
def test_any_answer_comes_back_as_it_was(
    question: Json, answer: Json, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with SealedRecords.open(tmp_path_factory.getbasetemp() / "any", KEY) as records:
        records.keep(question, answer)
        assert canonical.dumps(records.find(question).answer) == canonical.dumps(answer)
