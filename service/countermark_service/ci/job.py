"""The job: what a platform says that a decision is about.

Trust: everything in here was read by `reading`, so ids are ids and branch names are branch names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from countermark_ledger.canonical import Json
from countermark_ledger.errors import Rewritten
from countermark_service.exits import UsageError

HELP = "countermark ci --help"


class Platform(StrEnum):
    """Who runs the job. `plain` is anybody: options say everything."""

    GITHUB = "github"
    GITLAB = "gitlab"
    JENKINS = "jenkins"
    PRE_COMMIT = "pre-commit"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Job:
    """Which change, on which branch (None: the platform does not say).

    `head` and `tip` are full ids where the platform gives ids; `tip` None is the protected ref's own. `landed`: the
    head is what that branch became, or will become as it is. `rewritten`: the platform says that it did not go on
    from what it was. `number` names the request; `retarget` is the command that moves it to another branch.
    `head_repository` is the address of the repository that the head comes from, if it is another one (a fork).
    `base_only`: nothing of the head may lie in the checkout, for this job holds more rights than the change's author.
    """

    platform: Platform
    event: str
    branch: str | None
    head: str
    tip: str | None = None
    landed: bool = False
    rewritten: bool = False
    number: int | None = None
    retarget: str | None = None
    head_repository: str | None = None
    base_only: bool = False

    def json(self) -> dict[str, Json]:
        """Spell it for programs."""
        return {
            "platform": self.platform.value,
            "event": self.event,
            "branch": self.branch,
            "head": self.head,
            "tip": self.tip,
            "landed": self.landed,
            "number": self.number,
            "headRepository": self.head_repository,
        }

    def told(self, head: str | None, tip: str | None, *, landed: bool) -> Job:
        """Take what options say, on a platform that says nothing of its own about commits."""
        if head is None and tip is None and not landed:
            return self
        if self.platform in _GIVES_IDS:
            raise UsageError(
                f"{self.platform}: expected the event alone to say which commits, found options",
                hint="countermark ci --platform plain --head HEAD",
            )
        return replace(self, head=head or self.head, tip=tip, landed=landed)

    def check(self, protected_branch: str) -> None:
        """Refuse a change for another branch than the pinned one, and a history that was rewritten."""
        if self.branch not in (None, protected_branch):
            hint = f"{self.retarget} {protected_branch}" if self.retarget else HELP
            raise UsageError(f"{self.event}: expected branch {protected_branch}, found {self.branch}", hint=hint)
        if self.rewritten:
            message = f"{self.event}: expected {self.head} to go on from {self.tip}: history was rewritten"
            raise Rewritten(message, hint=f"git push --force-with-lease origin {self.tip}:refs/heads/{self.branch}")

    def refspecs(self, protected_branch: str) -> list[str]:
        """Say what `git fetch --stdin` must bring: the protected branch, the evidence if there is any, the head.

        A pattern may match nothing, so a repository without evidence is no failure of the fetch.
        """
        return [
            f"+refs/heads/{protected_branch}:{tracking_ref(protected_branch)}",
            "+refs/countermark/bundle*:refs/countermark/bundle*",
            *([f"+{self.head}:refs/countermark/ci/head"] if self.platform in _GIVES_IDS else []),
        ]


_GIVES_IDS = (Platform.GITHUB, Platform.GITLAB)
FORK_REFSPEC = "+refs/countermark/bundle*:refs/countermark/fork/bundle*"
FORK_BUNDLE_REF = "refs/countermark/fork/bundles"


def tracking_ref(branch: str) -> str:
    """Name the ref under which a clone keeps what the server's branch was."""
    return f"refs/remotes/origin/{branch}"
