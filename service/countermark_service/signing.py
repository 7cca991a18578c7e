"""From "this changed" to statements in the ledger: what `record`, `sign` and `claim` have in common.

Trust: rows are hashed by us from what was there; texts of people (task, prompt) are committed to, not stored
in the statement, and their keys stay in the store where they can be erased.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from countermark_ledger.authority.issuing import Request, Signed
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Change
from countermark_ledger.predicates.claim import Claim
from countermark_ledger.predicates.commitment import KEY_BYTES, Commitment
from countermark_ledger.predicates.generation import Evidence, Generation, Model, ModelSource, Session, Target
from countermark_ledger.predicates.rows import split
from countermark_service.embedded import Embedded
from countermark_service.exits import UsageError
from countermark_service.gate.root import protected

RUNTIME = "command"
MAX_BASE_SEARCH = 10_000


@dataclass(frozen=True, slots=True)
class Work:
    """One run of an agent, as its host knows it. `task` stays private: only a commitment is signed."""

    agent: Identity
    evidence: Evidence
    started: datetime
    finished: datetime
    task: str | None = None
    models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def target(
    embedded: Embedded, repository: Repository, head: str, *, towards: str | None = None, since: str | None = None
) -> Target:
    """Say where work on `head` is meant to land, and from which commit of the protected ref it began.

    `towards` is another protected ref than the one that was set up; `since` a commit from which the rows begin: where
    it is on the protected ref, the work does, too.
    """
    name, tip = protected(repository, towards or embedded.config.protected_ref)
    line = repository.first_parents(tip, MAX_BASE_SEARCH)
    if since in line:
        return Target(embedded.config.repository_id, name, since)
    base = next((commit for commit in line if repository.is_ancestor(commit, head)), None)
    if base is None:
        raise UsageError(f"HEAD: expected it to descend from {name}, found another history", hint="git rebase")
    return Target(embedded.config.repository_id, name, base)


def sign_work(embedded: Embedded, work: Work, change: Change, where: Target) -> tuple[Signed, ...]:
    """Sign a change as an agent's, in as many statements as it needs."""
    task, keys = _commit_to(work.task)
    session = Session(
        id=str(uuid.uuid4()),
        started=work.started,
        finished=work.finished,
        observer=embedded.identity(Kind.OBSERVER, "local"),
        runtime=RUNTIME,
        runtime_version=None,
        image_digest=None,
        sandbox_policy=None,
    )
    models = tuple(Model(None, name, None, None, ModelSource.DECLARED) for name in work.models)
    operator = Identity.parse(embedded.config.person)
    statements = [
        Generation(
            agent=work.agent,
            target=where,
            evidence=work.evidence,
            session=session,
            part=part,
            models=models,
            tags=work.tags,
            task=task,
            operator=operator,
        ).statement()
        for part in split(change)
    ]
    return embedded.sign([Request(work.agent, statement, keys) for statement in statements])


def sign_claim(embedded: Embedded, person: Identity, change: Change, where: Target) -> tuple[Signed, ...]:
    """Sign a change as a person's own."""
    statements = [Claim(person, where, part).statement() for part in split(change)]
    return embedded.sign([Request(person, statement) for statement in statements])


def only(change: Change, paths: Sequence[str]) -> Change:
    """Keep the rows at or below the given paths ("" is the root), or all; raise for a path without a row."""
    if not paths:
        return change
    for path in paths:
        if not any(_within(row.path, path) for row in change.transitions):
            raise UsageError(f"{path or '.'}: expected something to sign there, found nothing", hint="git status")
    return Change.of(row for row in change.transitions if any(_within(row.path, path) for path in paths))


def _within(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def _commit_to(task: str | None) -> tuple[Commitment | None, tuple[tuple[str, bytes], ...]]:
    if task is None:
        return None, ()
    key = secrets.token_bytes(KEY_BYTES)
    return Commitment.of(task, key), (("task", key),)
