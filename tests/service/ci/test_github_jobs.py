"""What a GitHub event is about: the real shapes, with every field hostile that anybody can write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from countermark_ledger.canonical import Json
from countermark_ledger.errors import Rewritten
from countermark_service.ci import github
from countermark_service.ci.job import Job
from countermark_service.exits import UsageError

HEAD, BASE, MERGE = "a" * 40, "b" * 40, "c" * 40
ZERO = "0" * 40


def repository(name: str = "octo/shop", number: int = 17273051) -> dict[str, Json]:
    return {"id": number, "name": name.partition("/")[2], "full_name": name, "private": False, "default_branch": "main"}


def pull_request(**other: Json) -> dict[str, Json]:
    """The fields of a `pull_request` event that matter here, beside those whose text is anybody's."""
    request: dict[str, Json] = {
        "number": 104,
        "title": "::error::x ##[set-env name=PATH]/tmp $(touch /tmp/owned) `id`",
        "body": "\u202e\ud83d\ude00 ]]>",
        "merge_commit_sha": MERGE,
        "head": {"label": "mallory:main", "ref": "refs/heads/$(id)", "sha": HEAD, "repo": repository()},
        "base": {"label": "octo:main", "ref": "main", "sha": BASE, "repo": repository()},
        **other,
    }
    return {"action": "synchronize", "number": 104, "pull_request": request, "repository": repository()}


def merge_group(**other: Json) -> dict[str, Json]:
    group: dict[str, Json] = {
        "head_sha": HEAD,
        "head_ref": f"refs/heads/gh-readonly-queue/main/pr-104-{BASE}",
        "base_sha": BASE,
        "base_ref": "refs/heads/main",
        **other,
    }
    return {"action": "checks_requested", "merge_group": group, "repository": repository()}


def push(**other: Json) -> dict[str, Json]:
    said: dict[str, Json] = {
        "ref": "refs/heads/main",
        "before": BASE,
        "after": HEAD,
        "created": False,
        "deleted": False,
        "forced": False,
        "commits": [{"id": HEAD, "message": "%0A::set-output name=verdict::PASSED"}],
        "repository": repository(),
    }
    return said | other


def read(folder: Path, name: str, event: Json | bytes) -> Job:
    path = folder / "event.json"
    path.write_bytes(event if isinstance(event, bytes) else json.dumps(event).encode())
    return github.read(
        {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "octo/shop",
            "GITHUB_SHA": MERGE,
            "GITHUB_REF": "refs/pull/104/merge",
            "GITHUB_HEAD_REF": "$(id)",
            "GITHUB_BASE_REF": "main",
        }
    )


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target"])
def test_a_pull_request_is_about_its_own_head_and_never_about_the_platforms_merge(name: str, tmp_path: Path) -> None:
    job = read(tmp_path, name, pull_request())
    assert (job.head, job.tip, job.landed, job.branch, job.number) == (HEAD, None, False, "main", 104)
    assert (job.head_repository, job.base_only) == (None, name == "pull_request_target")


def test_a_fork_is_named_by_its_address_on_the_same_server(tmp_path: Path) -> None:
    head: Json = {"ref": "main", "sha": HEAD, "repo": repository("mallory/shop", 2)}
    assert read(tmp_path, "pull_request", pull_request(head=head)).head_repository == "https://github.com/mallory/shop"


def test_a_fork_that_was_deleted_offers_no_evidence(tmp_path: Path) -> None:
    head: Json = {"ref": "main", "sha": HEAD, "repo": None}
    assert read(tmp_path, "pull_request", pull_request(head=head)).head_repository is None


def test_a_merge_group_lands_on_what_the_queue_built_before(tmp_path: Path) -> None:
    job = read(tmp_path, "merge_group", merge_group())
    assert (job.head, job.tip, job.landed, job.branch) == (HEAD, BASE, True, "main")


def test_a_push_is_what_the_branch_became_from_what_it_was(tmp_path: Path) -> None:
    job = read(tmp_path, "push", push())
    assert (job.head, job.tip, job.landed, job.branch) == (HEAD, BASE, True, "main")
    job.check("main")


def test_a_forced_push_rewrote_history(tmp_path: Path) -> None:
    with pytest.raises(Rewritten, match="history was rewritten"):
        read(tmp_path, "push", push(forced=True)).check("main")


def test_a_change_for_another_branch_than_the_pinned_one_is_refused_with_a_way_to_move_it(tmp_path: Path) -> None:
    base: Json = {"ref": "mallorys-own", "sha": BASE, "repo": repository()}
    with pytest.raises(UsageError, match="expected branch main, found mallorys-own") as refused:
        read(tmp_path, "pull_request", pull_request(base=base)).check("main")
    assert refused.value.hint == "gh pr edit 104 --base main"


@pytest.mark.parametrize(
    ("name", "event"),
    [
        pytest.param("pull_request", pull_request(head={"sha": "main", "repo": None}), id="head-is-a-branch"),
        pytest.param("pull_request", pull_request(head={"sha": HEAD[:12], "repo": None}), id="head-is-abbreviated"),
        pytest.param("pull_request", pull_request(head={"sha": HEAD.upper(), "repo": None}), id="head-in-capitals"),
        pytest.param("pull_request", pull_request(head={"sha": HEAD + "\n", "repo": None}), id="head-and-a-line"),
        pytest.param("pull_request", pull_request(head={"sha": ZERO, "repo": None}), id="head-is-no-commit"),
        pytest.param("pull_request", pull_request(head={"sha": 7, "repo": None}), id="head-is-a-number"),
        pytest.param(
            "pull_request", pull_request(head={"sha": "--upload-pack=x", "repo": None}), id="head-is-an-option"
        ),
        pytest.param("pull_request", pull_request(head=None), id="no-head"),
        pytest.param("pull_request", pull_request(number="104"[:0]), id="no-number"),
        pytest.param("pull_request", pull_request(number=True), id="number-is-true"),
        pytest.param("pull_request", pull_request(number=-1), id="number-below-one"),
        pytest.param("pull_request", pull_request(base={"ref": "a:b", "repo": repository()}), id="base-with-a-colon"),
        pytest.param(
            "pull_request", pull_request(base={"ref": "refs/tags/v1", "repo": repository()}), id="base-is-a-tag"
        ),
        pytest.param("pull_request", pull_request(base={"ref": "a\nb", "repo": repository()}), id="base-of-two-lines"),
        pytest.param("pull_request", pull_request(base={"ref": "\u202emain", "repo": repository()}), id="base-is-bidi"),
        pytest.param("pull_request", pull_request(base={"ref": "x" * 2000, "repo": repository()}), id="base-is-long"),
        pytest.param(
            "pull_request",
            pull_request(head={"sha": HEAD, "repo": {"full_name": "../../evil"}}),
            id="fork-that-climbs",
        ),
        pytest.param(
            "pull_request",
            pull_request(head={"sha": HEAD, "repo": {"full_name": "mallory/x@evil.example"}}),
            id="fork-on-another-host",
        ),
        pytest.param(
            "pull_request", pull_request(head={"sha": HEAD, "repo": {"full_name": "-c/x"}}), id="fork-that-is-an-option"
        ),
        pytest.param("merge_group", merge_group(base_sha=None), id="group-without-a-base"),
        pytest.param("merge_group", merge_group(base_ref="refs/tags/v1"), id="group-on-a-tag"),
        pytest.param("push", push(ref="refs/tags/v1"), id="push-of-a-tag"),
        pytest.param("push", push(before=ZERO, created=True), id="branch-was-made"),
        pytest.param("push", push(after=ZERO, deleted=True), id="branch-was-deleted"),
        pytest.param("push", push(forced="false"), id="forced-is-a-word"),
        pytest.param("schedule", {"schedule": "0 0 * * *"}, id="another-event"),
        pytest.param("push", [], id="event-is-a-list"),
        pytest.param("push", b"", id="event-is-empty"),
        pytest.param("push", b"{", id="event-is-cut-off"),
        pytest.param("push", b'{"ref":"refs/heads/a","ref":"refs/heads/b"}', id="event-says-two-things"),
        pytest.param("push", b"[" * 100_000, id="event-is-a-bomb"),
        pytest.param("push", b'"\xff"', id="event-is-not-utf-8"),
    ],
)
def test_what_is_not_the_one_spelling_is_refused_with_a_hint(name: str, event: Json | bytes, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, name, event)
    assert refused.value.hint is not None


def test_an_event_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text(json.dumps(push()))
    (tmp_path / "event.json").symlink_to("real.json")
    environ = {"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(tmp_path / "event.json")}
    with pytest.raises(UsageError, match="expected an event"):
        github.read(environ)


def test_an_event_file_beyond_the_platforms_own_cap_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countermark_service.ci.reading.MAX_EVENT", 10)
    with pytest.raises(UsageError, match="at most 10 bytes"):
        read(tmp_path, "push", push())


@pytest.mark.parametrize("missing", ["GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH"])
def test_a_variable_that_the_platform_always_sets_is_missed_by_name(missing: str, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(json.dumps(push()))
    environ = {"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(tmp_path / "event.json")}
    with pytest.raises(UsageError, match=missing):
        github.read(environ | {missing: ""})


@pytest.mark.parametrize("server", ["javascript:alert(1)", "https://github.com evil", "http://a/\n", "ftp://a", "-u"])
def test_an_address_that_is_none_is_refused(server: str, tmp_path: Path) -> None:
    head: Json = {"sha": HEAD, "repo": repository("mallory/shop", 2)}
    (tmp_path / "event.json").write_text(json.dumps(pull_request(head=head)))
    environ = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(tmp_path / "event.json")}
    with pytest.raises(UsageError, match="GITHUB_SERVER_URL"):
        github.read(environ | {"GITHUB_SERVER_URL": server})


def test_what_git_must_fetch_names_the_protected_branch_the_evidence_and_the_head(tmp_path: Path) -> None:
    assert read(tmp_path, "pull_request", pull_request()).refspecs("main") == [
        "+refs/heads/main:refs/remotes/origin/main",
        "+refs/countermark/bundle*:refs/countermark/bundle*",
        f"+{HEAD}:refs/countermark/ci/head",
    ]


def test_options_do_not_speak_where_the_event_does(tmp_path: Path) -> None:
    job = read(tmp_path, "pull_request", pull_request())
    assert job.told(None, None, landed=False) == job
    with pytest.raises(UsageError, match="expected the event alone"):
        job.told("HEAD", None, landed=False)
