"""The one sticky comment of a change: found again by its marker AND its author, else made.

Trust: anybody may write a comment that begins like ours, so a lookalike of another author is never touched; and a
comment of ours is only one that begins with the marker, so nothing else that the same token wrote is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.errors import LedgerError
from countermark_service.ci import reading
from countermark_service.ci.api import Api
from countermark_service.ci.job import Job, Platform
from countermark_service.ci.reading import Environ
from countermark_service.exits import Inconclusive, UsageError
from countermark_service.gate.outputs.comment import MARKER

PAGE = 100
MAX_PAGES = 50
GITHUB_AUTHOR = "github-actions[bot]"
"""Whom comments made with a job's own token are by."""


@dataclass(frozen=True, slots=True)
class Thread:
    """The comments of one change on one platform. `login` names the author's field, `edit` the verb that changes."""

    api: Api
    comments: str
    one: str
    login: str
    edit: str
    author: str

    def put(self, body: str) -> str:
        """Bring our comment up to date, or make it; return which of both it was."""
        if not body.startswith(MARKER):
            raise UsageError("comment: expected a body that begins with the marker", hint=BODY_HINT)
        own = next(self._own(), None)
        if own is None:
            self.api.ask("POST", self.comments, {"body": body})
            return "made"
        self.api.ask(self.edit, f"{self.one}/{own}", {"body": body})
        return "updated"

    def _own(self) -> Iterator[int]:
        """Look for it page by page, oldest first."""
        for number in range(1, MAX_PAGES + 1):
            page = self.api.ask("GET", f"{self.comments}?per_page={PAGE}&page={number}")
            try:
                found = shape.items(page, "comments", self._read)
            except LedgerError as error:
                raise Inconclusive(f"comments: {error.message}") from error
            yield from (identifier for identifier in found if identifier is not None)
            if len(found) < PAGE:
                return
        raise Inconclusive(f"comments: expected at most {PAGE * MAX_PAGES}, found more")

    def _read(self, comment: Json) -> int | None:
        """Return the id of a comment that is ours, None for another's."""
        author = shape.member(comment, self.login.partition(".")[0])
        named = shape.member(author, self.login.partition(".")[2]) if isinstance(author, dict) else None
        body = shape.member(comment, "body")
        ours = named == self.author and isinstance(body, str) and body.startswith(MARKER)
        return shape.integer(shape.member(comment, "id"), "comment id") if ours else None


BODY_HINT = "countermark ci --output comment=comment.md   then: countermark comment comment.md"


def thread_of(job: Job, environ: Environ, author: str | None) -> Thread:
    """Name the thread of the job's change; the token comes from the environment, where no log shows it."""
    if job.number is None:
        raise UsageError(f"{job.event}: expected a pull or merge request, found none to comment on", hint=BODY_HINT)
    match job.platform:
        case Platform.GITHUB:
            return _github(job.number, environ, author or GITHUB_AUTHOR)
        case Platform.GITLAB:
            return _gitlab(job.number, environ, author)
        case _:
            raise UsageError(f"{job.platform}: expected GitHub or GitLab, whose comments are known", hint=BODY_HINT)


def _github(number: int, environ: Environ, author: str) -> Thread:
    base = reading.server(environ, "GITHUB_API_URL")
    name = reading.repository_name(reading.required(environ, "GITHUB_REPOSITORY"), "GITHUB_REPOSITORY")
    api = Api(base, "Authorization", f"Bearer {reading.required(environ, 'GITHUB_TOKEN')}")
    issues = f"/repos/{name}/issues"
    return Thread(api, f"{issues}/{number}/comments", f"{issues}/comments", "user.login", "PATCH", author)


def _gitlab(number: int, environ: Environ, author: str | None) -> Thread:
    """GitLab tells a token's own name."""
    base = reading.server(environ, "CI_API_V4_URL")
    project = reading.number(reading.required(environ, "CI_PROJECT_ID"), "CI_PROJECT_ID")
    api = Api(base, "PRIVATE-TOKEN", reading.required(environ, "COUNTERMARK_GITLAB_TOKEN"))
    notes = f"/projects/{project}/merge_requests/{number}/notes"
    own = author or shape.text(shape.member(api.ask("GET", "/user"), "username"), "username")
    return Thread(api, notes, notes, "author.username", "PUT", own)
