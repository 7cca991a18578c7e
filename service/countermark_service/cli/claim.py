"""`countermark claim`: sign changes as your own. For what you typed, and for the files that agents may not touch."""

from __future__ import annotations

import argparse
from pathlib import Path

from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity
from countermark_service import signing
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.cli.record import show
from countermark_service.embedded import opened
from countermark_service.exits import Exit
from countermark_service.unaccounted import unaccounted


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `claim`."""
    parser.add_argument("--base", metavar="REV", help="claim what changed since REV (default: since the protected ref)")
    parser.add_argument(
        "--protected-ref", metavar="REF", help="the branch that it is meant for (default: as set up on this machine)"
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only these files or folders")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Sign what no statement accounts for yet as the person who ran `init`."""
    checkout = Checkout.find(Path.cwd())
    with Repository.open(checkout.root) as repository, opened(checkout.home()) as embedded, console.progress():
        person = Identity.parse(embedded.config.person)
        console.step("looking for what is not signed yet")
        head, since = repository.resolve("HEAD"), repository.resolve(args.base) if args.base else None
        where = signing.target(embedded, repository, head, towards=args.protected_ref, since=since)
        paths = [checkout.inside(path, Path.cwd()) for path in args.paths]
        change = signing.only(unaccounted(checkout, repository, embedded, where, since, person), paths)
        signed = signing.sign_claim(embedded, person, change, where) if change.transitions else ()
    show(console, signed, change, None)
    return Exit.PASS
