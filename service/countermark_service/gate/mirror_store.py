"""Where a mirror of the evidence is read: its commits by id, in whatever store has them, and what it offers.

Trust: every store is hostile: the repository itself, one that the operator named, or what a recursive clone left
behind. Commits, trees and blobs are re-hashed; git is never asked to look into a submodule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from countermark_ledger.errors import GitError, LedgerError, MissingHistory
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.git.trees import Entry
from countermark_ledger.node import Mode
from countermark_service.collecting import reader_of
from countermark_service.joining import kind_of
from countermark_service.sources import MAX_FILE, Source

MIRROR_REF = "refs/countermark/mirror/main"
REFSPEC = "+refs/heads/*:refs/countermark/mirror/*"
_BRANCHES = ("refs/heads/main", "refs/remotes/origin/main")
_FETCH_HINT = f"git fetch MIRROR '{REFSPEC}'"

Places = Callable[[str], Sequence[Path]]
"""Says where else than in the repository itself the mirror at a path may be: git directories, not opened yet."""


def nowhere_else(_path: str) -> Sequence[Path]:
    """Look nowhere but in the repository itself."""
    return ()


@contextmanager
def opened(repository: Repository, path: str | None, places: Places) -> Iterator[tuple[Repository, ...]]:
    """Open every place where the mirror may be read, the repository itself first."""
    with ExitStack() as stack:
        found = [repository]
        for place in places(path) if path is not None else ():
            with suppress(GitError):  # what nobody can open offers nothing, and the refusal then says so
                found.append(stack.enter_context(Repository.open(place)))
        yield tuple(found)


def sources(stores: Sequence[Repository], commit: str | None) -> tuple[Source, ...]:
    """Offer what a mirror's commit holds, and the newest that was fetched: what is signed needs nobody to pin it.

    Whoever damages it or leaves something out costs its owner an answer, and nobody else.
    """
    places = [*_holding(stores, commit), *_newest(stores)]

    def files(_paths: AbstractSet[str]) -> Iterator[tuple[str, bytes]]:
        done: set[tuple[str, str]] = set()
        for store, name in places:
            with suppress(LedgerError):  # damaged, or fetched in part: what is left out is not counted
                for path, blob, content in _unread(store, name, done):
                    done.add((path, blob))
                    yield path, content

    return (files,) if places else ()


def pinned_at(repository: Repository, commit_or_tree: str, path: str) -> str | None:
    """Return the commit that a submodule's path pins, None where it pins none."""
    entry = repository.entries(commit_or_tree, [path])[path]
    return entry.blob if entry is not None and entry.mode is Mode.GITLINK else None


@dataclass(frozen=True, slots=True)
class Held:
    """One commit of the mirror, in the store that has it."""

    store: Repository
    entries: Mapping[str, Entry]

    @classmethod
    def read(cls, stores: Sequence[Repository], commit: str) -> Held:
        """List what a commit holds; raise `MissingHistory` where no store has it."""
        store = _store_of(stores, commit)
        if store is None:
            raise MissingHistory(f"its commit {commit[:12]} is not here", hint=_FETCH_HINT)
        return cls(store, store.tree(commit))

    def content(self, path: str) -> bytes | None:
        """Return a file of the collection; a link, a program or a giant is none."""
        entry = self.entries.get(path)
        if entry is None or entry.mode is not Mode.FILE:
            return None
        ((_, content),) = self.store.blobs([entry.blob])
        return None if isinstance(content, Oversized) or len(content) > MAX_FILE else content


def _holding(stores: Sequence[Repository], commit: str | None) -> list[tuple[Repository, str]]:
    try:
        store = None if commit is None else _store_of(stores, commit)
    except LedgerError:
        store = None  # what lies there is no commit: it offers nothing
    return [] if store is None or commit is None else [(store, commit)]


def _newest(stores: Sequence[Repository]) -> Iterator[tuple[Repository, str]]:
    """Find the mirror's branch as the documented fetch, a bare mirror or a recursive clone has it."""
    refs = [(stores[0], MIRROR_REF), *((store, ref) for store in stores[1:] for ref in _BRANCHES)]
    for store, ref in refs:
        with suppress(GitError):  # not fetched
            yield store, store.resolve(ref)


def _unread(store: Repository, commit: str, done: AbstractSet[tuple[str, str]]) -> Iterator[tuple[str, str, bytes]]:
    """Read the files of a collection but those that another commit had: path, git's name of the blob, content."""
    files = [(path, one.blob) for path, one in store.tree(commit).items() if kind_of(path) and one.mode is Mode.FILE]
    wanted = [file for file in files if file not in done]
    contents = reader_of(store)({blob for _, blob in wanted})
    yield from ((path, blob, contents[blob]) for path, blob in wanted if blob in contents)


def _store_of(stores: Sequence[Repository], commit: str) -> Repository | None:
    for store in stores:
        with suppress(MissingHistory):  # then another place may have it
            store.commit(commit)
            return store
    return None
