"""What git says about a landing, in the words of `countermark_ledger.coverage`.

Trust: read from the object store through the hardened reader; nothing here asks the checkout's configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from countermark_ledger.coverage import Landing
from countermark_ledger.evidence import Evidence
from countermark_ledger.git.change import LandingChange, nodes_at
from countermark_ledger.git.reader import Repository
from countermark_ledger.git.trees import Entry
from countermark_ledger.node import Node

MAX_HISTORY = 20_000
AT_ONCE = 500
NodesByPath = Mapping[str, Node | None]


def landing(
    repository: Repository,
    change: LandingChange,
    evidence: Evidence,
    max_distance: int,
    still: Mapping[str, Node | None] = MappingProxyType({}),
) -> Landing:
    """Gather the history that decides which evidence is spent, and the nodes on both sides of the merge.

    `still` has the nodes of paths that do not differ, where the evidence says that something else should be there.
    """
    line = repository.first_parents(change.tip, max_distance + 1)
    positions = {commit: position for position, commit in enumerate(line)}
    bases = {edge.base for edges in evidence.edges.values() for edge in edges}
    farthest = max((positions[base] for base in bases if base in positions), default=0)
    paths = [path for path in evidence.edges if path not in change.refused]
    at_base, at_head = _sides(repository, change, [*(row.path for row in change.change.transitions), *still])
    history = _history(repository, line[: farthest + 1])
    return Landing(
        transitions=change.change.transitions,
        refused=change.refused,
        positions=positions,
        trees=_trees(repository, [*positions.items(), *history.items()]),
        passed=_passed(repository, history, paths),
        at_base=at_base,
        at_head=at_head,
        still=still,
        base=change.merge_bases[0] if len(change.merge_bases) == 1 else change.tip,
    )


def _trees(repository: Repository, placed: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Say where the history last had each tree: the least distance from the tip."""
    found: dict[str, int] = {}
    for commit, position in placed:
        tree = repository.commit(commit).tree
        found[tree] = min(position, found.get(tree, position))
    return found


def _history(repository: Repository, line: Sequence[str]) -> dict[str, int]:
    """Place every commit since the oldest base on the first-parent line: where it joined it, 0 is the tip.

    What a merge brought in counts as well: landing a head whose own first parents lie elsewhere (a foxtrot merge)
    would otherwise hide what the protected ref has already been.
    """
    since = set(repository.between(line[-1], line[0], MAX_HISTORY)) if len(line) > 1 else set()
    placed: dict[str, int] = {}
    for position in range(len(line) - 2, -1, -1):
        todo = [line[position]]
        while todo:
            commit = todo.pop()
            if commit in since and commit not in placed:
                placed[commit] = position
                todo.extend(repository.commit(commit).parents)
    return placed


def _sides(repository: Repository, change: LandingChange, paths: Sequence[str]) -> tuple[NodesByPath, NodesByPath]:
    """Return the nodes at the only merge base and at the head; none when there are several bases, or it is the tip."""
    if len(change.merge_bases) != 1 or change.merge_bases[0] == change.tip:
        return {}, {}
    base, head = (nodes_at(repository, commit, paths) for commit in (change.merge_bases[0], change.head))
    readable = [p for p in paths if all(n is None or isinstance(n, Node) for n in (base[p], head[p]))]
    return _only(base, readable), _only(head, readable)


def _only(nodes: Mapping[str, object], paths: Iterable[str]) -> NodesByPath:
    return {path: node for path in paths if (node := nodes[path]) is None or isinstance(node, Node)}


def _passed(
    repository: Repository, history: Mapping[str, int], paths: Sequence[str]
) -> dict[str, list[tuple[int, Node | None]]]:
    """For each path, list where the protected ref's history changed it, and to what."""
    changed = [(history[commit], path, entry) for commit, path, entry in _changed(repository, [*history], paths)]
    nodes = repository.nodes({entry for _, _, entry in changed if entry is not None})
    found: dict[str, list[tuple[int, Node | None]]] = {path: [] for path in paths}
    for position, path, entry in changed:
        node = None if entry is None else nodes[entry]
        if node is None or isinstance(node, Node):
            found[path].append((position, node))
    return found


def _changed(
    repository: Repository, commits: Sequence[str], paths: Sequence[str]
) -> Iterator[tuple[str, str, Entry | None]]:
    """Compare each commit with its first parent; a root commit with nothing."""
    for at in range(0, len(commits) if paths else 0, AT_ONCE):
        pairs = {commit: _sides_of(repository, commit) for commit in commits[at : at + AT_ONCE]}
        for commit, entries in repository.moved(pairs, paths).items():
            yield from ((commit, path, entry) for path, entry in entries.items())


def _sides_of(repository: Repository, commit: str) -> tuple[str | None, str]:
    found = repository.commit(commit)
    return repository.commit(found.parents[0]).tree if found.parents else None, found.tree
