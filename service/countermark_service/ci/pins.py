"""The pins: what the job's settings vouch for, by options or by variables, and never by the checkout or the event.

Trust: the job's settings. An empty variable is none: that is how platforms spell a setting that nobody made.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass

from countermark_ledger.git.refs import OBJECT_ID
from countermark_service.ci import reading
from countermark_service.ci.job import tracking_ref
from countermark_service.exits import UsageError

REPOSITORY_ID = "COUNTERMARK_REPOSITORY_ID"
TRUST_ROOT = "COUNTERMARK_TRUST_ROOT"
PROTECTED_REF = "COUNTERMARK_PROTECTED_REF"
BOOTSTRAP = "COUNTERMARK_BOOTSTRAP"
SEEN_STATUS = "COUNTERMARK_SEEN_STATUS"

NO_PINS = f"expected {REPOSITORY_ID}, {TRUST_ROOT} and {PROTECTED_REF} in the job's settings, found not all of them"


@dataclass(frozen=True, slots=True)
class Pins:
    """What is vouched for. `branch` is the protected branch's short name, None when this machine's setup has it.

    `tip` is the id of its tip, for whoever can name it better than the refs of the checkout do.
    """

    repository_id: str | None
    trust_root: str | None
    branch: str | None
    tip: str | None
    bootstrap: str | None
    seen_status: int

    @classmethod
    def of(cls, args: argparse.Namespace, environ: Mapping[str, str]) -> Pins:
        """Take each from its option, else from its variable."""
        seen = reading.variable(environ, SEEN_STATUS)
        protected = args.protected_ref or reading.variable(environ, PROTECTED_REF)
        branch, tip = branch_and_tip(protected) if protected else (None, None)
        return cls(
            args.repository_id or reading.variable(environ, REPOSITORY_ID),
            args.trust_root or reading.variable(environ, TRUST_ROOT),
            branch,
            tip,
            args.bootstrap or reading.variable(environ, BOOTSTRAP),
            max(args.seen_status, reading.number(seen, SEEN_STATUS) if seen else 0),
        )

    def options(self) -> dict[str, object]:
        """Spell them as the options that every decision has."""
        return {
            "repository_id": self.repository_id,
            "trust_root": self.trust_root,
            "bootstrap": self.bootstrap,
            "seen_status": self.seen_status,
        }


def branch_and_tip(pinned: str) -> tuple[str, str | None]:
    """Read a branch as the server or a clone names it, and the id of its tip where one stands behind a colon.

    A commit alone could not be compared with the branch that a job is about.
    """
    name, colon, tip = pinned.partition(":")
    if OBJECT_ID.fullmatch(name):
        raise UsageError(f"{PROTECTED_REF}: expected a branch, found a commit", hint="countermark gate --help")
    branch = reading.branch(name.removeprefix(tracking_ref("")), PROTECTED_REF)
    return branch, reading.commit(tip, PROTECTED_REF) if colon else None
