"""The templates a user copies, executed: the action's own steps by bash as the runner does it, GitLab's script lines,
Jenkins' commands and the pre-commit hook. Only the scanner is one fast one.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from countermark_service.cli.parsing import build_parser
from countermark_service.gate.outputs.comment import MARKER

from ..service.conftest import Platform, platform
from .conftest import Scene
from .pipelines import NUMBER, Runner, Server, git, github, gitlab, pull_request

__all__ = ["platform"]  # a fixture of another room
ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW = (ROOT / "docs" / "guides" / "ci" / "github.yml").read_text(encoding="utf-8")
GITLAB: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "guides" / "ci" / "gitlab.yml").read_text(encoding="utf-8"))
JENKINSFILE = (ROOT / "docs" / "guides" / "ci" / "Jenkinsfile").read_text(encoding="utf-8")
STEPS: dict[str, dict[str, Any]] = {step["id"]: step for step in ACTION["runs"]["steps"]}
INSTALLED = "/opt/countermark/.venv/bin/python"
EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")


# --- what the action is made of ---------------------------------------------------------------------


def test_the_action_uses_no_other_action() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert [set(step) - {"id", "name", "if", "shell", "env", "run"} for step in STEPS.values()] == [set()] * 4
    assert {step["shell"] for step in STEPS.values()} == {"bash"}


def test_no_script_of_the_action_holds_an_expression() -> None:
    assert [name for name, step in STEPS.items() if "${{" in step["run"]] == []


def test_what_reaches_a_script_is_an_input_or_a_result_of_ours_and_never_an_event() -> None:
    found = {one for step in STEPS.values() for value in step["env"].values() for one in EXPRESSION.findall(value)}
    assert found
    assert [one for one in found if not re.fullmatch(r"inputs\.[a-z-]+|steps\.prepare\.outputs\.[a-z]+", one)] == []


def test_every_input_is_used_and_every_one_used_is_there() -> None:
    used = set(re.findall(r"inputs\.([a-z-]+)", json.dumps(ACTION["runs"])))
    assert used == set(ACTION["inputs"])


def test_every_output_is_one_that_the_decision_sets() -> None:
    assert {f"${{{{ steps.decide.outputs.{name} }}}}" for name in ACTION["outputs"]} == {
        output["value"] for output in ACTION["outputs"].values()
    }


def test_every_start_of_python_is_the_documented_one() -> None:
    starts = [line for step in STEPS.values() for line in step["run"].splitlines() if "countermark_service" in line]
    assert len(starts) == 3
    assert [line for line in starts if '"$COUNTERMARK_PYTHON" -I -m countermark_service' not in line] == []


@pytest.mark.parametrize("name", ["policy", "base", "head", "server"])
def test_there_is_no_input_that_could_choose_what_holds(name: str) -> None:
    assert name not in ACTION["inputs"]


# --- the runner -------------------------------------------------------------------------------------


@dataclass
class Result:
    codes: dict[str, int]
    said: str
    outputs: dict[str, str]


@dataclass
class Action:
    """Runs the action's steps as GitHub's runner does: one script, one environment, one output file each."""

    environ: dict[str, str]
    folder: Path
    steps: dict[str, dict[str, str]] = field(default_factory=dict)

    def run(self, **inputs: str) -> Result:
        known = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
        known |= {name.replace("_", "-"): value for name, value in inputs.items()}
        known["token"] = inputs.get("token", "")
        codes: dict[str, int] = {}
        said = ""
        for name, step in STEPS.items():
            if any(codes.values()) and "if" not in step:
                continue
            if "if" in step and not self._holds(known):
                continue
            codes[name], spoken = self._step(name, step, known)
            said += spoken
        outputs = {name: self._value(one["value"], known) for name, one in ACTION["outputs"].items()}
        return Result(codes, said, outputs)

    def _holds(self, inputs: Mapping[str, str]) -> bool:
        assert STEPS["comment"]["if"] == (
            "${{ !cancelled() && inputs.comment == 'true' && startsWith(github.event_name, 'pull_request') }}"
        )
        return inputs["comment"] == "true" and self.environ["GITHUB_EVENT_NAME"].startswith("pull_request")

    def _value(self, spelled: str, inputs: Mapping[str, str]) -> str:
        def value(found: re.Match[str]) -> str:
            where, _, name = found[1].partition(".")
            if where == "inputs":
                return inputs[name]
            step, _, output = name.partition(".outputs.")
            return self.steps.get(step, {}).get(output, "")

        return EXPRESSION.sub(value, spelled)

    def _step(self, name: str, step: Mapping[str, Any], inputs: Mapping[str, str]) -> tuple[int, str]:
        script, output = self.folder / f"{name}.sh", self.folder / f"{name}.output"
        script.write_text(step["run"])
        output.write_text("")
        given = {key: self._value(value, inputs) for key, value in step["env"].items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.environ["GITHUB_WORKSPACE"],
            env=self.environ | {"GITHUB_OUTPUT": str(output)} | given,
            capture_output=True,
            text=True,
            check=False,
        )
        self.steps[name] = read_outputs(output.read_text())
        return done.returncode, done.stdout + done.stderr


def read_outputs(text: str) -> dict[str, str]:
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, marked, delimiter = line.partition("<<")
        if not marked:
            name, _, found[name] = line.partition("=")
            continue
        found[name] = "\n".join(iter(lambda: next(lines), delimiter))
    return found


@pytest.fixture
def server(scene: Scene) -> Server:
    """A signed change on `work` and its evidence, under a policy with one fast scanner."""
    scene.git("checkout", "-q", "main")
    path = scene.root / ".countermark" / "policy.json"
    policy = json.loads(path.read_text())
    policy["score"] |= {"scanners": ["ruff"]}
    path.write_text(json.dumps(policy))
    scene.commit("one scanner")
    scene.git("checkout", "-q", "-B", "work")
    made = Server.beside(scene)
    scene.change({"app.py": "two = 2\n"})
    made.push()
    made.propose()
    return made


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "runner")


def action(runner: Runner, server: Server, name: str, event: Mapping[str, Any]) -> Action:
    return Action(github(runner, server, name, event) | {"GITHUB_ACTION_PATH": str(ROOT)}, runner.temporary)


def pins(server: Server) -> dict[str, str]:
    names = {"repository_id": "REPOSITORY_ID", "trust_root": "TRUST_ROOT", "protected_ref": "PROTECTED_REF"}
    return {"python": sys.executable, **{name: server.pins[f"COUNTERMARK_{of}"] for name, of in names.items()}}


@pytest.mark.parametrize("depth", [1, 0])
def test_the_action_decides_on_whatever_actions_checkout_left(depth: int, runner: Runner, server: Server) -> None:
    merge = f"refs/remotes/pull/{NUMBER}/merge"
    runner.checkout(server, merge, depth=depth, remote_ref=f"refs/pull/{NUMBER}/merge")
    before = git(runner.work, "for-each-ref"), git(runner.work, "status", "--porcelain", "--ignored")
    ran = action(runner, server, "pull_request", pull_request(server)).run(**pins(server))
    assert ran.codes == {"prepare": 0, "fetch": 0, "decide": 0}, ran.said
    assert "PASSED (0, accepted)" in ran.said
    figures = {name: ran.outputs[name] for name in ("verdict", "coverage", "score", "unattributed-lines", "enforcing")}
    assert figures == {
        "verdict": "PASSED",
        "coverage": "100",
        "score": "100",
        "unattributed-lines": "0",
        "enforcing": "true",
    }
    assert json.loads(Path(ran.outputs["report-path"]).read_text())["verdict"] == "PASSED"
    assert json.loads(Path(ran.outputs["vsa-path"]).read_text())["unsigned"].startswith("PRELIMINARY")
    assert (git(runner.work, "for-each-ref"), git(runner.work, "status", "--porcelain", "--ignored")) == before
    assert (runner.temporary / "summary").read_text().startswith("## Countermark: PASSED")


def test_the_action_needs_no_checkout_at_all(runner: Runner, server: Server) -> None:
    ran = action(runner, server, "pull_request_target", pull_request(server)).run(**pins(server))
    assert (ran.codes["decide"], ran.outputs["verdict"]) == (0, "PASSED"), ran.said
    assert list(runner.work.iterdir()) == []


def test_a_refusal_is_an_annotation_a_summary_and_a_report_for_code_scanning(runner: Runner, server: Server) -> None:
    scene = server.scene
    scene.write({"app.py": "two = 2\nthree = 3\n", "](x) $(touch owned) `touch owned`.py": "x = 1\n"})
    scene.commit()
    server.push()
    ran = action(runner, server, "pull_request_target", pull_request(server)).run(sarif="out.sarif", **pins(server))
    assert (ran.codes["decide"], ran.outputs["verdict"], ran.outputs["exit-code"]) == (11, "FAILED", "11")
    assert ran.outputs["unattributed-lines"] == "2"
    assert "::error title=countermark/coverage,file=app.py,line=2,endLine=2::" in ran.said
    assert json.loads((runner.work / "out.sarif").read_text())["runs"][0]["results"]
    assert "countermark claim app.py" in (runner.temporary / "summary").read_text()
    assert list(runner.folder.rglob("owned")) == []


def test_the_action_judges_a_merge_group_and_a_push(runner: Runner, server: Server) -> None:
    scene = server.scene
    before = scene.git("rev-parse", "main")
    scene.land("work")
    after = scene.git("rev-parse", "main")
    scene.git("update-ref", "refs/heads/main", before)
    scene.git("push", "-q", "origin", f"{after}:refs/heads/gh-readonly-queue/main/pr-{NUMBER}-{before}")
    group = {"head_sha": after, "base_sha": before, "base_ref": "refs/heads/main"}
    queued = action(runner, server, "merge_group", {"merge_group": group}).run(**pins(server))
    assert queued.outputs["verdict"] == "PASSED", queued.said
    scene.git("update-ref", "refs/heads/main", after)
    server.push()
    event = {"ref": "refs/heads/main", "before": before, "after": after, "forced": False}
    landed = action(runner, server, "push", event).run(**pins(server))
    assert landed.outputs["verdict"] == "PASSED", landed.said


def test_the_action_reads_a_forks_evidence_from_the_fork(runner: Runner, server: Server) -> None:
    scene = server.scene
    fork = server.root / "mallory" / "shop"
    fork.mkdir(parents=True)
    git(fork, "init", "-q", "--bare")
    scene.must("bundles", "push", str(fork))
    scene.git("push", "-q", "origin", ":refs/countermark/bundles")
    event = pull_request(server, of="mallory/shop")
    assert action(runner, server, "pull_request_target", event).run(**pins(server)).outputs["verdict"] == "PASSED"
    gone = pull_request(server, of="mallory/gone")
    ran = action(runner, server, "pull_request_target", gone).run(**pins(server))
    assert "the fork's evidence could not be fetched" in ran.said
    assert (ran.codes["decide"], ran.outputs["verdict"]) == (20, "INCONCLUSIVE")


def test_what_can_not_be_fetched_is_a_refusal_with_a_hint(runner: Runner, server: Server) -> None:
    made = action(runner, server, "pull_request_target", pull_request(server))
    made.environ["GITHUB_REPOSITORY"] = "octo/private"
    ran = made.run(**pins(server))
    assert ran.codes == {"prepare": 0, "fetch": 20}
    assert "hint: permissions: contents: read" in ran.said
    assert ran.outputs["verdict"] == ""


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("protected_ref", "refs/heads/other", {"prepare": 0, "fetch": 20}),
        ("protected_ref", "", {"prepare": 0, "fetch": 2}),
        ("repository_id", "", {"prepare": 0, "fetch": 0, "decide": 2}),
        ("trust_root", f"sha256:{'0' * 64}", {"prepare": 0, "fetch": 0, "decide": 12}),
        ("mode", "observe", {"prepare": 0, "fetch": 0, "decide": 2}),
        ("min_coverage", "$(id)", {"prepare": 0, "fetch": 0, "decide": 2}),
        ("fail_on", "nothing", {"prepare": 0, "fetch": 0, "decide": 2}),
        ("annotations_max", "1000", {"prepare": 0, "fetch": 0, "decide": 2}),
        ("time_limit", "0", {"prepare": 0, "fetch": 0, "decide": 2}),
        ("bundles", "nowhere", {"prepare": 0, "fetch": 0, "decide": 2}),
    ],
)
def test_an_input_that_does_not_hold_is_never_green(
    name: str, value: str, code: dict[str, int], runner: Runner, server: Server
) -> None:
    made = action(runner, server, "pull_request_target", pull_request(server))
    assert made.run(**pins(server) | {name: value}).codes == code


def test_an_interpreter_inside_of_the_checkout_is_refused(runner: Runner, server: Server) -> None:
    made = action(runner, server, "pull_request_target", pull_request(server))
    planted = runner.work / "venv" / "bin"
    planted.mkdir(parents=True)
    (planted / "python").symlink_to(sys.executable)
    (runner.folder / "link").symlink_to(planted)
    for python in (planted / "python", runner.folder / "link" / "python", "python", runner.folder / "nothing"):
        ran = made.run(**pins(server) | {"python": str(python)})
        assert ran.codes == {"prepare": 2}, python
        assert "::error title=Countermark::python: expected" in ran.said


def test_without_an_interpreter_one_is_made_from_the_actions_own_lock(runner: Runner, server: Server) -> None:
    """What `bootstrap.py` does has tests of its own; here it stands at the action's path, outside of the checkout."""
    own = runner.folder / "_actions" / "countermark"
    own.mkdir(parents=True)
    venv = Path(sys.executable).parents[1]
    (own / "bootstrap.py").write_text(f"import os\nos.symlink({str(venv)!r}, {str(own / '.venv')!r})\n")
    made = action(runner, server, "pull_request_target", pull_request(server))
    made.environ["GITHUB_ACTION_PATH"] = str(own)
    ran = made.run(**pins(server) | {"python": ""})
    assert (ran.codes["decide"], made.steps["prepare"]["python"]) == (0, f"{own}/.venv/bin/python"), ran.said


def test_an_action_that_lies_in_the_checkout_is_refused(runner: Runner, server: Server) -> None:
    own = runner.work / "action"
    own.mkdir()
    (own / "bootstrap.py").write_text("")
    (own / ".venv").symlink_to(Path(sys.executable).parents[1])
    made = action(runner, server, "pull_request_target", pull_request(server))
    made.environ["GITHUB_ACTION_PATH"] = str(own)
    planted = own / "real" / "bin"
    planted.mkdir(parents=True)
    (planted / "python").symlink_to(sys.executable)
    (own / ".venv").unlink()
    (own / ".venv").symlink_to("real")
    assert made.run(**pins(server) | {"python": ""}).codes == {"prepare": 2}


def test_a_checkout_that_plants_every_shadow_runs_none_of_them(runner: Runner, server: Server) -> None:
    marker = runner.folder / "ran"
    planted = f"open({str(marker)!r}, 'a').write(__name__)\n"
    for name in ("json.py", "sitecustomize.py", "countermark_service/__init__.py", "countermark_ledger/__init__.py"):
        (runner.work / name).parent.mkdir(exist_ok=True)
        (runner.work / name).write_text(planted)
    for name in ("git", "mktemp", "base64"):
        (runner.work / name).write_text(f"#!/bin/sh\necho {name} >> {marker}\n")
        (runner.work / name).chmod(0o755)
    ran = action(runner, server, "pull_request_target", pull_request(server)).run(**pins(server))
    assert (ran.outputs["verdict"], marker.exists()) == ("PASSED", False), ran.said


# --- the comment ------------------------------------------------------------------------------------


def test_one_comment_says_red_and_then_green(runner: Runner, server: Server, platform: Platform) -> None:
    scene = server.scene
    scene.write({"b.py": "x = 1\n"})
    scene.commit()
    server.push()
    made = action(runner, server, "pull_request_target", pull_request(server))
    made.environ["GITHUB_API_URL"] = platform.address
    red = made.run(comment="true", token="t0ken", **pins(server))
    assert (red.codes["decide"], red.codes["comment"]) == (11, 0), red.said
    (body,) = platform.bodies
    assert str(body).startswith(f"{MARKER}\n## Countermark: FAILED")
    assert {headers["Authorization"] for _, _, headers in platform.asked} == {"Bearer t0ken"}
    assert "t0ken" not in red.said
    scene.must("claim", "b.py")
    server.push()
    green = made.run(comment="true", token="t0ken", **pins(server))
    assert green.codes["decide"] == 0
    assert [str(body).split("\n")[1] for body in platform.bodies] == ["## Countermark: PASSED (0, accepted)"]


def test_a_comment_that_can_not_be_written_changes_no_decision(runner: Runner, server: Server) -> None:
    made = action(runner, server, "pull_request_target", pull_request(server))
    made.environ["GITHUB_API_URL"] = "http://127.0.0.1:9"
    ran = made.run(comment="true", token="t0ken", **pins(server))
    assert ran.codes == {"prepare": 0, "fetch": 0, "decide": 0, "comment": 0}
    assert "::warning title=Countermark::the comment could not be written" in ran.said


# --- the other templates ----------------------------------------------------------------------------


def test_the_workflow_asks_for_no_right_but_reading_and_runs_nothing_of_the_change() -> None:
    workflow = yaml.safe_load(WORKFLOW)
    assert workflow["permissions"] == {"contents": "read"}
    assert set(workflow[True]) == {"pull_request_target", "merge_group", "push"}, "yaml reads `on` as true"
    (job,) = workflow["jobs"].values()
    (step,) = job["steps"]
    assert set(step["with"]) <= set(ACTION["inputs"])
    assert {name for name, one in ACTION["inputs"].items() if one.get("required")} == set(step["with"])
    assert "run" not in step


def test_the_gitlab_template_decides_and_leaves_every_report_it_names(runner: Runner, server: Server) -> None:
    job = GITLAB["countermark"]
    server.scene.write({"b.py": "x = 1\n"})
    server.scene.commit()
    server.push()
    server.scene.git("push", "-q", "origin", "work:refs/pipelines/9")
    assert job["variables"]["GIT_DEPTH"] == "0"
    runner.checkout(server, "refs/pipelines/9", depth=20)
    script = "\n".join(job["script"]).replace(INSTALLED, sys.executable)
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=runner.work,
        env=gitlab(runner, server) | server.pins,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 11, done.stderr
    reports = {name: runner.work / path for name, path in job["artifacts"]["reports"].items()}
    assert ET.parse(reports["junit"]).getroot().find("testsuite") is not None  # noqa: S314  # our own bytes
    assert json.loads(reports["codequality"].read_text())[0]["location"]["path"] == "b.py"
    assert json.loads(reports["sast"].read_text())["scan"]["status"] == "success"
    assert [path for path in job["artifacts"]["paths"] if not (runner.work / path).exists()] == []
    assert set(re.findall(r"--output (\w+)=", script)) == {"junit", "codequality", "sast", "json", "vsa"}


def test_the_jenkinsfile_decides_and_leaves_the_report_it_names(runner: Runner, server: Server) -> None:
    (script,) = re.findall(r"sh '''(.*?)'''", JENKINSFILE, re.DOTALL)
    (report,) = re.findall(r"junit '(.*?)'", JENKINSFILE)
    runner.checkout(server, "refs/remotes/origin/work", depth=0, remote_ref="refs/heads/work")
    environ = runner.environ({"JENKINS_URL": "https://ci.example/", "CHANGE_TARGET": "main"}) | server.pins
    done = subprocess.run(
        ["sh", "-xec", script.replace(INSTALLED, sys.executable)],
        cwd=runner.work,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (runner.work / report).exists()


def test_the_pre_commit_hook_is_a_command_that_the_program_takes() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    program, *words = shlex.split(hook["entry"])
    assert program == "countermark"
    assert build_parser(words[0]).parse_args(words).command == "ci"
    assert (hook["stages"], hook["pass_filenames"], hook["always_run"]) == (["pre-push"], False, True)


def test_the_pre_commit_hook_keeps_back_what_the_gate_would_refuse(server: Server) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    scene = server.scene
    signed = scene.git("rev-parse", "HEAD")
    scene.write({"b.py": "x = 1\n"})
    unsigned = scene.commit()
    found = {}
    for commit in (signed, unsigned):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environ = {**os.environ, "PATH": path, "PRE_COMMIT": "1", "PRE_COMMIT_TO_REF": commit}
        for name in ("GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL"):
            environ.pop(name, None)
        done = subprocess.run(shlex.split(hook["entry"]), cwd=scene.root, env=environ, capture_output=True, check=False)
        found[commit] = done.returncode
    assert found == {signed: 0, unsigned: 11}
