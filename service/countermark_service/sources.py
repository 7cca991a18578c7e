"""Where bundles come from: the embedded ledger, a directory, a git ref. All offer the same layout.

Trust: what a source offers is hostile; a source decides nothing by leaving something out but a refusal, and
what it offers besides costs nobody an answer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from countermark_ledger.bundle import MAX_BYTES
from countermark_ledger.collection import (
    CHECKPOINT,
    Link,
    bundle_path,
    certificate_proof_path,
    is_folder,
    is_named,
    proof_path,
)
from countermark_ledger.errors import GitError, NoSuchRecord, UnknownRevision
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.log.rows import BlobKind, EntryIndex
from countermark_ledger.node import Mode
from countermark_ledger.predicates import WAIVER_REQUEST, approval, claim, enrolment, generation, status, verdict
from countermark_service.embedded import Embedded
from countermark_service.exits import UsageError
from countermark_service.store.query import Query

Files = Iterable[tuple[str, bytes]]
Source = Callable[[AbstractSet[str]], Files]
"""Offers the files of a bundle collection; the paths are a hint for sources that have an index."""

BUNDLE_REF = "refs/countermark/bundles"
MAX_FILE = MAX_BYTES
_REGULAR = {Mode.FILE, Mode.EXECUTABLE}
_PAGE = 1000
_PART = 64 * 1024
_ACCOUNTS = {generation.PREDICATE_TYPE, claim.PREDICATE_TYPE}
_REFUSED = (verdict.Outcome.FAILED.value, verdict.Outcome.INCONCLUSIVE.value)
_BESIDE = {
    BlobKind.BUNDLE: bundle_path,
    BlobKind.CERTIFICATE_PROOF: certificate_proof_path,
    BlobKind.LOG_PROOF: proof_path,
}


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
        found = {entry.index: entry for query in queries for entry in pages(self.embedded, query)}
        return entry_files(self.embedded, [found[index] for index in sorted(found)])

    def since(self, index: int) -> Files:
        """Offer every entry of the log from an index on."""
        return entry_files(self.embedded, pages(self.embedded, Query(self.embedded.log.origin, after_index=index - 1)))


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
        yield from entry_files(embedded, pages(embedded, Query(embedded.log.origin)))

    return files


def entry_files(embedded: Embedded, entries: Iterable[EntryIndex]) -> Iterator[tuple[str, bytes]]:
    """Lay entries out as a collection, each tied to the newest head by a consistency proof of its own."""
    newest = embedded.log.head
    yield CHECKPOINT, newest.checkpoint
    for part in _parts(entries):
        yield from _bundles(embedded, [entry.bundle_sha256 for entry in part])
        sizes = set(embedded.store.head_sizes(embedded.log.origin, [entry.index for entry in part]).values())
        older = sorted(size for size in sizes if size < newest.size)
        for size, proof in embedded.log.consistencies(older, newest.size).items():
            link = Link(size, newest.size, tuple(proof), newest.checkpoint)
            yield link.path(), link.encode()


def _parts(entries: Iterable[EntryIndex]) -> Iterator[list[EntryIndex]]:
    """Cut entries into parts that a memory holds, whatever their number."""
    left = iter(entries)
    while part := list(islice(left, _PAGE)):
        yield part


def _bundles(embedded: Embedded, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Offer bundles and the proofs beside them; a bundle that is not there is `NoSuchRecord`."""
    missing = set(names)
    for blob in embedded.store.bundles(names):
        missing.discard(blob.sha256)
        beside = _BESIDE[blob.kind]
        yield beside(blob.sha256 if blob.of is None else blob.of), blob.data
    for name in sorted(missing):
        raise NoSuchRecord(f"blob {name}: not in the store")


def from_directory(folder: Path) -> Source:
    """Offer the regular files of a directory that a collection reads; links are not followed, nor giants read."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: expected a directory of bundles", hint="countermark log export DIR")

    def files(_paths: AbstractSet[str]) -> Iterator[tuple[str, bytes]]:
        names, folders = _listed(folder)
        yield from _files(folder, "", names)
        for name in filter(is_folder, folders):
            yield from _files(folder, f"{name}/", _listed(folder / name)[0])

    return files


def _listed(folder: Path) -> tuple[list[str], list[str]]:
    """Name the regular files and the folders in a folder, sorted; nothing where it can't be listed."""
    files: list[str] = []
    folders: list[str] = []
    with suppress(OSError), os.scandir(folder) as entries:  # gone or closed to us: it offers nothing
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                files.append(entry.name)
            elif entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
    return sorted(files), sorted(folders)


def _files(folder: Path, inside: str, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for name in names:
        path = f"{inside}{name}"
        if is_named(path) and (raw := _read(f"{folder}/{path}")) is not None:
            yield path, raw


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
    """Find entries by path and what belongs to them, enrolments and the newest status; in log order, each once."""
    store, origin = embedded.store, embedded.log.origin
    named = store.entries_of_paths(origin, paths)
    changes = _values(embedded, "change", [entry for entry in named if entry.predicate_type in _ACCOUNTS])
    every = [*named, *store.entries_labelled(origin, "change", changes)]
    waivers = _values(embedded, "waiver", [entry for entry in every if entry.predicate_type == WAIVER_REQUEST])
    every += store.entries_labelled(origin, "waiver", waivers)
    every += _verdicts(embedded, {entry.index for entry in every if entry.predicate_type in _ACCOUNTS})
    for kind in (enrolment.ENROLMENT_TYPE, enrolment.ROTATION_TYPE):
        every += pages(embedded, Query(origin, predicate_type=kind))
    newest = store.newest(origin, status.PREDICATE_TYPE)
    every += [newest] if newest is not None else []
    found = {entry.index: entry for entry in every}
    return [found[index] for index in sorted(found)]


def _verdicts(embedded: Embedded, accounts: AbstractSet[int]) -> Iterable[EntryIndex]:
    """Find the verdicts that used one of these statements up; without statements, every verdict.

    An index that was made before it knew which is asked for all of them: none may be missed.
    """
    store, origin, kind = embedded.store, embedded.log.origin, verdict.PREDICATE_TYPE
    names = store.label_values(origin, "statement", accounts)
    if not accounts or names.keys() != accounts:
        return pages(embedded, Query(origin, predicate_type=kind))
    using = store.entries_labelled(origin, "consumed", set().union(*names.values()))
    return (*using, *store.entries_unlabelled(origin, kind, "consumed", nor=("outcome", _REFUSED)))


def _values(embedded: Embedded, name: str, entries: Iterable[EntryIndex]) -> set[str]:
    found = embedded.store.label_values(embedded.log.origin, name, [entry.index for entry in entries])
    return set().union(*found.values())


def pages(embedded: Embedded, query: Query) -> Iterator[EntryIndex]:
    """Find every entry that a query asks for, a page at a time."""
    after = query.after_index
    while page := embedded.store.find(replace(query, after_index=after, limit=_PAGE)):
        yield from page
        after = page[-1].index
        if len(page) < _PAGE:
            return


def _read(path: str) -> bytes | None:
    """Read a file, None when it is a giant; in parts, for a buffer of the cap would cost more than most files do."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            raw = file.read(_PART)
            if len(raw) == _PART:
                raw += file.read(MAX_FILE + 1 - _PART)
    except OSError as error:
        raise GitError(f"{path}: {error.strerror}") from error
    return raw if len(raw) <= MAX_FILE else None
