"""Attacks by what the git directory holds: names of commits, refs, objects and their indexes, all of the attacker's.

`test_git_attacks` has what is known to have worked elsewhere; here is what was tried on this reader. A refusal must
be one of ours, in time: no traceback, no crash of git that reads as an answer, nothing that waits for ever.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from countermark_ledger.node import Mode

from ..ledger.git.checkout import Checkout, tree_bytes
from .job import BUNDLES, POLICY, TRUST_ROOT, Blob, Job, policy_of
from .raw_trees import in_order, tree_with

CHANGED = {"app.py": "two = 2\n"}
UNSIGNED = "no signed statement accounts for it"


@pytest.fixture
def honest(job: Job) -> Job:
    """A job whose change is signed and would be merged."""
    job.change(CHANGED)
    return job


# --- the head ---------------------------------------------------------------------------------------


def _a_blob(job: Job) -> str:
    return job.git("rev-parse", "HEAD:app.py")


def _a_tree(job: Job) -> str:
    return job.git("rev-parse", "HEAD^{tree}")


def _a_tag_of_a_blob(job: Job) -> str:
    job.git("tag", "-a", "-m", "x", "of-a-blob", _a_blob(job))
    return "of-a-blob"


def _a_tag_that_names_its_object_late(job: Job) -> str:
    body = f"type commit\nobject {job.git('rev-parse', 'HEAD')}\ntag x\n\nx"
    return job.checkout.raw("tag", body.encode())


def _tags_of_tags(job: Job) -> str:
    for number in range(12):
        job.git("tag", "-a", "-m", "x", f"t{number}", f"t{number - 1}" if number else "HEAD")
    return "t11"


def _nothing(_job: Job) -> str:
    return "0" * 40


@pytest.mark.parametrize(
    ("head", "code", "words"),
    [
        (_a_blob, 12, "expected a commit, found a blob"),
        (_a_tree, 12, "expected a commit, found a tree"),
        (_a_tag_of_a_blob, 12, "expected a commit, found a blob"),
        (_a_tag_that_names_its_object_late, 12, "expected it to name an object first"),
        (_tags_of_tags, 12, "expected at most 8 tags in a row"),
        (_nothing, 20, "expected it in the repository, found none"),
    ],
)
def test_a_head_that_is_no_commit_is_refused(honest: Job, head: Callable[[Job], str], code: int, words: str) -> None:
    assert honest.gate(head=head(honest)).refused(code, None, words)


def test_a_head_by_its_annotated_tag_is_the_commit_that_was_tagged(honest: Job) -> None:
    honest.git("tag", "-a", "-m", "x", "v1")
    assert honest.gate(head="v1").passed()["head"] == honest.git("rev-parse", "HEAD")


@pytest.mark.parametrize(
    "name", ["HEAD@{1}", ":/set", "HEAD..main", "HEAD^{tree}", "refs/heads/../../HEAD", "HEAD:app.py", "config\n"]
)
def test_a_head_in_gits_other_languages_is_refused(honest: Job, name: str) -> None:
    assert honest.gate(head=name).refused(2, None, "expected an id or the name of a ref, found neither")


@pytest.mark.parametrize("option", ["--head", "--protected-ref", "--bundle-ref", "--repository"])
def test_a_name_that_looks_like_an_option_is_none(honest: Job, option: str) -> None:
    assert honest.gate(option, "--upload-pack=owned").refused(2, None, f"argument {option}: expected one argument")
    assert not (honest.root / "owned").exists()


def test_a_branch_that_looks_like_an_option_is_a_branch(honest: Job) -> None:
    honest.git("update-ref", "refs/heads/--output=owned", "HEAD")
    assert honest.gate(head="refs/heads/--output=owned").passed()
    assert not (honest.root / "owned").exists()


# --- refs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("ref: refs/heads/main\n", "symbolic refs nested deeper than 5", id="itself"),
        pytest.param("ref: ../../../../etc/passwd\n", "expected it to name a ref", id="a-path"),
        pytest.param("ref: refs/heads/../../../../etc/passwd\n", "expected it to name a ref", id="a-path-below-refs"),
        pytest.param("{main}\n{evil}\n", "expected an object id", id="two-lines"),
        pytest.param("{main} refs/heads/main\n", "expected an object id", id="a-packed-line"),
        pytest.param("", "expected an object id", id="nothing"),
    ],
)
def test_a_ref_that_two_readers_could_follow_in_two_ways_is_refused(honest: Job, content: str, words: str) -> None:
    ids = {"main": honest.git("rev-parse", "main"), "evil": honest.git("rev-parse", "HEAD")}
    (honest.git_dir / "refs/heads/main").write_text(content.format(**ids))
    assert honest.gate().refused(2, None, words)


def test_a_ref_that_is_packed_twice_is_refused(honest: Job) -> None:
    main, evil = honest.git("rev-parse", "main"), honest.git("rev-parse", "HEAD")
    (honest.git_dir / "refs/heads/main").unlink()
    (honest.git_dir / "packed-refs").write_text(f"{evil} refs/heads/main\n{main} refs/heads/main\n")
    assert honest.gate().refused(2, None, "expected one line in packed-refs, found 2")


def test_a_packed_ref_is_not_believed_about_what_its_tag_peels_to(honest: Job) -> None:
    main, evil = honest.git("rev-parse", "main"), honest.git("rev-parse", "HEAD")
    (honest.git_dir / "refs/heads/main").unlink()
    (honest.git_dir / "packed-refs").write_text(f"# pack-refs with: peeled\n{main} refs/heads/main\n^{evil}\n")
    assert honest.gate().passed()["tip"] == main


# --- the git directory ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pointer", "words"),
    [
        pytest.param("gitdir: {moved}\n", "expected the `.git` file of a linked work tree", id="elsewhere"),
        pytest.param(
            "gitdir: {host}\n", "expected the `.git` file of a linked work tree", id="a-repository-of-the-host"
        ),
        pytest.param("gitdir: .git\n", "expected the `.git` file of a linked work tree", id="itself"),
        pytest.param("gitdir: " + "a/" * 20_000, "expected a path that can be read", id="a-name-that-no-file-can-have"),
        pytest.param("gitdir: \0\n", "expected a path, found something else", id="a-nul"),
        pytest.param("", "expected a path, found something else", id="nothing"),
    ],
)
def test_a_git_file_that_lends_another_repository_is_refused(honest: Job, pointer: str, words: str) -> None:
    moved, host = honest.place / "moved", Checkout.new(honest.place / "host")
    shutil.move(honest.git_dir, moved)
    honest.git_dir.write_text(pointer.format(moved=moved, host=host.git_dir))
    assert honest.gate().refused(2, None, words)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_git_directory_that_is_none_is_refused(honest: Job, kind: str) -> None:
    shutil.move(honest.git_dir, honest.place / "moved")
    if kind == "pipe":
        os.mkfifo(honest.git_dir)
    else:
        honest.git_dir.symlink_to(honest.place / "moved")
    assert honest.gate().refused(2, None, "expected a directory or a file, found neither")


def test_variables_of_git_choose_no_repository(honest: Job) -> None:
    host = Checkout.new(honest.place / "host")
    host.commit(secret=b"s")
    names = ("GIT_DIR", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_INDEX_FILE")
    other = {"GIT_NAMESPACE": "x", "GIT_REPLACE_REF_BASE": "refs/x", "GIT_DEFAULT_HASH": "sha256"}
    chosen = {**dict.fromkeys(names, str(host.git_dir)), **other, "GIT_WORK_TREE": "/", "GIT_ALLOC_LIMIT": "1"}
    assert honest.gate(environ=chosen).passed()


# --- commits and trees ------------------------------------------------------------------------------


def changed_commit(job: Job, old: bytes, new: bytes) -> str:
    raw = job.git("cat-file", "commit", "HEAD").encode() + b"\n"
    assert old in raw
    return job.checkout.raw("commit", raw.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        pytest.param("tree {tree}", "tree " + "1" * 40, 20, "expected it in the repository", id="a-tree-that-is-gone"),
        pytest.param("tree {tree}", "tree {blob}", 12, "expected a tree, found a blob", id="a-tree-that-is-a-blob"),
        pytest.param("parent {main}", "parent {tree}", 20, "is a tree, not a commit", id="a-parent-that-is-a-tree"),
        pytest.param("parent", "parent " + "1" * 40 + "\nparent", 20, "Could not read", id="a-parent-that-is-gone"),
        pytest.param(
            "parent {main}\n", "parent {main}\n" * 65, 12, "at most 64 parents", id="an-octopus-of-sixty-five"
        ),
        pytest.param("author", "rohtua", 12, "author and committer first", id="nobodys-commit"),
        pytest.param("\n\n", "\n\n" + "x" * 2**20, 20, "expected at most 1048576 bytes", id="a-message-of-a-megabyte"),
    ],
)
def test_a_commit_that_is_not_what_git_writes_is_refused(
    honest: Job, old: str, new: str, code: int, words: str
) -> None:
    ids = {name: honest.git("rev-parse", of) for name, of in (("tree", "HEAD^{tree}"), ("main", "main"))}
    ids["blob"] = honest.git("rev-parse", "HEAD:app.py")
    head = changed_commit(honest, old.format(**ids).encode(), new.format(**ids).encode())
    assert honest.gate(head=head).refused(code, None, words)


def test_an_octopus_with_something_of_its_own_is_not_covered_by_its_parents(honest: Job) -> None:
    parents = [honest.git("rev-parse", "HEAD")]
    for number in range(3):
        entry = {b"o%d.txt" % number: ("100644", honest.checkout.blob(b"o\n"))}
        parents.append(honest.checkout.commit_tree(tree_with(honest.checkout, entry), "main"))
    evil = tree_with(honest.checkout, {b"evil.py": ("100644", honest.checkout.blob(b"e = 1\n"))}, "HEAD^{tree}")
    assert honest.gate(head=honest.checkout.commit_tree(evil, *parents)).refused(11, "evil.py", UNSIGNED)


@pytest.mark.parametrize(
    ("mode", "entry", "code", "words"),
    [
        pytest.param("40000", "blob", 12, "expected a tree, found a blob", id="a-folder-that-is-a-file"),
        pytest.param("100644", "tree", 12, "expected a blob, found a tree", id="a-file-that-is-a-folder"),
        pytest.param("100644", "main", 12, "expected a blob, found a commit", id="a-file-that-is-a-commit"),
        pytest.param("100644", "gone", 20, "expected it in the repository", id="a-file-that-is-gone"),
        pytest.param("100644", "zero", 2, "git merge-tree ended with", id="a-file-of-no-name"),
    ],
)
def test_an_entry_that_is_not_what_it_says_is_refused(
    honest: Job, mode: str, entry: str, code: int, words: str
) -> None:
    ids = {"gone": "1" * 40, "zero": "0" * 40, "blob": honest.git("rev-parse", "HEAD:app.py")}
    ids |= {"tree": honest.git("rev-parse", "HEAD^{tree}"), "main": honest.git("rev-parse", "main")}
    rows = [line.split(None, 3) for line in honest.git("ls-tree", "HEAD").splitlines()]
    entries = [(mode_, name.encode(), blob) for mode_, _, blob, name in rows]
    tree = honest.checkout.raw("tree", tree_bytes(in_order([*entries, (mode, b"zz.py", ids[entry])])))
    assert honest.gate(head=honest.checkout.commit_tree(tree, "main")).refused(code, None, words)


# --- packs and loose objects ------------------------------------------------------------------------


def repacked(job: Job) -> Path:
    job.git("repack", "-adq")
    (pack,) = (job.git_dir / "objects/pack").glob("*.pack")
    for file in pack.parent.iterdir():
        file.chmod(0o644)
    return pack


def test_junk_in_every_file_that_only_makes_git_faster_changes_nothing(honest: Job) -> None:
    """Bitmaps, reverse indexes, multi-pack indexes, commit graphs and their chains, and the marks beside a pack."""
    pack, info = repacked(honest), honest.git_dir / "objects/info"
    (info / "commit-graphs").mkdir(parents=True, exist_ok=True)
    for file in (*(pack.with_suffix(end) for end in (".bitmap", ".rev", ".mtimes", ".promisor", ".keep")),):
        file.write_bytes(b"BITM\0\1" + b"\xff" * 500)
    for file, magic in ((pack.parent / "multi-pack-index", b"MIDX\1\1"), (info / "commit-graph", b"CGPH\1\1")):
        file.write_bytes(magic + b"\xff" * 500)
    (info / "commit-graphs" / "commit-graph-chain").write_text("f" * 40 + "\n")
    assert honest.gate().passed()


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        pytest.param(lambda pack: pack.write_bytes(pack.read_bytes()[:-60]), 20, "found none", id="a-pack-cut-short"),
        pytest.param(lambda pack: pack.with_suffix(".idx").write_bytes(b""), 20, "found none", id="an-empty-index"),
        pytest.param(
            lambda pack: pack.write_bytes(pack.read_bytes()[:40] + bytes(60) + pack.read_bytes()[100:]),
            2,
            "git cat-file stopped before it answered",
            id="a-pack-of-zeros",
        ),
    ],
)
def test_a_damaged_pack_is_no_answer(honest: Job, spoil: Callable[[Path], object], code: int, words: str) -> None:
    spoil(repacked(honest))
    assert honest.gate().refused(code, None, words)


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        pytest.param(lambda: b"blob 8\0" + bytes(100_000_000), 12, "expected bytes of this name", id="bomb"),
        pytest.param(lambda: b"blob 99999999999999999999\0x", 2, "git cat-file stopped", id="a-size-past-64-bits"),
        pytest.param(lambda: b"tree 8\0two = 2\n", 12, "expected a blob, found a tree", id="another-kind"),
        pytest.param(lambda: b"blob -8\0two = 2\n", 20, "found none", id="less-than-nothing"),
    ],
)
def test_a_loose_object_that_lies_about_itself_is_refused(
    honest: Job, raw: Callable[[], bytes], code: int, words: str
) -> None:
    place = honest.checkout.loose(honest.git("rev-parse", "HEAD:app.py"))
    place.unlink()
    place.write_bytes(zlib.compress(raw(), 9))
    assert honest.gate().refused(code, None, words)


def test_a_file_of_a_gigabyte_is_refused_unread(honest: Job) -> None:
    place = honest.checkout.loose(honest.git("rev-parse", "HEAD:app.py"))
    place.unlink()
    place.write_bytes(zlib.compress(b"blob 1000000000\0" + bytes(1_000_000), 9))
    assert honest.gate().refused(11, "app.py", "a file of 1000000000 bytes, more than are read")


# --- the policy's own files -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "content", "code", "words"),
    [
        pytest.param(POLICY, Blob(b"good.json", Mode.SYMLINK), 12, "JSON document", id="a-policy-that-is-a-link"),
        pytest.param(TRUST_ROOT, Blob(b"good.json", Mode.SYMLINK), 12, "JSON document", id="a-root-that-is-a-link"),
        pytest.param(POLICY, b"version https://git-lfs.github.com/spec/v1\n", 12, "JSON document", id="an-lfs-pointer"),
        pytest.param(POLICY, b" " * 2**20 + b"{}", 20, "expected at most 1048576 bytes", id="a-policy-of-a-megabyte"),
        pytest.param(POLICY, b"", 12, "JSON document", id="an-empty-policy"),
        pytest.param(POLICY, None, 2, "expected .countermark/policy.json at its tip", id="no-policy"),
    ],
)
def test_a_policy_that_is_no_file_of_its_own_decides_nothing(
    job: Job, path: str, content: bytes | Blob | None, code: int, words: str
) -> None:
    """It landed by some other way than this gate; where the link leads, a good policy lies."""
    good = json.dumps(policy_of(job.key)) if path == POLICY else job.authority.trust.encode()
    job.on_main({path: content, ".countermark/good.json": good})
    job.change(CHANGED)
    assert job.gate().refused(code, None, words)


# --- the evidence's own ref and folder --------------------------------------------------------------


def _of_a_blob(job: Job, place: Path) -> None:
    place.write_text(job.checkout.blob(b"x") + "\n")


def _a_pipe(_job: Job, place: Path) -> None:
    os.mkfifo(place)


def _a_link(_job: Job, place: Path) -> None:
    place.symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    ("plant", "code", "words"),
    [
        (_of_a_blob, 12, "expected a commit, found a blob"),
        (_a_pipe, 2, "expected a regular file"),
        (_a_link, 2, "expected a readable regular file"),
    ],
)
def test_a_bundle_ref_that_is_none_is_refused_and_not_passed_over(
    honest: Job, plant: Callable[[Job, Path], None], code: int, words: str
) -> None:
    place = honest.git_dir / BUNDLES
    place.parent.mkdir(parents=True)
    plant(honest, place)
    assert honest.gate().refused(code, None, words)


def test_links_pipes_and_depth_in_a_folder_of_bundles_cost_nobody_an_answer(honest: Job) -> None:
    honest.offer()
    (honest.offered / "loop").symlink_to(".")
    (honest.offered / "ab").mkdir(exist_ok=True)
    (honest.offered / "ab" / ("f" * 64 + ".sigstore.json")).symlink_to("/dev/zero")
    os.mkfifo(honest.offered / "ab" / ("e" * 64 + ".sigstore.json"))
    deep = honest.offered
    for _ in range(300):
        deep /= "deep"
    deep.mkdir(parents=True)
    assert honest.gate(offer=False).passed()
