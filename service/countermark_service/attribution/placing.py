"""Where lines come from, as git's history has it: which commit brought a line, and which number it had there.

That is what the formats of other tools ask for (agent-trace section 6.5, git-ai section 1): a record is about lines
at a commit, and holds for the lines that this very commit brought. Every parent of a merge is followed.

Trust: read through the hardened reader. It decides what is shown and what goes out, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.node import Mode
from countermark_service import blame
from countermark_service.attribution.claims import Known

MAX_STEPS = 20_000
"""Commits further back than so many steps are not looked at; what they brought has no place."""

Places: TypeAlias = Mapping[int, int]
"""Lines at one commit, by number from 1, and the numbers they have at the commit that was asked about."""

_REGULAR = {Mode.FILE, Mode.EXECUTABLE}


class Placing:
    """The lines of one path."""

    def __init__(self, repository: Repository, path: str) -> None:
        self._repository = repository
        self._path = path
        self._lines = lru_cache(maxsize=8)(self._read)

    def own(self, commit: str) -> list[int]:
        """List the lines that a commit brought itself, by number."""
        return list(self._divide(commit, self._all(commit))[0])

    def brought(self, commit: str) -> Iterator[tuple[str, Places]]:
        """Yield each commit that brought lines of the path as it is at a commit, that commit first, and which."""
        todo = [(commit, self._all(commit))]
        for _ in range(MAX_STEPS):
            if not todo:
                return
            one, places = todo.pop()
            own, above = self._divide(one, places)
            todo += above
            if own:
                yield one, own

    def _divide(self, commit: str, places: Places) -> tuple[Places, list[tuple[str, Places]]]:
        """Give each parent the lines that it had already, the first parent first; the rest are the commit's own."""
        rest = dict(places)
        above: list[tuple[str, Places]] = []
        for parent in self._repository.commit(commit).parents:
            there = self._stayed(commit, parent)
            theirs = {there[at]: rest.pop(at) for at in list(rest) if at in there}
            if theirs:
                above.append((parent, theirs))
        return rest, above

    def _stayed(self, commit: str, parent: str) -> Mapping[int, int]:
        """Pair the lines that a commit kept of a parent: numbers at the commit, and numbers at the parent."""
        if self._blob(commit) == self._blob(parent):
            return self._all(commit)
        return {after + 1: before + 1 for after, before in blame.kept(self._at(parent), self._at(commit))}

    def _all(self, commit: str) -> Places:
        return {at: at for at in range(1, len(self._at(commit)) + 1)}

    def _at(self, commit: str) -> Sequence[bytes]:
        blob = self._blob(commit)
        return () if blob is None else self._lines(blob)

    def _blob(self, commit: str) -> str | None:
        entry = self._repository.entries(commit, [self._path])[self._path]
        return None if entry is None or entry.mode not in _REGULAR else entry.blob

    def _read(self, blob: str) -> Sequence[bytes]:
        content = dict(self._repository.blobs([blob]))[blob]
        if isinstance(content, Oversized) or blame.is_binary(content):
            return ()
        return blame.split(content)


def claimed(repository: Repository, path: str, commit: str, known: Sequence[Known]) -> dict[int, list[Known]]:
    """Find which lines of a path, as it is at a commit, the claims of other tools are about: by number, from 1."""
    by_commit: dict[str, list[Known]] = {}
    for one in known:
        by_commit.setdefault(one.claim.commit, []).append(one)
    found: dict[int, list[Known]] = {}
    for brought_by, places in Placing(repository, path).brought(commit) if known else ():
        last = max(places)
        for one in by_commit.get(brought_by, ()):
            for there in range(one.claim.first, min(one.claim.last, last) + 1):
                if there in places:
                    found.setdefault(places[there], []).append(one)
    return found
