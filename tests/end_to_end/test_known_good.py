"""Known good: the newest commit that nothing is to say against, and the way back to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from countermark_ledger.canonical import Json

from .conftest import Scene


def landed(scene: Scene, files: dict[str, str | bytes | None], *, agent: str = "coder", start: str = "main") -> str:
    """Let a change that an agent signed pass the gate and land; return the landing."""
    name = f"b{scene.git('rev-list', '--all', '--count')}"
    scene.branch(name, start)
    scene.change(files, agent=agent)
    assert scene.code() == 0
    scene.land(name)
    return scene.git("rev-parse", "HEAD")


def forced(scene: Scene, files: dict[str, str | bytes | None]) -> str:
    """Land something that no gate was asked about."""
    scene.git("checkout", "-q", "main")
    scene.write(files)
    return scene.commit("forced")


def last_good(scene: Scene, *words: str) -> dict[str, Json]:
    scene.capsys.readouterr()
    code = scene.run("last-good", "--json", *words)
    said = scene.capsys.readouterr()
    assert said.out, said.err
    document: dict[str, Json] = json.loads(said.out)
    assert document["exitCode"] == code
    return document


def rollback(scene: Scene, *words: str) -> dict[str, Json]:
    document: dict[str, Json] = json.loads(scene.must("rollback", "--json", *words))
    return document


def kinds(scene: Scene) -> list[str]:
    scene.capsys.readouterr()
    scene.run("audit", "--json")
    return [one["kind"] for one in json.loads(scene.capsys.readouterr().out)["landings"]]


@pytest.fixture
def kept(scene: Scene) -> Scene:
    """A scene with a second agent, and one landing that is good."""
    scene.must("agent", "add", "helper")
    landed(scene, {"app.py": "two = 2\n", "docs.md": "Two.\n"})
    return scene


@pytest.fixture
def suspect(kept: Scene) -> Scene:
    """After the good landing, one by an agent that is revoked later, and one that builds on it."""
    landed(kept, {"app.py": "bad = 1\n", "bad.py": "bad = 2\n", "docs.md": None}, agent="helper")
    landed(kept, {"other.py": "fine = 1\n"})
    kept.must("agent", "revoke", "helper", "--reason", "its key was copied", "--since", "2020-01-01T00:00:00Z")
    return kept


# --- last-good ----------------------------------------------------------------------------------------


def test_the_newest_landing_that_passed_is_good(kept: Scene) -> None:
    newest = landed(kept, {"app.py": "three = 3\n"})
    document = last_good(kept)
    assert (document["commit"], document["exitCode"], document["newer"]) == (newest, 0, [])
    assert len(document["verdictBundle"]) == 64
    assert kept.must("last-good") == f"{newest}\n"


def test_what_builds_on_a_suspect_landing_is_not_good(suspect: Scene) -> None:
    good = suspect.git("rev-parse", "main~2")
    document = last_good(suspect)
    assert (document["commit"], document["exitCode"]) == (good, 0)
    on_top, bad = document["newer"]
    assert (on_top["kind"], on_top["spoiltFiles"]) == ("passed", 3)
    assert {one["by"] for one in on_top["spoilt"]} == {bad["commit"]}
    assert (bad["kind"], "is revoked" in bad["reason"]) == ("suspect", True)
    suspect.capsys.readouterr()
    assert suspect.run("last-good") == 0
    said = suspect.capsys.readouterr()
    assert said.out == f"{good}\n"
    assert f"not {bad['commit'][:12]}  suspect: " in said.err
    assert f"not {on_top['commit'][:12]}  it has app.py and 2 more files as {bad['commit'][:12]} left it" in said.err


def test_what_builds_on_a_landing_without_a_verdict_is_not_good(kept: Scene) -> None:
    good = kept.git("rev-parse", "main")
    forced(kept, {"app.py": "forced = 1\n"})
    landed(kept, {"other.py": "fine = 1\n"})
    assert last_good(kept)["commit"] == good


def test_changing_a_spoilt_file_does_not_mend_it_and_its_old_content_does(kept: Scene) -> None:
    forced(kept, {"app.py": "forced = 1\n", "new.py": "forced = 2\n"})
    landed(kept, {"app.py": "forced = 1\nmore = 2\n"})
    landed(kept, {"app.py": "two = 2\n"})
    assert [one["spoiltFiles"] for one in last_good(kept)["newer"]] == [1, 2, 2]
    newest = landed(kept, {"new.py": None})
    assert last_good(kept)["commit"] == newest


def test_an_old_content_that_a_bad_landing_brought_back_is_not_good(kept: Scene) -> None:
    """A mended file, and then somebody forces the state before it was mended."""
    good = landed(kept, {"app.py": "mended = 2\n"})
    forced(kept, {"app.py": "two = 2\n"})
    assert last_good(kept)["commit"] == good
    landed(kept, {"other.py": "fine = 1\n"})
    assert last_good(kept)["commit"] == good
    forced(kept, {"app.py": "mended = 2\n"})
    newest = landed(kept, {"other.py": "fine = 2\n"})
    assert last_good(kept)["commit"] == newest


def test_a_decision_made_afterwards_mends_what_was_forced(kept: Scene) -> None:
    parent = kept.git("rev-parse", "main")
    kept.branch("late")
    kept.write({"app.py": "forced = 1\n"})
    kept.must("claim")
    kept.git("checkout", "-q", "--", "app.py")
    forced(kept, {"app.py": "forced = 1\n"})
    assert last_good(kept)["commit"] == parent
    assert kept.code("--tip", parent, "--landed", head="main") == 0
    assert last_good(kept)["commit"] == kept.git("rev-parse", "main")


def test_where_nothing_ever_passed_there_is_no_good_commit(scene: Scene) -> None:
    document = last_good(scene)
    assert (document["commit"], document["verdictBundle"], document["exitCode"]) == (None, None, 11)
    scene.capsys.readouterr()
    assert scene.run("last-good") == 11
    assert scene.capsys.readouterr().out == ""


def test_without_the_evidence_that_verdicts_rest_on_nobody_can_tell(suspect: Scene, tmp_path: Path) -> None:
    """Somebody who has the verdicts, knows that something was revoked, and does not know what they used up."""
    suspect.must("log", "export", str(tmp_path / "export"))
    withhold_statements(tmp_path / "export")
    words = ["--bundles", str(tmp_path / "export")]
    pins = json.loads(suspect.must("init", "--json"))
    clone = tmp_path / "clone"
    suspect.git("clone", "-q", "--no-local", str(suspect.root), str(clone))
    words += ["--repository", str(clone), "--repository-id", pins["repositoryId"], "--trust-root", pins["trustRoot"]]
    document = last_good(suspect, "refs/heads/main", *words)
    assert (document["commit"], document["exitCode"]) == (None, 20)


def withhold_statements(folder: Path) -> None:
    """Delete every bundle that accounts for rows."""
    named = {line for hint in (folder / "index").iterdir() for line in hint.read_text().split()}
    assert named
    for name in named:
        (folder / name[:2] / f"{name}.sigstore.json").unlink()


# --- rollback -----------------------------------------------------------------------------------------


def test_a_rollback_brings_the_last_good_files_back_passes_and_is_good_itself(suspect: Scene) -> None:
    good, tip = suspect.git("rev-parse", "main~2"), suspect.git("rev-parse", "main")
    suspect.write({"docs.md": "not committed\n"})
    before = suspect.git("status", "--porcelain")
    document = rollback(suspect)
    assert (document["to"], document["tip"], document["kept"]) == (good, tip, [])
    assert document["undone"] == suspect.git("rev-list", "--first-parent", f"{good}..{tip}").split()
    assert (suspect.git("rev-parse", "main"), suspect.git("status", "--porcelain")) == (tip, before)
    branch = document["branch"]
    assert branch == f"rollback-{good[:12]}"
    assert suspect.git("rev-parse", f"{branch}^{{tree}}") == suspect.git("rev-parse", f"{good}^{{tree}}")
    assert suspect.git("log", "-1", "--format=%P", branch) == tip
    decided = suspect.gate(head=branch)
    assert (decided["exitCode"], decided["reasons"]) == (0, [])
    (suspect.root / "docs.md").unlink()
    suspect.land(branch)
    assert kinds(suspect)[:4] == ["passed", "passed", "suspect", "passed"]
    assert last_good(suspect)["commit"] == suspect.git("rev-parse", "main")
    suspect.must("rollback")


def test_a_rollback_may_be_decided_as_often_as_one_likes_before_it_lands(suspect: Scene) -> None:
    branch = rollback(suspect)["branch"]
    assert [suspect.code(head=branch) for _ in range(2)] == [0, 0]


def test_a_dry_run_says_the_same_and_does_nothing(suspect: Scene) -> None:
    before = suspect.git("for-each-ref"), len(ledger(suspect))
    dry = rollback(suspect, "--dry-run")
    assert (suspect.git("for-each-ref"), len(ledger(suspect))) == before
    assert (dry["dryRun"], dry["branch"], dry["commit"], dry["statements"]) == (True, None, None, [])
    done = rollback(suspect)
    same = ("tip", "to", "undone", "kept", "protected", "changes")
    assert {name: dry[name] for name in same} == {name: done[name] for name in same}
    suspect.capsys.readouterr()
    assert suspect.run("rollback", "--dry-run") == 0
    said = suspect.capsys.readouterr()
    assert said.out.splitlines() == ["M app.py", "D bad.py", "A docs.md", "D other.py"]
    assert said.err.startswith("would take back, newest first:\n")


def ledger(scene: Scene) -> str:
    return scene.must("log", "checkpoint")


def test_one_bad_landing_is_taken_back_and_what_came_later_stays(suspect: Scene) -> None:
    bad = suspect.git("rev-parse", "main~1")
    document = rollback(suspect, "--commit", bad)
    assert (document["to"], document["undone"], document["branch"]) == (None, [bad], f"rollback-{bad[:12]}")
    assert {row["path"] for row in document["changes"]} == {"app.py", "bad.py", "docs.md"}
    assert suspect.git("show", f"{document['branch']}:other.py") == "fine = 1"
    assert suspect.code(head=document["branch"]) == 0
    suspect.land(document["branch"])
    assert last_good(suspect)["commit"] == suspect.git("rev-parse", "main")


def test_a_landing_is_taken_back_out_of_a_file_that_changed_since_by_gits_own_merge(kept: Scene) -> None:
    lines = [f"line_{number} = {number}\n" for number in range(20)]
    landed(kept, {"app.py": "".join(lines)})
    bad = landed(kept, {"app.py": "".join(["bad = 1\n", *lines])})
    landed(kept, {"app.py": "".join(["bad = 1\n", *lines, "good = 1\n"])})
    document = rollback(kept, "--commit", bad)
    assert kept.git("show", f"{document['branch']}:app.py") == "".join([*lines, "good = 1"])
    assert kept.code(head=document["branch"]) == 0
    assert kept.git("fsck", "--connectivity-only", "--no-dangling") == ""


def test_a_landing_that_others_built_on_in_the_same_lines_is_not_taken_back_alone(kept: Scene) -> None:
    bad = landed(kept, {"app.py": "bad = 1\n"})
    landed(kept, {"app.py": "worse = 1\n"})
    kept.capsys.readouterr()
    assert kept.run("rollback", "--commit", bad) == 11
    said = kept.capsys.readouterr().err
    assert "can't be taken back alone" in said
    assert "app.py" in said
    assert "\nhint: countermark rollback\n" in said


def test_a_rollback_goes_where_a_person_says(kept: Scene) -> None:
    first = kept.git("rev-parse", "main~1")
    document = rollback(kept, "--to", first, "--branch", "mine")
    assert (document["to"], document["branch"]) == (first, "mine")
    assert kept.git("rev-parse", "mine^{tree}") == kept.git("rev-parse", f"{first}^{{tree}}")
    assert kept.code(head="mine") == 0


def test_what_says_whom_to_trust_is_not_taken_back(kept: Scene) -> None:
    """An agent that was taken off the policy's list would be on it again."""
    policy = json.loads((kept.root / ".countermark/policy.json").read_text())
    kept.branch("stricter")
    kept.write({".countermark/policy.json": json.dumps({**policy, "agents": []}), "app.py": "three = 3\n"})
    kept.must("claim")
    kept.commit("stricter")
    assert kept.code() == 0
    kept.land("stricter")
    document = rollback(kept, "--to", "main~1")
    assert document["kept"] == [".countermark/policy.json"]
    assert [row["path"] for row in document["changes"]] == ["app.py"]
    assert kept.code(head=document["branch"]) == 0


def test_the_mirror_of_the_evidence_is_not_taken_back(kept: Scene, tmp_path: Path) -> None:
    policy = json.loads((kept.root / ".countermark/policy.json").read_text())
    kept.branch("named")
    kept.write({".countermark/policy.json": json.dumps({**policy, "mirror": "evidence"})})
    kept.must("claim")
    kept.commit("name the mirror")
    kept.land("named")
    kept.must("mirror", "create", str(tmp_path / "evidence.git"))
    kept.branch("pin")
    kept.must("mirror", "add")
    kept.change({"app.py": "three = 3\n"})
    kept.land("pin")
    document = rollback(kept, "--to", "main~1")
    assert document["kept"] == [".gitmodules", "evidence"]
    assert kept.code(head=document["branch"]) == 0
    kept.must("mirror", "update")
    kept.branch("newer")
    kept.must("mirror", "add")
    kept.git("commit", "-q", "-m", "newer evidence")
    kept.land("newer")
    assert rollback(kept, "--commit", "main")["kept"] == ["evidence"]


def test_protected_files_need_people_as_ever(kept: Scene) -> None:
    kept.branch("ci")
    kept.write({".github/workflows/ci.yml": "on: push\n"})
    kept.must("claim")
    kept.commit("ci")
    kept.land("ci")
    by_agent = rollback(kept, "--to", "main~1", "--agent", "coder", "--branch", "by-agent")
    assert by_agent["protected"] == [".github/workflows/ci.yml"]
    assert kept.code("--record", "never", head="by-agent") == 11
    rollback(kept, "--to", "main~1", "--branch", "by-person")
    assert kept.code(head="by-person") == 0
    kept.capsys.readouterr()
    assert kept.run("rollback", "--to", "main~1", "--dry-run") == 0
    assert "1 of the policy's people must answer for: .github/workflows/ci.yml" in kept.capsys.readouterr().err


def test_an_agent_may_sign_a_rollback_of_what_agents_may_touch(kept: Scene) -> None:
    landed(kept, {"app.py": "three = 3\n"})
    document = rollback(kept, "--to", "main~1", "--agent", "coder")
    (row,) = kept.gate(head=document["branch"])["rows"]
    assert ["agent/coder" in one["signer"] for one in row["chain"]] == [True]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--to", "main", "--commit", "main"], 2, "not allowed with argument"),
        (["--to", "work"], 11, "history was rewritten"),
        (["--commit", "work"], 11, "history was rewritten"),
        (["--to", "main~1", "--branch", "work"], 2, "expected no such branch"),
        (["--to", "main~1", "--branch", "-x"], 2, "expected one argument"),
        (["--to", "main~1", "--branch", "a..b"], 2, "expected a plain name"),
        (["--to", "main~1", "--agent", "nobody"], 2, "expected an enrolled one"),
        (["--to", "no-such"], 2, "no-such"),
    ],
)
def test_a_rollback_that_can_not_be_made_leaves_nothing_behind(
    kept: Scene, words: list[str], code: int, said: str
) -> None:
    kept.git("checkout", "-q", "work")
    kept.commit("aside")
    before = kept.git("for-each-ref"), ledger(kept)
    kept.capsys.readouterr()
    assert kept.run("rollback", *words) == code
    assert said in kept.capsys.readouterr().err
    assert (kept.git("for-each-ref"), ledger(kept)) == before


def test_without_keys_there_is_nobody_to_sign_a_rollback(
    kept: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = json.loads(kept.must("init", "--json"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "a-machine-that-knows-nothing"))
    words = ["--repository-id", pins["repositoryId"], "--trust-root", pins["trustRoot"]]
    kept.capsys.readouterr()
    assert kept.run("rollback", "refs/heads/main", *words) == 2
    assert "expected this machine's own ledger" in kept.capsys.readouterr().err


def test_where_nothing_is_known_to_be_good_there_is_nothing_to_go_back_to(scene: Scene) -> None:
    scene.capsys.readouterr()
    assert scene.run("rollback") == 11
    said = scene.capsys.readouterr()
    assert (said.out, "\nhint: countermark audit" in said.err) == ("", True)


def test_a_branch_that_is_good_already_has_nothing_to_take_back(kept: Scene) -> None:
    document = rollback(kept)
    assert (document["to"], document["branch"], document["changes"]) == (kept.git("rev-parse", "main"), None, [])
    kept.capsys.readouterr()
    assert kept.run("rollback") == 0
    assert "there is nothing to take back" in kept.capsys.readouterr().err
