"""Exit codes are API; this is the one table that turns reasons into them (DESIGN.md section 2)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from countermark_agents.errors import AgentsError
from countermark_ledger import errors
from countermark_scanners.errors import ScannerError


class Exit(IntEnum):
    """What a process says with its exit code. Only 0 is green."""

    PASS = 0
    INTERNAL = 1
    USAGE = 2
    POLICY = 10
    UNACCOUNTED = 11
    FORGED = 12
    REVOKED = 13
    INCONCLUSIVE = 20


ORDER = (
    Exit.INTERNAL,
    Exit.USAGE,
    Exit.FORGED,
    Exit.REVOKED,
    Exit.INCONCLUSIVE,
    Exit.UNACCOUNTED,
    Exit.POLICY,
)
"""Of several reasons, the first of these is the exit code."""

MEANING = {
    Exit.PASS: "accepted",
    Exit.INTERNAL: "internal error",
    Exit.USAGE: "wrong usage, or no policy",
    Exit.POLICY: "policy or score refused",
    Exit.UNACCOUNTED: "not fully accounted for",
    Exit.FORGED: "forged, altered or inconsistent evidence",
    Exit.REVOKED: "revoked",
    Exit.INCONCLUSIVE: "inconclusive: a scanner or the ledger could not answer, or the status expired",
}


UsageError = errors.UsageError


class Inconclusive(errors.LedgerError):
    """Something that had to answer did not."""


_BY_CLASS: tuple[tuple[type[errors.LedgerError], Exit], ...] = (
    (UsageError, Exit.USAGE),
    (Inconclusive, Exit.INCONCLUSIVE),
    (errors.Revoked, Exit.REVOKED),
    (errors.StatusExpired, Exit.INCONCLUSIVE),
    (errors.Forged, Exit.FORGED),
    (errors.TooLarge, Exit.INCONCLUSIVE),
    (errors.Malformed, Exit.FORGED),
    (errors.LogDiverged, Exit.FORGED),
    (errors.StoreError, Exit.INCONCLUSIVE),
    (errors.UnsafeKey, Exit.USAGE),
    (AgentsError, Exit.USAGE),
    (errors.MergeConflict, Exit.UNACCOUNTED),
    (errors.Rewritten, Exit.UNACCOUNTED),
    (errors.MissingHistory, Exit.INCONCLUSIVE),
    (errors.GitError, Exit.USAGE),
    (ScannerError, Exit.INCONCLUSIVE),
)


def code_of(error: errors.LedgerError) -> Exit:
    """Return the code of a refusal; a class that is not in the table is an internal error."""
    return next((code for kind, code in _BY_CLASS if isinstance(error, kind)), Exit.INTERNAL)


def first(codes: Iterable[Exit]) -> Exit:
    """Return the code that several reasons give together; none at all is a pass."""
    found = set(codes)
    return next((code for code in ORDER if code in found), Exit.PASS)
