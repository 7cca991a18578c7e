"""Actors: everybody who had a hand in a change, so that none of them is taken for the second person.

Layer: ledger core. Does no I/O and reads no clock.
Trust: rows and their chains are verified, enrolments are the authority's word. Who set an agent to work is as its
host told it (`Word.operator`), so both that person and the enrolled owner count. When neither is known, the
second person can't be told from the first, and nobody is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    """Name the people behind a change: whoever signed a row of it, or the same content at its place."""
    edges = [edge for row in rows for edge in row.chain]
    landing = [edge for row in rows for edge in testimony.edges.get(row.path, ()) if _arrives_with(edge, row.chain)]
    authors = frozenset(edge.signer for edge in (*edges, *landing) if edge.signer.kind is Kind.PERSON)
    behind = {agent: operators(agent, edges, testimony, owners) for agent in agents_of(rows)}
    known = frozenset[Identity]().union(*behind.values())
    return Actors(authors, known, frozenset(agent for agent, people in behind.items() if not people))


def operators(agent: Identity, edges: Iterable[Edge], testimony: Testimony, owners: Owners) -> frozenset[Identity]:
    """Name the people behind an agent: its owners, and who set it to work on these rows. Nobody: it is not known."""
    if agent not in owners:
        return frozenset()
    told = {testimony.word(edge).operator for edge in edges if edge.signer == agent}
    return frozenset(person for person in {*owners[agent], *told} if person is not None)


def _arrives_with(edge: Edge, chain: Sequence[Edge]) -> bool:
    """Tell whether an edge ends where one of a chain's does: its signer signed what lands as well."""
    return any(edge.after == used.after for used in chain)
