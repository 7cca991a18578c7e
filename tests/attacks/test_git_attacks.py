"""Attacks by git and by files: a checkout that is hostile in every byte, judged by the gate as a process.

Nothing in it may run, nothing in it may be believed, and nothing may hold the job for ever. Where the attack must
simply have no effect, the honest change still passes: refusing everybody is no answer.
"""

from __future__ import annotations

import os
import subprocess
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from countermark_ledger.node import Change, Mode, Node, Transition

from ..ledger.git.checkout import Checkout, tree_bytes
from .job import BUNDLES, POLICY, Answer, Blob, Job, SshKey
from .raw_trees import in_order, tree_with
from .trap import plant_programs

CHANGED = {"app.py": "two = 2\n"}
UNSIGNED = "no signed statement accounts for it"
EVIL = b"evil = 1\n"
NewJob = Callable[[Path], Job]
Once = Callable[[str, Callable[[], Answer]], Answer]


@pytest.fixture
def honest(job: Job) -> Job:
    """A job whose change is signed and would be merged."""
    job.change(CHANGED)
    return job


def theirs(job: Job, *words: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run git in the hostile checkout as anybody would who trusts it: the control of an experiment."""
    env = {"PATH": os.environ["PATH"], "HOME": str(job.place), **(environ or {})}
    return subprocess.run(["git", *words], cwd=job.root, env=env, capture_output=True, check=False)


# --- programs that git runs -------------------------------------------------------------------------


def test_configuration_hooks_filters_and_drivers_run_nothing(honest: Job) -> None:
    """Of the checkout, of a home that the change chose, and of the environment; and git is ours, not a planted one."""
    sprung, environ = plant_programs(honest.checkout, honest.place)
    (honest.root / "git").write_text(f"#!/bin/sh\ntouch {sprung}\n")
    (honest.root / "git").chmod(0o755)
    path = os.pathsep.join([".", "", os.environ["PATH"]])
    assert honest.gate(environ={**environ, "PATH": path, "HOME": str(honest.place)}).passed()
    assert not sprung.exists()
    theirs(honest, "status", environ=environ)
    assert sprung.exists()


def test_a_verifier_that_the_checkout_names_is_not_asked(job: Job) -> None:
    """For git the stranger's commit is good: the checkout brings the program, and the list of whom to trust."""
    stranger = SshKey()
    says_good = job.place / "says-good"
    says_good.write_text('#!/bin/sh\necho "Good \\"git\\" signature for p1 with ED25519 key SHA256:x"\n')
    says_good.chmod(0o755)
    (job.place / "signers").write_text(f"p1 {stranger.line}\n")
    settings = {"gpg.format": "ssh", "gpg.ssh.program": says_good, "gpg.ssh.allowedSignersFile": job.place / "signers"}
    for name, value in settings.items():
        job.git("config", name, str(value))
    job.commit_signed(CHANGED, stranger)
    assert theirs(job, "log", "-1", "--format=%G?").stdout == b"G\n"
    assert job.gate().refused(11, "app.py", UNSIGNED)


# --- objects that stand for others ------------------------------------------------------------------


def test_a_replaced_object_is_not_followed(job: Job) -> None:
    """Whoever looks at the checkout sees the signed file; what would land is another one."""
    job.sign(job.write(CHANGED))
    good = job.checkout.blob(b"two = 2\n")
    job.commit({"app.py": EVIL})
    job.git("replace", job.git("rev-parse", "HEAD:app.py"), good)
    assert job.git("show", "HEAD:app.py") == "two = 2"
    assert job.gate().refused(11, "app.py", "the last signed content is 100644")


def test_a_replaced_commit_is_not_followed(honest: Job) -> None:
    signed = honest.git("rev-parse", "HEAD")
    evil = honest.commit({"app.py": EVIL})
    honest.git("replace", evil, signed)
    assert honest.git("show", "HEAD:app.py") == "two = 2"
    assert honest.gate().refused(11, "app.py", "the last signed content is 100644")


def test_grafted_parents_are_not_followed(job: Job) -> None:
    """An unrelated history, and a file that tells git that it began at the protected tip."""
    evil = job.checkout.commit_tree(job.git("rev-parse", "HEAD^{tree}"))
    (job.git_dir / "info").mkdir(exist_ok=True)
    (job.git_dir / "info" / "grafts").write_text(f"{evil} {job.git('rev-parse', 'main')}\n")
    assert theirs(job, "merge-base", "main", evil).returncode == 0
    assert job.gate(head=evil).refused(11, None, "expected a common ancestor, found none")


def _absolute(_job: Job, host: Checkout) -> str:
    return f"{host.git_dir}/objects\n"


def _relative(_job: Job, _host: Checkout) -> str:
    return "../../../host/.git/objects\n"


def _quoted(job: Job, host: Checkout) -> str:
    (job.git_dir / "objects" / f'"{host.git_dir}' / 'objects"').mkdir(parents=True)
    return f'"{host.git_dir}/objects"\n'


def _by_a_link(job: Job, host: Checkout) -> str:
    (job.git_dir / "lent").symlink_to(host.git_dir / "objects")
    return "../lent\n"


def _by_a_chain(job: Job, host: Checkout) -> str:
    """One store of its own, which lends another's."""
    (job.git_dir / "lent" / "info").mkdir(parents=True)
    (job.git_dir / "lent" / "info" / "alternates").write_text(f"{host.git_dir}/objects\n")
    return "../lent\n"


@pytest.mark.parametrize("spell", [_absolute, _relative, _quoted, _by_a_link, _by_a_chain])
def test_an_alternate_lends_no_objects_of_the_host(honest: Job, spell: Callable[[Job, Checkout], str]) -> None:
    host = Checkout.new(honest.place / "host")
    host.commit(secret=b"s")
    (honest.git_dir / "objects" / "info").mkdir(exist_ok=True)
    (honest.git_dir / "objects" / "info" / "alternates").write_text(spell(honest, host))
    reason = honest.gate().refused(2, None, "expected its own objects, found alternates elsewhere")
    assert reason.hint == "git repack -a -d && rm .git/objects/info/alternates"


def test_alternates_that_name_each_other_for_ever_come_to_an_end(honest: Job) -> None:
    for name, other in (("one", "two"), ("two", "one")):
        (honest.git_dir / name / "info").mkdir(parents=True)
        (honest.git_dir / name / "info" / "alternates").write_text(f"../{other}\n")
    (honest.git_dir / "objects" / "info").mkdir(exist_ok=True)
    (honest.git_dir / "objects" / "info" / "alternates").write_text("../one\n")
    assert honest.gate().passed()


# --- attributes, and content that is elsewhere ------------------------------------------------------

ATTRIBUTES = "* export-ignore -diff -text eol=crlf working-tree-encoding=UTF-16LE ident linguist-generated merge=ours\n"


@pytest.mark.parametrize("where", ["work tree", "info"])
def test_attributes_hide_no_change(job: Job, where: str) -> None:
    job.commit(CHANGED)
    (job.git_dir / "info").mkdir(exist_ok=True)
    place = job.root / ".gitattributes" if where == "work tree" else job.git_dir / "info" / "attributes"
    place.write_text(ATTRIBUTES)
    assert job.gate().refused(11, "app.py", UNSIGNED)


def test_attributes_that_landed_hide_no_change(job: Job) -> None:
    """Written by plumbing: `git add` would obey them, and turn the files of this test into something else."""
    checkout = job.checkout
    entry = ("100644", checkout.blob(ATTRIBUTES.encode()))
    main = checkout.commit_tree(tree_with(checkout, {b".gitattributes": entry}), "main")
    job.git("update-ref", "refs/heads/main", main)
    job.git("read-tree", main)
    job.git("update-index", "--cacheinfo", f"100644,{checkout.blob(b'two = 2')},app.py")
    assert job.gate(head=checkout.commit_tree(job.git("write-tree"), main)).refused(11, "app.py", UNSIGNED)


def test_what_the_work_tree_and_the_index_show_decides_nothing(honest: Job) -> None:
    """Sparse, assumed unchanged, staged, filtered, or no index at all: blobs of commits are what lands."""
    for words in (("--skip-worktree", "app.py"), ("--assume-unchanged", "app.py")):
        honest.git("update-index", *words)
    honest.git("config", "core.sparseCheckout", "true")
    (honest.root / "app.py").write_bytes(EVIL)
    (honest.git_dir / "index").write_bytes(b"not an index")
    assert honest.gate().passed()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12\n"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param("model.py", LFS, id="in-place-of-code"),
        pytest.param("data.bin", LFS, id="in-place-of-data"),
        pytest.param(POLICY, LFS, id="in-place-of-the-policy"),
        pytest.param("notes.txt", b"\n\n " + LFS, id="behind-white-space"),
        pytest.param("notes.txt", LFS + b" " * 1024 + b"x", id="with-more-than-git-lfs-reads"),
        pytest.param(
            "notes.txt", LFS.replace(b"https://git-lfs.github.com/spec/v1", b"http://git-media.io/v/2"), id="old"
        ),
    ],
)
def test_a_pointer_to_content_elsewhere_is_not_covered(job: Job, path: str, content: bytes) -> None:
    job.claim(job.write({path: content}))
    job.commit()
    assert job.gate().refused(11, path, "a Git LFS pointer: its content is in another store")


def test_a_submodule_is_neither_covered_nor_entered(job: Job) -> None:
    """With the carriage return and the URL that made recursive clones run hooks."""
    sprung = job.place / "sprung"
    modules = f'[submodule "x"]\n\tpath = "mod\r"\n\turl = ext::sh -c touch% {sprung}\n\tupdate = !touch {sprung}\n'
    job.claim(job.write({".gitmodules": modules}))
    job.git("add", "-A")
    pinned = job.git("rev-parse", "main")
    job.git("update-index", "--add", "--cacheinfo", f"160000,{pinned},mod")
    (row,) = [Transition("mod", None, Node(Mode.GITLINK, "0" * 64, pinned))]
    job.claim(Change.of([row]))
    job.git("commit", "-q", "-m", "a submodule")
    answer = job.gate()
    assert answer.refused(11, "mod", "a submodule")
    assert not sprung.exists()


# --- names ------------------------------------------------------------------------------------------

CONTROL, INVISIBLE, TWIN = (
    "a control character",
    "an invisible or bidi character",
    "a name that some file systems or readers take for",
)
DOT_GIT = "a name that some file systems read as .git"
REFUSED: dict[str, tuple[list[bytes], str]] = {
    "newline": ([b"a\nb.py"], CONTROL),
    "tab": ([b"a\tb.py"], CONTROL),
    "escape-sequence": ([b"\x1b[2Ja.py"], CONTROL),
    "delete": ([b"a\x7f.py"], CONTROL),
    "c1-control": (["a\x9b2J.py".encode()], CONTROL),
    "bidi-override": (["a\u202eyp.txt".encode()], INVISIBLE),
    "bidi-isolate": (["a\u2066b.py".encode()], INVISIBLE),
    "zero-width-space": (["a\u200bb.py".encode()], INVISIBLE),
    "tag-characters": (["a\U000e0061.py".encode()], INVISIBLE),
    "soft-hyphen": (["a\u00adb.py".encode()], INVISIBLE),
    "variation-selector": (["a\ufe0f.py".encode()], "an invisible"),
    "hangul-filler": (["a\u3164.py".encode()], "an invisible"),
    "no-break-space": (["a\u00a0b.py".encode()], "a space that is not the space"),
    "line-separator": (["a\u2028b.py".encode()], "a line separator"),
    "private-use": (["a\ue000.py".encode()], "a private character"),
    "unassigned": (["a\u0378.py".encode()], "an unassigned character"),
    "invalid-utf-8": ([b"a\xff.py"], "a name that is not UTF-8"),
    "overlong-utf-8": ([b"a\xc0\xaf.py"], "a name that is not UTF-8"),
    "surrogate": ([b"a\xed\xa0\x80.py"], "a name that is not UTF-8"),
    "dot-dot": ([b".."], "a path with '..' between slashes"),
    "dot": ([b"."], "a path with '.' between slashes"),
    "dot-dot-by-backslash": ([b"a\\..\\..\\b.py"], "a path with '..' between slashes or backslashes"),
    "git": ([b".git"], DOT_GIT),
    "git-in-capitals": ([b".GIT"], DOT_GIT),
    "git-short-name": ([b"git~1"], DOT_GIT),
    "git-with-a-dot": ([b".git."], DOT_GIT),
    "git-with-a-space": ([b".git "], DOT_GIT),
    "git-stream": ([b".git::$INDEX_ALLOCATION"], DOT_GIT),
    "git-full-width": (["\uff0e\uff47\uff49\uff54".encode()], DOT_GIT),
    "git-with-an-ignorable": (["\u200c.git".encode()], INVISIBLE),
    "case-twins": ([b"Readme.py", b"readme.py"], TWIN),
    "nfc-nfd-twins": ([unicodedata.normalize(form, "é.py").encode() for form in ("NFC", "NFD")], TWIN),
    "ligature-twins": (["\ufb01le.py".encode(), b"file.py"], TWIN),
    "sharp-s-twins": (["straße.py".encode(), b"strasse.py"], TWIN),
    "trailing-dot-twins": ([b"a.py", b"a.py."], TWIN),
    "trailing-space-twins": ([b"a.py", b"a.py "], TWIN),
    "full-width-twins": ([b"a.py", "\uff41.py".encode()], TWIN),
    "homoglyph-twins": ([b"apple.py", "\u0430pple.py".encode()], TWIN),
    "greek-twins": ([b"vox.py", "v\u03bfx.py".encode()], TWIN),
}
FINE = [
    b"-rf.py",
    b"--output=x.py",
    b'it\'s "quoted".py',
    b"$(touch owned).py",
    "naïve.py".encode(),
    "привет.py".encode(),
]


def signed_as_far_as_can_be(job: Job, paths: Iterable[bytes]) -> None:
    """Let an agent sign every name that a statement can spell, so that a name is refused for what it is."""
    node = Node.of_blob(Mode.FILE, b"x = 1\n")
    spelled = [path.decode() for path in paths if path.isascii() or _is_utf8(path)]
    job.sign(Change.of(Transition(path, None, node) for path in spelled))


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.fixture(scope="module")
def named(new_job: NewJob, once_for_all: Once, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """One change that brings every bad name, each in a folder of its own; its one answer is shared."""

    def ask() -> Answer:
        job = new_job(tmp_path_factory.mktemp("named"))
        checkout, blob = job.checkout, job.checkout.blob(b"x = 1\n")
        folders = {
            folder.encode(): ("40000", checkout.tree(in_order(("100644", name, blob) for name in names)))
            for folder, (names, _) in REFUSED.items()
        }
        paths = [b"%s/%s" % (folder.encode(), name) for folder, (names, _) in REFUSED.items() for name in names]
        signed_as_far_as_can_be(job, paths)
        return job.gate(head=checkout.commit_tree(tree_with(checkout, folders), "main"))

    return once_for_all("named", ask)


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_two_readers_could_see_in_two_ways_is_refused(named: Answer, name: str) -> None:
    names, words = REFUSED[name]
    mine = [one for one in named.reasons if one.code == 11 and str(one.path).startswith(f"{name}/")]
    assert [words in one.message for one in mine] == [True] * len(names), (mine, named.told)
    assert named.code == 11, named.told
    assert all(str(one.path).isprintable() for one in mine)


def test_an_odd_name_that_everybody_sees_alike_can_be_signed(job: Job) -> None:
    blob = job.checkout.blob(b"x = 1\n")
    signed_as_far_as_can_be(job, FINE)
    tree = tree_with(job.checkout, dict.fromkeys(FINE, ("100644", blob)))
    assert job.gate(head=job.checkout.commit_tree(tree, "main")).passed()
    assert not (job.root / "owned").exists()


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        pytest.param("100644", b"APP.py", id="a-file-beside-the-one-that-landed"),
        pytest.param("120000", b"App.py", id="a-link-beside-the-one-that-landed"),
        pytest.param("40000", b"APP.PY", id="a-folder-beside-the-one-that-landed"),
        pytest.param("160000", b"aPP.py", id="a-submodule-beside-the-one-that-landed"),
        pytest.param("40000", b".Countermark", id="a-folder-beside-that-of-the-policy"),
    ],
)
def test_a_twin_of_what_landed_is_refused(job: Job, mode: str, name: bytes) -> None:
    """On a file system that folds case, one of the two takes the other's place: that is how clones ran hooks."""
    checkout = job.checkout
    blob = checkout.blob(b"x = 1\n")
    entry = {"40000": checkout.tree([("100644", b"x.py", blob)]), "160000": job.git("rev-parse", "main")}.get(
        mode, blob
    )
    path = name + b"/x.py" * (mode == "40000")
    signed_as_far_as_can_be(job, [path])
    head = checkout.commit_tree(tree_with(checkout, {name: (mode, entry)}), "main")
    assert job.gate(head=head).refused(11, path.decode(), TWIN)


def test_a_path_without_an_end_is_refused_before_it_is_walked(job: Job) -> None:
    tree = job.checkout.tree([("100644", b"x.py", job.checkout.blob(b"x = 1\n"))])
    for _ in range(60):
        tree = job.checkout.tree([("40000", b"d" * 100, tree)])
    head = job.checkout.commit_tree(tree_with(job.checkout, {b"deep": ("40000", tree)}), "main")
    assert job.gate(head=head).refused(20, None, "expected paths of at most 4096 bytes")


# --- trees that are not what they seem --------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        pytest.param([("100644", b"a"), ("100644", b"a")], "expected each name once, in order", id="a-name-twice"),
        pytest.param([("100644", b"b"), ("100644", b"a")], "expected each name once, in order", id="out-of-order"),
        pytest.param([("100644", b"a/b")], "expected entries from end to end", id="a-slash-in-a-name"),
        pytest.param([("100644", b"")], "expected entries from end to end", id="an-empty-name"),
        pytest.param([("170000", b"a")], "expected a mode that git writes", id="a-mode-of-nothing"),
        pytest.param([("000000", b"a")], "expected a mode that git writes", id="a-mode-of-zero"),
    ],
)
def test_a_tree_that_git_reads_in_another_way_is_refused(job: Job, rows: list[tuple[str, bytes]], words: str) -> None:
    blob = job.checkout.blob(b"x = 1\n")
    tree = job.checkout.raw("tree", tree_bytes((mode, name, blob) for mode, name in rows))
    head = job.checkout.commit_tree(tree_with(job.checkout, {b"sub": ("40000", tree)}), "main")
    assert job.gate(head=head).refused(12, None, f"tree object: {words}")


def test_junk_behind_the_last_entry_of_a_tree_is_refused(job: Job) -> None:
    tree = job.checkout.raw("tree", tree_bytes([("100644", b"a", job.checkout.blob(b"x"))]) + b"junk")
    head = job.checkout.commit_tree(tree_with(job.checkout, {b"sub": ("40000", tree)}), "main")
    assert job.gate(head=head).refused(12, None, "tree object: expected entries from end to end")


# --- links, pipes and devices -----------------------------------------------------------------------


def test_links_pipes_and_hard_links_in_the_work_tree_are_not_opened(honest: Job) -> None:
    secret = honest.place / "secret"
    secret.write_text("s")
    (honest.root / "app.py").unlink()
    os.mkfifo(honest.root / "app.py")
    os.mkfifo(honest.root / ".countermark" / "pipe")
    (honest.root / "hard").hardlink_to(secret)
    (honest.root / "zero").symlink_to("/dev/zero")
    (honest.root / "loop").symlink_to("loop")
    (honest.root / ".countermark" / "policy.json").unlink()
    (honest.root / ".countermark" / "policy.json").symlink_to("/dev/zero")
    assert honest.gate().passed()


def test_a_signed_link_is_of_a_type_that_no_scanner_reads(job: Job) -> None:
    job.change({"link.py": Blob(b"/etc/passwd", Mode.SYMLINK)})
    assert job.gate().refused(10, "link.py", "no scanner knows this type of file: symlink")


@pytest.mark.parametrize("name", [".gitattributes", "sub/.gitignore", ".mailmap"])
def test_a_link_in_place_of_a_file_that_git_reads_is_refused(job: Job, name: str) -> None:
    job.claim(job.write({name: Blob(b"../../../../etc/passwd", Mode.SYMLINK)}))
    job.commit()
    assert job.gate().refused(11, name, "a symbolic link in place of a file that git reads")


def _fifo(place: Path, _host: Path) -> None:
    os.mkfifo(place)


def _link(place: Path, host: Path) -> None:
    place.symlink_to(host)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *((name, _link) for name in ("config", "packed-refs", "shallow", "refs/heads/main", "objects/pack/p.pack")),
        *((name, _fifo) for name in ("HEAD", "refs/heads/main", "objects/info/alternates")),
    ],
)
def test_a_link_or_a_pipe_inside_the_git_directory_is_refused(
    honest: Job, name: str, how: Callable[[Path, Path], None]
) -> None:
    """A link would have us read what the job may read and the attacker may not; a pipe would have us wait."""
    host = honest.place / "host-secret"
    host.write_text("token = s3cr3t\n")
    place = honest.git_dir / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    how(place, host)
    answer = honest.gate()
    words = "expected a git directory" if name == "HEAD" else "regular file"
    assert answer.refused(2, None, words)
    assert "s3cr3t" not in answer.told


# --- history that is not there ----------------------------------------------------------------------


def test_a_shallow_clone_is_inconclusive_and_says_what_to_fetch(honest: Job) -> None:
    honest.git("checkout", "-q", "work")
    for number in range(3):
        honest.git("commit", "-q", "--allow-empty", "-m", f"{number}")
    shallow = honest.place / "shallow"
    honest.git("clone", "-q", "--depth", "2", "--no-single-branch", f"file://{honest.root}", str(shallow))
    pins = honest.pins("refs/remotes/origin/main")
    reason = honest.gate(cwd=shallow, pins=pins, head="HEAD").refused(20, None, "Could not read")
    assert reason.hint == "git fetch --unshallow"


def test_a_missing_base_is_inconclusive(honest: Job) -> None:
    base = honest.git("rev-parse", "main~1")
    honest.checkout.loose(base).unlink()
    assert honest.gate().refused(20, None, f"Could not read {base}")


def test_a_planted_shallow_file_hides_no_history(honest: Job) -> None:
    (honest.git_dir / "shallow").write_text(
        honest.git("rev-parse", "main") + "\n" + honest.git("rev-parse", "HEAD") + "\n"
    )
    assert honest.gate().passed()


def test_a_partial_clone_fetches_nothing(honest: Job) -> None:
    """The remote that promised the missing blob would run a program."""
    sprung, environ = plant_programs(honest.checkout, honest.place)
    blob = honest.git("rev-parse", "HEAD:app.py")
    honest.checkout.loose(blob).unlink()
    assert honest.gate(environ=environ).refused(20, None, f"object {blob}: expected it in the repository, found none")
    assert not sprung.exists()


# --- bombs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "content", "code", "words"),
    [
        pytest.param("a.zip", b"PK\x03\x04" + bytes(1000), 10, "type of file: archive", id="zip"),
        pytest.param(
            "a.yaml", b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", 10, "type of file: yaml", id="yaml-aliases"
        ),
        pytest.param(
            "a.py", b"x = " + b"[" * 100_000, 10, "not scanned: does not parse", id="a-hundred-thousand-brackets"
        ),
        pytest.param("a.py", b"x = " + b"-" * 100_000 + b"1\n", 10, "not scanned: does not parse", id="minus-signs"),
        pytest.param("a.py", b"x = " + b"1+" * 50_000 + b"1\n", 10, "not scanned: does not parse", id="a-long-sum"),
        pytest.param("a.xml", b'<!ENTITY a "&b;&b;">' * 9, 10, "type of file: xml", id="xml-entities"),
    ],
)
def test_a_bomb_in_a_file_is_not_scanned_and_says_so(
    job: Job, path: str, content: bytes, code: int, words: str
) -> None:
    job.change({path: content})
    assert job.gate().refused(code, path, words)


def test_a_tree_that_unfolds_into_ten_billion_files_is_counted_first(job: Job) -> None:
    checkout = job.checkout
    tree = checkout.tree([("100644", b"f%d" % number, checkout.blob(b"x")) for number in range(10)])
    for _ in range(9):
        tree = checkout.tree([("40000", b"d%d" % number, tree) for number in range(10)])
    head = checkout.commit_tree(tree_with(checkout, {b"bomb": ("40000", tree)}), "main")
    assert job.gate(head=head).refused(20, None, "trees: expected at most")


def test_a_history_without_an_end_is_counted_before_it_is_walked(job: Job) -> None:
    """One question a commit would take minutes; the job is answered in the time of one."""
    first = f"from {job.git('rev-parse', 'main')}\n"
    commits = [f"commit refs/heads/long\ncommitter A <a@b> {at} +0000\ndata 0\n" for at in range(30_000)]
    job.git("fast-import", "--quiet", stdin="".join([commits[0], first, *commits[1:]]).encode())
    assert job.gate(head="refs/heads/long").refused(20, None, "expected at most 2000 commits, found more")


def test_a_bundle_ref_that_unfolds_into_ten_billion_files_is_counted_first(honest: Job) -> None:
    checkout = honest.checkout
    tree = checkout.tree([("100644", b"f%d" % number, checkout.blob(b"x")) for number in range(10)])
    for _ in range(9):
        tree = checkout.tree([("40000", b"d%d" % number, tree) for number in range(10)])
    honest.git("update-ref", BUNDLES, checkout.commit_tree(tree))
    assert honest.gate().refused(20, None, "trees: expected at most")
