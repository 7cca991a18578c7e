"""Nodes and changes: equal content is equal, and a change has one spelling and one name."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import canonical
from countermark_ledger.errors import Malformed, TooLarge
from countermark_ledger.node import MAX_PATH_BYTES, Change, Mode, Node, Transition

if TYPE_CHECKING:
    from random import Random

    from countermark_ledger.canonical import Json

OLD = Node.of_blob(Mode.FILE, b"old\n")
NEW = Node.of_blob(Mode.FILE, b"new\n")

paths = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
nodes = st.builds(Node.of_blob, st.sampled_from(Mode), st.binary(max_size=3))
transitions = st.tuples(paths, st.none() | nodes, st.none() | nodes).filter(lambda t: t[1] != t[2])
changes = st.lists(transitions, max_size=5, unique_by=lambda t: t[0]).map(
    lambda rows: Change.of(Transition(*row) for row in rows)
)

# --- nodes ------------------------------------------------------------------------------------------


def test_a_node_hashes_the_content_itself_and_names_the_blob_as_git_does() -> None:
    node = Node.of_blob(Mode.EXECUTABLE, b"hello\n")
    assert node.mode == "100755"
    assert node.sha256 == hashlib.sha256(b"hello\n").hexdigest()
    assert node.git_blob == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_sha1_collision_does_not_make_two_contents_equal() -> None:
    collision = replace(NEW, git_blob=OLD.git_blob)
    assert collision != OLD
    assert replace(OLD, git_blob="0" * 40) == OLD
    assert hash(replace(OLD, git_blob="0" * 40)) == hash(OLD)


def test_equal_content_under_another_mode_is_another_node() -> None:
    assert replace(OLD, mode=Mode.SYMLINK) != OLD
    assert replace(OLD, mode=Mode.EXECUTABLE) != OLD
    assert OLD != "a string"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(None, None, id="absent-stays-absent"),
        pytest.param(OLD, OLD, id="same"),
        pytest.param(OLD, replace(OLD, git_blob="0" * 40), id="same-content-under-another-git-name"),
    ],
)
def test_a_transition_that_changes_nothing_is_refused(before: Node | None, after: Node | None) -> None:
    with pytest.raises(Malformed, match="same node twice"):
        Transition("a.py", before, after)


# --- rows -------------------------------------------------------------------------------------------


def _row(**fields: Json) -> dict[str, Json]:
    return {**Transition("a.py", OLD, NEW).row(), **fields}


def test_a_row_spells_both_sides() -> None:
    assert Transition("a.py", None, NEW).row() == {
        "path": "a.py",
        "beforeMode": None,
        "beforeSha256": None,
        "beforeGitBlob": None,
        "afterMode": "100644",
        "afterSha256": NEW.sha256,
        "afterGitBlob": NEW.git_blob,
    }


@given(changes)
def test_a_change_reads_back_as_itself_with_its_name(change: Change) -> None:
    rows = canonical.loads(canonical.dumps(change.rows()))
    assert Change.from_rows(rows) == change
    assert Change.from_rows(rows).rows() == change.rows()
    assert Change.from_rows(rows).sha256() == hashlib.sha256(canonical.dumps(rows)).hexdigest()


@given(changes, st.randoms())
def test_the_order_of_discovery_does_not_change_the_name(change: Change, random: Random) -> None:
    shuffled = list(change.transitions)
    random.shuffle(shuffled)
    assert Change.of(shuffled).sha256() == change.sha256()


@given(st.dictionaries(st.sampled_from(sorted(_row())), st.none() | st.text(max_size=5) | st.integers()))
def test_whatever_parses_as_a_row_has_one_spelling(fields: dict[str, Json]) -> None:
    row = _row(**fields)
    try:
        transition = Transition.from_row(row)
    except Malformed:
        return
    assert transition.row() == row


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="a-list"),
        pytest.param({}, id="empty"),
        pytest.param(_row(extra=None), id="extra-field"),
        pytest.param({k: v for k, v in _row().items() if k != "afterGitBlob"}, id="missing-field"),
        pytest.param(
            {k: v for k, v in Transition("a", None, NEW).row().items() if k != "beforeMode"}, id="missing-null"
        ),
        pytest.param(_row(path=""), id="empty-path"),
        pytest.param(_row(path=None), id="null-path"),
        pytest.param(_row(path=7), id="number-for-a-path"),
        pytest.param(_row(path="x" * (MAX_PATH_BYTES + 1)), id="path-past-the-cap"),
        pytest.param(_row(path="\u20ac" * 1366), id="path-past-the-cap-in-bytes"),
        pytest.param(_row(path="a\ud800"), id="lone-surrogate-in-the-path"),
        pytest.param(_row(path="a\udc80"), id="undecodable-byte-in-the-path"),
        pytest.param(_row(afterMode="100600"), id="mode-that-git-does-not-store"),
        pytest.param(_row(afterMode="040000"), id="tree-mode"),
        pytest.param(_row(afterMode=100644), id="number-for-a-mode"),
        pytest.param(_row(afterMode=None), id="half-absent"),
        pytest.param(_row(afterSha256=NEW.sha256.upper()), id="upper-case-digest"),
        pytest.param(_row(afterSha256=NEW.sha256[:-1]), id="short-digest"),
        pytest.param(_row(afterSha256=NEW.sha256 + "\n"), id="newline-after-the-digest"),
        pytest.param(_row(afterSha256=None), id="no-digest"),
        pytest.param(_row(afterSha256=7), id="number-for-a-digest"),
        pytest.param(_row(afterGitBlob=NEW.git_blob[:-1]), id="short-blob-name"),
        pytest.param(_row(afterGitBlob="g" * 40), id="blob-name-not-hex"),
        pytest.param(_row(afterGitBlob=None), id="no-blob-name"),
        pytest.param(_row(afterSha256=OLD.sha256), id="nothing-changed-but-git's-name"),
    ],
)
def test_a_row_that_transition_would_not_write_is_refused(row: Json) -> None:
    with pytest.raises(Malformed):
        Transition.from_row(row)


def test_the_longest_path_fits_and_a_sha256_repository_names_its_blobs_in_64_digits() -> None:
    assert Transition.from_row(_row(path="\u20ac" * 1365)).path == "\u20ac" * 1365
    node = Transition.from_row(_row(afterGitBlob="a" * 64)).after
    assert node is not None
    assert node.git_blob == "a" * 64


A, B = Transition("a", None, NEW), Transition("b", None, NEW)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(None, id="null"),
        pytest.param({}, id="an-object"),
        pytest.param([B.row(), A.row()], id="unsorted"),
        pytest.param([A.row(), A.row()], id="one-row-twice"),
        pytest.param([A.row(), Transition("a", OLD, None).row()], id="two-rows-for-one-path"),
        pytest.param([A.row(), None], id="a-row-that-is-none"),
        pytest.param(
            [Transition("\U0001f600", None, NEW).row(), Transition("\ufb33", None, NEW).row()], id="utf-16-order"
        ),
    ],
)
def test_rows_in_a_second_spelling_are_refused(rows: Json) -> None:
    with pytest.raises(Malformed):
        Change.from_rows(rows)


def test_more_rows_than_the_cap_are_refused_before_they_are_read() -> None:
    with pytest.raises(TooLarge):
        Change.from_rows([None] * 100_001)


def test_two_rows_for_one_path_do_not_make_a_change() -> None:
    with pytest.raises(Malformed, match="one row a path"):
        Change.of([A, Transition("a", OLD, None)])


def test_a_name_that_is_not_utf_8_can_be_sorted_but_never_signed() -> None:
    change = Change.of([Transition("b\udc80", None, NEW), A])
    assert [row.path for row in change.transitions] == ["a", "b\udc80"]
    with pytest.raises(Malformed):
        change.sha256()
