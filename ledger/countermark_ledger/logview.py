"""One log for everybody: ties every checkpoint that evidence rests on to the newest one at hand.

Layer: ledger core. Does no I/O and reads no clock.
Trust: checkpoints and links are hostile until verified. Two signed heads of one size with two roots are a
fork: `BadConsistency`. A head that no link ties to the newest one may be a fork's or may only lack its proof:
it is unprotected, the verdict says so, and a strict policy refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from . import merkle
from .checkpoint import SignedCheckpoint, TreeHead
from .collection import Collection, Link
from .errors import BadConsistency, Forged, LedgerError
from .trust import TrustRoot


@dataclass(frozen=True, slots=True)
class LogView:
    """The newest head, the sizes of needed heads not tied to it, and whether a quorum of witnesses saw it."""

    newest: TreeHead | None
    untied: tuple[int, ...]
    witnessed: bool

    @property
    def protected(self) -> bool:
        """Tell whether a split view would have been noticed: all tied, and a witness quorum on the newest."""
        return self.newest is not None and not self.untied and self.witnessed


def view(
    collection: Collection, needed: Iterable[TreeHead], trust: TrustRoot, *, others: Iterable[TreeHead] = ()
) -> LogView:
    """Tie `needed` (verified heads) to the newest checkpoint of the collection; raise `BadConsistency` on a fork.

    `others` are verified heads that nothing rests on: they must not contradict, and need not be tied.
    """
    needed = tuple(needed)
    wanted = {head.size for head in needed}
    signed = {raw: head for raw in _checkpoints(collection) if (head := _verified(raw, trust)) is not None}
    heads = _by_size([*needed, *others, *signed.values()])
    if not signed:
        return LogView(None, tuple(sorted(wanted)), witnessed=False)
    newest = max(signed.values(), key=lambda head: head.size)
    newest_notes = [raw for raw, head in signed.items() if head.size == newest.size]
    links = [link for link in collection.links if link.old >= min(wanted, default=0)]
    tied = _tied_sizes(links, heads, newest)
    untied = tuple(size for size in sorted(wanted) if size not in tied)
    return LogView(newest, untied, witnessed=any(_witnessed(raw, trust) for raw in newest_notes))


def _checkpoints(collection: Collection) -> list[bytes]:
    return [*collection.checkpoints, *(link.checkpoint for link in collection.links)]


def _verified(raw: bytes, trust: TrustRoot) -> TreeHead | None:
    try:
        return SignedCheckpoint.parse(raw).verify(trust.log)
    except LedgerError:
        return None  # junk beside the evidence ties nothing and defeats nothing


def _witnessed(raw: bytes, trust: TrustRoot) -> bool:
    try:
        SignedCheckpoint.parse(raw).verify_witnessed(trust.log, trust.witnesses)
    except Forged:
        return False  # too few witnesses, or a line that does not hold: this copy of the head is no witness
    return trust.witnesses.quorum > 0


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
