"""Every reason the ledger can refuse, one class each.

Layer: ledger core, the floor. Imports nothing.
Trust: messages may carry hostile text (paths, identities); whoever prints one escapes it (`display.safe`).

The gate turns classes into exit codes in one table (DESIGN.md section 2); nothing here knows a code.
"""

from __future__ import annotations


class LedgerError(Exception):
    """Root of every refusal: what was expected, what was found, and the next command."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        """Keep the sentence and, where one exists, the exact command that mends it."""
        super().__init__(message)
        self.message = message
        self.hint = hint


# --- the caller -------------------------------------------------------------------------------------


class UsageError(LedgerError):
    """The caller asked for something that does not exist or does not go together (every command answers 2)."""


# --- bytes ------------------------------------------------------------------------------------------


class Malformed(LedgerError):
    """The bytes are not the one accepted spelling of what they claim to be."""


class TooLarge(Malformed):
    """A cap on bytes, depth, rows or count was passed before parsing went on."""


# --- evidence that does not hold (the gate answers 12) ----------------------------------------------


class Forged(LedgerError):
    """Evidence is forged, altered or inconsistent."""


class BadSignature(Forged):
    """A signature does not verify under the key that was pinned for it."""


class BadCertificate(Forged):
    """A certificate does not chain to the pinned authority or leaves the profile."""


class BadCertificateTimestamp(Forged):
    """The embedded certificate timestamp (RFC 6962 SCT) does not hold."""


class BadTimestamp(Forged):
    """The RFC 3161 timestamp does not hold, or lies outside the certificate's life."""


class BadInclusion(Forged):
    """An inclusion proof does not lead from the leaf to the signed root."""


class BadConsistency(Forged):
    """Two checkpoints are not of one log."""


class WrongLog(Forged):
    """A checkpoint or entry names another log than the pinned one."""


class NotWitnessed(Forged):
    """Fewer distinct pinned witnesses saw a checkpoint than the quorum asks for."""


class WrongEntry(Forged):
    """The logged entry is not the one recomputed from this bundle."""


class WrongObject(Forged):
    """A git object's bytes are not the ones its name was computed over."""


class WrongIdentity(Forged):
    """The signer is not who the statement, the policy or the caller requires."""


class WrongStatement(Forged):
    """The statement is validly signed and says something impossible or of another kind."""


class Incomplete(Forged):
    """Parts of a statement that only count together are missing."""


# --- evidence that held once ------------------------------------------------------------------------


class Revoked(LedgerError):
    """The newest status revokes the identity, key, model or image (the gate answers 13)."""


class StatusExpired(LedgerError):
    """No status statement is fresh enough to decide by (the gate answers 20)."""


# --- stores -----------------------------------------------------------------------------------------


class StoreError(LedgerError):
    """The store could not do what was asked."""


class Conflict(StoreError):
    """Another writer moved the head first: nothing of this batch landed."""


class StoreFailed(StoreError):
    """The store refused and nothing landed."""


class StoreUnknown(StoreError):
    """The store failed AT commit: whether the batch landed is unknown until it is reloaded."""


class LogDiverged(StoreError):
    """The stored log contradicts its head, key, clock or last released size: it must not sign."""


class NoSuchLog(StoreError):
    """The store holds no log of this origin."""


class NoSuchEntry(StoreError):
    """The log is not that long, or has no head of that size."""


class NoSuchRecord(StoreError):
    """The store holds no such blob, identity or key: it never did, or it was erased."""


# --- keys and places --------------------------------------------------------------------------------


class UnsafeKey(LedgerError):
    """A key is readable by others, lies inside a work tree, or is too weak to accept."""


# --- git --------------------------------------------------------------------------------------------


class GitError(LedgerError):
    """The git reader could not answer."""


class MissingHistory(GitError):
    """Objects that the decision needs are not here (shallow clone, missing base)."""


class UnknownRevision(GitError):
    """A name leads to no commit, or to more than one."""


class UnbornBranch(GitError):
    """The branch exists in name only: it has no commit yet."""


class RefMoved(GitError):
    """Another writer moved the ref first: nothing of ours landed."""


class Rewritten(GitError):
    """Two commits that must be on one first-parent history are not: the history was rewritten."""


class MergeConflict(GitError):
    """The tip and the head do not merge cleanly, so there is no landing tree."""

    def __init__(self, message: str, *, paths: tuple[str, ...] = (), hint: str | None = None) -> None:
        """Keep the paths that conflict, in git's order."""
        super().__init__(message, hint=hint)
        self.paths = paths
