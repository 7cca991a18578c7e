"""Chains: does signed evidence lead from the node a path has to the node it will have?

Layer: ledger core. Does no I/O and reads no clock.
Trust: edges come from verified statements and verified commits only; nodes are recomputed from git's blobs.

DESIGN.md section 2, step 5. A chain is edges whose log indices strictly increase; a person's signed commit
has no log index and may stand anywhere. An empty chain covers only an identical node.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .identity import Identity
from .node import Node

BEFORE_THE_LOG = -1


@dataclass(frozen=True, slots=True)
class Edge:
    """One signer's word that a path went from `before` to `after`; `index` is None for a signed commit.

    `source` names the evidence: the sha256 of what was signed (a statement's PAE), or `commit:<id>`. `base` is the
    commit of the protected ref from which the work began.
    """

    before: Node | None
    after: Node | None
    signer: Identity
    source: str
    base: str
    index: int | None


@dataclass(frozen=True, slots=True)
class _Reached:
    index: int
    edges: tuple[Edge, ...]


def find(start: Node | None, goal: Node | None, edges: Iterable[Edge]) -> tuple[Edge, ...] | None:
    """Return the chain that leads from `start` to `goal` and ends earliest in the log, or None.

    Indexed edges are tried in log order, so that the earliest arrival at each node is known before any
    later edge leaves it; commits are tried again after every arrival.
    """
    known = tuple(edges)
    commits = [edge for edge in known if edge.index is None]
    reached: dict[Node | None, _Reached] = {start: _Reached(BEFORE_THE_LOG, ())}
    _follow_commits(reached, commits)
    for edge in sorted((e for e in known if e.index is not None), key=lambda e: e.index or 0):
        origin = reached.get(edge.before)
        if origin is None or edge.after in reached or (edge.index or 0) <= origin.index:
            continue
        reached[edge.after] = _Reached(edge.index or 0, (*origin.edges, edge))
        _follow_commits(reached, commits)
    arrival = reached.get(goal)
    return None if arrival is None else arrival.edges


def leading(goal: Node | None, edges: Iterable[Edge]) -> dict[Node | None, float]:
    """Say from which nodes a chain leads to `goal`, and the highest log index at which it may begin there.

    Edges are tried from the newest to the oldest, so that where a chain goes on is known before what leads there.
    """
    known = tuple(edges)
    commits = [edge for edge in known if edge.index is None]
    begins: dict[Node | None, float] = {goal: math.inf}
    _lead_by_commits(begins, commits)
    for edge in sorted((e for e in known if e.index is not None), key=_place, reverse=True):
        if begins.get(edge.after, BEFORE_THE_LOG) > _place(edge) > begins.get(edge.before, BEFORE_THE_LOG):
            begins[edge.before] = _place(edge)
            _lead_by_commits(begins, commits)
    return begins


def leads(edge: Edge, begins: Mapping[Node | None, float]) -> bool:
    """Tell whether what an edge made is the goal, or is led on to it by what came later: see `leading`."""
    return begins.get(edge.after, BEFORE_THE_LOG) > _place(edge)


def between(start: Node | None, goal: Node | None, edges: Iterable[Edge]) -> list[Edge]:
    """Keep the edges over which any way leads from `start` to `goal`, in whatever order they were logged."""
    ahead = after(start, edges)
    if len(ahead) == 1:
        return ahead if ahead[0].after == goal else []
    behind = _reach({goal}, [(edge.after, edge.before) for edge in ahead])
    return [edge for edge in ahead if edge.after in behind]


def after(start: Node | None, edges: Iterable[Edge]) -> list[Edge]:
    """Keep the edges that any way from `start` comes to, in whatever order they were logged."""
    known = tuple(edges)
    if len(known) == 1:
        return [edge for edge in known if edge.before == start]
    ahead = _reach({start}, [(edge.before, edge.after) for edge in known])
    return [edge for edge in known if edge.before in ahead]


def _reach(nodes: set[Node | None], steps: Sequence[tuple[Node | None, Node | None]]) -> set[Node | None]:
    onward: dict[Node | None, list[Node | None]] = {}
    for here, there in steps:
        onward.setdefault(here, []).append(there)
    todo = list(nodes)
    while todo:
        new = set(onward.get(todo.pop(), ())) - nodes
        nodes |= new
        todo.extend(new)
    return nodes


def _place(edge: Edge) -> int:
    return BEFORE_THE_LOG if edge.index is None else edge.index


def _lead_by_commits(begins: dict[Node | None, float], commits: list[Edge]) -> None:
    moved = True
    while moved:
        moved = False
        for edge in commits:
            onward = begins.get(edge.after, BEFORE_THE_LOG)
            if onward > begins.get(edge.before, BEFORE_THE_LOG):
                begins[edge.before] = onward
                moved = True


def _follow_commits(reached: dict[Node | None, _Reached], commits: list[Edge]) -> None:
    moved = True
    while moved:
        moved = False
        for edge in commits:
            origin = reached.get(edge.before)
            if origin is not None and edge.after not in reached:
                reached[edge.after] = _Reached(origin.index, (*origin.edges, edge))
                moved = True
