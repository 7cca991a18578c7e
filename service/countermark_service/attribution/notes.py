"""git notes: one text a commit under a ref. Read through the hardened reader, written by compare-and-swap.

Source: git-notes(1): the tree's paths are commit ids, with or without slashes between their digits (fan-out).
Trust: the tree is anybody's. What is no regular file at a commit's id is no note; a ref that holds more than notes
is not written to, because what we do not understand we would lose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from countermark_ledger.errors import TooLarge, UnknownRevision
from countermark_ledger.git import own
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.own import COUNTERMARK
from countermark_ledger.git.reader import Repository
from countermark_ledger.node import Mode
from countermark_service.exits import UsageError

MAX_NOTES = 50_000
_PLACE = re.compile(r"(?:[0-9a-f]{2}/)*[0-9a-f]+")
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FANNED = re.compile(r"[0-9a-f]{2}/")


class Notes(NamedTuple):
    """A notes ref as it is: its commit (None: there is no such ref), and the blobs by path."""

    commit: str | None
    blobs: dict[str, str]
    foreign: tuple[str, ...]

    def place(self, commit: str) -> str:
        """Return the path of a commit's note: where it is, else where the others are."""
        found = [path for path in self.blobs if path.replace("/", "") == commit]
        if found:
            return found[0]
        return f"{commit[:2]}/{commit[2:]}" if any(_FANNED.match(path) for path in self.blobs) else commit


def notes_at(repository: Repository, ref: str) -> Notes:
    """Look up a notes ref."""
    try:
        commit = repository.resolve(ref)
    except UnknownRevision:
        return Notes(None, {}, ())
    tree = repository.tree(commit)
    blobs = {path: entry.blob for path, entry in tree.items() if entry.mode is Mode.FILE and _is_note(path)}
    if len(blobs) > MAX_NOTES:
        raise TooLarge(f"{ref}: expected at most {MAX_NOTES} notes, found {len(blobs)}")
    return Notes(commit, blobs, tuple(sorted(tree.keys() - blobs.keys())))


def contents(repository: Repository, notes: Notes, only: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Read notes of at most 100 MB, all of them or one commit's: the commit that each is about, and its text."""
    about: dict[str, list[str]] = {}
    for path, blob in notes.blobs.items():
        commit = path.replace("/", "")
        if only in (None, commit):
            about.setdefault(blob, []).append(commit)
    for blob, content in repository.blobs(sorted(about)):
        if not isinstance(content, Oversized):
            yield from ((commit, content) for commit in sorted(about[blob]))


def write(checkout: Path, ref: str, notes: Notes, commit: str, content: bytes) -> None:
    """Put a commit's note in place; raise `RefMoved` when somebody else wrote to the ref meanwhile."""
    if notes.foreign:
        first = notes.foreign[0]
        raise UsageError(f"{ref}: expected nothing but notes, found {first}", hint=f"git ls-tree -r {ref}")
    blob = own.write_blobs(checkout, [content])[0]
    tree = own.write_tree(checkout, {**notes.blobs, notes.place(commit): blob})
    parents = [] if notes.commit is None else [notes.commit]
    message = f"Notes added by 'countermark attribution export'\n\n{commit}\n"
    new = own.commit_tree(checkout, tree, parents, message=message, author=COUNTERMARK)
    own.move_ref(checkout, ref, new, notes.commit, reason="countermark attribution export")


def _is_note(path: str) -> bool:
    return _PLACE.fullmatch(path) is not None and _ID.fullmatch(path.replace("/", "")) is not None
