"""`countermark record`: run any agent's command, and sign what it changed as observed."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from countermark_agents import process, snapshot
from countermark_ledger.authority.issuing import Signed
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.git.own import Author, commit_rows
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Kind
from countermark_ledger.node import Change, Node
from countermark_ledger.predicates.generation import Evidence
from countermark_service import signing
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import Exit, UsageError
from countermark_service.signing import Work
from countermark_service.tags import HELP as TAG_HELP
from countermark_service.tags import TASK_HELP, tags_of

TRAILER = "Countermark-Statement"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `record`."""
    parser.add_argument("--agent", required=True, metavar="NAME", help="an enrolled agent (countermark agent add NAME)")
    parser.add_argument("--task", metavar="TEXT", help=TASK_HELP)
    parser.add_argument(
        "--model", action="append", default=[], metavar="ID", help="a model it says it used (repeatable)"
    )
    parser.add_argument("--tag", action="append", default=[], metavar="TAG", help=TAG_HELP)
    parser.add_argument("--commit", metavar="MESSAGE", help="also commit what changed, in the agent's name")
    parser.add_argument(
        "--protected-ref", metavar="REF", help="the branch that it is meant for (default: as set up on this machine)"
    )
    parser.add_argument("words", nargs="+", metavar="CMD", help="the command, after --")


def run(args: argparse.Namespace, console: Console) -> Exit | int:
    """Snapshot, run, snapshot, sign. The command's own exit code is the answer."""
    checkout, tags = Checkout.find(Path.cwd()), tags_of(args.task, args.tag)
    with Repository.open(checkout.root) as repository, opened(checkout.home()) as embedded:
        agent = embedded.enrolled(Kind.AGENT, args.agent)
        head = repository.resolve("HEAD")
        where = signing.target(embedded, repository, head, towards=args.protected_ref)
        with console.progress():
            console.step("looking at the work tree")
            before, started = checkout.snapshot(repository, head), embedded.clock()
        code = process.run(args.words, Path.cwd(), os.environ)
        with console.progress():
            console.step("looking at what changed")
            change, finished = snapshot.changes(before, _after(checkout, head)), embedded.clock()
            work = Work(agent, Evidence.OBSERVED, started, finished, args.task, tuple(args.model), tags)
            console.step(f"signing {len(change.transitions)} files")
            signed = signing.sign_work(embedded, work, change, where) if change.transitions else ()
        commit = _commit(args, checkout, embedded, change, signed) if args.commit and signed else None
    show(console, signed, change, commit)
    return code


def show(console: Console, signed: tuple[Signed, ...], change: Change, commit: str | None) -> None:
    """Say what was signed."""
    if console.json:
        statements: list[Json] = [{"bundle": one.name, "logIndex": one.log_index} for one in signed]
        console.document({"statements": statements, "changes": change.rows(), "commit": commit})
        return
    for row in change.transitions:
        kind = "A" if row.before is None else "D" if row.after is None else "M"
        console.data(f"{kind} {safe(row.path)}")
    for one in signed:
        console.say(f"signed {one.name[:16]} at log index {one.log_index}")
    if not signed:
        console.say("nothing changed, so nothing was signed")
    if commit:
        console.say(f"committed {commit[:12]}")


def _after(checkout: Checkout, head: str) -> dict[str, Node]:
    """Look again. A command may commit; had it changed to other history, the rows would mean something else."""
    with Repository.open(checkout.root) as repository:
        now = repository.resolve("HEAD")
        if not repository.is_ancestor(head, now):
            raise UsageError(f"HEAD moved from {head[:12]} to {now[:12]} while the command ran", hint="git reflog")
        return checkout.snapshot(repository, now)


def _commit(
    args: argparse.Namespace, checkout: Checkout, embedded: Embedded, change: Change, signed: tuple[Signed, ...]
) -> str | None:
    trailers = "".join(f"{TRAILER}: {one.name}\n" for one in signed)
    author = Author(args.agent, f"{args.agent}@{embedded.trust.trust_domain}")
    return commit_rows(checkout.root, change, message=f"{args.commit}\n\n{trailers}", author=author)
