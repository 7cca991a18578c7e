"""Servers and checkouts as the platforms make them: what is pushed, what a runner leaves behind, what it sets.

The shapes are those of actions/checkout (a detached HEAD at the merge commit, one commit deep) and of GitLab's runner
(a detached HEAD, 20 commits deep, refs under refs/pipelines). The server is a bare repository on this machine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from countermark_ledger.canonical import Json

from .conftest import Scene

NAME = "octo/shop"
NUMBER = 104
GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass
class Server:
    """A platform's side: `root/octo/shop` is the repository, and `fork` beside it once somebody forks."""

    scene: Scene
    root: Path
    pins: dict[str, str]

    @classmethod
    def beside(cls, scene: Scene) -> Server:
        """Push everything that the scene has to a new server."""
        root = scene.root.parent / "server"
        repository = root / NAME
        repository.mkdir(parents=True)
        git(repository, "init", "-q", "--bare", "-b", "main")
        scene.git("remote", "add", "origin", str(repository))
        said = json.loads(scene.must("init", "--json"))
        pins = {
            "COUNTERMARK_REPOSITORY_ID": said["repositoryId"],
            "COUNTERMARK_TRUST_ROOT": said["trustRoot"],
            "COUNTERMARK_PROTECTED_REF": "refs/heads/main",
        }
        return cls(scene, root, pins)

    @property
    def repository(self) -> Path:
        return self.root / NAME

    def push(self, *, evidence: bool = True) -> None:
        """Push every branch, and the evidence as the documents say."""
        self.scene.git("push", "-q", "--force", "origin", "--all")
        if evidence:
            self.scene.must("bundles", "push")

    def propose(self, head: str = "work") -> str:
        """Open a pull request: the platform keeps its head and a merge commit of its own; return the latter."""
        tip, commit = (self.scene.git("rev-parse", name) for name in ("main", head))
        merged = self.scene.git("merge-tree", "--write-tree", tip, commit).splitlines()[0]
        merge = self.scene.git("commit-tree", merged, "-p", tip, "-p", commit, "-m", f"Merge {commit} into {tip}")
        for name, value in {"head": commit, "merge": merge}.items():
            self.scene.git("push", "-q", "--force", "origin", f"{value}:refs/pull/{NUMBER}/{name}")
        return merge


@dataclass
class Runner:
    """A machine without keys: its own home, a folder for what is temporary, and a work tree of some shape."""

    folder: Path
    work: Path = field(init=False)
    temporary: Path = field(init=False)

    def __post_init__(self) -> None:
        self.work, self.temporary = self.folder / "work", self.folder / "temp"
        for place in (self.work, self.temporary, self.folder / "home"):
            place.mkdir(parents=True)
        for name in ("output", "summary"):
            (self.temporary / name).touch()

    def checkout(self, server: Server, ref: str, *, depth: int, remote_ref: str | None = None) -> None:
        """Leave what a runner leaves: one ref, so many commits, a detached HEAD."""
        git(self.work, "init", "-q", "-b", "unused")
        git(self.work, "remote", "add", "origin", f"file://{server.repository}")
        limit = [f"--depth={depth}"] if depth else []
        branches = [] if depth else ["+refs/heads/*:refs/remotes/origin/*"]
        git(self.work, "fetch", "-q", "--no-tags", *limit, "origin", f"+{remote_ref or ref}:{ref}", *branches)
        git(self.work, "checkout", "-q", "--detach", ref)

    def fetch(self, refspecs: str) -> None:
        """Bring what `ci --show refspecs` names, as every guide says."""
        done = subprocess.run(
            ["git", "-C", str(self.work), "fetch", "-q", "--no-tags", "--stdin", "origin"],
            input=refspecs,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def reset(self) -> None:
        shutil.rmtree(self.work)
        self.work.mkdir()

    def environ(self, platform: Mapping[str, str]) -> dict[str, str]:
        kept = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        return {**kept, **GIT, "HOME": str(self.folder / "home"), "CI": "true", **platform}


def repository_of(name: str = NAME, number: int = 17273051) -> dict[str, Json]:
    return {"id": number, "full_name": name, "fork": name != NAME, "default_branch": "main"}


def pull_request(server: Server, head: str = "work", *, base: str = "main", of: str = NAME) -> dict[str, Json]:
    commit, tip = (server.scene.git("rev-parse", name) for name in (head, "main"))
    request: dict[str, Json] = {
        "number": NUMBER,
        "title": "::set-output name=verdict::PASSED $(touch owned) `touch owned`",
        "head": {"ref": "$(touch owned)", "sha": commit, "repo": repository_of(of, 1 if of != NAME else 17273051)},
        "base": {"ref": base, "sha": tip, "repo": repository_of()},
        "merge_commit_sha": "d" * 40,
    }
    return {"action": "synchronize", "number": NUMBER, "pull_request": request, "repository": repository_of()}


def github(runner: Runner, server: Server, name: str, event: Mapping[str, Json]) -> dict[str, str]:
    """What a job finds in its environment, with the names that GitHub documents."""
    path = runner.temporary / "event.json"
    path.write_text(json.dumps(event))
    return runner.environ(
        {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_SERVER_URL": f"file://{server.root}",
            "GITHUB_REPOSITORY": NAME,
            "GITHUB_REF": f"refs/pull/{NUMBER}/merge",
            "GITHUB_SHA": "d" * 40,
            "GITHUB_BASE_REF": "main",
            "GITHUB_HEAD_REF": "$(touch owned)",
            "GITHUB_WORKSPACE": str(runner.work),
            "GITHUB_OUTPUT": str(runner.temporary / "output"),
            "GITHUB_STEP_SUMMARY": str(runner.temporary / "summary"),
            "RUNNER_TEMP": str(runner.temporary),
            "RUNNER_OS": "Linux",
        }
    )


def gitlab(runner: Runner, server: Server, kind: str = "detached", **other: str) -> dict[str, str]:
    """What a job of a merge request finds in its environment."""
    head = server.scene.git("rev-parse", "work")
    named = {
        "GITLAB_CI": "true",
        "CI_SERVER_URL": f"file://{server.root}",
        "CI_PROJECT_ID": "42",
        "CI_PROJECT_PATH": NAME,
        "CI_PROJECT_DIR": str(runner.work),
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_PIPELINE_ID": "9",
        "CI_COMMIT_SHA": head,
        "CI_COMMIT_BEFORE_SHA": "0" * 40,
        "CI_COMMIT_MESSAGE": "$(touch owned)",
        "CI_MERGE_REQUEST_EVENT_TYPE": kind,
        "CI_MERGE_REQUEST_IID": str(NUMBER),
        "CI_MERGE_REQUEST_PROJECT_ID": "42",
        "CI_MERGE_REQUEST_PROJECT_PATH": NAME,
        "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": NAME,
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "$(touch owned)",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_MERGE_REQUEST_TITLE": "`touch owned`",
    }
    return runner.environ({**named, **other})
