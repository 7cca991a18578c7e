"""Actors: everybody who had a hand in a change, so that none of them is taken for the second person.

Layer: ledger core. Does no I/O and reads no clock.
Trust: rows and their chains are verified, enrolments are the authority's word. Who set an agent to work is as its
host told it (`Word.operator`), so both that person and the enrolled owner count. When neither is known, the
second person can't be told from the first, and nobody is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from . import chain
from .chain import Edge
from .coverage import Row
from .enrolled import Owners
from .identity import Identity, Kind
from .testimony import Testimony


@dataclass(frozen=True, slots=True)
class Actors:
    """`authors` signed rows themselves, `operators` answer for the agents that did; `unknown` agents have nobody."""

    authors: frozenset[Identity]
    operators: frozenset[Identity]
    unknown: frozenset[Identity]


def agents_of(rows: Iterable[Row]) -> frozenset[Identity]:
    """Name every agent in the chains."""
    return frozenset(edge.signer for row in rows for edge in row.chain if edge.signer.kind is Kind.AGENT)


def actors(rows: Sequence[Row], testimony: Testimony, owners: Owners) -> Actors:
    """Name the people behind a change: whoever signed a row of it, the same content, or what was led on to it.

    Of agents whose rows were not used, those who are known count; that they are not stops nobody's approval.
    """
    used = agents_of(rows)
    edges = [edge for row in rows for edge in (*row.chain, *_leading_to(row, testimony.edges.get(row.path, ())))]
    authors = frozenset(edge.signer for edge in edges if edge.signer.kind is Kind.PERSON)
    agents = {edge.signer for edge in edges if edge.signer.kind is Kind.AGENT}
    behind = {agent: operators(agent, edges, testimony, owners) for agent in agents}
    known = frozenset[Identity]().union(*behind.values())
    return Actors(authors, known, frozenset(agent for agent in used if not behind[agent]))


def operators(agent: Identity, edges: Iterable[Edge], testimony: Testimony, owners: Owners) -> frozenset[Identity]:
    """Name the people behind an agent: its owners, and who set it to work on these rows. Nobody: it is not known."""
    if agent not in owners:
        return frozenset()
    told = {testimony.word(edge).operator for edge in edges if edge.signer == agent}
    return frozenset(person for person in {*owners[agent], *told} if person is not None)


def _leading_to(row: Row, edges: Sequence[Edge]) -> list[Edge]:
    """List the edges whose result is what a row's chain arrives at, or was led on to it since where that began."""
    starts = {edge.before for edge in row.chain[:1]}
    since = [edge for edge in edges if edge.after not in starts]
    ways = [chain.leading(goal, since) for goal in {edge.after for edge in row.chain}]
    return [edge for edge in since if any(chain.leads(edge, way) for way in ways)]
