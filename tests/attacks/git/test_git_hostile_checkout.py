"""The git rows of the attack table: a checkout that is hostile in every file runs nothing and hides nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from countermark_ledger import sshsig
from countermark_ledger.errors import BadSignature, Forged, GitError, MergeConflict, MissingHistory, TooLarge
from countermark_ledger.git import LandingChange, Repository, landing_change
from countermark_ledger.node import Mode, Node

from ..trap import plant_programs
from .conftest import Checkout


@pytest.fixture
def fork(checkout: Checkout) -> tuple[str, str]:
    """The tip and the head of two branches that edit one file in two places."""
    lines = [b"%d\n" % number for number in range(9)]
    checkout.commit(f__py=b"".join(lines), g__txt=b"1\n")
    checkout.branch("side")
    head = checkout.commit(f__py=b"".join([*lines, b"head\n"]))
    checkout.git("checkout", "-q", "main")
    return checkout.commit(f__py=b"".join([b"tip\n", *lines])), head


def landed(checkout: Checkout, tip: str, head: str) -> LandingChange:
    with Repository.open(checkout.path) as repository:
        return landing_change(repository, tip, head)


def every_read(checkout: Checkout, tip: str, head: str) -> LandingChange:
    """Use the whole reader, so that anything that could run has its chance."""
    with Repository.open(checkout.path) as repository:
        for name in ("HEAD", "main", "side", "main~1"):
            repository.resolve(name)
        repository.first_parents(tip, 5)
        assert not repository.is_ancestor(tip, head)
        list(repository.blobs(entry.blob for entry in repository.tree(head).values()))
        return landing_change(repository, tip, head)


@pytest.fixture
def trap(checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Plant every known way to run a program; the returned file appears when one did."""
    sprung, environ = plant_programs(checkout, tmp_path)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return sprung


def test_config_hooks_filters_and_drivers_run_nothing(checkout: Checkout, fork: tuple[str, str], trap: Path) -> None:
    assert every_read(checkout, *fork).refused == {}
    assert not trap.exists()


def test_the_trap_springs_for_a_reader_in_their_repository(
    checkout: Checkout, fork: tuple[str, str], trap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout.path)
    subprocess.run(["git", "status"], capture_output=True, check=False)
    assert trap.exists()


def test_a_missing_blob_of_a_partial_clone_fetches_nothing_and_runs_no_transport(
    checkout: Checkout, fork: tuple[str, str], trap: Path
) -> None:
    checkout.loose(checkout.blob(b"1\n")).unlink()
    (checkout.git_dir / "objects" / "pack").mkdir(exist_ok=True)
    with Repository.open(checkout.path) as repository, pytest.raises(MissingHistory):
        list(repository.blobs([Node.of_blob(Mode.FILE, b"1\n").git_blob]))
    assert not trap.exists()


@pytest.mark.parametrize("attribute", ["merge=union", "merge=ours", "merge=evil", "-merge", "merge=binary", "-text"])
@pytest.mark.parametrize("where", ["work tree", "committed", "info"])
def test_attributes_do_not_choose_how_a_file_merges(checkout: Checkout, attribute: str, where: str) -> None:
    text = f"* {attribute}\n".encode()
    base = {"__gitattributes": text} if where == "committed" else {}
    checkout.commit(f__py=b"1\n", **base)
    checkout.branch("side")
    head = checkout.commit(f__py=b"1\nhead\n")
    checkout.git("checkout", "-q", "main")
    tip = checkout.commit(f__py=b"1\ntip\n")
    if where != "committed":
        (checkout.git_dir / "info").mkdir(exist_ok=True)
        place = checkout.path / ".gitattributes" if where == "work tree" else checkout.git_dir / "info" / "attributes"
        place.write_bytes(text)
    checkout.git("config", "merge.evil.driver", "true")
    with pytest.raises(MergeConflict) as refused:
        landed(checkout, tip, head)
    assert refused.value.paths == ("f.py",)


def test_attributes_do_not_stop_a_clean_merge(checkout: Checkout, fork: tuple[str, str]) -> None:
    expected = landed(checkout, *fork)
    (checkout.path / ".gitattributes").write_text("* -merge\n")
    assert landed(checkout, *fork) == expected


def test_merge_settings_of_the_checkout_change_nothing(checkout: Checkout, fork: tuple[str, str]) -> None:
    expected = landed(checkout, *fork)
    for key, value in {
        "merge.renames": "copies",
        "merge.directoryRenames": "true",
        "merge.renormalize": "true",
    }.items():
        checkout.git("config", key, value)
    assert landed(checkout, *fork) == expected


def test_replaced_objects_are_not_followed(checkout: Checkout, fork: tuple[str, str]) -> None:
    expected = landed(checkout, *fork)
    evil = checkout.commit_tree(checkout.tree([("100644", b"f.py", checkout.blob(b"evil()\n"))]))
    checkout.git("replace", fork[1], evil)
    checkout.git("replace", checkout.git("rev-parse", "main:f.py"), checkout.blob(b"evil()\n"))
    assert checkout.git("show", "main:f.py") == "evil()"
    assert landed(checkout, *fork) == expected


def test_grafted_parents_are_not_followed(checkout: Checkout, fork: tuple[str, str]) -> None:
    tip, head = fork
    (checkout.git_dir / "info").mkdir(exist_ok=True)
    (checkout.git_dir / "info" / "grafts").write_text(f"{tip}\n{head} {tip}\n")
    with Repository.open(checkout.path) as repository:
        assert len(repository.first_parents(tip, 9)) == 2
        assert not repository.is_ancestor(tip, head)


def test_a_planted_shallow_file_hides_no_history(checkout: Checkout, fork: tuple[str, str]) -> None:
    expected = landed(checkout, *fork)
    (checkout.git_dir / "shallow").write_text("".join(f"{name}\n" for name in fork))
    assert landed(checkout, *fork) == expected


def test_a_commit_graph_that_lies_about_parents_is_not_read(checkout: Checkout, fork: tuple[str, str]) -> None:
    expected = landed(checkout, *fork)
    checkout.git("commit-graph", "write", "--reachable")
    graph = checkout.git_dir / "objects" / "info" / "commit-graph"
    content = bytearray(graph.read_bytes())
    content[-200:] = b"\x70" * 200
    graph.chmod(0o644)
    graph.write_bytes(content)
    assert landed(checkout, *fork) == expected


def test_packs_with_a_multi_pack_index_that_lies_are_read_by_their_own(
    checkout: Checkout, fork: tuple[str, str]
) -> None:
    expected = landed(checkout, *fork)
    checkout.git("repack", "-adq")
    checkout.git("multi-pack-index", "write")
    index = checkout.git_dir / "objects" / "pack" / "multi-pack-index"
    index.chmod(0o644)
    index.write_bytes(index.read_bytes()[:-120] + b"\0" * 120)
    assert landed(checkout, *fork) == expected


def test_a_foreign_alternate_lends_no_host_objects(checkout: Checkout, tmp_path: Path) -> None:
    checkout.commit(a__py=b"1")
    host = Checkout.new(tmp_path / "host")
    host.commit(secret=b"s")
    (checkout.git_dir / "objects" / "info").mkdir(exist_ok=True)
    _disguise(checkout, host)
    disguised = ("../first/../objects-of-host\n", "../objects-of-host\n", f'"{host.git_dir}/objects"\n')
    for spelled in (f"{host.git_dir}/objects\n", "../../../host/.git/objects\n", *disguised):
        (checkout.git_dir / "objects" / "info" / "alternates").write_text(spelled)
        with pytest.raises(GitError, match="alternates elsewhere") as refused, Repository.open(checkout.path):
            pass
        assert refused.value.hint is not None


def _disguise(checkout: Checkout, host: Checkout) -> None:
    """Make paths that read as our own to a program that follows links before `..`, or that does not unquote."""
    (checkout.git_dir / "objects-of-host").symlink_to(host.git_dir / "objects")
    (checkout.git_dir / "own" / "objects-of-host").mkdir(parents=True)
    (checkout.git_dir / "own" / "deep").mkdir()
    (checkout.git_dir / "first").symlink_to("own/deep")
    quoted = checkout.git_dir / "objects" / f'"{host.git_dir}' / 'objects"'
    quoted.mkdir(parents=True)


def _linked_fan_out(objects: Path, host: Path) -> None:
    (objects / "ff").symlink_to(host)


def _linked_object(objects: Path, host: Path) -> None:
    (objects / "fe").mkdir(exist_ok=True)
    (objects / "fe" / ("0" * 38)).symlink_to(host)


def _linked_pack(objects: Path, host: Path) -> None:
    (objects / "pack" / "pack-1.pack").symlink_to(host)


def _fifo_object(objects: Path, _host: Path) -> None:
    (objects / "fe").mkdir(exist_ok=True)
    os.mkfifo(objects / "fe" / ("0" * 38))


def _fifo_alternates(objects: Path, _host: Path) -> None:
    (objects / "info").mkdir(exist_ok=True)
    os.mkfifo(objects / "info" / "alternates")


@pytest.mark.parametrize("plant", [_linked_fan_out, _linked_object, _linked_pack, _fifo_object, _fifo_alternates])
def test_links_and_fifos_in_an_object_store_are_refused_without_hanging(
    checkout: Checkout, tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    checkout.commit(a__py=b"1")
    (checkout.git_dir / "objects" / "pack").mkdir(exist_ok=True)
    plant(checkout.git_dir / "objects", tmp_path)
    with pytest.raises(GitError, match="regular file"), Repository.open(checkout.path):
        pass


def test_the_environment_of_the_caller_reaches_no_git(
    checkout: Checkout, fork: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.run(["which", "git"], capture_output=True, check=True).stdout.decode().strip()
    (tmp_path / "bin").mkdir()
    spy = tmp_path / "bin" / "git"
    spy.write_text(f'#!/bin/sh\nenv >> {tmp_path}/seen\nexec {real} "$@"\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    planted = (
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_EXEC_PATH",
        "GIT_TRACE",
        "GIT_ATTR_SOURCE",
    )
    for name in (*planted, "LD_PRELOAD_X", "PYTHONPATH", "DYLD_INSERT_LIBRARIES"):
        monkeypatch.setenv(name, "planted-value")
    landed(checkout, *fork)
    seen = (tmp_path / "seen").read_text()
    assert "GIT_DIR=" in seen
    assert "planted-value" not in seen


def test_a_git_program_in_the_checkout_is_not_run(
    checkout: Checkout, fork: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadow = checkout.path / "git"
    shadow.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    shadow.chmod(0o755)
    monkeypatch.chdir(checkout.path)
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", os.environ["PATH"]]))
    landed(checkout, *fork)
    assert not (tmp_path / "sprung").exists()


def test_a_repository_that_is_not_ours_to_write_is_read(checkout: Checkout, fork: tuple[str, str]) -> None:
    """As root the repository is given to another user; otherwise write permission is taken away."""
    for folder, _, files in os.walk(checkout.path):
        for path in (folder, *(os.path.join(folder, file) for file in files)):  # noqa: PTH118  # os.walk gives text
            if os.geteuid() == 0:
                os.chown(path, 12345, 12345, follow_symlinks=False)
            else:
                Path(path).chmod(Path(path).stat().st_mode & ~0o222)
    before = {path: path.stat().st_mtime_ns for path in checkout.path.rglob("*")}
    assert set(landed(checkout, *fork).refused) == set()
    assert {path: path.stat().st_mtime_ns for path in checkout.path.rglob("*")} == before
    for folder, _, _ in os.walk(checkout.path):
        Path(folder).chmod(0o755)  # so that the scratch directory can be removed


def test_what_the_work_tree_shows_decides_nothing(checkout: Checkout, fork: tuple[str, str]) -> None:
    """Sparse, filtered, assumed unchanged, exported or staged: only blobs of commits count."""
    expected = landed(checkout, *fork)
    (checkout.path / ".gitattributes").write_text("* export-ignore -diff eol=crlf working-tree-encoding=UTF-16LE\n")
    (checkout.path / "f.py").write_bytes(b"evil()\n")
    checkout.git("update-index", "--skip-worktree", "f.py")
    checkout.git("update-index", "--assume-unchanged", "g.txt")
    checkout.git("config", "core.sparseCheckout", "true")
    (checkout.git_dir / "index").write_bytes(b"not an index")
    assert landed(checkout, *fork) == expected


def test_a_git_bomb_is_counted_before_git_unfolds_it(checkout: Checkout) -> None:
    tip = checkout.commit(a__py=b"1")
    tree = checkout.tree([("100644", b"f%d" % number, checkout.blob(b"x")) for number in range(10)])
    for _ in range(9):
        tree = checkout.tree([("40000", b"d%d" % number, tree) for number in range(10)])
    with pytest.raises(TooLarge):
        landed(checkout, tip, checkout.commit_tree(tree, tip))


def test_a_tag_that_shadows_the_protected_branch_decides_nothing(checkout: Checkout, fork: tuple[str, str]) -> None:
    tip, head = fork
    checkout.git("tag", "main", head)
    with Repository.open(checkout.path) as repository:
        assert repository.resolve("refs/heads/main") == tip
        with pytest.raises(GitError, match="expected one ref"):
            repository.resolve("main")


@pytest.mark.parametrize("revision", ["--help", "--output=/tmp/x", "-h", "--upload-pack=x"])
def test_a_revision_that_looks_like_an_option_reaches_no_command_line(checkout: Checkout, revision: str) -> None:
    checkout.commit(a__py=b"1")
    with Repository.open(checkout.path) as repository:
        with pytest.raises(GitError):
            repository.resolve(revision)
        with pytest.raises(Exception, match="object id"):
            repository.merge_bases(revision, revision)


def test_a_pack_that_answers_a_good_name_with_other_bytes_is_forged(checkout: Checkout, tmp_path: Path) -> None:
    """An object store is not proof of its own content: git does not hash what it reads here."""
    checkout.commit(a__py=b"good()\n")
    good, evil = (Node.of_blob(Mode.FILE, content).git_blob for content in (b"good()\n", b"evil()\n"))
    checkout.blob(b"evil()\n")
    checkout.loose(good).unlink()
    checkout.loose(good).write_bytes(checkout.loose(evil).read_bytes())
    with Repository.open(checkout.path) as repository:
        for read in (repository.digests, lambda names: list(repository.blobs(names))):
            with pytest.raises(Forged):
                read([good])


def test_a_verifier_named_by_the_checkout_is_not_asked(checkout: Checkout, tmp_path: Path, ssh_keygen: str) -> None:
    """git says G for a stranger's commit when the checkout brings its own allowed signers and gpg.ssh.program."""
    keys = []
    for name in ("person", "stranger"):
        key = tmp_path / name
        subprocess.run([ssh_keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        keys.append(sshsig.parse_public_key(key.with_suffix(".pub").read_text()))
    signers = tmp_path / "signers"
    signers.write_text("c@example.org " + keys[1].line() + "\n")
    for key, value in {
        "gpg.format": "ssh",
        "commit.gpgSign": "true",
        "user.signingKey": str(tmp_path / "stranger"),
        "gpg.ssh.allowedSignersFile": str(signers),
    }.items():
        checkout.git("config", key, value)
    head = checkout.commit(a__py=b"1")
    assert checkout.git("log", "-1", "--format=%G?") == "G"
    with Repository.open(checkout.path) as repository, pytest.raises(BadSignature, match="not an allowed key"):
        repository.commit(head).signer(keys[:1])


def test_a_mode_only_change_and_a_link_with_the_same_blob_are_changes(checkout: Checkout) -> None:
    tip = checkout.commit(a__sh=b"target", b__py=b"target")
    (checkout.path / "a.sh").chmod(0o755)
    (checkout.path / "b.py").unlink()
    (checkout.path / "b.py").symlink_to("target")
    change = landed(checkout, tip, checkout.commit())
    assert {row.path: (row.before.mode, row.after.mode) for row in change.change.transitions} == {
        "a.sh": (Mode.FILE, Mode.EXECUTABLE),
        "b.py": (Mode.FILE, Mode.SYMLINK),
    }
    assert len({row.before.git_blob for row in change.change.transitions}) == 1


def test_nothing_is_checked_out_and_no_submodule_is_entered(
    checkout: Checkout, fork: tuple[str, str], request: pytest.FixtureRequest
) -> None:
    tip, _ = fork
    modules = checkout.blob(b'[submodule "x"]\n\tpath = "mod\r"\n\turl = ext::sh -c touch% sprung\n\tupdate = !sh\n')
    tree = checkout.tree(
        [
            ("100644", b".gitmodules", modules),
            ("160000", b"mod", tip),
        ]
    )
    head = checkout.commit_tree(tree, tip)
    trap = request.getfixturevalue("trap")
    change = landed(checkout, tip, head)
    assert set(change.refused) == {"mod"}
    assert not trap.exists()
