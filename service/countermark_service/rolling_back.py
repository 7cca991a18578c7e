"""A rollback: what would be different, the commit that makes it so, and the statement that it needs.

Nothing is rewritten: a new commit on top of the branch takes content back. What decides whom to trust is not taken
back with it: the policy and the trust root stay as they are at the tip, for an agent that was taken off a list would
be on it again, and so does the mirror of the evidence, which never goes back (`gate.mirror`).

Trust: trees and blobs are re-hashed; the commit is made in the user's own object store, without their index and work
tree. A person answers for a rollback, or an agent whom they name; the gate decides about it like about any change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from countermark_ledger.errors import GitError, MergeConflict, TooLarge
from countermark_ledger.git import own
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository, content_names
from countermark_ledger.git.trees import Entry
from countermark_ledger.node import Change, Node, Transition
from countermark_ledger.protected import matches
from countermark_service.exits import UsageError
from countermark_service.first_parents import line_since
from countermark_service.gate.policy import Policy

TRUST = ".countermark/*"
MODULES = ".gitmodules"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rollback does to a branch. `entries` are what changes at the tip (None is removed).

    `to` is the commit whose content comes back, None where one landing alone is taken back; `undone` are the landings
    that are no longer in effect, newest first; `kept` are paths that stay as they are at the tip although they differ.
    """

    tip: str
    to: str | None
    undone: tuple[str, ...]
    entries: Mapping[str, Entry | None]
    kept: tuple[str, ...]


def back_to(repository: Repository, tip: str, to: str, policy: Policy) -> Plan:
    """Plan to have the files of an older first parent again; raise `Rewritten` when it is not one of the tip's."""
    line = line_since(repository, tip, to)
    differing = {row.path: row.after for row in repository.diff(tip, to)}
    kept = sorted(path for path in differing if _stays(path, policy))
    entries = {path: entry for path, entry in differing.items() if path not in kept}
    return Plan(tip, to, tuple(line[:-1]), entries, tuple(kept))


def without(checkout: Path, repository: Repository, tip: str, bad: str, policy: Policy) -> Plan:
    """Plan to take one landing back and leave everything later, by git's three-way merge; a conflict is refused.

    The merge is that of the tip and of a commit on top of the landing which undoes it. That commit is written to the
    checkout's objects, and nothing refers to it.
    """
    line = line_since(repository, tip, bad)
    parents = repository.commit(bad).parents
    if not parents:
        raise UsageError(f"{bad}: expected a landing, found the first commit", hint="countermark rollback --help")
    inverse = own.commit_tree(
        checkout, repository.commit(parents[0]).tree, [line[-1]], message="inverse\n", author=own.COUNTERMARK
    )
    try:
        tree = repository.landing_tree(tip, inverse)
    except MergeConflict as error:
        raise MergeConflict(
            f"{bad[:12]} can't be taken back alone: {error.message}", paths=error.paths, hint="countermark rollback"
        ) from error
    differing = {row.path: row.after for row in repository.diff(tip, tree)}
    kept = tuple(sorted(path for path in differing if path == policy.mirror))
    return Plan(tip, None, (bad,), {path: e for path, e in differing.items() if path not in kept}, kept)


def change_of(repository: Repository, plan: Plan) -> Change:
    """Spell the plan as the rows that somebody must answer for."""
    before = repository.entries(plan.tip, list(plan.entries))
    nodes = repository.nodes([entry for entry in (*before.values(), *plan.entries.values()) if entry is not None])
    return Change.of(
        Transition(path, _node(path, before[path], nodes), _node(path, after, nodes))
        for path, after in plan.entries.items()
    )


def commit(checkout: Path, repository: Repository, plan: Plan, message: str) -> str:
    """Store the commit on top of the tip; no ref moves, and neither index nor work tree is touched."""
    if plan.to is None:
        _write_merged(checkout, repository, plan)
    tree = own.tree_with(checkout, plan.tip, plan.entries)
    made = own.commit_tree(checkout, tree, [plan.tip], message=message, author=own.COUNTERMARK)
    if {row.path: row.after for row in repository.diff(plan.tip, made)} != plan.entries:
        raise GitError("git stored another tree than was planned", hint="git fsck")
    return made


def _write_merged(checkout: Path, repository: Repository, plan: Plan) -> None:
    """Bring contents that a merge made, in a store of ours, into the user's own."""
    blobs = content_names(entry for entry in plan.entries.values() if entry is not None)
    contents = dict(repository.blobs(blobs))
    if large := [blob for blob, content in contents.items() if isinstance(content, Oversized)]:
        raise TooLarge(f"blob {large[0]}: more than is read")
    own.write_blobs(checkout, [content for content in contents.values() if isinstance(content, bytes)])


def _stays(path: str, policy: Policy) -> bool:
    """Tell whether a path says whom to trust, or holds the evidence that says who may be trusted."""
    return matches(path, (TRUST,)) or (policy.mirror is not None and path in {policy.mirror, MODULES})


def _node(path: str, entry: Entry | None, nodes: Mapping[Entry, Node | Oversized]) -> Node | None:
    node = None if entry is None else nodes[entry]
    if isinstance(node, Oversized):
        raise TooLarge(f"{path}: a file of {node.size} bytes, more than are read")
    return node
