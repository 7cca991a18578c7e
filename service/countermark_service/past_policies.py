"""Which policy was in force at each step of a history.

Trust: trees and blobs are re-hashed. A policy that nobody can read asked for nothing, so nothing was decided under it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from countermark_ledger.errors import Malformed
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.git.trees import Entry
from countermark_ledger.node import Mode
from countermark_service.first_parents import whole_line
from countermark_service.gate.policy import POLICY_PATH, Policy

CHUNK = 512


class PastPolicies:
    """The policy in each of many trees, each file parsed once."""

    def __init__(self, repository: Repository) -> None:
        """Know nothing yet."""
        self._repository = repository
        self._entries: dict[str, Entry | None] = {}
        self._parsed: dict[str, Policy | None] = {}
        self._ever: dict[str, bool] = {}

    def read_ahead(self, trees: Iterable[str]) -> None:
        """Look up many trees at once, and let go of those read before."""
        self._repository.forget_trees()
        found = self._repository.entries_of([tree for tree in trees if tree not in self._entries], [POLICY_PATH])
        self._entries |= {tree: entries[POLICY_PATH] for tree, entries in found.items()}

    def at(self, tree: str) -> Policy | None:
        """Return the policy in a tree; None where there is none that can be read."""
        if tree not in self._entries:
            self._entries[tree] = self._repository.entries_of([tree], [POLICY_PATH])[tree][POLICY_PATH]
        entry = self._entries[tree]
        if entry is None:
            return None
        if entry.blob not in self._parsed:
            self._parsed[entry.blob] = self._parse(entry)
        return self._parsed[entry.blob]

    def ever(self, commit: str) -> bool:
        """Tell whether a commit or any of its first parents held a policy, however long ago."""
        if commit not in self._ever:
            line = [(one, self._repository.commit(one).tree) for one in whole_line(self._repository, commit)]
            for start in range(0, len(line), CHUNK):
                self.read_ahead(tree for _, tree in line[start : start + CHUNK])
            held = accumulate((self._entries[tree] is not None for _, tree in reversed(line)), max)
            self._ever |= {one: known for (one, _), known in zip(reversed(line), held, strict=True)}
        return self._ever[commit]

    def _parse(self, entry: Entry) -> Policy | None:
        if entry.mode is Mode.GITLINK:
            return None
        ((_, content),) = self._repository.blobs([entry.blob])
        try:
            return None if isinstance(content, Oversized) else Policy.parse(content)
        except Malformed:
            return None  # nobody can tell what it asked for, so no verdict was under it
