"""Wholeness: what somebody signed together counts together, so that nobody lands only the part that suits them.

Layer: ledger core. Does no I/O and reads no clock.
Trust: nodes are recomputed from git's blobs, the edges are verified.

A statement (with all its parts), or a signed commit, may be used when every row that it has came along. A row did when

- its path differs between the tip and what would land: then that difference is answered for on its own, or
- its result is there, or is led on to what is there by edges that may themselves be used, or
- git's three-way merge took its side, which had changed the path, and made of both what is there.

What may not be used may have been what another one's row was led on by, so this is asked again until nothing changes;
it only ever sets aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from . import chain
from .chain import Edge
from .node import Node, Transition
from .staleness import History, fresh
from .testimony import Testimony

MAX_ROUNDS = 64


class Landing(History, Protocol):
    """What would land; `coverage.Landing` says what the members are."""

    @property
    def transitions(self) -> Sequence[Transition]:
        """List what differs."""

    @property
    def still(self) -> Mapping[str, Node | None]:
        """Give the nodes of paths that do not differ although evidence that matters has something else there."""

    @property
    def at_base(self) -> Mapping[str, Node | None]:
        """Give the nodes at the only merge base."""

    @property
    def at_head(self) -> Mapping[str, Node | None]:
        """Give the nodes at the head."""


Aside = Mapping[str, Sequence[str]]
"""By group, see `Testimony.group`: the paths that did not come along."""


def needed(landing: Landing, testimony: Testimony) -> set[str]:
    """Name the groups that a chain could use, whatever a policy says of them: only those need to be whole."""
    found = {
        testimony.group(edge.source)
        for row in landing.transitions
        for start, goal in ((row.before, row.after), *_merged(row.path, landing))
        for edge in chain.between(start, goal, fresh(row.path, landing, testimony))
    }
    return found | _leading_on(landing, testimony)


def begun(landing: Landing, testimony: Testimony) -> set[str]:
    """Name the groups that new work could build upon, wherever it leads: see `needed`."""
    found = {
        testimony.group(edge.source)
        for row in landing.transitions
        for edge in chain.after(row.before, fresh(row.path, landing, testimony))
    }
    return found | _leading_on(landing, testimony)


def set_aside(landing: Landing, testimony: Testimony, usable: Mapping[str, Sequence[Edge]]) -> Aside:
    """Name every group that may not be used, and why. `usable` has, of each `still` path, the edges that may."""
    rows = _rows(landing, testimony)
    aside: dict[str, Sequence[str]] = {}
    for _ in range(MAX_ROUNDS):
        ways = {path: list(_ways(path, landing, without(aside, usable[path], testimony))) for path in landing.still}
        found = {
            group: missing
            for group, own in rows.items()
            if group not in aside
            and (missing := [path for path, word in own.items() if not _arrived(word, ways[path])])
        }
        aside |= found
        if not found:
            return aside
    return {group: list(own) for group, own in rows.items()}


def _rows(landing: Landing, testimony: Testimony) -> dict[str, dict[str, list[Edge]]]:
    """Give each group's row of each `still` path: one edge, or the same one logged again."""
    rows: dict[str, dict[str, list[Edge]]] = {}
    for path in landing.still:
        for edge in testimony.edges.get(path, ()):
            rows.setdefault(testimony.group(edge.source), {}).setdefault(path, []).append(edge)
    return rows


def _ways(path: str, landing: Landing, edges: Sequence[Edge]) -> Iterator[Mapping[Node | None, float]]:
    for goal in (landing.still[path], *(head for _, head in _merged(path, landing))):
        yield chain.leading(goal, edges)


def _arrived(edges: Iterable[Edge], ways: Sequence[Mapping[Node | None, float]]) -> bool:
    return any(chain.leads(edge, way) for edge in edges for way in ways)


def without(aside: Aside, edges: Sequence[Edge], testimony: Testimony) -> list[Edge]:
    """Keep the edges of groups that are not set aside."""
    return [edge for edge in edges if testimony.group(edge.source) not in aside]


def _merged(path: str, landing: Landing) -> Iterator[tuple[Node | None, Node | None]]:
    """Give the nodes at the merge base and at the head, where the head changed a path and git merged it."""
    if path in landing.at_base and path in landing.at_head and landing.at_base[path] != landing.at_head[path]:
        yield landing.at_base[path], landing.at_head[path]


def _leading_on(landing: Landing, testimony: Testimony) -> set[str]:
    """Name the groups that lead something on to what is there at paths that do not differ."""
    return {
        testimony.group(edge.source)
        for path, node in landing.still.items()
        for goal in (node, *(head for _, head in _merged(path, landing)))
        for edge in _leading_to(goal, fresh(path, landing, testimony))
    }


def _leading_to(goal: Node | None, edges: Sequence[Edge]) -> list[Edge]:
    begins = chain.leading(goal, edges)
    return [edge for edge in edges if chain.leads(edge, begins)]
