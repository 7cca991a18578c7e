"""The checkout of a job: where it has the protected branch, and what must not lie in it.

Trust: hostile, apart from what the job itself fetched into it: the tracking ref of the protected branch.
"""

from __future__ import annotations

from pathlib import Path

from countermark_ledger.errors import MissingHistory, Rewritten, UnbornBranch, UnknownRevision
from countermark_ledger.git import place, refs
from countermark_ledger.git.reader import Repository
from countermark_service.ci.job import Job, tracking_ref
from countermark_service.exits import UsageError

FETCH = "countermark ci --show refspecs | git fetch --no-tags --stdin origin"


def protected_tip(repository: Path, branch: str) -> str:
    """Return the id of the protected branch's tip: what was fetched from the server before what is local."""
    where = place.find(repository)
    for name in (tracking_ref(branch), f"refs/heads/{branch}"):
        try:
            return refs.find(where, name)
        except (UnknownRevision, UnbornBranch):
            continue
    raise UsageError(f"{branch}: expected the protected branch in the checkout, found none", hint=FETCH)


def check(repository: Path, job: Job, tip: str) -> None:
    """Refuse a checkout that holds what it must not, and a landing that did not go on from what was there."""
    if not job.base_only and not (job.landed and job.tip):
        return
    with Repository.open(repository) as opened:
        if job.base_only:
            _refuse_head(opened, job, tip)
        if job.landed and job.tip:
            _refuse_rewritten(opened, job, complete=not place.find(repository).shallow)


def _refuse_head(repository: Repository, job: Job, tip: str) -> None:
    """A `pull_request_target` job has the base's rights: nothing of the head may be where a step could run it."""
    try:
        here = repository.resolve("HEAD")
    except UnbornBranch:
        return
    if not repository.is_ancestor(here, repository.resolve(tip)):
        raise UsageError(
            f"{job.event}: expected the protected branch in the checkout, found {here}",
            hint=f"git checkout --detach {tip}",
        )


def _refuse_rewritten(repository: Repository, job: Job, *, complete: bool) -> None:
    """Where all of a branch's history is here, what it was before is part of it, or it was rewritten."""
    repository.resolve(job.head)
    try:
        repository.resolve(job.tip or "")
    except MissingHistory as error:
        if not complete:
            raise
        message = f"{job.event}: expected {job.head} to go on from {job.tip}: history was rewritten"
        raise Rewritten(
            message, hint=f"git push --force-with-lease origin {job.tip}:refs/heads/{job.branch}"
        ) from error
