"""`countermark`: one word a command, each imported only when it is asked for.

Imports `startup` alone, which must have looked at how Python was started before anything else is imported.
"""

from __future__ import annotations

import sys

from countermark_ledger import startup

COMMANDS = {
    "init": "set up keys, trust root and policy for a repository",
    "agent": "add, list and revoke agents",
    "person": "add and list people and their SSH keys",
    "record": "run a command as an agent and sign what it changed",
    "sign": "sign changes already made, as an agent",
    "claim": "sign changes as your own",
    "withdraw": "take back what was signed and is not to land",
    "scan": "scan a change and score it",
    "score": "explain a score: every point, its line, who wrote it, and the fix",
    "gate": "decide whether a change may be merged",
    "ci": "run the gate in a pipeline, as its platform says",
    "comment": "keep one comment of a pull or merge request up to date",
    "policy": "check and explain a policy, and try it on facts that a gate saw",
    "approve": "let exactly what would land now land, as another person",
    "waiver": "ask for, approve, end and list exceptions",
    "verify": "verify one bundle, offline",
    "audit": "show what landed, and which verdict let it",
    "last-good": "find the newest commit that is known to be good",
    "rollback": "make a branch that goes back to it, and sign what it changes",
    "blame": "show who accounts for each line of a file",
    "attribution": "give line attribution to other tools, and take theirs as claims",
    "log": "checkpoint, prove, verify, fsck and export the ledger",
    "status": "show and renew the revocation status",
    "bundles": "push and fetch bundles through a git ref",
    "mirror": "publish the evidence as a repository that can be a submodule",
    "trust-root": "print the trust root, also for sigstore and cosign",
    "completions": "print completions for your shell",
}
"""Every command and what it is for; docs and completions are compared with this table by tests."""

IN_HOSTILE_PLACES = frozenset({"audit", "ci", "comment", "gate", "last-good", "verify"})
"""Commands that a checkout's author must not be able to influence, so how Python was started matters."""


def main(argv: list[str] | None = None) -> int:
    """Run one command; the return value is the exit code. `argv` is for callers within Python."""
    if argv is None and IN_HOSTILE_PLACES.intersection(sys.argv[1:]):
        startup.check("countermark_service")
    from countermark_service.cli import running  # noqa: PLC0415 - what it imports could be planted

    return running.run(list(sys.argv[1:] if argv is None else argv))
