"""Joining what several places hold of one bundle collection, so that concurrent pushes lose nothing.

Layer: service. Does no I/O: a state is what a tree lists, with the sha256 of each file; `read` lends contents.
Trust: every state is hostile. A bundle is kept when it is what its name promises. Where states disagree about
anything else, what verifies under the pinned trust root is kept. Names outside the layout, and a checkpoint
or a status hint that does not verify, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from countermark_ledger import evidence, merkle, revocation, verifier
from countermark_ledger.bundle import Bundle
from countermark_ledger.checkpoint import SignedCheckpoint, TreeHead
from countermark_ledger.collection import CHECKPOINT, Collection, Link, bundle_path, certificate_proof_path
from countermark_ledger.errors import BadConsistency, LedgerError
from countermark_ledger.tlog_proof import TlogProof
from countermark_ledger.trust import TrustRoot

STATUS = "status"
MAX_HINT_LINES = 1024

_BESIDE = re.compile(r"([0-9a-f]{2})/([0-9a-f]{64})\.(sigstore\.json|certificate\.tlog-proof|tlog-proof)")
_LINK = re.compile(r"consistency/(0|[1-9][0-9]{0,18})-([1-9][0-9]{0,18})\.tlog-consistency")
_INDEX = re.compile(r"index/[0-9a-f]{64}")
_NAME = re.compile(r"[0-9a-f]{64}")


class Kind(StrEnum):
    """What a file of a collection is, by its name."""

    BUNDLE = "sigstore.json"
    CERTIFICATE_PROOF = "certificate.tlog-proof"
    PROOF = "tlog-proof"
    LINK = "link"
    INDEX = "index"
    CHECKPOINT = "checkpoint"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Held:
    """A file that a tree lists: git's name for it, and the hex sha256 of its bytes."""

    blob: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A file of our own ledger, which outweighs whatever else lies at its path. `load` gives it, None if erased."""

    path: str
    sha256: str
    load: Callable[[], bytes | None]


@dataclass(slots=True)
class Joined:
    """The union, by path: git's names of files that are there already, and new contents."""

    kept: dict[str, str] = field(default_factory=dict)
    new: dict[str, bytes] = field(default_factory=dict)


State = Mapping[str, Held]
Read = Callable[[Iterable[str]], Mapping[str, bytes]]


def kind_of(path: str) -> Kind | None:
    """Tell what a file is from where it lies; None is none of ours."""
    if path in {CHECKPOINT, STATUS}:
        return Kind(path)
    if found := _BESIDE.fullmatch(path):
        return Kind(found[3]) if found[2].startswith(found[1]) else None
    if _LINK.fullmatch(path):
        return Kind.LINK
    return Kind.INDEX if _INDEX.fullmatch(path) else None


def join(
    states: Sequence[State], offers: Iterable[Offer], hints: Mapping[str, bytes], trust: TrustRoot, read: Read
) -> Joined:
    """Unite the states with what our own ledger offers. `hints` are its checkpoint, status and index lines.

    Raises `BadConsistency` when the pinned log signed two heads of one size.
    """
    work = _Work(trust, read, Joined())
    rivals = work.sort(states)
    for offer in offers:
        work.take_offer(offer, rivals.pop(offer.path, []))
    for path, held in rivals.items():
        work.take(path, held, hints)
    for path in hints.keys() - rivals.keys():
        work.take(path, [], hints)
    return work.done


@dataclass(frozen=True, slots=True)
class _Work:
    trust: TrustRoot
    read: Read
    done: Joined

    def sort(self, states: Sequence[State]) -> dict[str, list[Held]]:
        """List for each path the different files there; earlier states first, hints last."""
        rivals: dict[str, dict[str, Held]] = {}
        for path, held in (item for state in states for item in state.items()):
            kind = kind_of(path)
            if kind is not None and (kind is not Kind.BUNDLE or path == bundle_path(held.sha256)):
                rivals.setdefault(path, {}).setdefault(held.sha256, held)
        order = list(Kind)
        return {path: [*rivals[path].values()] for path in sorted(rivals, key=lambda p: (order.index(_kind(p)), p))}

    def take_offer(self, offer: Offer, held: Sequence[Held]) -> None:
        """Keep our own file; where it lies there already, nothing is read."""
        same = next((one for one in held if one.sha256 == offer.sha256), None)
        if same is not None:
            self.done.kept[offer.path] = same.blob
        elif (content := offer.load()) is not None:
            self.done.new[offer.path] = content

    def take(self, path: str, held: Sequence[Held], hints: Mapping[str, bytes]) -> None:
        """Choose among the files at one path."""
        kind = _kind(path)
        if len(held) == 1 and kind not in {Kind.CHECKPOINT, Kind.STATUS} and path not in hints:
            self.done.kept[path] = held[0].blob
            return
        contents = self.read([one.blob for one in held])
        raws = [contents[one.blob] for one in held] + ([hints[path]] if path in hints else [])
        chosen = self._choose(kind, path, raws)
        if chosen is None:
            return
        if (at := raws.index(chosen) if chosen in raws else len(held)) < len(held):
            self.done.kept[path] = held[at].blob
        else:
            self.done.new[path] = chosen

    def _choose(self, kind: Kind, path: str, raws: Sequence[bytes]) -> bytes | None:
        match kind:
            case Kind.CHECKPOINT:
                return newest_checkpoint(raws, self.trust)
            case Kind.STATUS:
                return max(raws, key=self._status_number) if max(map(self._status_number, raws)) >= 0 else None
            case Kind.INDEX:
                return self._hint_lines(raws)
            case _:
                return next((raw for raw in raws if self._holds(kind, path, raw)), raws[0])

    def _holds(self, kind: Kind, path: str, raw: bytes) -> bool:
        """Tell whether a proof beside a bundle, or a link, verifies; one that doesn't loses against one that does."""
        try:
            if kind is Kind.LINK:
                check_link(path, raw, self.trust)
            else:
                self._check_proof(kind, path, raw)
        except LedgerError:
            return False
        return True

    def _check_proof(self, kind: Kind, path: str, raw: bytes) -> None:
        bundle = self._content(bundle_path(path[3:67]))
        if kind is Kind.CERTIFICATE_PROOF:
            verifier.verify(bundle, certificate_proof=raw, trust=self.trust)
        else:
            TlogProof.parse(raw).verify(merkle.leaf_hash(Bundle.parse(bundle).entry.body), self.trust.log)

    def _status_number(self, raw: bytes) -> int:
        """Return the number of the status that a hint names, -1 when it names none that verifies."""
        name = raw.decode("ascii", "replace").removesuffix("\n")
        paths = [bundle_path(name), certificate_proof_path(name)] if _NAME.fullmatch(name) else []
        found = Collection.of((path, self._content(path)) for path in paths)
        try:
            for candidate in found.candidates.values():
                return revocation.status_of(evidence.verify_candidate(candidate, self.trust), self.trust).status.number
        except LedgerError:
            pass  # a hint at something that is no status of ours
        return -1

    def _hint_lines(self, raws: Sequence[bytes]) -> bytes | None:
        """Unite the lines of hints at one change, as far as they name bundles that are here."""
        names = {line for raw in raws for line in raw.decode("ascii", "replace").split("\n")}
        known = sorted(name for name in names if _NAME.fullmatch(name) and self._has(bundle_path(name)))
        return "".join(f"{name}\n" for name in known[:MAX_HINT_LINES]).encode() or None

    def _has(self, path: str) -> bool:
        return path in self.done.kept or path in self.done.new

    def _content(self, path: str) -> bytes:
        """Return a file that was taken already; what is not there is empty, and nothing parses that."""
        if path in self.done.new:
            return self.done.new[path]
        blob = self.done.kept.get(path)
        return b"" if blob is None else self.read([blob])[blob]


def newest_checkpoint(raws: Iterable[bytes], trust: TrustRoot) -> bytes | None:
    """Return the checkpoint of the largest size that the pinned log signed, the best witnessed of several."""
    signed = [(raw, head) for raw in raws if (head := _head(raw, trust)) is not None]
    roots: dict[int, bytes] = {}
    for _, head in signed:
        if roots.setdefault(head.size, head.root) != head.root:
            raise BadConsistency(f"log: two signed checkpoints of size {head.size} have different roots")
    best = max(signed, key=lambda one: (one[1].size, _witnesses(one[0], trust), one[0]), default=None)
    return None if best is None else best[0]


def check_link(path: str, raw: bytes, trust: TrustRoot) -> Link:
    """Return a link whose checkpoint the pinned log signed, for the size that the name says."""
    old, new = path.removeprefix("consistency/").removesuffix(".tlog-consistency").split("-")
    link = Link.parse(int(old), int(new), raw)
    head = SignedCheckpoint.parse(link.checkpoint).verify(trust.log)
    if head.size != link.new:
        raise BadConsistency(f"{path}: expected a checkpoint of size {link.new}, found one of {head.size}")
    return link


def _head(raw: bytes, trust: TrustRoot) -> TreeHead | None:
    try:
        return SignedCheckpoint.parse(raw).verify(trust.log)
    except LedgerError:
        return None  # anybody who can push can push this


def _witnesses(raw: bytes, trust: TrustRoot) -> int:
    try:
        return len(SignedCheckpoint.parse(raw).cosignatures(trust.log, trust.witnesses.keys))
    except LedgerError:
        return 0  # a line of a pinned witness that does not hold: this copy is worth no more than an unwitnessed one


def _kind(path: str) -> Kind:
    kind = kind_of(path)
    if kind is None:
        raise RuntimeError(f"{path}: not a name of the layout")
    return kind
