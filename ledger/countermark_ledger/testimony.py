"""Testimony: what verified evidence says of each path, without how it was verified.

Layer: ledger core. Does no I/O and reads no clock.
Trust: made from verified statements and commits only, or read back by whoever wants to weigh them again; what is
weighed is all there, so that the same testimony under the same rules gives the same answer anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from .account import Account
from .chain import Edge
from .errors import LedgerError
from .identity import Identity, Kind
from .predicates.claim import Claim
from .predicates.generation import Evidence as Level


class Word(NamedTuple):
    """What a policy may ask of one piece of evidence; a person's word has no level, a signed commit no time (UTC).

    `models` are all names that a statement gives, asked for and answered under, sorted; `operator` is the person
    who set the agent to work.
    """

    level: Level | None = None
    models: tuple[str, ...] = ()
    image: str | None = None
    operator: Identity | None = None
    signed: datetime | None = None

    @classmethod
    def of(cls, account: Account, signed: datetime) -> Word:
        """Read the word out of a verified statement and the time of its timestamp."""
        if isinstance(account, Claim):
            return cls(signed=signed)
        names = {name for model in account.models for name in (model.requested_id, model.returned_id) if name}
        image = account.session.image_digest
        return cls(account.evidence, tuple(sorted(names)), image, account.operator, signed)


@dataclass(slots=True)
class Testimony:
    """What held, by path; what did not, by path and reason.

    A statement is named by the sha256 of what was signed (its PAE), never by its bundle: the same signature
    proven again under a later checkpoint is another bundle and still the same, spent statement. `words` has what
    each statement says besides its rows; `consumed` maps a statement to the landing trees (git's ids) of the PASSED
    verdicts that used it up. `unusable` has, by path, why a signed commit does not count: said where nothing else
    accounts for the path, and never counted against it. `parts` maps each part of a change that is spread over several
    statements to the first of them.
    """

    edges: dict[str, list[Edge]] = field(default_factory=dict)
    words: dict[str, Word] = field(default_factory=dict)
    refusals: dict[str, list[LedgerError]] = field(default_factory=dict)
    unusable: dict[str, list[LedgerError]] = field(default_factory=dict)
    consumed: dict[str, set[str]] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)

    def group(self, source: str) -> str:
        """Name what a source counts together with: the first of its statement's parts, or itself."""
        return self.parts.get(source, source)

    def word(self, edge: Edge) -> Word:
        """Give what stands beside an edge; a commit that a platform signed for an agent is no more than asserted."""
        if edge.index is None and edge.signer.kind is Kind.AGENT:
            return Word(Level.ASSERTED)
        return self.words.get(edge.source, Word())
