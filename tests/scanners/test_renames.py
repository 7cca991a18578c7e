"""Which file a file was: by path, by bytes, by lines; never more than one, and never at any price."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from countermark_scanners import renames
from countermark_scanners.renames import origins

LINES = b"".join(b"line %d\n" % number for number in range(20))


def test_a_file_that_stayed_was_itself_whatever_it_says_now() -> None:
    assert origins({"a": b"new"}, {"a": b"old", "b": b"new"}) == {"a": "a"}


def test_the_same_bytes_elsewhere_are_a_rename() -> None:
    assert origins({"new": LINES}, {"old": LINES, "other": b"x"}) == {"new": "old"}


def test_most_of_the_same_lines_are_a_rename() -> None:
    assert origins({"new": LINES + b"one more\n"}, {"old": LINES}) == {"new": "old"}


def test_few_of_the_same_lines_are_no_rename() -> None:
    assert origins({"new": b"".join(b"other %d\n" % n for n in range(20)) + b"line 1\n"}, {"old": LINES}) == {}


def test_two_copies_of_one_file_are_one_rename_and_one_new_file() -> None:
    assert list(origins({"a": LINES, "b": LINES}, {"old": LINES}).values()) == ["old"]


def test_two_files_alike_are_told_apart_by_what_is_nearest() -> None:
    found = origins(
        {"a": LINES + b"a\n", "b": LINES + b"b\nbb\n"}, {"was-a": LINES + b"a\n\n", "was-b": LINES + b"b\nbb\n\n"}
    )
    assert found == {"a": "was-a", "b": "was-b"}


def test_empty_files_are_strangers() -> None:
    assert origins({"new": b""}, {"old": b""}) == {}


def test_a_file_that_is_too_large_to_compare_is_a_stranger_unless_it_is_the_same() -> None:
    large = LINES * (renames.MOST_BYTES // len(LINES) + 1)
    assert origins({"new": large + b"x"}, {"old": large}) == {}
    assert origins({"new": large}, {"old": large}) == {"new": "old"}


def test_a_change_of_too_many_files_is_compared_by_bytes_alone() -> None:
    head = {f"new{n}": LINES + b"%d" % n for n in range(101)}
    base = {f"old{n}": LINES + b"%d\n\n" % n for n in range(100)}
    assert origins(head, base) == {}
    assert origins(head | {"moved": LINES}, base | {"was": LINES}) == {"moved": "was"}


SIDE = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from([b"x", b"y", b"z"])).map(b"\n".join))


@given(SIDE, SIDE)
def test_nothing_of_the_base_is_two_files_of_the_head(head: dict[str, bytes], base: dict[str, bytes]) -> None:
    found = origins(head, base)
    assert set(found) <= set(head)
    assert set(found.values()) <= set(base)
    assert len(set(found.values())) == len(found)
    assert {path for path in head if path in base} <= set(found)
