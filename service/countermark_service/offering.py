"""What the embedded ledger offers to a bundle ref: every bundle, its proofs, and the whole chain of heads.

Trust: read from our own store, which checks every blob against its name; what was erased is passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from functools import partial

from countermark_ledger.collection import CHECKPOINT, Link, bundle_path, certificate_proof_path, proof_path
from countermark_ledger.errors import NoSuchRecord
from countermark_ledger.log.rows import Blob, BlobKind, EntryIndex
from countermark_ledger.predicates import status
from countermark_service.embedded import Embedded
from countermark_service.joining import STATUS, Offer
from countermark_service.store.query import Query

_PAGE = 500


def offers(embedded: Embedded) -> Iterator[Offer]:
    """Offer every bundle of the log up to its newest head, the proofs beside them, and the links between heads."""
    names = {entry.bundle_sha256 for entry in _entries(embedded)}
    for name in sorted(names):
        yield Offer(bundle_path(name), name, partial(_load, embedded, name))
    for kind, beside in ((BlobKind.CERTIFICATE_PROOF, certificate_proof_path), (BlobKind.LOG_PROOF, proof_path)):
        for blob in _blobs(embedded, kind):
            if blob.of is not None and blob.of in names:
                yield Offer(beside(blob.of), blob.sha256, partial(_given, blob.data))
    for link in _links(embedded):
        raw = link.encode()
        yield Offer(link.path(), hashlib.sha256(raw).hexdigest(), partial(_given, raw))


def hints(embedded: Embedded, known: AbstractSet[str]) -> dict[str, bytes]:
    """Say what the newest checkpoint and status are, and which bundles speak of which change (but for known files)."""
    found = {CHECKPOINT: embedded.log.head.checkpoint}
    newest = embedded.store.newest(embedded.log.origin, status.PREDICATE_TYPE)
    if newest is not None:
        found[STATUS] = f"{newest.bundle_sha256}\n".encode()
    for entry in _entries(embedded):
        if bundle_path(entry.bundle_sha256) not in known:
            for label in embedded.store.labels(embedded.log.origin, entry.index):
                if label.name == "change":
                    line = f"{entry.bundle_sha256}\n".encode()
                    found[f"index/{label.value}"] = found.get(f"index/{label.value}", b"") + line
    return found


def _entries(embedded: Embedded) -> Iterator[EntryIndex]:
    size, query = embedded.log.head.size, Query(embedded.log.origin, limit=_PAGE)
    while page := [entry for entry in embedded.store.find(query) if entry.index < size]:
        yield from page
        query = replace(query, after_index=page[-1].index)


def _blobs(embedded: Embedded, kind: BlobKind) -> Iterator[Blob]:
    after = ""
    while page := embedded.store.blobs(kind=kind, after=after, limit=_PAGE):
        yield from page
        after = page[-1].sha256


def _links(embedded: Embedded) -> Iterator[Link]:
    """Spell the history of heads as links: each head is tied to the one before it, so any two are tied."""
    start, size = 1, embedded.log.head.size
    while start <= size:
        page = embedded.store.history(embedded.log.origin, start=start, limit=_PAGE)
        for link in page:
            if link.old_size > 0 and link.head.size <= size:
                yield Link(link.old_size, link.head.size, link.consistency, link.head.checkpoint)
        start = page[-1].head.size + 1


def _load(embedded: Embedded, name: str) -> bytes | None:
    with suppress(NoSuchRecord):  # erased: the log still says that there was one
        return embedded.store.blob(name).data
    return None


def _given(data: bytes) -> bytes:
    return data
