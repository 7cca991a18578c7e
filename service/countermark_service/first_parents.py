"""The first-parent line of a protected ref: how far back a question about it goes.

Trust: every commit is re-hashed on the way. A date is what a committer wrote; only an id is a bound that nobody moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from countermark_ledger.errors import Rewritten, TooLarge
from countermark_ledger.git.reader import Repository
from countermark_service.history import committed

MAX_LINE = 100_000


def line_since(repository: Repository, newest: str, since: str) -> list[str]:
    """List the line from its newest commit down to an older one, which is its last. Raises `Rewritten` if it is not.

    `MissingHistory` in a shallow clone, as for every walk here.
    """
    found: list[str] = []
    for commit in whole_line(repository, newest):
        found.append(commit)
        if commit == since:
            return found
    message = f"expected {since} among the first parents of {newest}, found the beginning: history was rewritten"
    raise Rewritten(message, hint=f"git log --first-parent {newest}")


def line_from(repository: Repository, newest: str, earliest: datetime | None) -> list[str]:
    """List the line down to the parent of the last commit that says to be no older than a time (UTC), or all of it.

    A committer writes the time, so the walk goes on below an older one: only a commit's id is a bound that nobody
    can move.
    """
    found = list(whole_line(repository, newest))
    if earliest is None:
        return found
    young = [at for at, commit in enumerate(found) if (committed(repository, commit) or earliest) >= earliest]
    return found[: max(young, default=-1) + 2]


def whole_line(repository: Repository, newest: str) -> Iterator[str]:
    """Walk the line from a commit to its beginning; more than `MAX_LINE` commits are `TooLarge`."""
    for count, commit in enumerate(repository.line(newest)):
        if count >= MAX_LINE:
            raise TooLarge(f"history: expected at most {MAX_LINE} first parents, found more")
        yield commit
