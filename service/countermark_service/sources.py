"""Where bundles come from: the embedded ledger, a directory, a git ref. All offer the same layout.

Trust: what a source offers is hostile; a source decides nothing by leaving something out but a refusal, and
what it offers besides costs nobody an answer.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

from countermark_ledger.bundle import MAX_BYTES
from countermark_ledger.collection import CHECKPOINT, Link, bundle_path, certificate_proof_path, proof_path
from countermark_ledger.errors import GitError, UnknownRevision
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.log.rows import BlobKind, EntryIndex
from countermark_ledger.node import Mode
from countermark_ledger.predicates import WAIVER_REQUEST, approval, claim, enrolment, generation, status, verdict
from countermark_service.embedded import Embedded
from countermark_service.exits import UsageError
from countermark_service.store.records import Query

Files = Iterable[tuple[str, bytes]]
Source = Callable[[AbstractSet[str]], Files]
"""Offers the files of a bundle collection; the paths are a hint for sources that have an index."""

BUNDLE_REF = "refs/countermark/bundles"
MAX_FILE = MAX_BYTES
_REGULAR = {Mode.FILE, Mode.EXECUTABLE}
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class LedgerSource:
    """The embedded ledger as a source, which has an index: what is asked for is offered, and no more."""

    embedded: Embedded

    def __call__(self, paths: AbstractSet[str]) -> Files:
        """Offer what there is about the paths, with the verdicts, the enrolments and the newest status."""
        return entry_files(self.embedded, _about(self.embedded, paths))

    def approvals(self, commits: AbstractSet[str]) -> Files:
        """Offer the approvals that name one of these commits as their tip or head."""
        origin, kind = self.embedded.log.origin, approval.PREDICATE_TYPE
        queries = [Query(origin, predicate_type=kind, labels=(("commit", commit),)) for commit in sorted(commits)]
        found = {entry.index: entry for query in queries for entry in _pages(self.embedded, query)}
        return entry_files(self.embedded, [found[index] for index in sorted(found)])

    def since(self, index: int) -> Files:
        """Offer every entry of the log from an index on."""
        return entry_files(self.embedded, _pages(self.embedded, Query(self.embedded.log.origin, after_index=index - 1)))


def from_ledger(embedded: Embedded) -> LedgerSource:
    """Offer what the embedded ledger holds."""
    return LedgerSource(embedded)


def approvals_of(sources: Iterable[Source], commits: AbstractSet[str]) -> Iterator[tuple[str, bytes]]:
    """Offer the approvals that sources with an index leave out when they are asked about paths."""
    for source in sources:
        if isinstance(source, LedgerSource):
            yield from source.approvals(commits)


def from_whole_ledger(embedded: Embedded) -> Source:
    """Offer every entry of the embedded ledger."""

    def files(_paths: AbstractSet[str]) -> Iterator[tuple[str, bytes]]:
        yield from entry_files(embedded, _pages(embedded, Query(embedded.log.origin)))

    return files


def entry_files(embedded: Embedded, entries: Iterable[EntryIndex]) -> Iterator[tuple[str, bytes]]:
    """Lay entries out as a collection, each tied to the newest head by a consistency proof of its own."""
    newest, tied = embedded.log.head, set[int]()
    yield CHECKPOINT, newest.checkpoint
    for entry in entries:
        name = entry.bundle_sha256
        yield bundle_path(name), embedded.store.blob(name).data
        for blob in embedded.store.blobs(of=name):
            beside = certificate_proof_path if blob.kind is BlobKind.CERTIFICATE_PROOF else proof_path
            yield beside(name), blob.data
        size = embedded.store.history(embedded.log.origin, start=entry.index + 1, limit=1)[0].head.size
        if size not in tied and size < newest.size:
            tied.add(size)
            link = Link(size, newest.size, tuple(embedded.log.consistency(size, newest.size)), newest.checkpoint)
            yield link.path(), link.encode()


def from_directory(folder: Path) -> Source:
    """Offer the regular files of a directory; links are not followed, and what is too large is no bundle."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: expected a directory of bundles", hint="countermark log export DIR")

    def files(_paths: AbstractSet[str]) -> Iterator[tuple[str, bytes]]:
        for parent, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                path = Path(parent, name)
                if stat.S_ISREG(path.lstat().st_mode) and (raw := _read(path)) is not None:
                    yield path.relative_to(folder).as_posix(), raw

    return files


def from_ref(repository: Repository, ref: str = BUNDLE_REF) -> Source:
    """Offer the regular files of a bundle ref but those too large to read; nothing when there is no such ref."""

    def files(_paths: AbstractSet[str]) -> Iterator[tuple[str, bytes]]:
        try:
            tree = repository.tree(repository.resolve(ref))
        except UnknownRevision:
            return
        names: dict[str, list[str]] = {}
        for path, entry in tree.items():
            if entry.mode in _REGULAR:
                names.setdefault(entry.blob, []).append(path)
        for blob, content in repository.blobs(sorted(names)):
            if not isinstance(content, Oversized):
                yield from ((path, content) for path in names[blob])

    return files


def _about(embedded: Embedded, paths: AbstractSet[str]) -> list[EntryIndex]:
    """Find entries by path and what belongs to them, verdicts, enrolments and the newest status; in log order, once."""
    store, origin = embedded.store, embedded.log.origin
    found = {e.index: e for path in sorted(paths) for e in _pages(embedded, Query(origin, path=path))}
    kinds = {generation.PREDICATE_TYPE, claim.PREDICATE_TYPE}
    changes = {
        label.value
        for entry in found.values()
        if entry.predicate_type in kinds
        for label in store.labels(origin, entry.index)
        if label.name == "change"
    }
    for change in sorted(changes):
        found |= {e.index: e for e in _pages(embedded, Query(origin, labels=(("change", change),)))}
    for waiver in sorted(_waivers(embedded, found.values())):
        found |= {e.index: e for e in _pages(embedded, Query(origin, labels=(("waiver", waiver),)))}
    for kind in (verdict.PREDICATE_TYPE, enrolment.ENROLMENT_TYPE, enrolment.ROTATION_TYPE):
        found |= {e.index: e for e in _pages(embedded, Query(origin, predicate_type=kind))}
    newest = store.newest(origin, status.PREDICATE_TYPE)
    if newest is not None:
        found[newest.index] = newest
    return [found[index] for index in sorted(found)]


def _waivers(embedded: Embedded, entries: Iterable[EntryIndex]) -> set[str]:
    """Name the waivers that entries ask for: their approvals and revocations have no path."""
    asked = [entry for entry in entries if entry.predicate_type == WAIVER_REQUEST]
    labels = [label for entry in asked for label in embedded.store.labels(entry.origin, entry.index)]
    return {label.value for label in labels if label.name == "waiver"}


def _pages(embedded: Embedded, query: Query) -> Iterator[EntryIndex]:
    after = query.after_index
    while page := embedded.store.find(replace(query, after_index=after, limit=_PAGE)):
        yield from page
        after = page[-1].index
        if len(page) < _PAGE:
            return


def _read(path: Path) -> bytes | None:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            raw = file.read(MAX_FILE + 1)
    except OSError as error:
        raise GitError(f"{path}: {error.strerror}") from error
    return raw if len(raw) <= MAX_FILE else None
