"""GitLab CI: what a pipeline is about.

Trust: see `reading`. In a pipeline for merged results the checkout's HEAD is a merge commit that GitLab made; the
head is the source branch's own. On a merge train the train's commit is what will land, on top of the one before it.
"""

from __future__ import annotations

from countermark_service.ci import reading
from countermark_service.ci.job import HELP, Job, Platform
from countermark_service.ci.reading import Environ
from countermark_service.exits import UsageError

MARK = ("GITLAB_CI", "true")
_REQUEST = "CI_MERGE_REQUEST_"


def read(environ: Environ) -> Job:
    """Read the variables of a merge request's pipeline or of a branch's."""
    source = reading.required(environ, "CI_PIPELINE_SOURCE")
    match source:
        case "merge_request_event":
            return _merge_request(environ)
        case "push":
            return _push(environ)
        case _:
            raise UsageError(
                f"pipeline source {source!r:.40}: expected merge_request_event or push",
                hint="countermark ci --platform plain --head HEAD",
            )


def _merge_request(environ: Environ) -> Job:
    _refuse_fork_pipeline(environ)
    number = reading.number(reading.required(environ, f"{_REQUEST}IID"), f"{_REQUEST}IID")
    kind = reading.required(environ, f"{_REQUEST}EVENT_TYPE")
    head, tip = _commits(environ, kind)
    return Job(
        Platform.GITLAB,
        kind,
        reading.branch(reading.required(environ, f"{_REQUEST}TARGET_BRANCH_NAME"), f"{_REQUEST}TARGET_BRANCH_NAME"),
        head,
        tip=tip,
        landed=kind == "merge_train",
        number=number,
        retarget=f"glab mr update {number} --target-branch",
        head_repository=_head_repository(environ),
    )


def _commits(environ: Environ, kind: str) -> tuple[str, str | None]:
    """Return the head, and the tip where it is not the protected branch's own."""

    def commit(name: str) -> str:
        return reading.commit(reading.required(environ, name), name)

    match kind:
        case "detached":
            return commit("CI_COMMIT_SHA"), None
        case "merged_result":
            return commit(f"{_REQUEST}SOURCE_BRANCH_SHA"), None
        case "merge_train":
            return commit("CI_COMMIT_SHA"), commit(f"{_REQUEST}TARGET_BRANCH_SHA")
        case _:
            raise UsageError(
                f"{_REQUEST}EVENT_TYPE {kind!r:.40}: expected detached, merged_result or merge_train", hint=HELP
            )


def _refuse_fork_pipeline(environ: Environ) -> None:
    """A fork's own pipeline runs under the fork's settings: its pins would be the author's."""
    here, parent = (reading.required(environ, name) for name in ("CI_PROJECT_ID", f"{_REQUEST}PROJECT_ID"))
    if here != parent:
        raise UsageError(
            f"project {here!r:.20}: expected the pipeline to run in the parent project, found it in the fork",
            hint="glab ci run --mr",
        )


def _head_repository(environ: Environ) -> str | None:
    path, source = (
        reading.repository_name(reading.required(environ, name), name)
        for name in (f"{_REQUEST}PROJECT_PATH", f"{_REQUEST}SOURCE_PROJECT_PATH")
    )
    return None if path == source else f"{reading.server(environ, 'CI_SERVER_URL')}/{source}.git"


def _push(environ: Environ) -> Job:
    name = reading.required(environ, "CI_COMMIT_BRANCH")
    before = reading.required(environ, "CI_COMMIT_BEFORE_SHA")
    if before in reading.NO_COMMIT:
        raise UsageError(
            "push: expected a branch that was there before, found a new one",
            hint="countermark ci --platform plain --head HEAD",
        )
    return Job(
        Platform.GITLAB,
        "push",
        reading.branch(name, "CI_COMMIT_BRANCH"),
        reading.commit(reading.required(environ, "CI_COMMIT_SHA"), "CI_COMMIT_SHA"),
        tip=reading.commit(before, "CI_COMMIT_BEFORE_SHA"),
        landed=True,
    )
