"""The submodule of evidence: the one gitlink that may land, because the log itself speaks for it.

A gitlink at the policy's `mirror` passes without anybody's signature when the commit it pins holds a bundle
collection and nothing else, when all that is new in it is vouched for by the pinned log and nothing is missing, and
when links prove that its checkpoint extends the one that the tip's pins. The first one, and one that leaves entries
out, needs people like any protected path. It never goes back, and never to another log.

Trust: the mirror is hostile, every file and every name in it, and so is wherever it is read (`mirror_store`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from countermark_ledger import logview
from countermark_ledger.checkpoint import SignedCheckpoint, TreeHead
from countermark_ledger.collection import CHECKPOINT, Collection
from countermark_ledger.coverage import Answer, Landing, Row
from countermark_ledger.display import safe
from countermark_ledger.errors import BadConsistency, LedgerError, TooLarge
from countermark_ledger.git.change import SUBMODULE, LandingChange
from countermark_ledger.git.reader import Repository
from countermark_ledger.git.trees import Entry
from countermark_ledger.merkle import EMPTY_ROOT
from countermark_ledger.node import Mode
from countermark_ledger.testimony import Testimony
from countermark_ledger.trust import TrustRoot
from countermark_service import vouching
from countermark_service.collecting import CAPS
from countermark_service.exits import Exit, code_of
from countermark_service.gate.mirror_store import Held, pinned_at, sources
from countermark_service.joining import Kind, kind_of
from countermark_service.sources import Source

FILES_PER_ENTRY = 5
"""A bundle, two proofs, a link and a hint: whoever fills a mirror up would otherwise keep it from growing."""
_NEWEST = (CHECKPOINT, "status")
_UPDATE_HINT = "countermark mirror update --push   then countermark mirror add"


@dataclass(frozen=True, slots=True)
class Mirror:
    """What the submodule of evidence means for one decision. `change` no longer refuses it where it was read.

    `row` is its answer where the log speaks for it, or against it; `wanting` is why people must. `head` is that of
    its checkpoint and `path` where it lies, when one lands that was read; `sources` offer what it holds.
    """

    change: LandingChange
    sources: tuple[Source, ...] = ()
    row: Row | None = None
    wanting: LedgerError | None = None
    head: TreeHead | None = None
    path: str | None = None

    @property
    def heads(self) -> tuple[TreeHead, ...]:
        """Give the heads that a decision rests on because of it."""
        return () if self.head is None else (self.head,)

    def within(self, landing: Landing) -> Landing:
        """Give its answer to those who answer for the rows of a landing."""
        return landing if self.row is None else replace(landing, answered={self.row.path: self.row})

    def want(self, testimony: Testimony) -> None:
        """Say why people must answer for it, where they have not."""
        if self.path is not None and self.wanting is not None:
            testimony.unusable.setdefault(self.path, []).append(self.wanting)


def look(stores: Sequence[Repository], change: LandingChange, path: str | None, trust: TrustRoot) -> Mirror:
    """Judge what would land at the mirror's path; whatever is wrong with it becomes its row, and is not raised."""
    if path is None:
        return Mirror(change)
    before, after = (pinned_at(stores[0], tree, path) for tree in (change.tip, change.tree))
    if after is None or after == before or change.refused.get(path) != SUBMODULE:
        return Mirror(change, sources(stores, before))
    accepted = replace(change, refused={one: why for one, why in change.refused.items() if one != path})
    try:
        return _judge(stores, accepted, path, before, after, trust)
    except LedgerError as error:
        reason = f"the mirror of the evidence: {error.message}"
        row = Row(path, _answer(error), reason=reason, hint=error.hint or _UPDATE_HINT)
        return Mirror(accepted, sources(stores, before), row)


def refuse_fork(collection: Collection, mirror: Mirror, trust: TrustRoot, *, strict: bool) -> None:
    """Raise `BadConsistency` when the landing mirror's head does not go back to every other head that it has passed.

    Every head that the log ever released is on its chain of links, so one that is not is of a fork. A newer head may
    have come without its links; a `strict` policy wants them.
    """
    if mirror.head is None:
        return
    passed = {raw: head for raw in collection.checkpoints if (head := _passed(raw, mirror.head, trust)) is not None}
    links = [link for link in collection.links if link.new <= mirror.head.size]
    behind = logview.view(Collection(links=links, checkpoints=list(passed)), passed.values(), trust).untied
    ahead = logview.view(collection, mirror.heads, trust).untied if strict else ()
    if behind or ahead:
        message = f"log: nothing ties the mirror's checkpoint of {mirror.head.size} entries to another source's"
        raise BadConsistency(f"{message}: one of them may be of a fork", hint="countermark bundles fetch")


class _Strange(LedgerError):
    """The mirror holds what nobody accounts for, or no longer holds what it did."""


def _judge(
    stores: Sequence[Repository], change: LandingChange, path: str, before: str | None, after: str, trust: TrustRoot
) -> Mirror:
    landing, tip = Held.read(stores, after), None if before is None else Held.read(stores, before)
    _refuse_strangers(landing)
    head = vouching.head_of(landing.content, trust)
    old = TreeHead(head.origin, 0, EMPTY_ROOT) if tip is None else vouching.head_of(tip.content, trust)
    _refuse_unless_extended(landing, old, head, trust)
    missing = _refuse_unvouched(landing, {} if tip is None else tip.entries, old, head, trust)
    seen = Mirror(change, sources(stores, after), head=head, path=path)
    if tip is None:
        return replace(seen, wanting=_Strange("the first mirror of the evidence at this path"))
    if missing:
        said = f"the mirror of the evidence leaves out {missing} of the {head.size - old.size} entries that are new"
        return replace(seen, wanting=_Strange(said))
    reason = f"its checkpoint of {head.size} entries extends the one of {old.size} at the tip"
    return replace(seen, row=Row(path, Answer.COVERED, reason=reason))


def _refuse_strangers(landing: Held) -> None:
    if len(landing.entries) > CAPS.files:
        raise TooLarge(f"expected at most {CAPS.files} files, found {len(landing.entries)}")
    for path, entry in landing.entries.items():
        if kind_of(path) is None or entry.mode is not Mode.FILE:
            raise _Strange(f"expected a bundle collection and nothing else, found {safe(path)} ({entry.mode})")


def _refuse_unless_extended(landing: Held, old: TreeHead, head: TreeHead, trust: TrustRoot) -> None:
    if head.size < old.size:
        raise BadConsistency(f"its checkpoint of {head.size} entries goes back behind the one of {old.size} at the tip")
    if old.size == 0:
        return  # every log extends the empty one
    names = [CHECKPOINT, *(path for path in landing.entries if kind_of(path) is Kind.LINK and _from(path) >= old.size)]
    files = [(path, raw) for path in names if (raw := landing.content(path)) is not None]
    view = logview.view(Collection.of(files), [old], trust)
    if view.newest != head or view.untied:
        message = f"no links prove that its checkpoint of {head.size} entries extends the one of {old.size} at the tip"
        raise BadConsistency(message)


def _refuse_unvouched(
    landing: Held, known: Mapping[str, Entry], old: TreeHead, head: TreeHead, trust: TrustRoot
) -> int:
    """Refuse what is new and not vouched for; return how many of the new entries have no bundle there."""
    gone = [path for path in known if kind_of(path) is not None and path not in landing.entries]
    if gone:
        raise _Strange(f"it no longer has {safe(gone[0])}, which the mirror at the tip has ({len(gone)} such files)")
    new, grown = [path for path, entry in landing.entries.items() if known.get(path) != entry], head.size - old.size
    if len(new) > FILES_PER_ENTRY * grown + len(_NEWEST):
        raise _Strange(f"expected files about the {grown} entries that are new, found {len(new)} files")
    judged = vouching.judge(new, landing.content, head, trust)
    for error in judged.refused.values():
        raise error
    return grown - sum(index >= old.size for index in judged.indices)


def _passed(raw: bytes, head: TreeHead, trust: TrustRoot) -> TreeHead | None:
    try:
        found = SignedCheckpoint.parse(raw).verify(trust.log)
    except LedgerError:
        return None  # junk beside the evidence is no head of this log
    return found if found.size <= head.size else None


def _from(path: str) -> int:
    return int(path.removeprefix("consistency/").partition("-")[0])


def _answer(error: LedgerError) -> Answer:
    if isinstance(error, _Strange):
        return Answer.UNACCOUNTED
    return Answer.FORGED if code_of(error) is Exit.FORGED else Answer.INCONCLUSIVE
