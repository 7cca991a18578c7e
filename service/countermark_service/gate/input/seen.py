"""What the gate saw of the change, the status and the log, as far as a rule may ask.

Trust: verified before; made of plain values, so that a reader who has them can ask the same rules again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.checkpoint import TreeHead
from countermark_ledger.errors import Malformed
from countermark_ledger.evidence import Evidence
from countermark_ledger.logview import LogView
from countermark_service.gate.input.spelling import read, spell


class Subject(NamedTuple):
    """What is decided about. `tree` and `listing_sha256` are None where nothing can land."""

    repository_id: str
    protected_ref: str
    tip: str
    head: str
    tree: str | None
    listing_sha256: str | None

    def json(self) -> Json:
        """Spell the subject."""
        return {
            "repositoryId": spell(self.repository_id),
            "protectedRef": spell(self.protected_ref),
            "tip": self.tip,
            "head": self.head,
            "landingTree": self.tree,
            "listingSha256": self.listing_sha256,
        }

    @classmethod
    def parse(cls, value: Json) -> Subject:
        """Read the subject."""
        named = (read(shape.member(value, name), name) for name in ("repositoryId", "protectedRef"))
        commits = (shape.text(shape.member(value, name), name) for name in ("tip", "head"))
        trees = (shape.optional_text(shape.member(value, name), name) for name in ("landingTree", "listingSha256"))
        return cls(*named, *commits, *trees)


class StatusSeen(NamedTuple):
    """The newest revocation status: its number, when it was issued and when a newer one is due (UTC), its statement."""

    number: int
    issued: datetime
    next_update: datetime
    source: str

    @classmethod
    def of(cls, evidence: Evidence) -> StatusSeen:
        """Read it out of the evidence."""
        status = evidence.status.status
        return cls(status.number, status.issued, status.next_update, evidence.status.name)

    def json(self) -> Json:
        """Spell it."""
        issued, due = shape.spell_time(self.issued), shape.spell_time(self.next_update)
        return {"number": self.number, "issuedOn": issued, "nextUpdate": due, "source": self.source}

    @classmethod
    def parse(cls, value: Json) -> StatusSeen:
        """Read it."""
        return cls(
            shape.integer(shape.member(value, "number"), "number"),
            shape.time(shape.member(value, "issuedOn"), "issuedOn"),
            shape.time(shape.member(value, "nextUpdate"), "nextUpdate"),
            shape.text(shape.member(value, "source"), "source"),
        )


class LogSeen(NamedTuple):
    """The log's newest head (None without a checkpoint), who witnessed it, and which statements it is tied to.

    `heads` has, by statement, the size of the head that proves it; `untied` are the sizes that no proof ties to the
    newest. `quorum` is the trust root's; `anchors` are sizes that the decision rests on whoever answers for files.
    """

    newest: int | None
    untied: tuple[int, ...]
    witnesses: tuple[str, ...]
    quorum: int
    anchors: tuple[int, ...]
    heads: Mapping[str, int]

    @classmethod
    def of(cls, view: LogView, evidence: Evidence, anchors: Iterable[TreeHead]) -> LogSeen:
        """Put the view beside the heads that it is about."""
        newest = view.newest.size if view.newest else None
        sizes = {head.size for head in (*anchors, evidence.heads[evidence.status.name])}
        heads = {source: head.size for source, head in evidence.heads.items()}
        return cls(newest, view.untied, view.witnesses, view.quorum, tuple(sorted(sizes)), heads)

    def json(self) -> Json:
        """Spell it."""
        return {
            "newest": self.newest,
            "untied": [*self.untied],
            "witnesses": [spell(name) for name in self.witnesses],
            "quorum": self.quorum,
            "anchors": [*self.anchors],
            "heads": dict(self.heads),
        }

    @classmethod
    def parse(cls, value: Json) -> LogSeen:
        """Read it."""
        newest, heads = shape.member(value, "newest"), shape.member(value, "heads")
        if not isinstance(heads, dict):
            raise Malformed("heads: expected an object of statements and sizes")
        return cls(
            None if newest is None else shape.integer(newest, "newest"),
            shape.items(shape.member(value, "untied"), "untied", _size),
            shape.items(shape.member(value, "witnesses"), "witnesses", lambda name: read(name, "witnesses")),
            shape.integer(shape.member(value, "quorum"), "quorum"),
            shape.items(shape.member(value, "anchors"), "anchors", _size),
            {source: _size(size) for source, size in heads.items()},
        )

    def protects(self, sources: Iterable[str]) -> bool:
        """Tell whether a split view would have been noticed: these statements are tied to a head that a quorum saw."""
        sizes = {*self.anchors, *(self.heads[source] for source in sources if source in self.heads)}
        return self.newest is not None and 0 < self.quorum <= len(self.witnesses) and not sizes & set(self.untied)


def _size(value: Json) -> int:
    return shape.integer(value, "size")
