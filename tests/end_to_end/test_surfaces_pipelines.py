"""`countermark ci` where it runs: on GitHub- and GitLab-shaped checkouts, for every event, as a new user would."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from countermark_scanners.finding import Confidence, Finding, Severity
from countermark_scanners.score import score
from countermark_service.cli import main

from .conftest import CLEAN, Scene
from .pipelines import NUMBER, Runner, Server, git, github, gitlab, pull_request, repository_of

Job = Callable[..., "Ran"]


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert found["exitCode"] == self.code
        return dict(found)

    @property
    def hint(self) -> str:
        (found,) = [line.removeprefix("hint: ") for line in self.err.splitlines() if line.startswith("hint: ")]
        return found


@pytest.fixture
def server(scene: Scene) -> Server:
    """A server with a signed change on `work`, its evidence, and a proposal to merge it."""
    made = Server.beside(scene)
    scene.change({"app.py": "two = 2\n"})
    made.push()
    made.propose()
    return made


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "runner")


@pytest.fixture
def job(runner: Runner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Job:
    """Run `ci` in this process, in the runner's work tree, with its environment and nothing else."""

    def run(environ: Mapping[str, str], *words: str) -> Ran:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name != "PYTEST_CURRENT_TEST"]:
                patch.delenv(name)
            for name, value in environ.items():
                patch.setenv(name, value)
            patch.chdir(runner.work)
            code = main(["ci", *words])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture
def pr(server: Server, runner: Runner) -> dict[str, str]:
    """The environment of a pull request's job, on what actions/checkout leaves by default."""
    runner.checkout(server, f"refs/remotes/pull/{NUMBER}/merge", depth=1, remote_ref=f"refs/pull/{NUMBER}/merge")
    return github(runner, server, "pull_request", pull_request(server)) | server.pins


def fetch(job: Job, runner: Runner, environ: Mapping[str, str]) -> None:
    shown = job(environ, "--show", "refspecs")
    assert shown.code == 0, shown.err
    runner.fetch(shown.out)


# --- GitHub -----------------------------------------------------------------------------------------


def test_a_pull_request_on_a_shallow_merge_checkout_is_decided_after_the_one_fetch_that_the_hint_names(
    pr: dict[str, str], job: Job, runner: Runner
) -> None:
    blind = job(pr)
    assert (blind.code, blind.out) == (2, "")
    assert "expected the protected branch in the checkout" in blind.err
    show, brings = blind.hint.split(" | ")
    assert brings == "git fetch --no-tags --stdin origin"
    refspecs = job(pr, *shlex.split(show)[2:]).out
    runner.fetch(refspecs)
    decided = job(pr, "--json").document
    assert (decided["verdict"], decided["head"]) == (
        "PASSED",
        git(runner.work, "rev-parse", "refs/countermark/ci/head"),
    )
    assert decided["protectedRef"] == "refs/heads/main"


def test_history_that_is_missing_is_inconclusive_and_the_hint_brings_it(
    job: Job, runner: Runner, server: Server
) -> None:
    scene = server.scene
    before = scene.git("rev-parse", "main")
    scene.land("work")
    server.push()
    runner.checkout(server, "refs/remotes/origin/main", depth=1, remote_ref="refs/heads/main")
    event = push_event(before, scene.git("rev-parse", "main"))
    environ = github(runner, server, "push", event) | server.pins
    fetch(job, runner, environ)
    blind = job(environ)
    assert (blind.code, blind.hint) == (20, "git fetch --unshallow")
    git(runner.work, *shlex.split(blind.hint)[1:], "-q")
    assert job(environ).code == 0


def test_the_head_is_judged_and_not_the_platforms_merge_commit(
    pr: dict[str, str], job: Job, runner: Runner, server: Server
) -> None:
    """A merge commit that holds other files than the head, as an outdated or a lying platform would serve it."""
    scene = server.scene
    evil = scene.git("commit-tree", scene.git("rev-parse", "main^{tree}"), "-p", "main", "-m", "nothing to see")
    scene.git("push", "-q", "--force", "origin", f"{evil}:refs/pull/{NUMBER}/merge")
    scene.write({"app.py": "unsigned = 1\n"})
    scene.commit()
    server.push()
    runner.reset()
    runner.checkout(server, f"refs/remotes/pull/{NUMBER}/merge", depth=0, remote_ref=f"refs/pull/{NUMBER}/merge")
    environ = github(runner, server, "pull_request", pull_request(server)) | server.pins
    fetch(job, runner, environ)
    assert job(environ).code == 11


def test_a_pull_request_for_another_branch_is_two_whatever_that_branch_says(
    job: Job, runner: Runner, server: Server
) -> None:
    scene = server.scene
    scene.branch("mallorys")
    policy = scene.root / ".countermark" / "policy.json"
    policy.write_text(policy.read_text().replace('"enforce"', '"observe"'))
    scene.commit("soften")
    scene.git("push", "-q", "origin", "mallorys")
    runner.checkout(server, "refs/heads/x", depth=0, remote_ref="refs/heads/work")
    environ = github(runner, server, "pull_request", pull_request(server, base="mallorys")) | server.pins
    fetch(job, runner, environ)
    refused = job(environ)
    assert (refused.code, refused.hint) == (2, f"gh pr edit {NUMBER} --base main")


def test_pull_request_target_decides_on_the_base_and_refuses_a_checkout_of_the_head(
    job: Job, runner: Runner, server: Server
) -> None:
    runner.checkout(server, "refs/remotes/origin/main", depth=0, remote_ref="refs/heads/main")
    environ = github(runner, server, "pull_request_target", pull_request(server)) | server.pins
    fetch(job, runner, environ)
    assert job(environ, "--json").document["verdict"] == "PASSED"
    git(runner.work, "checkout", "-q", "--detach", "refs/countermark/ci/head")
    refused = job(environ)
    assert (refused.code, "expected the protected branch in the checkout" in refused.err) == (2, True)
    git(runner.work, *shlex.split(refused.hint)[1:], "-q")
    assert job(environ).code == 0


def test_pull_request_target_needs_no_work_tree_at_all(job: Job, runner: Runner, server: Server) -> None:
    git(runner.work, "init", "-q", "--bare")
    git(runner.work, "remote", "add", "origin", f"file://{server.repository}")
    environ = github(runner, server, "pull_request_target", pull_request(server)) | server.pins
    fetch(job, runner, environ)
    assert job(environ, "--json").document["verdict"] == "PASSED"


def merge_group(server: Server, *branches: str) -> tuple[dict[str, Any], str]:
    """Queue branches as GitHub does: each merged onto the one before it. Returns the last one's event."""
    scene = server.scene
    base = tip = scene.git("rev-parse", "main")
    for name in branches:
        head = scene.git("rev-parse", name)
        tree = scene.git("merge-tree", "--write-tree", tip, head).splitlines()[0]
        base, tip = tip, scene.git("commit-tree", tree, "-p", tip, "-p", head, "-m", f"Merge {name}")
    ref = f"refs/heads/gh-readonly-queue/main/pr-{NUMBER}-{base}"
    scene.git("push", "-q", "--force", "origin", f"{tip}:{ref}")
    group = {"head_sha": tip, "head_ref": ref, "base_sha": base, "base_ref": "refs/heads/main"}
    return {"action": "checks_requested", "merge_group": group, "repository": repository_of()}, ref


def test_a_merge_group_is_judged_on_top_of_the_one_before_it(job: Job, runner: Runner, server: Server) -> None:
    scene = server.scene
    scene.branch("second")
    scene.change({"b.py": "b = 1\n"})
    server.push()
    event, ref = merge_group(server, "work", "second")
    runner.checkout(server, ref, depth=0)
    environ = github(runner, server, "merge_group", event) | server.pins
    fetch(job, runner, environ)
    decided = job(environ, "--json").document
    assert decided["verdict"] == "PASSED"
    assert [row["path"] for row in decided["rows"]] == ["b.py"]
    assert decided["tip"] == event["merge_group"]["base_sha"]


def test_what_a_merge_group_holds_is_what_is_judged_and_not_what_could_be_merged(
    job: Job, runner: Runner, server: Server
) -> None:
    """The queue's own commit brings a file that neither side has."""
    scene = server.scene
    tip, head = (scene.git("rev-parse", name) for name in ("main", "work"))
    scene.write({"sneaked.py": "x = 1\n"})
    scene.git("add", "-A")
    tree = scene.git("write-tree")
    scene.git("reset", "-q", "--hard")
    evil = scene.git("commit-tree", tree, "-p", tip, "-p", head, "-m", "Merge work")
    ref = f"refs/heads/gh-readonly-queue/main/pr-{NUMBER}-{tip}"
    scene.git("push", "-q", "--force", "origin", f"{evil}:{ref}")
    group = {"head_sha": evil, "head_ref": ref, "base_sha": tip, "base_ref": "refs/heads/main"}
    runner.checkout(server, ref, depth=0)
    environ = github(runner, server, "merge_group", {"merge_group": group}) | server.pins
    fetch(job, runner, environ)
    refused = job(environ, "--json")
    assert (refused.code, [one["path"] for one in refused.document["reasons"]]) == (11, ["sneaked.py"])


def test_the_policy_of_a_queue_is_the_protected_branchs_and_not_what_waits_before_it(
    job: Job, runner: Runner, server: Server
) -> None:
    """The group before softens the policy: it has not landed, so it does not hold for the next one."""
    scene = server.scene
    scene.branch("soft")
    policy = scene.root / ".countermark" / "policy.json"
    policy.write_text(policy.read_text().replace('"enforce"', '"observe"'))
    scene.must("claim")
    scene.commit("soften")
    scene.branch("unsigned")
    scene.write({"evil.py": "x = 1\n"})
    scene.commit()
    server.push()
    event, ref = merge_group(server, "soft", "unsigned")
    runner.checkout(server, ref, depth=0)
    environ = github(runner, server, "merge_group", event) | server.pins
    fetch(job, runner, environ)
    refused = job(environ, "--json").document
    assert (refused["exitCode"], refused["enforcing"]) == (11, True)


def push_event(before: str, after: str, *, forced: bool = False, ref: str = "refs/heads/main") -> dict[str, Any]:
    return {"ref": ref, "before": before, "after": after, "created": False, "deleted": False, "forced": forced}


def pushed(job: Job, runner: Runner, server: Server, event: Mapping[str, Any]) -> Ran:
    runner.checkout(server, "refs/remotes/origin/main", depth=0, remote_ref="refs/heads/main")
    environ = github(runner, server, "push", event) | server.pins
    fetch(job, runner, environ)
    return job(environ, "--json")


def test_a_push_is_judged_by_what_it_left_and_the_policy_it_found(job: Job, runner: Runner, server: Server) -> None:
    scene = server.scene
    before = scene.git("rev-parse", "main")
    scene.land("work")
    server.push()
    ran = pushed(job, runner, server, push_event(before, scene.git("rev-parse", "main")))
    assert (ran.document["verdict"], ran.document["tip"]) == ("PASSED", before)


def test_a_push_that_brings_its_own_policy_is_judged_by_the_one_before(
    job: Job, runner: Runner, server: Server
) -> None:
    scene = server.scene
    before = scene.git("rev-parse", "main")
    scene.git("checkout", "-q", "main")
    policy = scene.root / ".countermark" / "policy.json"
    policy.write_text(policy.read_text().replace('"enforce"', '"observe"'))
    scene.write({"evil.py": "x = 1\n"})
    scene.commit("soften and sneak")
    server.push()
    ran = pushed(job, runner, server, push_event(before, scene.git("rev-parse", "main")))
    assert (ran.code, ran.document["enforcing"]) == (11, True)


@pytest.mark.parametrize("forced", [True, False], ids=["the-event-says-so", "the-event-is-silent"])
def test_a_push_that_rewrote_history_is_eleven(*, forced: bool, job: Job, runner: Runner, server: Server) -> None:
    scene = server.scene
    scene.land("work")
    server.push()
    before = scene.git("rev-parse", "main")
    scene.git("reset", "-q", "--hard", "main~1")
    scene.write({"other.py": "x = 1\n"})
    scene.commit()
    server.push()
    ran = pushed(job, runner, server, push_event(before, scene.git("rev-parse", "main"), forced=forced))
    assert (ran.code, "history was rewritten" in ran.err) == (11, True)
    assert ran.hint.startswith(("git push --force-with-lease origin", "git fetch --all && git rebase"))


def test_a_push_of_another_branch_is_nobodys_landing(job: Job, runner: Runner, server: Server) -> None:
    scene = server.scene
    runner.checkout(server, "refs/remotes/origin/main", depth=0, remote_ref="refs/heads/main")
    event = push_event(scene.git("rev-parse", "main"), scene.git("rev-parse", "work"), ref="refs/heads/work")
    environ = github(runner, server, "push", event) | server.pins
    fetch(job, runner, environ)
    assert job(environ).code == 2


def test_a_forks_evidence_is_read_from_the_fork(job: Job, runner: Runner, server: Server) -> None:
    """The base has none of the change's evidence; the fork has, under the usual name."""
    scene = server.scene
    scene.git("push", "-q", "origin", ":refs/countermark/bundles")
    fork = server.root / "mallory" / "shop"
    fork.mkdir(parents=True)
    git(fork, "init", "-q", "--bare")
    scene.must("bundles", "push", str(fork))
    runner.checkout(server, "refs/remotes/origin/main", depth=0, remote_ref="refs/heads/main")
    environ = github(runner, server, "pull_request_target", pull_request(server, of="mallory/shop")) | server.pins
    fetch(job, runner, environ)
    assert job(environ).code == 20
    shown = job(environ, "--show", "fork").out.strip()
    assert shown == f"file://{fork}"
    git(runner.work, "fetch", "-q", "--no-tags", shown, "+refs/countermark/bundle*:refs/countermark/fork/bundle*")
    assert job(environ).code == 0


def test_a_job_speaks_to_the_platform_in_its_own_files(pr: dict[str, str], job: Job, runner: Runner) -> None:
    fetch(job, runner, pr)
    assert job(pr, "--output", "json=report.json").code == 0
    outputs = (runner.temporary / "output").read_text()
    assert "verdict<<" in outputs
    assert f"\n{runner.work}/report.json\n" in outputs
    assert (runner.temporary / "summary").read_text().startswith("## Countermark: PASSED (0, accepted)")


def test_a_refusal_reaches_the_platforms_files_too(pr: dict[str, str], job: Job, runner: Runner) -> None:
    refused = job(pr)
    assert refused.code == 2
    assert "::error title=countermark/step-usage::main: expected the protected branch" in refused.err
    assert "UNDECIDED" in (runner.temporary / "output").read_text()
    assert "git fetch --no-tags --stdin origin" in (runner.temporary / "summary").read_text()


# --- pins -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["COUNTERMARK_REPOSITORY_ID", "COUNTERMARK_TRUST_ROOT", "COUNTERMARK_PROTECTED_REF"])
def test_a_pin_that_the_jobs_settings_lack_is_named_with_the_command_that_prints_it(
    name: str, pr: dict[str, str], job: Job
) -> None:
    refused = job(pr | {name: ""})
    assert (refused.code, name in refused.err) == (2, True)
    assert refused.hint.startswith("countermark init --json")


@pytest.mark.parametrize(
    ("name", "value"),
    [("COUNTERMARK_REPOSITORY_ID", "another"), ("COUNTERMARK_TRUST_ROOT", f"sha256:{'0' * 64}")],
)
def test_a_pin_of_another_repository_is_twelve(
    name: str, value: str, pr: dict[str, str], job: Job, runner: Runner
) -> None:
    fetch(job, runner, pr)
    assert job(pr | {name: value}).code == 12


def test_an_older_status_than_the_one_seen_is_twenty(pr: dict[str, str], job: Job, runner: Runner) -> None:
    fetch(job, runner, pr)
    number = job(pr, "--json").document["statusNumber"]
    assert job(pr | {"COUNTERMARK_SEEN_STATUS": str(number)}).code == 0
    assert job(pr | {"COUNTERMARK_SEEN_STATUS": str(number + 1)}).code == 20


def test_nothing_in_the_checkout_says_what_holds(pr: dict[str, str], job: Job, runner: Runner) -> None:
    """Local branches, tags and files of the protected names, and settings in the checkout's own configuration."""
    fetch(job, runner, pr)
    evil = git(runner.work, "commit-tree", git(runner.work, "hash-object", "-t", "tree", "-w", "/dev/null"), "-m", "x")
    for name in ("refs/heads/main", "refs/tags/main", "refs/heads/refs/remotes/origin/main"):
        git(runner.work, "update-ref", name, evil)
    git(runner.work, "config", "countermark.protectedRef", "refs/heads/theirs")
    (runner.work / "countermark.json").write_text("{}")
    assert job(pr, "--json").document["verdict"] == "PASSED"


def test_a_tip_that_the_settings_name_outweighs_every_ref_of_the_checkout(
    pr: dict[str, str], job: Job, runner: Runner, server: Server
) -> None:
    fetch(job, runner, pr)
    git(
        runner.work, "update-ref", "refs/remotes/origin/main", git(runner.work, "rev-parse", "refs/countermark/ci/head")
    )
    pinned = pr | {"COUNTERMARK_PROTECTED_REF": f"refs/heads/main:{server.scene.git('rev-parse', 'main')}"}
    assert [len(job(environ, "--json").document["rows"]) for environ in (pr, pinned)] == [0, 1]


# --- asking for more --------------------------------------------------------------------------------


@pytest.fixture
def ready(pr: dict[str, str], job: Job, runner: Runner) -> dict[str, str]:
    fetch(job, runner, pr)
    return pr


def test_a_job_may_enforce_what_the_policy_only_observes_and_never_the_other_way(
    scene: Scene, job: Job, runner: Runner
) -> None:
    scene.git("checkout", "-q", "main")
    policy = scene.root / ".countermark" / "policy.json"
    policy.write_text(policy.read_text().replace('"enforce"', '"observe"'))
    scene.commit("observe")
    scene.branch("careless")
    scene.write({"app.py": "unsigned = 1\n"})
    scene.commit()
    server = Server.beside(scene)
    server.push()
    runner.checkout(server, "refs/remotes/origin/main", depth=0, remote_ref="refs/heads/main")
    event = pull_request(server, "careless")
    environ = github(runner, server, "pull_request_target", event) | server.pins
    fetch(job, runner, environ)
    observed, enforced = job(environ, "--json").document, job(environ, "--json", "--mode", "enforce").document
    assert (observed["exitCode"], observed["code"], observed["enforcing"]) == (0, 11, False)
    assert (enforced["exitCode"], enforced["code"], enforced["enforcing"]) == (11, 11, True)
    assert job(environ, "--mode", "observe").code == 2


def test_a_job_may_refuse_findings_that_the_score_would_let_pass(
    ready: dict[str, str], job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    low = Finding("1" * 64, "B101", 703, Severity.LOW, Confidence.LOW, "app.py", 1, "assert", "raise", "bandit")
    found = replace(CLEAN, new_findings=(low,), score=score((low,)))
    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", lambda *_: lambda *_: found)
    assert job(ready, "--fail-on", "medium").code == 0
    refused = job(ready, "--fail-on", "low", "--json")
    assert (refused.code, [one["path"] for one in refused.document["reasons"]]) == (10, ["app.py"])


def test_a_job_may_ask_for_more_coverage_than_the_policy_and_never_for_less(
    scene: Scene, job: Job, runner: Runner
) -> None:
    scene.git("checkout", "-q", "main")
    policy = scene.root / ".countermark" / "policy.json"
    softened = json.loads(policy.read_text())
    softened["coverage"] = {"minimum": 50}
    policy.write_text(json.dumps(softened))
    scene.commit("half is enough")
    scene.branch("half")
    scene.change({"app.py": "two = 2\n"})
    scene.write({"b.py": "x = 1\n"})
    scene.commit()
    server = Server.beside(scene)
    server.push()
    runner.checkout(server, "refs/remotes/origin/main", depth=0, remote_ref="refs/heads/main")
    environ = github(runner, server, "pull_request_target", pull_request(server, "half")) | server.pins
    fetch(job, runner, environ)
    assert [job(environ, "--min-coverage", str(percent)).code for percent in (0, 50, 51, 100)] == [0, 0, 11, 11]
    assert [job(environ, "--min-coverage", percent).code for percent in ("-1", "101", "all")] == [2, 2, 2]


def test_a_verdict_that_a_job_tightened_is_signed_as_the_refusal_that_it_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scene.change({"app.py": "two = 2\n"})
    low = Finding("1" * 64, "B101", 703, Severity.LOW, Confidence.LOW, "app.py", 1, "assert", "raise", "bandit")
    found = replace(CLEAN, new_findings=(low,), score=score((low,)))
    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", lambda *_: lambda *_: found)
    vsa = tmp_path / "vsa.json"
    words = ("ci", "--platform", "plain", "--record", "required", "--output", f"vsa={vsa}")
    assert scene.run(*words, "--fail-on", "low") == 10
    name = scene.must("verify", str(copied(scene, vsa, tmp_path)))
    assert "FAILED" in name


def copied(scene: Scene, vsa: Path, tmp_path: Path) -> Path:
    """Find the same bundle in an export, with its proof beside it."""
    scene.must("log", "export", str(tmp_path / "export"))
    (found,) = [
        path for path in (tmp_path / "export").rglob("*.sigstore.json") if path.read_bytes() == vsa.read_bytes()
    ]
    return found


# --- GitLab -----------------------------------------------------------------------------------------


@pytest.fixture
def mr(server: Server, runner: Runner) -> dict[str, str]:
    """The environment of a merge request's job, on what GitLab's runner leaves."""
    server.scene.git("push", "-q", "origin", f"work:refs/merge-requests/{NUMBER}/head", "work:refs/pipelines/9")
    runner.checkout(server, "refs/pipelines/9", depth=20)
    return gitlab(runner, server) | server.pins


def test_a_merge_request_on_a_shallow_checkout_is_decided_after_the_fetch(
    mr: dict[str, str], job: Job, runner: Runner
) -> None:
    assert job(mr).code == 2
    fetch(job, runner, mr)
    assert job(mr, "--json").document["verdict"] == "PASSED"


def test_a_pipeline_for_merged_results_judges_the_source_and_not_the_merge(
    job: Job, runner: Runner, server: Server
) -> None:
    scene = server.scene
    merge = server.propose()
    scene.git("push", "-q", "origin", f"{merge}:refs/pipelines/9")
    runner.checkout(server, "refs/pipelines/9", depth=20)
    head, target = scene.git("rev-parse", "work"), scene.git("rev-parse", "main")
    sides = {"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": head, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": target}
    environ = gitlab(runner, server, "merged_result", CI_COMMIT_SHA=merge, **sides) | server.pins
    fetch(job, runner, environ)
    decided = job(environ, "--json").document
    assert (decided["verdict"], decided["head"]) == ("PASSED", head)


def test_a_merge_train_judges_its_own_commit_on_the_one_before(job: Job, runner: Runner, server: Server) -> None:
    scene = server.scene
    scene.branch("second")
    scene.change({"b.py": "b = 1\n"})
    server.push()
    event, ref = merge_group(server, "work", "second")
    group = event["merge_group"]
    runner.checkout(server, "refs/pipelines/9", depth=0, remote_ref=ref)
    sides = {
        "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": scene.git("rev-parse", "second"),
        "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": group["base_sha"],
    }
    environ = gitlab(runner, server, "merge_train", CI_COMMIT_SHA=group["head_sha"], **sides) | server.pins
    fetch(job, runner, environ)
    decided = job(environ, "--json").document
    assert (decided["verdict"], [row["path"] for row in decided["rows"]]) == ("PASSED", ["b.py"])


def test_a_push_on_gitlab_that_rewrote_history_is_eleven(job: Job, runner: Runner, server: Server) -> None:
    """GitLab's variables don't say that a push was forced; the history does."""
    scene = server.scene
    scene.land("work")
    server.push()
    before = scene.git("rev-parse", "main")
    scene.git("reset", "-q", "--hard", "main~1")
    scene.commit("instead")
    server.push()
    runner.checkout(server, "refs/pipelines/9", depth=0, remote_ref="refs/heads/main")
    environ = runner.environ(
        {
            "GITLAB_CI": "true",
            "CI_PIPELINE_SOURCE": "push",
            "CI_COMMIT_BRANCH": "main",
            "CI_COMMIT_BEFORE_SHA": before,
            "CI_COMMIT_SHA": scene.git("rev-parse", "main"),
        }
    )
    fetch(job, runner, environ | server.pins)
    ran = job(environ | server.pins)
    assert (ran.code, "history was rewritten" in ran.err) == (11, True)


# --- Jenkins, pre-commit, a plain command line ------------------------------------------------------


def test_jenkins_is_a_plain_command_line_that_knows_the_target(job: Job, runner: Runner, server: Server) -> None:
    runner.checkout(server, "refs/remotes/origin/work", depth=0, remote_ref="refs/heads/work")
    environ = runner.environ({"JENKINS_URL": "https://ci.example/", "CHANGE_TARGET": "main", "CHANGE_ID": "12"})
    fetch(job, runner, environ | server.pins)
    assert job(environ | server.pins, "--output", "junit=countermark.xml").code == 0
    assert (runner.work / "countermark.xml").exists()
    assert job(environ | server.pins | {"CHANGE_TARGET": "other"}).code == 2


def test_pre_commit_judges_what_would_be_pushed_with_what_init_set_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = scene.change({"app.py": "two = 2\n"})
    scene.write({"app.py": "three = 3\n"})
    unsigned = scene.commit()
    monkeypatch.setenv("PRE_COMMIT", "1")
    for commit, code in ((signed, 0), (unsigned, 11)):
        monkeypatch.setenv("PRE_COMMIT_TO_REF", commit)
        assert scene.run("ci", "--record", "never") == code


def test_options_say_everything_on_a_plain_command_line(job: Job, runner: Runner, server: Server) -> None:
    scene = server.scene
    before = scene.git("rev-parse", "main")
    scene.land("work")
    server.push()
    runner.checkout(server, "refs/remotes/origin/main", depth=0, remote_ref="refs/heads/main")
    environ = runner.environ(server.pins)
    fetch(job, runner, environ)
    landed = job(environ, "--head", "HEAD", "--tip", before, "--landed", "--json").document
    assert (landed["verdict"], landed["tip"]) == ("PASSED", before)


# --- a new user, from red to green ------------------------------------------------------------------


def commands(reasons: list[dict[str, Any]]) -> Iterator[list[str]]:
    for reason in reasons:
        yield shlex.split(reason["hint"])[1:]


def test_what_a_refusal_names_mends_it(job: Job, runner: Runner, server: Server) -> None:
    """The hint is followed word for word, then the evidence is pushed as the summary says, and the job runs again."""
    scene = server.scene
    scene.write({"app.py": "two = 2\nthree = 3\n"})
    scene.commit("edited after it was signed")
    server.push()
    runner.checkout(server, "refs/remotes/origin/main", depth=0, remote_ref="refs/heads/main")
    environ = github(runner, server, "pull_request_target", pull_request(server)) | server.pins
    fetch(job, runner, environ)
    refused = job(environ, "--json")
    (reason,) = refused.document["reasons"]
    assert (refused.code, reason["path"], reason["lines"]) == (11, "app.py", [[2, 2]])
    assert reason["lastSigned"]["signer"].endswith("/agent/coder")
    for words in commands([reason]):
        scene.must(*words)
    summary = (runner.temporary / "summary").read_text()
    assert summary.rstrip().endswith("```sh\ncountermark bundles push\n```")
    scene.must("bundles", "push")
    fetch(job, runner, environ)
    assert job(environ).code == 0


def test_what_a_job_is_about_is_shown_to_programs_too(pr: dict[str, str], job: Job) -> None:
    lines = job(pr, "--show", "refspecs").out.splitlines()
    assert json.loads(job(pr, "--show", "refspecs", "--json").out) == {"refspecs": lines}
    assert json.loads(job(pr, "--show", "fork", "--json").out) == {"fork": []}
    about = json.loads(job(pr, "--show", "job", "--json").out)
    assert (about["platform"], about["event"], about["branch"], about["number"]) == (
        "github",
        "pull_request",
        "main",
        NUMBER,
    )


def test_deciding_asks_no_network(ready: dict[str, str], job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert job(ready).code == 0
