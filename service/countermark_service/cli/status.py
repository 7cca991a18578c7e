"""`countermark status`: what is revoked, and until when that answer is good."""

from __future__ import annotations

import argparse
from pathlib import Path

from countermark_ledger import shape
from countermark_ledger.display import safe
from countermark_ledger.errors import StatusExpired
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.embedded import opened
from countermark_service.exits import Exit


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `status`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (("show", "show the newest status"), ("renew", "sign a new one, good for seven days")):
        action = actions.add_parser(name, help=text)
        action.add_argument("--json", action="store_true", help="print data as one JSON document")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Show, or renew and show."""
    with opened(Checkout.find(Path.cwd()).home()) as embedded:
        if args.action == "renew":
            embedded.sign([])
        status = embedded.current_status()
    if status is None:
        raise StatusExpired("status: expected one in the ledger, found none", hint="countermark status renew")
    if console.json:
        console.document(status.statement().predicate)
        return Exit.PASS
    console.data(f"status {status.number}, due for renewal by {shape.spell_time(status.next_update)}")
    for entry in status.revocations:
        since = f"{shape.spell_time(entry.from_time)} and log index {entry.from_log_index}"
        console.data(f"revoked {entry.kind} {safe(entry.value)} from {since}: {safe(entry.reason)}")
    return Exit.PASS
