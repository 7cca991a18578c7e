"""Every reason the observer of agents can refuse, one class each.

Layer: agents, the floor. Imports nothing of ours but the ledger's root of errors.
Trust: messages carry hostile file names; whoever prints one escapes it (`display.safe`).
"""

from __future__ import annotations

from countermark_ledger.errors import LedgerError


class AgentsError(LedgerError):
    """Root of every refusal in this package."""


class WorkTreeRefused(AgentsError):
    """The work tree cannot be told as a set of nodes; a subclass says why."""

    reason = "cannot be recorded"

    def __init__(self, path: str, detail: str, *, hint: str | None = None) -> None:
        """Keep the path, which is relative to the work tree."""
        super().__init__(f"{path!r}: {self.reason}: {detail}", hint=hint)
        self.path = path


class NotAFile(WorkTreeRefused):
    """A FIFO, a socket or a device lies there: git has no mode for it, and reading it may hang."""

    reason = "expected a regular file, a directory or a symbolic link"


class NestedRepository(WorkTreeRefused):
    """A directory below the top has a `.git`: git would record a gitlink, which covers no content."""

    reason = "expected files, found another repository"


class ChangedWhileRead(WorkTreeRefused):
    """Somebody wrote, replaced or removed it during the snapshot: no single moment was observed."""

    reason = "expected a work tree at rest"


class Unreadable(WorkTreeRefused):
    """The system refuses to let us read it."""

    reason = "could not be read"


class TooMuch(WorkTreeRefused):
    """A cap on depth, size or count was passed."""

    reason = "past a cap"


class UnspellableName(WorkTreeRefused):
    """A changed path is not UTF-8, so no statement can name it."""

    reason = "expected a UTF-8 name"


class ProgramMissing(AgentsError):
    """The agent's program could not be started."""
