"""The mirror of the evidence: it lands by the log's own word, never goes back, and is all that a clone needs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from countermark_ledger import checkpoint
from countermark_ledger.authority.root import load_authority
from countermark_ledger.checkpoint import TreeHead
from countermark_ledger.collection import CHECKPOINT
from countermark_ledger.git import own
from countermark_ledger.git.reader import Repository
from countermark_ledger.git.trees import Entry
from countermark_ledger.node import Mode
from countermark_ledger.tlog_proof import TlogProof
from countermark_service.cli import main
from countermark_service.gate import scanning
from countermark_service.gate.mirror_store import MIRROR_REF, REFSPEC
from countermark_service.home import Home, home_of_checkout
from countermark_service.sources import from_ref

from .conftest import Scene

Files = dict[str, bytes]
GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "mirror.md").read_text(encoding="utf-8")


def home(scene: Scene) -> Home:
    return home_of_checkout(scene.root / ".git")


def name_the_mirror(scene: Scene, path: str = "evidence") -> None:
    """Land a policy that names the mirror."""
    policy = json.loads((scene.root / ".countermark/policy.json").read_text())
    scene.write({".countermark/policy.json": json.dumps({**policy, "mirror": path})})
    scene.must("claim")
    scene.commit("name the mirror")
    assert scene.code() == 0
    scene.land("work")
    scene.git("branch", "-D", "work")


def land_the_mirror(scene: Scene, place: Path) -> None:
    scene.must("mirror", "create", str(place))
    scene.branch("pin")
    scene.must("mirror", "add")
    scene.git("commit", "-q", "-m", "pin the evidence")
    assert scene.code() == 0
    scene.land("pin")


@pytest.fixture
def mirrored(scene: Scene, tmp_path: Path) -> Scene:
    """A scene whose protected branch pins a mirror, and a branch `work` to go on."""
    name_the_mirror(scene)
    land_the_mirror(scene, tmp_path / "evidence.git")
    scene.branch("work")
    return scene


def pin(scene: Scene, commit: str, path: str = "evidence") -> None:
    """Pin a commit of the mirror on the current branch, as anybody can."""
    own.stage(scene.root, {path: Entry(Mode.GITLINK, commit)})
    (scene.root / path).mkdir(exist_ok=True)
    scene.git("commit", "-q", "-m", "pin")


def files(scene: Scene, ref: str = MIRROR_REF) -> Files:
    with Repository.open(scene.root) as repository:
        return dict(from_ref(repository, ref)(frozenset()))


def forge(scene: Scene, held: Files) -> str:
    """Commit whatever one likes as a mirror, where the gate can read it."""
    names = own.write_blobs(scene.root, list(held.values()))
    tree = own.write_tree(scene.root, dict(zip(held, names, strict=True)))
    return own.commit_tree(scene.root, tree, [], message="forged\n", author=own.COUNTERMARK)


def newer(scene: Scene) -> Files:
    """Let the ledger grow, and return what an honest mirror of it holds; the mirror's ref stays where it was."""
    old = scene.git("rev-parse", MIRROR_REF)
    scene.must("status", "renew")
    scene.must("mirror", "update")
    held = files(scene)
    scene.git("update-ref", MIRROR_REF, old)
    return held


def row(document: dict[str, object], path: str = "evidence") -> dict[str, str]:
    (found,) = [one for one in document["rows"] if one["path"] == path]
    return found


def refusal(scene: Scene, code: int, said: str) -> str:
    """The command that the one refusal of the mirror names."""
    document = scene.gate("--record", "never")
    assert document["exitCode"] == code, document["reasons"]
    (reason,) = [one for one in document["reasons"] if one["path"] == "evidence"]
    assert said in reason["message"]
    return str(reason["hint"] or "")


# --- what lands ---------------------------------------------------------------------------------------


def test_the_first_mirror_lands_when_a_person_answers_for_it(scene: Scene, tmp_path: Path) -> None:
    name_the_mirror(scene)
    scene.must("mirror", "create", str(tmp_path / "evidence.git"))
    scene.branch("pin")
    said = json.loads(scene.must("mirror", "add", "evidence", "--json"))
    assert said["staged"] == [".gitmodules", "evidence"]
    assert len(said["statements"]) == 1
    scene.git("commit", "-q", "-m", "pin the evidence")
    document = scene.gate()
    assert document["exitCode"] == 0
    assert ["person/" in one["signer"] for one in row(document)["chain"]] == [True]


def test_scanners_that_know_no_submodule_do_not_keep_it_out(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real scan: a submodule has no content, and the file that names it is of a type that no scanner knows."""
    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", scanning.scan_landing)
    policy = json.loads((scene.root / ".countermark/policy.json").read_text())
    policy["score"]["scanners"] = ["ruff"]
    scene.write({".countermark/policy.json": json.dumps(policy)})
    name_the_mirror(scene)
    scene.must("mirror", "create", str(tmp_path / "evidence.git"))
    scene.branch("pin")
    scene.must("mirror", "add")
    scene.git("commit", "-q", "-m", "pin the evidence")
    document = scene.gate()
    assert (document["exitCode"], document["reasons"]) == (0, [])


def test_nobody_but_people_adds_the_first_mirror(scene: Scene, tmp_path: Path) -> None:
    name_the_mirror(scene)
    scene.must("mirror", "create", str(tmp_path / "evidence.git"))
    scene.branch("pin")
    pin(scene, scene.git("rev-parse", MIRROR_REF))
    scene.must("sign", "--agent", "coder")
    assert refusal(scene, 11, "expected 1 people to answer for it, found 0; the first mirror")


def test_a_newer_mirror_lands_by_the_logs_own_word(mirrored: Scene) -> None:
    mirrored.must("status", "renew")
    mirrored.must("mirror", "update", "--push")
    said = json.loads(mirrored.must("mirror", "add", "--json"))
    assert (said["staged"], said["statements"]) == (["evidence"], [])
    mirrored.git("commit", "-q", "-m", "newer evidence")
    document = mirrored.gate()
    assert document["exitCode"] == 0
    assert row(document)["answer"] == "covered"
    assert row(document)["chain"] == []
    assert "extends the one of" in row(document)["reason"]
    assert "extends the one of" in mirrored.must("gate", "--record", "never")


def test_a_mirror_that_leaves_entries_out_needs_a_person(mirrored: Scene) -> None:
    held, known = newer(mirrored), files(mirrored)
    victim = next(path[3:67] for path in held if path not in known and path.endswith(".sigstore.json"))
    kept = {path: raw for path, raw in held.items() if path[3:67] != victim and victim.encode() not in raw}
    pin(mirrored, forge(mirrored, {**kept, "status": known["status"]}))
    assert refusal(mirrored, 11, "leaves out 1 of the ")
    mirrored.must("claim", "evidence")
    document = mirrored.gate("--record", "never")
    assert document["exitCode"] == 0, document["reasons"]
    assert row(document)["chain"]


def test_taking_the_mirror_away_is_for_people(mirrored: Scene) -> None:
    mirrored.git("rm", "-q", "--cached", "evidence")
    (mirrored.root / "evidence").rmdir()
    mirrored.git("commit", "-q", "-m", "no evidence")
    mirrored.must("sign", "--agent", "coder")
    assert refusal(mirrored, 11, "expected 1 people")
    mirrored.must("claim")
    assert mirrored.code("--record", "never") == 0


def test_a_folder_in_place_of_the_mirror_is_for_people(mirrored: Scene) -> None:
    mirrored.git("rm", "-q", "--cached", "evidence")
    mirrored.write({"evidence/setup.py": "import this\n"})
    mirrored.commit()
    mirrored.must("sign", "--agent", "coder")
    document = mirrored.gate("--record", "never")
    assert document["exitCode"] == 11
    assert {one["path"] for one in document["reasons"]} == {"evidence", "evidence/setup.py"}


# --- what is refused ----------------------------------------------------------------------------------


def alter(change: Callable[[Files], object]) -> Callable[[Scene], str]:
    def forged(scene: Scene) -> str:
        held = newer(scene)
        change(held)
        return forge(scene, held)

    return forged


def without(ending: str) -> Callable[[Scene], str]:
    """Take away what the mirror at the tip has."""

    def forged(scene: Scene) -> str:
        held, known = newer(scene), files(scene)
        del held[next(path for path in sorted(known) if path.endswith(ending))]
        return forge(scene, held)

    return forged


def fork(scene: Scene, size: int) -> bytes:
    """Another head under the log's own key."""
    signer = load_authority(home(scene).keys).log
    return checkpoint.sign(TreeHead(signer.verifier.name, size, b"\x07" * 32), signer)


def forked(extra: int) -> Callable[[Scene], str]:
    def forged(scene: Scene) -> str:
        held = files(scene)
        size = int(held[CHECKPOINT].split(b"\n")[1])
        return forge(scene, {**held, CHECKPOINT: fork(scene, size + extra)})

    return forged


def back(scene: Scene) -> str:
    """An older state of the very same mirror, with the checkpoint that it had then."""
    first = scene.git("rev-parse", MIRROR_REF)
    scene.must("status", "renew")
    scene.must("mirror", "update")
    scene.must("mirror", "add")
    scene.git("commit", "-q", "-m", "newer evidence")
    scene.land("work")
    scene.branch("back")
    return first


def as_link(scene: Scene) -> str:
    """The newest mirror, with a file of it as a symbolic link."""
    commit = forge(scene, newer(scene))
    listing = scene.git("ls-tree", "-r", commit).replace("100644 blob", "120000 blob", 1)
    lines = "".join(f"{mode} {blob}\t{path}\n" for mode, _, blob, path in map(str.split, listing.splitlines()))
    index = scene.root / ".git" / "scratch-index"
    own._git(scene.root, "update-index", "--index-info", stdin=lines.encode(), index=index)
    tree = own._text(own._git(scene.root, "write-tree", index=index))
    return own.commit_tree(scene.root, tree, [], message="m\n", author=own.COUNTERMARK)


def nowhere(_scene: Scene) -> str:
    return "1" * 40


def a_blob(scene: Scene) -> str:
    return scene.git("hash-object", "-w", "--stdin", stdin="no commit\n")


JUNK = b"".join(f"\u2014 w{n}.example {'A' * 400_000}\n".encode() for n in range(2))
"""Signatures of nobody: a checkpoint may bear lines that no reader knows."""


def smuggle(data: bytes) -> Callable[[Scene], str]:
    """Put data into a new proof, where the format has room for some."""

    def forged(scene: Scene) -> str:
        held, known = newer(scene), files(scene)
        path = next(path for path in held if path not in known and path[67:] == ".tlog-proof")
        held[path] = replace(TlogProof.parse(held[path]), extra=data).encode()
        return forge(scene, held)

    return forged


def new_bundle(held: Files) -> str:
    return max((path for path in held if path.endswith(".sigstore.json")), key=lambda path: held[path])


@pytest.mark.parametrize(
    ("forged", "code", "said"),
    [
        pytest.param(back, 12, "goes back behind the one of", id="rollback"),
        pytest.param(forked(0), 12, "two signed checkpoints of size", id="fork-of-the-same-size"),
        pytest.param(forked(9), 12, "no links prove", id="fork-ahead"),
        pytest.param(forked(-2), 12, "goes back behind the one of", id="fork-behind"),
        pytest.param(nowhere, 20, "is not here", id="commit-that-nobody-has"),
        pytest.param(a_blob, 12, "expected a commit", id="no-commit"),
        pytest.param(as_link, 11, "(120000)", id="symbolic-link"),
        pytest.param(alter(lambda held: held.update({"setup.py": b"import this\n"})), 11, "setup.py", id="a-program"),
        pytest.param(alter(lambda held: held.update({"README.md": b"Hello\n"})), 11, "README.md", id="a-page"),
        pytest.param(alter(lambda held: held.pop(CHECKPOINT)), 12, "expected a checkpoint", id="no-checkpoint"),
        pytest.param(alter(lambda held: held.update({CHECKPOINT: b"junk"})), 12, "", id="junk-for-a-checkpoint"),
        pytest.param(
            alter(lambda held: [held.pop(path) for path in list(held) if path[:12] == "consistency/"]),
            12,
            "no links prove",
            id="no-links",
        ),
        pytest.param(without(".tlog-consistency"), 11, "no longer has consistency/", id="link-taken-away"),
        pytest.param(without(".sigstore.json"), 11, "no longer has ", id="bundle-taken-away"),
        pytest.param(without(".certificate.tlog-proof"), 11, "no longer has ", id="proof-taken-away"),
        pytest.param(
            alter(lambda held: held.update({new_bundle(held): held[new_bundle(held)].replace(b"dsse", b"esse")})),
            12,
            "",
            id="bundle-altered",
        ),
        pytest.param(
            alter(lambda held: held.update({f"00/{'0' * 64}.sigstore.json": b"{}"})), 12, "", id="bundle-that-is-none"
        ),
        pytest.param(alter(lambda held: held.update({f"index/{'0' * 64}": b"rm -rf\n"})), 12, "", id="hint-as-a-place"),
        pytest.param(
            alter(
                lambda held: held.update({f"index/{n:064}": new_bundle(held)[3:67].encode() + b"\n" for n in range(99)})
            ),
            11,
            "entries that are new, found",
            id="filled-up",
        ),
        pytest.param(smuggle(b"import this\n"), 12, "nothing authenticates", id="data-in-a-proof"),
        pytest.param(
            alter(lambda held: held.update({CHECKPOINT: held[CHECKPOINT] + JUNK})), 12, "bytes", id="long-note"
        ),
        pytest.param(alter(lambda held: held.update({"status": f"{'0' * 64}\n".encode()})), 12, "", id="status-hint"),
    ],
)
def test_a_mirror_that_the_log_does_not_speak_for_is_refused(
    mirrored: Scene, forged: Callable[[Scene], str], code: int, said: str
) -> None:
    pin(mirrored, forged(mirrored))
    assert refusal(mirrored, code, said)


@pytest.mark.parametrize(
    ("forged", "code", "said"),
    [
        pytest.param(back, 12, "goes back behind the one of", id="rollback"),
        pytest.param(nowhere, 20, "is not here", id="commit-that-nobody-has"),
        pytest.param(alter(lambda held: held.update({"setup.py": b"import this\n"})), 11, "setup.py", id="a-program"),
    ],
)
def test_what_the_log_does_not_speak_for_is_refused_whoever_claims_it(
    mirrored: Scene, forged: Callable[[Scene], str], code: int, said: str
) -> None:
    pin(mirrored, forged(mirrored))
    assert "evidence" in mirrored.must("claim", "evidence")
    assert refusal(mirrored, code, said)


def test_a_mirror_that_was_not_fetched_is_not_called_newer_than_the_status(mirrored: Scene) -> None:
    pin(mirrored, nowhere(mirrored))
    (reason,) = [one for one in mirrored.gate("--record", "never")["reasons"] if one["path"] == "evidence"]  # type: ignore[union-attr,call-overload,index]  # Json is a union
    assert (reason["rule"], reason["code"]) == ("mirror-at-hand", 20)  # type: ignore[call-overload,index]  # Json is a union


def test_a_submodule_elsewhere_is_refused_as_ever(mirrored: Scene) -> None:
    pin(mirrored, mirrored.git("rev-parse", MIRROR_REF), "vendor")
    mirrored.must("claim")
    (reason,) = mirrored.gate("--record", "never")["reasons"]
    assert (reason["code"], reason["path"]) == (11, "vendor")
    assert "its content is in another repository" in reason["message"]


def test_a_head_of_the_log_that_the_mirror_does_not_go_back_to_is_a_fork(mirrored: Scene, tmp_path: Path) -> None:
    """Of two histories under one key another source has one, at a size where the mirror has no head."""
    held = newer(mirrored)
    pin(mirrored, forge(mirrored, held))
    assert mirrored.code("--record", "never") == 0
    size = int(held[CHECKPOINT].split(b"\n")[1])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / CHECKPOINT).write_bytes(fork(mirrored, size - 2))
    (reason,) = mirrored.gate("--record", "never", "--bundles", str(tmp_path / "other"))["reasons"]
    assert (reason["code"], "may be of a fork" in reason["message"]) == (12, True)


@pytest.mark.parametrize(("split_view", "code"), [("report", 0), ("refuse", 12)])
def test_a_newer_head_without_its_links_is_a_fork_to_strict_policies_only(
    mirrored: Scene, tmp_path: Path, split_view: str, code: int
) -> None:
    policy = json.loads((mirrored.root / ".countermark/policy.json").read_text())
    mirrored.write({".countermark/policy.json": json.dumps({**policy, "splitView": split_view})})
    mirrored.must("claim")
    mirrored.commit("split view")
    mirrored.land("work")
    mirrored.branch("strict")
    pin(mirrored, forge(mirrored, newer(mirrored)))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / CHECKPOINT).write_bytes(fork(mirrored, 1000))
    reasons = mirrored.gate("--record", "never", "--bundles", str(tmp_path / "other"))["reasons"]
    assert [reason["code"] for reason in reasons if "mirror" in reason["message"]] == ([code] if code else [])


def test_the_mirror_is_read_where_the_operator_says_and_as_the_documents_fetch_it(
    mirrored: Scene, tmp_path: Path
) -> None:
    commit = forge(mirrored, newer(mirrored))
    mirrored.git("push", "-q", str(tmp_path / "evidence.git"), f"{commit}:refs/heads/topic")
    pin(mirrored, commit)
    clone = bare_clone(mirrored, tmp_path)
    words = [*pins(mirrored, "refs/heads/main"), "--repository", str(clone), "--head", "refs/heads/work"]
    assert decide(mirrored, *words)["exitCode"] == 20
    there = [*words, "--mirror", str(tmp_path / "evidence.git")]
    assert decide(mirrored, *there)["exitCode"] == 0
    assert f"git fetch https://example.com/evidence.git '{REFSPEC}'\n" in GUIDE
    mirrored.git("-C", str(clone), "fetch", "-q", str(tmp_path / "evidence.git"), REFSPEC)
    assert decide(mirrored, *words)["exitCode"] == 0
    assert main(["gate", *words, "--mirror", str(tmp_path / "no-such")]) == 2


# --- a clone and nothing else -------------------------------------------------------------------------


def pins(scene: Scene, protected_ref: str) -> list[str]:
    config = home(scene).config()
    given = {"repository-id": config.repository_id, "trust-root": config.trust_root, "protected-ref": protected_ref}
    return [word for name, value in given.items() for word in (f"--{name}", value)]


def bare_clone(scene: Scene, tmp_path: Path) -> Path:
    """What a forge has: the branches, and no ref of ours."""
    place = tmp_path / "origin.git"
    scene.git("clone", "-q", "--bare", "--no-local", str(scene.root), str(place))
    return place


def decide(scene: Scene, *words: str) -> dict[str, object]:
    """Ask the gate where nothing is known of this repository: no home, no ledger, no bundle ref."""
    scene.capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(scene.root.parent / "a-machine-that-knows-nothing"))
        code = main(["gate", "--json", "--record", "never", *words])
    said = scene.capsys.readouterr()
    document: dict[str, object] = json.loads(said.out)
    assert document["exitCode"] == code
    return document


def recursive_clone(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    config = tmp_path / "gitconfig"
    config.write_text('[protocol "file"]\n\tallow = always\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    place = tmp_path / "clone"
    origin = bare_clone(scene, tmp_path)
    subprocess.run(["git", "clone", "-q", "--recursive", f"file://{origin}", str(place)], check=True)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    return place


@pytest.fixture
def cloned(mirrored: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recursive clone of a repository with a change that an agent signed, and whose evidence the change pins."""
    mirrored.change({"app.py": "two = 2\n"})
    mirrored.must("mirror", "update", "--push")
    mirrored.must("mirror", "add")
    mirrored.git("commit", "-q", "-m", "newer evidence")
    return recursive_clone(mirrored, tmp_path, monkeypatch)


def test_a_recursive_clone_decides_with_no_server_and_no_home(mirrored: Scene, cloned: Path) -> None:
    words = [*pins(mirrored, "refs/remotes/origin/main"), "--repository", str(cloned)]
    document = decide(mirrored, *words, "--head", "refs/remotes/origin/work")
    assert (document["exitCode"], document["reasons"]) == (0, [])
    assert {one["path"]: one["answer"] for one in document["rows"]} == {"app.py": "covered", "evidence": "covered"}
    without = cloned / ".git" / "modules" / "evidence"
    without.rename(cloned / "elsewhere")
    assert decide(mirrored, *words, "--head", "refs/remotes/origin/work")["exitCode"] == 20


def test_a_recursive_clone_audits_what_landed_with_the_newest_mirror_that_it_fetched(
    mirrored: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the tip pins is older than the verdict that let the tip land; the mirror's branch has it."""
    mirrored.change({"app.py": "two = 2\n"})
    assert mirrored.code() == 0
    mirrored.land("work")
    mirrored.must("mirror", "update", "--push")
    clone = recursive_clone(mirrored, tmp_path, monkeypatch)
    words = pins(mirrored, "")[:4]
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "a-machine-that-knows-nothing"))
    audit = ["audit", "refs/remotes/origin/main", "--repository", str(clone), "--json", *words]
    kinds = [one["kind"] for one in json.loads(mirrored.must(*audit))["landings"]]
    assert kinds == [*["passed"] * 3, *["before-policy"] * 2]
    (clone / ".git" / "modules" / "evidence" / "refs" / "remotes" / "origin" / "main").write_text("0" * 40)
    (clone / ".git" / "modules" / "evidence" / "refs" / "heads" / "main").write_text("0" * 40)
    assert mirrored.run(*audit) == 11


def test_a_clone_verifies_a_bundle_in_the_submodules_work_tree(mirrored: Scene, cloned: Path) -> None:
    evidence = cloned / "evidence"
    status = (evidence / "status").read_text().strip()
    bundle = next(path for path in sorted(evidence.glob("??/*.sigstore.json")) if path.name[:64] != status)
    root = cloned / ".countermark" / "trust-root.json"
    words = ["verify", str(bundle), "--trust-root", str(root)]
    assert main([*words, "--status", str(evidence / status[:2] / f"{status}.sigstore.json")]) == 0


def test_the_work_tree_of_the_submodule_is_a_directory_of_bundles(mirrored: Scene, cloned: Path) -> None:
    """A person who lands the newer evidence first has it all there."""
    subprocess.run(["git", "-C", str(cloned), "checkout", "-q", "origin/work"], check=True)
    subprocess.run(["git", "-C", str(cloned / "evidence"), "checkout", "-q", "origin/main"], check=True)
    (cloned / ".git" / "modules" / "evidence" / "HEAD").rename(cloned / ".git" / "HEAD-of-evidence")
    words = [*pins(mirrored, "refs/remotes/origin/main"), "--repository", str(cloned), "--head", "HEAD"]
    with_rows = decide(mirrored, *words, "--bundles", str(cloned / "evidence"))
    assert {one["path"]: one["answer"] for one in with_rows["rows"]} == {
        "app.py": "covered",
        "evidence": "inconclusive",
    }


def test_a_damaged_mirror_at_the_tip_is_a_source_of_nothing(mirrored: Scene) -> None:
    """Whoever spoils what somebody fetched costs nobody an answer that other evidence gives."""
    mirrored.change({"app.py": "two = 2\n"})
    blob = mirrored.git("rev-parse", f"{MIRROR_REF}:checkpoint")
    (mirrored.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    assert mirrored.code("--record", "never") == 0


# --- writing it ---------------------------------------------------------------------------------------


def test_the_same_ledger_makes_the_same_commits_anywhere(mirrored: Scene, tmp_path: Path) -> None:
    mirrored.must("status", "renew")
    base = mirrored.git("rev-parse", MIRROR_REF)
    made = []
    for _ in range(2):
        mirrored.git("update-ref", MIRROR_REF, base)
        mirrored.must("mirror", "update")
        made.append(mirrored.git("rev-parse", MIRROR_REF))
    assert made[0] == made[1] != base
    assert mirrored.git("log", "-1", "--format=%P", made[0]) == base
    mirrored.must("mirror", "update")
    assert mirrored.git("rev-parse", MIRROR_REF) == made[0]


def test_what_is_pushed_is_a_collection_and_nothing_else(mirrored: Scene, tmp_path: Path) -> None:
    mirrored.must("status", "renew")
    said = json.loads(mirrored.must("mirror", "update", "--push", "--json"))
    pushed = mirrored.git("-C", str(tmp_path / "evidence.git"), "rev-parse", "refs/heads/main")
    assert (said["commit"], said["pushedTo"]) == (pushed, str(tmp_path / "evidence.git"))
    assert said["size"] == int(files(mirrored)[CHECKPOINT].split(b"\n")[1])
    assert {path.rpartition("/")[0].rpartition("/")[0] or path.partition("/")[0] for path in files(mirrored)}


def vandalise(place: Path, scene: Scene, held: Files) -> None:
    """Push whatever one likes to the mirror itself."""
    commit = forge(scene, held)
    subprocess.run(["git", "-C", str(place), "fetch", "-q", str(scene.root), f"+{commit}:refs/heads/main"], check=True)


def test_what_others_pushed_into_the_mirror_is_left_out_and_it_still_lands(mirrored: Scene, tmp_path: Path) -> None:
    place, junk = tmp_path / "evidence.git", f"00/{'0' * 64}.tlog-proof"
    held = files(mirrored)
    subprocess.run(["git", "-C", str(place), "config", "uploadpack.allowAnySHA1InWant", "true"], check=True)
    vandalise(place, mirrored, {**held, "setup.py": b"import this\n", junk: b"junk", "index/" + "0" * 64: b"junk\n"})
    mirrored.must("status", "renew")
    said = json.loads(mirrored.must("mirror", "update", "--push", "--json"))
    assert said["leftOut"] == 3
    assert not {"setup.py", junk, "index/" + "0" * 64} & files(mirrored).keys()
    mirrored.must("mirror", "add")
    mirrored.git("commit", "-q", "-m", "newer evidence")
    assert mirrored.code("--record", "never") == 0


def test_a_mirror_of_a_fork_is_not_written_on(mirrored: Scene, tmp_path: Path) -> None:
    held = files(mirrored)
    vandalise(tmp_path / "evidence.git", mirrored, {**held, CHECKPOINT: fork(mirrored, 3)})
    assert mirrored.run("mirror", "update", "--push") == 12


def test_a_ledger_restored_from_a_backup_does_not_write_on_a_mirror_that_is_ahead(
    mirrored: Scene, tmp_path: Path
) -> None:
    vandalise(tmp_path / "evidence.git", mirrored, {**files(mirrored), CHECKPOINT: fork(mirrored, 1000)})
    mirrored.capsys.readouterr()
    assert mirrored.run("mirror", "update", "--push") == 12
    assert "was it restored from an old backup?" in mirrored.capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mirror", "add"], 'expected a policy at the tip with "mirror"'),
        (["mirror", "add", "evidence"], '"mirror": "evidence"'),
        (["mirror", "update", "--push"], "expected a mirror to push to"),
    ],
)
def test_what_is_missing_is_said_with_the_command_that_brings_it(scene: Scene, words: list[str], said: str) -> None:
    scene.capsys.readouterr()
    assert scene.run(*words) == 2
    err = scene.capsys.readouterr().err
    assert said in err
    assert "\nhint: countermark " in err


def test_a_mirror_is_added_only_where_the_policy_names_it_and_nothing_lies(scene: Scene, tmp_path: Path) -> None:
    name_the_mirror(scene)
    scene.branch("pin")
    assert scene.run("mirror", "add") == 2
    scene.must("mirror", "create", str(tmp_path / "evidence.git"))
    assert scene.run("mirror", "add", "elsewhere") == 2
    scene.write({"evidence/notes": "mine\n"})
    assert scene.run("mirror", "add") == 2
    assert scene.git("status", "--porcelain") == "?? evidence/"


def test_work_in_a_checkout_with_the_submodule_signs_no_row_about_it(mirrored: Scene) -> None:
    said = json.loads(mirrored.must("claim", "--json"))
    assert said["changes"] == []
    mirrored.git("init", "-q", "evidence")
    mirrored.write({"evidence/junk": "of another repository\n", "app.py": "two = 2\n"})
    said = json.loads(mirrored.must("sign", "--agent", "coder", "--json"))
    assert [one["path"] for one in said["changes"]] == ["app.py"]
