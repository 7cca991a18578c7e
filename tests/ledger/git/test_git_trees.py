"""Tree objects have one reading, and walks over them end."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.errors import Malformed, TooLarge
from countermark_ledger.git import Repository, listings, trees
from countermark_ledger.git.trees import Entry
from countermark_ledger.node import MAX_PATH_BYTES, Mode

from .checkout import Checkout, tree_bytes

A, B = "a" * 40, "b" * 40
NAMES = st.binary(min_size=1, max_size=8).filter(lambda name: b"\0" not in name and b"/" not in name)
MODES = st.sampled_from(["40000", "100644", "100755", "120000", "160000"])


@pytest.mark.parametrize("id_bytes", [20, 32])
@given(data=st.data())
def test_a_tree_in_git_order_is_read_back_as_it_was_written(id_bytes: int, data: st.DataObject) -> None:
    kinds = data.draw(st.dictionaries(NAMES, MODES, max_size=6))
    rows = sorted(
        ((mode, name, A[:2] * id_bytes) for name, mode in kinds.items()),
        key=lambda row: row[1] + (b"/" if row[0] == "40000" else b""),
    )
    parsed = trees.parse(tree_bytes(rows), id_bytes=id_bytes)
    assert [(mode.decode(), name, of.hex()) for name, (mode, of) in parsed.items()] == rows


@given(st.binary(max_size=80))
def test_bytes_that_are_no_tree_are_refused_and_never_crash(raw: bytes) -> None:
    try:
        parsed = trees.parse(raw, id_bytes=20)
    except Malformed:
        return
    assert b"".join(mode + b" " + name + b"\0" + of for name, (mode, of) in parsed.items()) == raw


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([("100644", b"a", A), ("100644", b"a", B)], id="one-name-twice"),
        pytest.param([("100644", b"a", A), ("40000", b"a", B)], id="a-file-and-a-directory-of-one-name"),
        pytest.param([("100644", b"b", A), ("100644", b"a", B)], id="out-of-order"),
        pytest.param([("40000", b"a", A), ("100644", b"a.b", B)], id="a-directory-ordered-like-a-file"),
        pytest.param([("100644", b"a/b", A)], id="a-slash-in-a-name"),
        pytest.param([("100644", b"", A)], id="no-name"),
        pytest.param([("060000", b"a", A)], id="a-device"),
        pytest.param([("010000", b"a", A)], id="a-fifo"),
        pytest.param([("100644", b"a", A[:38])], id="a-short-id"),
        pytest.param([("9", b"a", A)], id="no-mode"),
    ],
)
def test_a_tree_that_two_readers_would_read_differently_is_refused(rows: list[tuple[str, bytes, str]]) -> None:
    with pytest.raises(Malformed):
        trees.parse(tree_bytes(rows), id_bytes=20)


@pytest.mark.parametrize(
    ("spelled", "mode"),
    [(b"100664", Mode.FILE), (b"100775", Mode.EXECUTABLE), (b"040000", None), (b"120777", Mode.SYMLINK)],
)
def test_modes_of_old_programs_are_read_as_git_reads_them(spelled: bytes, mode: Mode | None) -> None:
    assert trees.mode_of(spelled) == mode


@pytest.fixture
def sample(checkout: Checkout) -> str:
    checkout.write("a/b/c.py", b"1")
    checkout.write("a.txt", b"2", mode=0o755)
    checkout.write("a/z", b"3")
    (checkout.path / "link").symlink_to("a/z")
    checkout.write('od"d\n\xe9', b"4")
    pinned = checkout.commit(sub__py=b"5")
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{pinned},module")
    checkout.git("commit", "-q", "-m", "module")
    return checkout.git("rev-parse", "HEAD")


def test_the_listing_is_byte_for_byte_what_git_lists(checkout: Checkout, sample: str) -> None:
    ours = checkout.git("ls-tree", "-r", "-z", sample).encode("utf-8", "surrogateescape")
    with Repository.open(checkout.path) as repository:
        assert repository.listing_sha256(sample) == hashlib.sha256(ours).hexdigest()
        assert repository.listing_sha256(repository.commit(sample).tree) == hashlib.sha256(ours).hexdigest()
        assert len(repository.tree(sample)) == ours.count(b"\0") == 7


def test_the_listing_of_an_empty_tree_is_empty(checkout: Checkout) -> None:
    empty = checkout.commit()
    with Repository.open(checkout.path) as repository:
        assert repository.listing_sha256(empty) == hashlib.sha256(b"").hexdigest()
        assert repository.tree(empty) == {}


def test_one_listing_after_another_is_the_one_git_spells(
    checkout: Checkout, sample: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = [sample, checkout.commit(new__py=b"7"), sample]
    checkout.write("a/b/c.py", b"changed")
    commits.append(checkout.commit())
    said = [checkout.git("ls-tree", "-r", "-z", one).encode("utf-8", "surrogateescape") for one in commits]
    expected = [hashlib.sha256(one).hexdigest() for one in said]
    assert len(set(expected)) == 3
    for kept in (listings.MAX_KEPT, 0):
        monkeypatch.setattr(listings, "MAX_KEPT", kept)
        with Repository.open(checkout.path) as repository:
            assert [repository.listing_sha256(one) for one in commits] == expected


def test_a_few_paths_are_looked_up_in_many_trees_at_once(checkout: Checkout, sample: str) -> None:
    after = checkout.commit(new__py=b"7")
    with Repository.open(checkout.path) as repository:
        trees_ = [repository.commit(one).tree for one in (sample, after)]
        found = repository.entries_of(trees_, ["new.py", "a/b/c.py"])
        assert found == {tree: repository.entries(tree, ["new.py", "a/b/c.py"]) for tree in trees_}
        repository.forget_trees()
        repository.read_below(trees_)
        assert found == repository.entries_of(trees_, ["new.py", "a/b/c.py"])


def test_what_moved_of_a_few_paths_is_what_looking_each_of_them_up_says(checkout: Checkout, sample: str) -> None:
    with Repository.open(checkout.path) as repository:
        paths = [*repository.tree(sample), "a", "a/b", "a/b/c.py/below", "new.py", "absent/below", "a.txt/below"]
    commits = [sample, checkout.commit(new__py=b"7")]
    checkout.write("a/b/c.py", b"changed")
    commits.append(checkout.commit())
    checkout.git("rm", "-q", "a/b/c.py", "a.txt")
    checkout.write("a/b/c.py/below", b"a folder in the place of a file")
    checkout.write("a.txt/below", b"another")
    commits.append(checkout.commit())
    with Repository.open(checkout.path) as repository:
        trees_ = [None, *(repository.commit(one).tree for one in commits)]
        pairs = {f"{old} {new}": (old, new) for old in trees_ for new in trees_ if new is not None}
        at = {tree: repository.entries(tree, paths) if tree else dict.fromkeys(paths) for tree in trees_}
        expected = {
            key: {path: at[new][path] for path in paths if at[old][path] != at[new][path]}
            for key, (old, new) in pairs.items()
        }
        assert repository.moved(pairs, paths) == expected
        assert sum(map(len, expected.values())) > 30
        assert repository.moved(pairs, []) == {key: {} for key in pairs}


def test_a_tree_lists_gitlinks_links_and_odd_names(checkout: Checkout, sample: str) -> None:
    with Repository.open(checkout.path) as repository:
        listed = repository.tree(sample)
    assert listed["module"].mode is Mode.GITLINK
    assert listed["link"].mode is Mode.SYMLINK
    assert listed["a.txt"].mode is Mode.EXECUTABLE
    assert 'od"d\n\xe9' in listed


def test_the_difference_is_the_one_git_finds(checkout: Checkout, sample: str) -> None:
    checkout.write("a.txt", b"2", mode=0o644)
    (checkout.path / "a" / "b" / "c.py").unlink()
    checkout.write("a/b/c.py/deeper", b"6")
    (checkout.path / "a" / "z").unlink()
    after = checkout.commit(new__py=b"7")
    with Repository.open(checkout.path) as repository:
        found = repository.diff(sample, after)
    raw = checkout.git("diff-tree", "-r", "-z", "--no-renames", "--name-only", sample, after)
    assert [row.path for row in found] == raw.split("\0")[:-1]
    assert {row.path: (row.before is None, row.after is None) for row in found} == {
        "a.txt": (False, False),
        "a/b/c.py": (False, True),
        "a/b/c.py/deeper": (True, False),
        "a/z": (False, True),
        "module": (False, True),
        "new.py": (True, False),
    }


def test_equal_trees_do_not_differ(checkout: Checkout, sample: str) -> None:
    with Repository.open(checkout.path) as repository:
        assert repository.diff(sample, sample) == []


def test_two_spellings_of_one_mode_are_no_difference(checkout: Checkout) -> None:
    blob = checkout.blob(b"1")
    old, new = (checkout.tree([(mode, b"a", blob)]) for mode in ("100664", "100644"))
    with Repository.open(checkout.path) as repository:
        assert repository.diff(old, new) == []
        assert repository.tree(old) == {"a": Entry(Mode.FILE, blob)}


def test_a_few_paths_are_looked_up_without_listing_all(checkout: Checkout, sample: str) -> None:
    with Repository.open(checkout.path) as repository:
        found = repository.entries(sample, ["a/b/c.py", "a", "a/absent", "absent/x", "a.txt/x", "link", "a/b"])
    assert {path for path, entry in found.items() if entry is not None} == {"a/b/c.py", "link"}
    assert found["a/b/c.py"].blob == hashlib.sha1(b"blob 1\x001").hexdigest()  # noqa: S324  # git's own name


def _bomb(checkout: Checkout, depth: int) -> str:
    tree = checkout.tree([("100644", b"f%d" % number, checkout.blob(b"x")) for number in range(10)])
    for _ in range(depth):
        tree = checkout.tree([("40000", b"d%d" % number, tree) for number in range(10)])
    return tree


def test_ten_trees_that_unfold_into_ten_billion_files_end_at_the_cap(checkout: Checkout) -> None:
    bomb, empty = _bomb(checkout, 9), checkout.tree([])
    with Repository.open(checkout.path) as repository:
        with pytest.raises(TooLarge, match="at most"):
            repository.diff(empty, bomb)
        loaded = list(trees.load_all(repository._load, [bomb]))
        assert len(loaded) == 10
        with pytest.raises(TooLarge, match="at most"):
            list(trees.files(repository._load, bomb, limit=1000))
        with pytest.raises(TooLarge, match="at most"):
            listings.Listings(repository._load, 1000).sha256(bomb)


def test_a_path_beyond_the_cap_ends_the_walk(checkout: Checkout) -> None:
    tree = checkout.tree([("100644", b"f", checkout.blob(b"x"))])
    for _ in range(MAX_PATH_BYTES // 200 + 1):
        tree = checkout.tree([("40000", b"d" * 200, tree)])
    with Repository.open(checkout.path) as repository:
        with pytest.raises(TooLarge, match="paths"):
            repository.diff(checkout.tree([]), tree)
        with pytest.raises(TooLarge, match="paths"):
            repository.listing_sha256(tree)
