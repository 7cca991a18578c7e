"""Jenkins, pre-commit and a plain command line; and which platform a process finds itself on."""

from __future__ import annotations

import argparse

import pytest

from countermark_service.ci import jenkins, platforms, pre_commit
from countermark_service.ci.job import Job, Platform
from countermark_service.ci.pins import Pins
from countermark_service.exits import UsageError

HEAD = "a" * 40


@pytest.mark.parametrize(
    ("environ", "platform"),
    [
        ({"GITHUB_ACTIONS": "true"}, Platform.GITHUB),
        ({"GITLAB_CI": "true"}, Platform.GITLAB),
        ({"JENKINS_URL": "https://ci.example/"}, Platform.JENKINS),
        ({"PRE_COMMIT": "1"}, Platform.PRE_COMMIT),
        ({"CI": "true"}, Platform.PLAIN),
        ({"GITHUB_ACTIONS": "false", "GITLAB_CI": "", "JENKINS_URL": ""}, Platform.PLAIN),
    ],
)
def test_a_platform_is_known_by_its_marker(environ: dict[str, str], platform: Platform) -> None:
    assert platforms.detect(environ) is platform


def test_two_markers_are_refused_rather_than_ranked() -> None:
    with pytest.raises(UsageError, match="expected one, found github and gitlab"):
        platforms.detect({"GITHUB_ACTIONS": "true", "GITLAB_CI": "true"})


def test_a_plain_command_line_is_about_the_head_until_options_say_otherwise() -> None:
    job = platforms.read(Platform.PLAIN, {})
    assert (job.head, job.tip, job.branch, job.landed) == ("HEAD", None, None, False)
    told = job.told("topic", "main~1", landed=True)
    assert (told.head, told.tip, told.landed) == ("topic", "main~1", True)
    assert told.refspecs("main") == [
        "+refs/heads/main:refs/remotes/origin/main",
        "+refs/countermark/bundle*:refs/countermark/bundle*",
    ]


def test_jenkins_says_which_branch_a_change_is_for() -> None:
    job = jenkins.read({"JENKINS_URL": "x", "CHANGE_TARGET": "main", "CHANGE_ID": "12", "CHANGE_TITLE": "$(id)"})
    assert (job.branch, job.number, job.head) == ("main", 12, "HEAD")
    with pytest.raises(UsageError, match="expected branch release, found main"):
        job.check("release")


def test_a_jenkins_build_of_a_branch_is_about_its_checkout() -> None:
    assert jenkins.read({"JENKINS_URL": "x"}) == Job(Platform.JENKINS, "build", None, "HEAD")


def test_pre_commit_names_what_would_be_pushed() -> None:
    assert pre_commit.read({"PRE_COMMIT": "1", "PRE_COMMIT_TO_REF": HEAD}).head == HEAD
    assert pre_commit.read({"PRE_COMMIT": "1"}).head == "HEAD"
    with pytest.raises(UsageError, match="PRE_COMMIT_TO_REF"):
        pre_commit.read({"PRE_COMMIT": "1", "PRE_COMMIT_TO_REF": "--all"})


def options(**given: object) -> argparse.Namespace:
    none = dict.fromkeys(("repository_id", "trust_root", "protected_ref", "bootstrap"))
    return argparse.Namespace(**{**none, "seen_status": 0, **given})


def test_pins_come_from_options_before_variables_and_an_empty_variable_is_none() -> None:
    environ = {
        "COUNTERMARK_REPOSITORY_ID": "id",
        "COUNTERMARK_TRUST_ROOT": "",
        "COUNTERMARK_PROTECTED_REF": "refs/heads/main",
        "COUNTERMARK_SEEN_STATUS": "7",
    }
    pins = Pins.of(options(repository_id="other", seen_status=9), environ)
    assert (pins.repository_id, pins.trust_root, pins.branch, pins.seen_status) == ("other", None, "main", 9)


@pytest.mark.parametrize("spelled", ["main", "refs/heads/main", "refs/remotes/origin/main"])
def test_the_protected_branch_is_one_however_it_is_named(spelled: str) -> None:
    assert Pins.of(options(protected_ref=spelled), {}).branch == "main"
    pins = Pins.of(options(protected_ref=f"{spelled}:{HEAD}"), {})
    assert (pins.branch, pins.tip) == ("main", HEAD)


@pytest.mark.parametrize(
    "spelled", [HEAD, f"{HEAD}:{HEAD}", "main:", "main:HEAD", "refs/tags/v1", "a..b", "-x", "a b", "HEAD~1"]
)
def test_a_protected_ref_that_no_job_could_be_about_is_refused(spelled: str) -> None:
    with pytest.raises(UsageError, match="COUNTERMARK_PROTECTED_REF"):
        Pins.of(options(protected_ref=spelled), {})


@pytest.mark.parametrize("spelled", ["seven", "-1", "0x7", "7 "])
def test_a_seen_status_that_is_no_number_is_refused(spelled: str) -> None:
    with pytest.raises(UsageError, match="COUNTERMARK_SEEN_STATUS"):
        Pins.of(options(), {"COUNTERMARK_SEEN_STATUS": spelled})
