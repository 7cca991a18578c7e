"""Bundle collections in git trees: what a commit holds of one, and a commit of the union of several.

Trust: trees are hostile. A state lists regular files with a name of the layout and nothing else; `joining` decides
what of it is kept. A checkpoint that our log's key signed and that is not of our log's history ends the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from countermark_ledger.checkpoint import SignedCheckpoint
from countermark_ledger.collection import CHECKPOINT, Caps
from countermark_ledger.errors import BadConsistency, TooLarge, UnknownRevision
from countermark_ledger.git import own
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.node import Mode
from countermark_service import offering
from countermark_service.embedded import Embedded
from countermark_service.joining import Held, Joined, Offer, Read, State, join, kind_of, newest_checkpoint
from countermark_service.sources import MAX_FILE

CAPS = Caps()


def tip_of(repository: Repository, ref: str) -> str | None:
    """Return the commit that a ref leads to, None when there is no such ref."""
    try:
        return repository.resolve(ref)
    except UnknownRevision:
        return None


def state_of(repository: Repository, commit: str) -> dict[str, Held]:
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


def reader_of(repository: Repository) -> Read:
    """Lend the contents of blobs, but of those too large to read."""

    def read(blobs: Iterable[str]) -> dict[str, bytes]:
        return {name: raw for name, raw in repository.blobs(blobs) if not isinstance(raw, Oversized)}

    return read


def unite(
    repository: Repository, states: Sequence[State], embedded: Embedded, offers: Iterable[Offer] | None
) -> Joined:
    """Unite states, and with `offers` what our own ledger has; raise `BadConsistency` on a fork of its log."""
    read = reader_of(repository)
    for state in states:
        _refuse_fork(state, read, embedded)
    if offers is None:
        return join(states, (), {}, embedded.trust, read)
    known = {path for state in states for path in state}
    return join(states, offers, offering.hints(embedded, known), embedded.trust, read)


def commit_union(
    root: Path, repository: Repository, joined: Joined, tips: Sequence[str], *, message: str, at: datetime | None = None
) -> str | None:
    """Commit the union on top of all tips; a tip that is the union already, and holds the others, stays.

    With `at` (UTC) the same union on the same tips is the same commit, whoever makes it. None is nothing to commit.
    """
    blobs = own.write_blobs(root, list(joined.new.values())) if joined.new else []
    files = joined.kept | dict(zip(joined.new, blobs, strict=True))
    parents = [tip for tip in tips if not any(tip != one and repository.is_ancestor(tip, one) for one in tips)]
    if not files and not parents:
        return None
    tree = own.write_tree(root, files)
    if len(parents) == 1 and repository.commit(parents[0]).tree == tree:
        return parents[0]
    return own.commit_tree(root, tree, parents, message=message, author=own.COUNTERMARK, at=at)


def _refuse_fork(state: State, read: Read, embedded: Embedded) -> None:
    """Raise `BadConsistency` when a checkpoint signed by our log's key is not of our log's history."""
    if CHECKPOINT not in state:
        return
    raw = newest_checkpoint(read([state[CHECKPOINT].blob]).values(), embedded.trust)
    head = None if raw is None else SignedCheckpoint.parse(raw).head
    if head and head.size <= embedded.log.head.size and embedded.log.root_at(head.size) != head.root:
        raise BadConsistency(f"log: a checkpoint of {head.size} entries there is not of this ledger's history")
