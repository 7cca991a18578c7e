"""The sticky comment, against a platform at the process edge: made once, then found by marker and author."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from countermark_service.ci import api, sticky
from countermark_service.cli import main
from countermark_service.exits import UsageError
from countermark_service.gate.outputs.comment import MARKER

if TYPE_CHECKING:
    from ..conftest import Platform

BODY = f"{MARKER}\n## Countermark: PASSED\n"
BOT = "github-actions[bot]"


@pytest.fixture
def body(tmp_path: Path) -> str:
    (tmp_path / "comment.md").write_text(BODY)
    return str(tmp_path / "comment.md")


@pytest.fixture
def github(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    for name, value in platform.github(104, tmp_path).items():
        monkeypatch.setenv(name, value)
    return platform


@pytest.fixture
def gitlab(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    platform.me = "project_42_bot"
    for name, value in {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": platform.address,
        "CI_PROJECT_ID": "42",
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_COMMIT_SHA": "a" * 40,
        "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_PROJECT_ID": "42",
        "CI_MERGE_REQUEST_PROJECT_PATH": "group/shop",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "group/shop",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "COUNTERMARK_GITLAB_TOKEN": "t0ken",
    }.items():
        monkeypatch.setenv(name, value)
    return platform


def test_it_is_made_once_and_updated_from_then_on(github: Platform, body: str) -> None:
    github.say("ada", "Looks good.")
    assert main(["comment", body]) == 0
    assert github.bodies == ["Looks good.", BODY]
    Path(body).write_text(f"{MARKER}\nnow red\n")
    assert main(["comment", body]) == 0
    assert github.bodies == ["Looks good.", f"{MARKER}\nnow red\n"]
    assert github.verbs == ["GET", "POST", "GET", "PATCH"]
    assert {headers["Authorization"] for _, _, headers in github.asked} == {"Bearer t0ken"}


def test_a_lookalike_of_anybody_else_is_never_edited(github: Platform, body: str) -> None:
    lookalikes = [f"{MARKER}\nPASSED, trust me"] * 2
    for author, said in zip(("mallory", f"{BOT}x"), lookalikes, strict=True):
        github.say(author, said)
    assert main(["comment", body]) == 0
    assert github.bodies == [*lookalikes, BODY]


def test_another_comment_by_the_same_token_is_never_edited(github: Platform, body: str) -> None:
    github.say(BOT, f"another tool quotes {MARKER}")
    assert main(["comment", body]) == 0
    assert len(github.bodies) == 2


def test_it_is_found_behind_a_flood_of_comments(github: Platform, body: str) -> None:
    for number in range(150):
        github.say("mallory", f"{MARKER} {number}")
    github.say(BOT, f"{MARKER} old")
    assert main(["comment", body]) == 0
    assert github.bodies[-1] == BODY
    assert len(github.bodies) == 151


def test_a_flood_without_end_is_given_up(github: Platform, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sticky, "MAX_PAGES", 1)
    for _ in range(100):
        github.say("mallory", "x")
    assert main(["comment", body]) == 20


def test_an_app_of_ones_own_is_named(github: Platform, body: str) -> None:
    github.say("my-app[bot]", f"{MARKER} old")
    github.me = "my-app[bot]"
    assert main(["comment", body, "--author", "my-app[bot]"]) == 0
    assert github.bodies == [BODY]


def test_on_gitlab_the_author_is_whose_token_it_is(gitlab: Platform, body: str) -> None:
    gitlab.say("mallory", f"{MARKER} old")
    assert main(["comment", body]) == 0
    assert main(["comment", body, "--json"]) == 0
    assert len(gitlab.bodies) == 2
    assert gitlab.verbs == ["GET", "GET", "POST", "GET", "GET", "PUT"]
    assert all("/projects/42/merge_requests/7/notes" in path for _, path, _ in gitlab.asked if path != "/user")
    assert {headers["Private-Token"] for _, _, headers in gitlab.asked} == {"t0ken"}


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 500])
def test_whatever_is_no_success_is_inconclusive_and_the_token_goes_nowhere_else(
    status: int, github: Platform, body: str, capsys: pytest.CaptureFixture[str]
) -> None:
    github.status = status
    assert main(["comment", body]) == 20
    assert [path for _, path, _ in github.asked if "elsewhere" in path] == []
    said = capsys.readouterr()
    assert (said.out, "t0ken" in said.err, "\nhint: " in said.err) == ("", False, True)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"{}", b'[{"id": 1.5}]', b"[1]", b"[" * 100_000])
def test_an_answer_that_is_none_is_refused(raw: bytes, github: Platform, body: str) -> None:
    github.raw = raw
    assert main(["comment", body]) != 0
    assert github.verbs == ["GET"]


def test_a_server_that_is_not_there_is_inconclusive(
    github: Platform, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    assert main(["comment", body]) == 20


def test_a_token_never_leaves_in_the_clear() -> None:
    with pytest.raises(UsageError, match="expected an https address"):
        api.Api("http://api.example", "Authorization", "Bearer t0ken")
    assert api.Api("https://api.example", "Authorization", "Bearer t0ken").base == "https://api.example"


@pytest.mark.parametrize("content", [b"# hello", b"", b" " + MARKER.encode(), b"x" * 200_000])
def test_a_body_that_could_not_be_found_again_is_not_posted(content: bytes, github: Platform, body: str) -> None:
    Path(body).write_bytes(content)
    assert main(["comment", body]) == 2
    assert "POST" not in github.verbs


def test_a_job_without_a_change_has_no_comment(github: Platform, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    event = {"ref": "refs/heads/main", "before": "a" * 40, "after": "b" * 40, "forced": False}
    Path(os.environ["GITHUB_EVENT_PATH"]).write_text(json.dumps(event))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    assert main(["comment", body]) == 2
    assert github.asked == []


def test_a_platform_without_comments_is_told_so(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"JENKINS_URL": "x", "CHANGE_TARGET": "main", "CHANGE_ID": "1"}.items():
        monkeypatch.setenv(name, value)
    assert main(["comment", body]) == 2
