"""`countermark sign`: sign changes already made, as an agent; the evidence is asserted, for nobody watched."""

from __future__ import annotations

import argparse
from pathlib import Path

from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Kind
from countermark_ledger.predicates.generation import Evidence
from countermark_service import signing
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.cli.record import show
from countermark_service.embedded import opened
from countermark_service.exits import Exit
from countermark_service.signing import Work
from countermark_service.tags import HELP as TAG_HELP
from countermark_service.tags import TASK_HELP, tags_of
from countermark_service.unaccounted import unaccounted


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `sign`."""
    parser.add_argument("--agent", required=True, metavar="NAME", help="an enrolled agent (countermark agent add NAME)")
    parser.add_argument("--base", metavar="REV", help="sign what changed since REV (default: since the protected ref)")
    parser.add_argument("--task", metavar="TEXT", help=TASK_HELP)
    parser.add_argument("--tag", action="append", default=[], metavar="TAG", help=TAG_HELP)
    parser.add_argument(
        "--model", action="append", default=[], metavar="ID", help="a model it says it used (repeatable)"
    )
    parser.add_argument(
        "--protected-ref", metavar="REF", help="the branch that it is meant for (default: as set up on this machine)"
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only these files or folders")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Sign what no statement accounts for yet."""
    checkout, tags = Checkout.find(Path.cwd()), tags_of(args.task, args.tag)
    with Repository.open(checkout.root) as repository, opened(checkout.home()) as embedded, console.progress():
        agent = embedded.enrolled(Kind.AGENT, args.agent)
        console.step("looking for what is not signed yet")
        head, since = repository.resolve("HEAD"), repository.resolve(args.base) if args.base else None
        where = signing.target(embedded, repository, head, towards=args.protected_ref, since=since)
        paths = [checkout.inside(path, Path.cwd()) for path in args.paths]
        change = signing.only(unaccounted(checkout, repository, embedded, where, since, agent), paths)
        now = embedded.clock()
        work = Work(agent, Evidence.ASSERTED, now, now, args.task, tuple(args.model), tags)
        signed = signing.sign_work(embedded, work, change, where) if change.transitions else ()
    show(console, signed, change, None)
    return Exit.PASS
