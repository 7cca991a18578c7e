"""Staleness: which edges are from elsewhere, too old, or used up already.

Layer: ledger core. Does no I/O and reads no clock.
Trust: what the protected ref has been is recomputed from git; verdicts that used something up are verified.

A row is spent once its result has been on the protected ref since its base, or what its signer or a person later
made of that result (a squash lands the end of a chain and none of its steps), or what a merge made of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from . import chain
from .chain import Edge
from .identity import Identity, Kind
from .node import Node
from .testimony import Testimony

_Way = tuple[int, Mapping[Node | None, float]]


class History(Protocol):
    """What the protected ref has been; `coverage.Landing` says what the members are."""

    @property
    def positions(self) -> Mapping[str, int]:
        """Give the distance of first-parent commits from the tip."""

    @property
    def trees(self) -> Mapping[str, int]:
        """Say at which position it last had which tree (git's id)."""

    @property
    def passed(self) -> Mapping[str, Sequence[tuple[int, Node | None]]]:
        """Say, by path, at which position it put which node."""


def fresh(path: str, history: History, testimony: Testimony) -> list[Edge]:
    """List the edges of a path that are neither from elsewhere, too old, nor spent."""
    edges = [edge for edge in testimony.edges.get(path, ()) if edge.base in history.positions]
    passed = history.passed.get(path, ())
    ways = {signer: _ways(signer, edges, passed) for signer in {edge.signer for edge in edges}} if passed else {}
    return [
        edge
        for edge in edges
        if not _landed(edge, history, testimony)
        and not any(
            at < history.positions[edge.base] and chain.leads(edge, way) for at, way in ways.get(edge.signer, ())
        )
    ]


def _landed(edge: Edge, history: History, testimony: Testimony) -> bool:
    """Tell whether a verdict that used the statement up has landed since its base.

    The ref may have had the verdict's tree before that base, too: a revert decides on an old tree anew.
    """
    position, trees = history.positions[edge.base], testimony.consumed.get(edge.source, set())
    return any(tree in history.trees and history.trees[tree] < position for tree in trees)


def _ways(signer: Identity, edges: Sequence[Edge], passed: Sequence[tuple[int, Node | None]]) -> list[_Way]:
    """Say what led to each node that the ref has been, by the signer's own later rows or a person's.

    Another agent's don't count: whoever may sign anything at all could declare everybody's work to be spent.
    """
    own = [edge for edge in edges if edge.signer == signer or edge.signer.kind is Kind.PERSON]
    return [(at, chain.leading(node, own)) for at, node in passed]


def passed_since(path: str, node: Node | None, edge: Edge, history: History) -> bool:
    """Tell whether a node has been on the protected ref since an edge's base: then a merge of it landed before."""
    position = history.positions[edge.base]
    return any(at < position and passed == node for at, passed in history.passed.get(path, ()))
