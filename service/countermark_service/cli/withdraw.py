"""`countermark withdraw`: what was signed and is not meant to land any more."""

from __future__ import annotations

import argparse
from pathlib import Path

from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.embedded import opened
from countermark_service.exits import Exit, UsageError
from countermark_service.withdrawing import withdraw_session, withdraw_statement


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `withdraw`."""
    parser.add_argument("statement", nargs="?", metavar="STATEMENT", help="the name that signing printed, or its begin")
    parser.add_argument("--session", metavar="ID", help="all that was signed in a session")
    parser.add_argument("--reason", default="withdrawn", help="why, for the record")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Withdraw, and say what and since when."""
    if (args.statement is None) == (args.session is None):
        raise UsageError("expected either a statement or --session ID", hint="countermark withdraw --help")
    with opened(Checkout.find(Path.cwd()).home()) as embedded:
        if args.session is not None:
            done = withdraw_session(embedded, args.session, args.reason)
        else:
            done = withdraw_statement(embedded, args.statement, args.reason)
    if console.json:
        names: list[Json] = [*done.names]
        console.document({"sessions": names, "statements": done.statements, "fromLogIndex": done.from_log_index})
        return Exit.PASS
    console.data(f"withdrew {safe(', '.join(done.names))}: {done.statements} statements from {done.from_log_index} on")
    console.say("What has landed stays there, and an audit calls it suspect. Tell everybody:")
    console.say("  countermark bundles push")
    return Exit.PASS
