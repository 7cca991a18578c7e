"""What a GitLab pipeline is about: the variables of its three kinds for merge requests, and of a push."""

from __future__ import annotations

import pytest

from countermark_service.ci import gitlab
from countermark_service.exits import UsageError

HEAD, TARGET, MERGED = "a" * 40, "b" * 40, "c" * 40
ZERO = "0" * 40

REQUEST = {
    "GITLAB_CI": "true",
    "CI_SERVER_URL": "https://gitlab.example",
    "CI_PROJECT_ID": "42",
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_COMMIT_SHA": HEAD,
    "CI_COMMIT_BEFORE_SHA": ZERO,
    "CI_COMMIT_REF_NAME": "$(id)",
    "CI_COMMIT_MESSAGE": "::error::x",
    "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_PROJECT_ID": "42",
    "CI_MERGE_REQUEST_PROJECT_PATH": "group/sub/shop",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "group/sub/shop",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "$(id)",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_MERGE_REQUEST_TITLE": "`id`",
}
MERGED_RESULT = REQUEST | {
    "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result",
    "CI_COMMIT_SHA": MERGED,
    "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD,
    "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": TARGET,
}
TRAIN = MERGED_RESULT | {"CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"}
PUSH = {
    "GITLAB_CI": "true",
    "CI_PIPELINE_SOURCE": "push",
    "CI_COMMIT_BRANCH": "main",
    "CI_COMMIT_SHA": HEAD,
    "CI_COMMIT_BEFORE_SHA": TARGET,
}


def test_a_merge_requests_pipeline_is_about_the_source_branch() -> None:
    job = gitlab.read(REQUEST)
    assert (job.head, job.tip, job.landed, job.branch, job.number) == (HEAD, None, False, "main", 7)


def test_a_pipeline_for_merged_results_is_not_about_gitlabs_merge_commit() -> None:
    job = gitlab.read(MERGED_RESULT)
    assert (job.head, job.tip, job.landed) == (HEAD, None, False)


def test_a_merge_train_lands_its_own_commit_on_the_one_before_it() -> None:
    job = gitlab.read(TRAIN)
    assert (job.head, job.tip, job.landed) == (MERGED, TARGET, True)


def test_a_push_is_what_the_branch_became_from_what_it_was() -> None:
    job = gitlab.read(PUSH)
    assert (job.head, job.tip, job.landed, job.branch, job.number) == (HEAD, TARGET, True, "main", None)


def test_a_fork_is_named_by_its_address_on_the_same_server() -> None:
    job = gitlab.read(REQUEST | {"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "mallory/shop"})
    assert job.head_repository == "https://gitlab.example/mallory/shop.git"


def test_a_pipeline_that_runs_in_the_fork_is_refused_because_its_settings_are_the_authors() -> None:
    with pytest.raises(UsageError, match="found it in the fork"):
        gitlab.read(REQUEST | {"CI_PROJECT_ID": "666"})


def test_a_change_for_another_branch_than_the_pinned_one_is_refused_with_a_way_to_move_it() -> None:
    with pytest.raises(UsageError) as refused:
        gitlab.read(REQUEST | {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "theirs"}).check("main")
    assert refused.value.hint == "glab mr update 7 --target-branch main"


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param(REQUEST | {"CI_COMMIT_SHA": "HEAD"}, id="head-is-a-name"),
        pytest.param(REQUEST | {"CI_COMMIT_SHA": ""}, id="no-head"),
        pytest.param(MERGED_RESULT | {"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": ""}, id="no-source-head"),
        pytest.param(TRAIN | {"CI_MERGE_REQUEST_TARGET_BRANCH_SHA": ""}, id="train-without-a-base"),
        pytest.param(REQUEST | {"CI_MERGE_REQUEST_EVENT_TYPE": "new_kind"}, id="another-kind"),
        pytest.param(REQUEST | {"CI_MERGE_REQUEST_IID": "07"}, id="number-with-a-zero"),
        pytest.param(REQUEST | {"CI_MERGE_REQUEST_IID": "7;id"}, id="number-with-a-command"),
        pytest.param(REQUEST | {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "a b"}, id="branch-with-a-space"),
        pytest.param(REQUEST | {"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "a/../b"}, id="fork-that-climbs"),
        pytest.param(REQUEST | {"CI_PIPELINE_SOURCE": "schedule"}, id="another-source"),
        pytest.param(REQUEST | {"CI_PIPELINE_SOURCE": ""}, id="no-source"),
        pytest.param(PUSH | {"CI_COMMIT_BEFORE_SHA": ZERO}, id="branch-was-made"),
        pytest.param(PUSH | {"CI_COMMIT_BRANCH": "", "CI_COMMIT_TAG": "v1"}, id="push-of-a-tag"),
    ],
)
def test_what_is_not_the_one_spelling_is_refused_with_a_hint(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError) as refused:
        gitlab.read(environ)
    assert refused.value.hint is not None
