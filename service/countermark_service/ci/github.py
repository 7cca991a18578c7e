"""GitHub Actions: what an event is about. Also Gitea and Forgejo, which speak the same words.

Trust: see `reading`. The head is the event's own, never the merge commit that the platform checks out: that one is
made of the target's tip of some moment, and is nobody's. The branch that the event names is compared with the
pinned one and never used in its place, for whoever opens a pull request chooses it.
"""

from __future__ import annotations

from countermark_ledger.canonical import Json
from countermark_service.ci import reading
from countermark_service.ci.job import Job, Platform
from countermark_service.ci.reading import Environ
from countermark_service.exits import UsageError

MARK = ("GITHUB_ACTIONS", "true")


def read(environ: Environ) -> Job:
    """Read the event; any other than the four is refused."""
    name = reading.required(environ, "GITHUB_EVENT_NAME")
    event = reading.event(environ, "GITHUB_EVENT_PATH")
    match name:
        case "pull_request" | "pull_request_target":
            return _pull_request(environ, name, event)
        case "merge_group":
            return _merge_group(event)
        case "push":
            return _push(event)
        case _:
            raise UsageError(
                f"event {name!r:.40}: expected pull_request, pull_request_target, merge_group or push",
                hint="countermark ci --platform plain --head HEAD",
            )


def _pull_request(environ: Environ, name: str, event: Json) -> Job:
    number = reading.number(reading.field(event, "pull_request.number"), "pull_request.number")
    return Job(
        Platform.GITHUB,
        name,
        reading.branch(reading.field(event, "pull_request.base.ref"), "pull_request.base.ref"),
        reading.commit(reading.field(event, "pull_request.head.sha"), "pull_request.head.sha"),
        number=number,
        retarget=f"gh pr edit {number} --base",
        head_repository=_head_repository(environ, event),
        base_only=name == "pull_request_target",
    )


def _head_repository(environ: Environ, event: Json) -> str | None:
    """Name the repository of the head where it is not the base's own; a deleted one has no evidence to offer."""
    base = reading.repository_name(reading.field(event, "pull_request.base.repo.full_name"), "base.repo.full_name")
    head = reading.field(event, "pull_request.head.repo")
    if head is None:
        return None
    named = reading.repository_name(reading.field(head, "full_name"), "head.repo.full_name")
    return None if named == base else f"{reading.server(environ, 'GITHUB_SERVER_URL')}/{named}"


def _merge_group(event: Json) -> Job:
    """A queue builds each group on the one before it, which has not landed: its tip is not the branch's."""
    return Job(
        Platform.GITHUB,
        "merge_group",
        reading.branch(reading.field(event, "merge_group.base_ref"), "merge_group.base_ref"),
        reading.commit(reading.field(event, "merge_group.head_sha"), "merge_group.head_sha"),
        tip=reading.commit(reading.field(event, "merge_group.base_sha"), "merge_group.base_sha"),
        landed=True,
    )


def _push(event: Json) -> Job:
    """What a branch became; a new branch has nothing before it, and a deleted one nothing after."""
    ref = reading.field(event, "ref")
    before, after = (reading.field(event, name) for name in ("before", "after"))
    if before in reading.NO_COMMIT or after in reading.NO_COMMIT:
        raise UsageError(
            "push: expected a branch that was there before and still is, found one that was made or deleted",
            hint="countermark ci --platform plain --head HEAD",
        )
    return Job(
        Platform.GITHUB,
        "push",
        reading.branch(ref, "ref"),
        reading.commit(after, "after"),
        tip=reading.commit(before, "before"),
        landed=True,
        rewritten=reading.truth(reading.field(event, "forced"), "forced"),
    )
