"""One log for everybody: ties every checkpoint that evidence rests on to the newest one at hand.

Layer: ledger core. Does no I/O and reads no clock.
Trust: checkpoints and links are hostile until verified. Two signed heads of one size with two roots are a
fork: `BadConsistency`. A head that no link ties to the newest one may be a fork's or may only lack its proof:
it is unprotected, the verdict says so, and a strict policy refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from . import checkpoint, merkle
from .checkpoint import SignedCheckpoint, TreeHead
from .collection import Collection, Link
from .errors import BadConsistency, Forged, LedgerError
from .trust import TrustRoot


@dataclass(frozen=True, slots=True)
class LogView:
    """The newest head, the sizes of heads that no link ties to it, and which pinned witnesses saw it, by name.

    `quorum` is how many of them the trust root asks for; where it is 0 nobody is asked, and nothing is shown.
    """

    newest: TreeHead | None
    untied: tuple[int, ...]
    witnesses: tuple[str, ...] = ()
    quorum: int = 0

    @property
    def witnessed(self) -> bool:
        """Tell whether a quorum of witnesses saw the newest head."""
        return 0 < self.quorum <= len(self.witnesses)

    @property
    def protected(self) -> bool:
        """Tell whether a split view of any known head would have been noticed."""
        return self.protects(self.untied)

    def protects(self, sizes: Iterable[int]) -> bool:
        """Tell whether a split view of these sizes would have been noticed: all tied to a head that a quorum saw."""
        return self.newest is not None and self.witnessed and not set(sizes) & set(self.untied)


def view(collection: Collection, known: Iterable[TreeHead], trust: TrustRoot) -> LogView:
    """Tie `known` (verified heads) to the newest checkpoint of the collection; raise `BadConsistency` on a fork."""
    known = tuple(known)
    wanted = {head.size for head in known}
    signed = {raw: head for raw in _checkpoints(collection) if (head := _verified(raw, trust)) is not None}
    heads = _by_size([*known, *signed.values()])
    if not signed:
        return LogView(None, tuple(sorted(wanted)), (), trust.witnesses.quorum)
    newest = max(signed.values(), key=lambda head: head.size)
    seen = {name for raw, head in signed.items() if head.size == newest.size for name in _witnesses(raw, trust)}
    links = [link for link in collection.links if link.old >= min(wanted, default=0)]
    tied = _tied_sizes(links, heads, newest)
    untied = tuple(size for size in sorted(wanted) if size not in tied)
    return LogView(newest, untied, tuple(sorted(seen)), trust.witnesses.quorum)


def _checkpoints(collection: Collection) -> list[bytes]:
    every = (*collection.checkpoints, *(link.checkpoint for link in collection.links))
    return list(dict.fromkeys(every))  # most links lead to one head, whose signature is checked once


def _verified(raw: bytes, trust: TrustRoot) -> TreeHead | None:
    try:
        return checkpoint.verified(raw, trust.log)
    except LedgerError:
        return None  # junk beside the evidence ties nothing and defeats nothing


def _witnesses(raw: bytes, trust: TrustRoot) -> list[str]:
    """Name who saw this copy of a head; distinct witnesses may have signed distinct copies of one head."""
    try:
        found = SignedCheckpoint.parse(raw).cosignatures(trust.log, trust.witnesses.keys)
    except Forged:
        return []  # a line that does not hold: this copy of the head is no witness
    return [one.witness.name for one in found]


def _by_size(heads: Iterable[TreeHead]) -> dict[int, TreeHead]:
    found: dict[int, TreeHead] = {}
    for head in heads:
        if found.setdefault(head.size, head) != head:
            raise BadConsistency(f"log: two signed checkpoints of size {head.size} have different roots")
    return found


def _tied_sizes(links: Iterable[Link], heads: Mapping[int, TreeHead], newest: TreeHead) -> set[int]:
    """Walk backwards from the newest head over links that hold; each link is tried at most once."""
    arriving: dict[int, list[Link]] = {}
    for link in links:
        arriving.setdefault(link.new, []).append(link)
    tied, frontier = {newest.size}, [newest.size]
    while frontier:
        for link in arriving.get(frontier.pop(), []):
            if link.old not in tied and link.old in heads and _holds(link, heads):
                tied.add(link.old)
                frontier.append(link.old)
    return tied


def _holds(link: Link, heads: Mapping[int, TreeHead]) -> bool:
    old, new = heads[link.old], heads[link.new]
    try:
        merkle.verify_consistency(old=old.size, new=new.size, old_root=old.root, new_root=new.root, path=link.hashes)
    except BadConsistency:
        return False  # anybody can push hashes that prove nothing; a fork shows as a head that stays untied
    return True
