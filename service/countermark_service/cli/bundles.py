"""`countermark bundles`: push and fetch bundles through a git ref, beside the code that they account for.

Without Countermark the same fetch is: git fetch REMOTE +refs/countermark/bundles:refs/countermark/bundles
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass
from pathlib import Path

from countermark_ledger.checkpoint import SignedCheckpoint
from countermark_ledger.collection import CHECKPOINT
from countermark_ledger.errors import RefMoved
from countermark_ledger.git import own
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_service import offering
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.collecting import commit_union, state_of, tip_of, unite
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import Exit
from countermark_service.sources import BUNDLE_REF

REMOTE_REF = "refs/countermark/remote/bundles"
ATTEMPTS = 16
PAUSE_SECONDS = 0.1
MESSAGE = "Add bundles\n"


@dataclass(frozen=True, slots=True)
class Done:
    """Where the ref is now, how many files the other side had not, and how many were left out; None is no ref."""

    commit: str | None
    added: int
    left_out: int


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `bundles`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    push = actions.add_parser("push", help="add what the ledger has to the ref, and join it with the remote's")
    fetch = actions.add_parser("fetch", help="join the remote's bundles into the ref of this checkout")
    for action in (push, fetch):
        action.add_argument("remote", nargs="?", default="origin", metavar="REMOTE", help="default: origin")
        action.add_argument("--json", action="store_true", help="print data as one JSON document")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Join, and try again when others moved a ref meanwhile."""
    checkout, pushing = Checkout.find(Path.cwd()), args.action == "push"
    with opened(checkout.home()) as embedded, console.progress():
        console.step(f"talking to {args.remote}")
        done = _patiently(checkout.root, args.remote, embedded, pushing=pushing)
        _warn_ahead(checkout.root, done.commit, embedded, console)
    _show(done, args.remote, console, pushing=pushing)
    return Exit.PASS


def _patiently(root: Path, remote: str, embedded: Embedded, *, pushing: bool) -> Done:
    refusal = RefMoved(f"{BUNDLE_REF}: expected to move it")
    for _ in range(ATTEMPTS):
        try:
            return _exchange(root, remote, embedded, pushing=pushing)
        except RefMoved as error:
            refusal = error
            time.sleep(random.uniform(0, PAUSE_SECONDS))  # noqa: S311 - spreads rivals, protects nothing
    raise refusal


def _exchange(root: Path, remote: str, embedded: Embedded, *, pushing: bool) -> Done:
    """Fetch, unite, move our ref, and push; each move only from where we saw the ref. Raises `RefMoved`."""
    theirs = own.fetch(root, remote, BUNDLE_REF, REMOTE_REF)
    with Repository.open(root) as repository:
        ours = tip_of(repository, BUNDLE_REF)
        tips = list(dict.fromkeys(tip for tip in (ours, theirs) if tip is not None))
        states = {tip: state_of(repository, tip) for tip in tips}
        there = {path for tip in tips for path in repository.tree(tip)}
        offers = offering.offers(embedded) if pushing else None
        joined = unite(repository, [states[tip] for tip in tips], embedded, offers)
        commit = commit_union(root, repository, joined, tips, message=MESSAGE)
    if commit is not None and commit != ours:
        own.move_ref(root, BUNDLE_REF, commit, ours, reason="countermark bundles")
    if pushing and commit is not None and commit != theirs:
        own.push(root, remote, BUNDLE_REF, commit)
    united = joined.kept.keys() | joined.new.keys()
    before = states.get((theirs if pushing else ours) or "", {})
    return Done(commit, len(united - before.keys()), len(there - united))


def _warn_ahead(root: Path, commit: str | None, embedded: Embedded, console: Console) -> None:
    """Say so when the ref holds a checkpoint that our own ledger has not reached: a backup was restored, or shared."""
    if commit is None:
        return
    with Repository.open(root) as repository:
        entry = repository.entries(commit, [CHECKPOINT])[CHECKPOINT]
        contents = dict(repository.blobs([entry.blob] if entry else []))
    for raw in contents.values():
        size = 0 if isinstance(raw, Oversized) else SignedCheckpoint.parse(raw).head.size
        if size > embedded.log.head.size:
            console.say(f"The ref holds a checkpoint of {size} entries, this ledger only {embedded.log.head.size}:")
            console.say("was it restored from an old backup? Do not sign with it: countermark log fsck")


def _show(done: Done, remote: str, console: Console, *, pushing: bool) -> None:
    if console.json:
        console.document({"ref": BUNDLE_REF, "commit": done.commit, "added": done.added, "leftOut": done.left_out})
        return
    if done.commit is None:
        console.data(f"{remote} has no bundles")
    elif pushing:
        console.data(f"pushed {done.added} new files to {remote} {BUNDLE_REF} {done.commit[:12]}")
    else:
        console.data(f"fetched {done.added} new files into {BUNDLE_REF} {done.commit[:12]}")
    if done.left_out:
        console.say(f"left out {done.left_out} files that are not what their names promise")
