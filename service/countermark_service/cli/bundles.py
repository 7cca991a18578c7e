"""`countermark bundles`: push and fetch bundles through a git ref, beside the code that they account for.

Without Countermark the same fetch is: git fetch REMOTE +refs/countermark/bundles:refs/countermark/bundles
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from countermark_ledger.checkpoint import SignedCheckpoint
from countermark_ledger.collection import CHECKPOINT, Caps
from countermark_ledger.errors import BadConsistency, RefMoved, TooLarge, UnknownRevision
from countermark_ledger.git import own
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.node import Mode
from countermark_service import offering
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import Exit
from countermark_service.joining import Held, Joined, Read, State, join, kind_of, newest_checkpoint
from countermark_service.sources import BUNDLE_REF, MAX_FILE

REMOTE_REF = "refs/countermark/remote/bundles"
ATTEMPTS = 16
PAUSE_SECONDS = 0.1
CAPS = Caps()


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
        ours = _tip(repository)
        tips = list(dict.fromkeys(tip for tip in (ours, theirs) if tip is not None))
        states = {tip: _state(repository, tip) for tip in tips}
        there = {path for tip in tips for path in repository.tree(tip)}
        joined = _unite(repository, [states[tip] for tip in tips], embedded, pushing=pushing)
        commit = _commit(root, repository, joined, tips)
    if commit is not None and commit != ours:
        own.move_ref(root, BUNDLE_REF, commit, ours, reason="countermark bundles")
    if pushing and commit is not None and commit != theirs:
        own.push(root, remote, BUNDLE_REF, commit)
    united = joined.kept.keys() | joined.new.keys()
    before = states.get((theirs if pushing else ours) or "", {})
    return Done(commit, len(united - before.keys()), len(there - united))


def _tip(repository: Repository) -> str | None:
    try:
        return repository.resolve(BUNDLE_REF)
    except UnknownRevision:
        return None


def _state(repository: Repository, commit: str) -> dict[str, Held]:
    """List the files of a tree that have a name of the layout; no link, program or giant is one of them."""
    tree = repository.tree(commit)
    blobs = {path: entry.blob for path, entry in tree.items() if kind_of(path) and entry.mode is Mode.FILE}
    if len(blobs) > CAPS.files:
        raise TooLarge(f"{commit[:12]}: expected at most {CAPS.files} bundle files, found {len(blobs)}")
    digests = repository.digests(blobs.values())
    found = {name: one for name, one in digests.items() if not isinstance(one, Oversized) and one.size <= MAX_FILE}
    total = sum(one.size for one in found.values())
    if total > CAPS.total_bytes:
        raise TooLarge(f"{commit[:12]}: expected at most {CAPS.total_bytes} bytes of bundles, found {total}")
    return {path: Held(blob, found[blob].sha256) for path, blob in blobs.items() if blob in found}


def _unite(repository: Repository, states: Sequence[State], embedded: Embedded, *, pushing: bool) -> Joined:
    def read(blobs: Iterable[str]) -> dict[str, bytes]:
        return {name: raw for name, raw in repository.blobs(blobs) if not isinstance(raw, Oversized)}

    for state in states:
        _refuse_fork(state, read, embedded)
    known = {path for state in states for path in state}
    offers = offering.offers(embedded) if pushing else ()
    hints = offering.hints(embedded, known) if pushing else {}
    return join(states, offers, hints, embedded.trust, read)


def _refuse_fork(state: State, read: Read, embedded: Embedded) -> None:
    """Raise `BadConsistency` when a checkpoint signed by our log's key is not of our log's history."""
    if CHECKPOINT not in state:
        return
    raw = newest_checkpoint(read([state[CHECKPOINT].blob]).values(), embedded.trust)
    head = None if raw is None else SignedCheckpoint.parse(raw).head
    if head and head.size <= embedded.log.head.size and embedded.log.root_at(head.size) != head.root:
        raise BadConsistency(f"log: a checkpoint of size {head.size} in {BUNDLE_REF} is not of this ledger's history")


def _commit(root: Path, repository: Repository, joined: Joined, tips: Sequence[str]) -> str | None:
    """Commit the union on top of all tips; a tip that is the union already, and holds the others, stays."""
    blobs = own.write_blobs(root, list(joined.new.values())) if joined.new else []
    files = joined.kept | dict(zip(joined.new, blobs, strict=True))
    parents = [tip for tip in tips if not any(tip != one and repository.is_ancestor(tip, one) for one in tips)]
    if not files and not parents:
        return None
    tree = own.write_tree(root, files)
    if len(parents) == 1 and repository.commit(parents[0]).tree == tree:
        return parents[0]
    return own.commit_tree(root, tree, parents, message="Add bundles\n", author=own.COUNTERMARK)


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
