"""fsck: does everything in the store agree? Nothing is believed; what can be recomputed is.

1. TRUST     the keys here make the trust root that this machine pinned
2. LOGS      both logs hold: every entry, tile, head and blob (`log.check`)
3. BUNDLES   every bundle is verified, is the one its entry names, and so are the proofs beside it
4. INDEX     what queries are answered from is what the bundles say

Trust: the store is hostile. An entry whose bundle is not there may have been erased or withheld; it is counted,
and it is never green.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from countermark_ledger import evidence, merkle
from countermark_ledger.bundle import Bundle
from countermark_ledger.collection import Collection, bundle_path, certificate_proof_path
from countermark_ledger.errors import LogDiverged, Malformed, NoSuchEntry
from countermark_ledger.log.check import check_log
from countermark_ledger.log.indexing import index_rows
from countermark_ledger.log.port import Head
from countermark_ledger.log.rows import Blob, BlobKind, EntryIndex, IndexRow
from countermark_ledger.refusal import refused_as
from countermark_ledger.tlog_proof import TlogProof
from countermark_ledger.verifier import Verified
from countermark_service.embedded import Embedded
from countermark_service.store.query import Query

Progress = Callable[[str], None]
_PAGE = 256


@dataclass(slots=True)
class Checked:
    """What held: the heads of both logs, and the rows that every bundle makes. `stale` rows say something else."""

    log: Head
    certificates: Head
    rows: dict[int, list[IndexRow]] = field(default_factory=dict)
    stale: list[int] = field(default_factory=list)

    @property
    def missing(self) -> list[int]:
        """Name the entries whose bundle is not in the store."""
        return [index for index in range(self.log.size) if index not in self.rows]


def check(embedded: Embedded, progress: Progress) -> Checked:
    """Walk the list; raise `LogDiverged` naming the first thing that does not hold."""
    _check_trust(embedded)  # 1
    progress("checking the log")
    log = check_log(embedded.store, embedded.trust.log)  # 2
    progress("checking the certificate log")
    checked = Checked(log, check_log(embedded.store, embedded.trust.certificate_log))
    for number, bundle in enumerate(_bundles(embedded), start=1):
        progress(f"verifying bundle {number} of about {log.size}")
        verified = _verify(embedded, bundle, log)  # 3
        checked.rows.setdefault(verified.log_index, _rows(embedded, verified))
    progress("comparing the index")
    checked.stale = _stale(embedded, checked)  # 4
    return checked


def repair(embedded: Embedded, checked: Checked) -> None:
    """Write the index anew from the bundles; a row whose bundle is not there stays, and says no more than that."""
    missing = set(checked.missing)
    kept = [row for entry in _entries(embedded) if entry.index in missing for row in _stored(embedded, entry)]
    embedded.store.replace_index(embedded.log.origin, [*kept, *(row for rows in checked.rows.values() for row in rows)])


def _check_trust(embedded: Embedded) -> None:
    pinned, made = embedded.config.trust_root, embedded.trust.digest
    if pinned != made:
        raise LogDiverged(f"trust root: {pinned} is pinned on this machine, the keys make {made}")


def _bundles(embedded: Embedded) -> Iterator[Blob]:
    after = ""
    while page := embedded.store.blobs(kind=BlobKind.BUNDLE, after=after, limit=_PAGE):
        yield from page
        after = page[-1].sha256


def _verify(embedded: Embedded, blob: Blob, log: Head) -> Verified:
    name, proofs = blob.sha256, embedded.store.blobs(of=blob.sha256)
    with refused_as(LogDiverged, f"bundle {name}"):
        bundle = Bundle.parse(blob.data)
        certified = [one.data for one in proofs if one.kind is BlobKind.CERTIFICATE_PROOF]
        files = [(bundle_path(name), blob.data), *((certificate_proof_path(name), raw) for raw in certified)]
        verified = evidence.verify_candidate(Collection.of(files).candidates[name], embedded.trust)
        for one in proofs:
            if one.kind is BlobKind.LOG_PROOF:
                _check_proof(embedded, one.data, bundle)
    _check_entry(embedded, verified, bundle, log)
    return verified


def _check_proof(embedded: Embedded, raw: bytes, bundle: Bundle) -> None:
    proof = TlogProof.parse(raw)
    proof.verify(merkle.leaf_hash(bundle.entry.body), embedded.trust.log)
    if proof.index != bundle.entry.log_index:
        raise Malformed(f"the proof beside it is of entry {proof.index}, it is entry {bundle.entry.log_index}")


def _check_entry(embedded: Embedded, verified: Verified, bundle: Bundle, log: Head) -> None:
    """A bundle can verify and still be of a fork: its head must be one of this very log."""
    try:
        (entry,) = embedded.log.entries(verified.log_index, verified.log_index + 1)
        root = embedded.log.root_at(verified.head.size)
    except NoSuchEntry as error:
        raise LogDiverged(f"bundle {verified.name}: it is past the end of a log of {log.size}") from error
    if entry != bundle.entry.body or root != verified.head.root:
        raise LogDiverged(f"bundle {verified.name}: entry {verified.log_index} of this log is another one")


def _rows(embedded: Embedded, verified: Verified) -> list[IndexRow]:
    return index_rows(
        embedded.log.origin,
        verified.log_index,
        bundle=verified.name,
        signer=verified.signer,
        signed=verified.signed,
        statement=verified.statement,
    )


def _stale(embedded: Embedded, checked: Checked) -> list[int]:
    stored = {entry.index: _stored(embedded, entry) for entry in _entries(embedded)}
    missing = set(checked.missing)
    differing = {index for index, rows in checked.rows.items() if set(stored.get(index, ())) != set(rows)}
    return sorted(differing | {index for index in stored if index not in checked.rows and index not in missing})


def _entries(embedded: Embedded) -> Iterator[EntryIndex]:
    query = Query(embedded.log.origin, limit=_PAGE)
    while page := embedded.store.find(query):
        yield from page
        query = replace(query, after_index=page[-1].index)


def _stored(embedded: Embedded, entry: EntryIndex) -> list[IndexRow]:
    store = embedded.store
    return [entry, *store.paths(entry.origin, entry.index), *store.labels(entry.origin, entry.index)]
