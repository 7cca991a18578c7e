"""The newest state of a branch that is known to be good, and what is wrong with everything younger.

A landing that a verdict lets be, to this day, is not enough: what landed on top of a bad change contains it. So each
file is followed from where the line begins. A landing that an audit complains of spoils the files that it changed. A
spoilt file is good again when it has the last content that it had before, or when a landing that holds gives it any
content that it had while it was good, or removes it.
A commit is known good when a verdict that is trusted to this day let exactly it land and none of its files is spoilt.

Trust: what an audit says, and trees that were re-hashed. Names are those of the object store, in which one name has
one content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from countermark_ledger.git.reader import Repository
from countermark_ledger.git.trees import Difference, Entry
from countermark_service.auditing import CODE, Kind, Landed
from countermark_service.exits import Exit

CHUNK = 512
SOME = 10


class Weighed(NamedTuple):
    """A landing, how many of its files are spoilt, and for some of them by which commit (path, commit)."""

    landed: Landed
    spoilt: int = 0
    some: tuple[tuple[str, str], ...] = ()

    @property
    def good(self) -> bool:
        """Tell whether it is known to be good."""
        return self.landed.known_good and not self.spoilt


@dataclass(frozen=True, slots=True)
class Found:
    """The newest landing that is known to be good, None if there is none, and all younger ones, newest first."""

    good: Landed | None
    newer: tuple[Weighed, ...]

    @property
    def code(self) -> Exit:
        """0 only when there is one; without, it is unknown where an audit could not tell, else there is none."""
        if self.good is not None:
            return Exit.PASS
        unknown = any(one.landed.kind is Kind.INCONCLUSIVE for one in self.newer)
        return Exit.INCONCLUSIVE if unknown else Exit.UNACCOUNTED


def last_good(repository: Repository, landed: Sequence[Landed]) -> Found:
    """Look through landings, newest first, which must go back to where everything is taken for good."""
    newer: list[Weighed] = []
    for weighed in _weighed(repository, landed):
        if weighed.good:
            return Found(weighed.landed, tuple(newer))
        newer.append(weighed)
    return Found(None, tuple(newer))


def _weighed(repository: Repository, landed: Sequence[Landed]) -> Iterable[Weighed]:
    """Follow the files from the oldest landing on, if there is anything that could have spoilt one."""
    if not any(one.kind in CODE for one in landed):
        return [Weighed(one) for one in landed]
    files, found = _Files(), []
    for number, one in enumerate(reversed(landed)):
        if number % CHUNK == 0:
            repository.forget_trees()
        if one.parent is not None:
            for row in repository.diff(one.parent, one.commit):
                files.take(row, one)
        some = tuple((path, spoilt.by) for path, spoilt in islice(files.spoilt.items(), SOME))
        found.append(Weighed(one, len(files.spoilt), some))
    return reversed(found)


class _Spoilt(NamedTuple):
    """Which commit left a file as it is, and the last content that was good (None is absent)."""

    by: str
    good: Entry | None


@dataclass(slots=True)
class _Files:
    """Which files are spoilt, and which entries (None is absent) each path had while it was good."""

    spoilt: dict[str, _Spoilt] = field(default_factory=dict)
    held: dict[str, set[Entry | None]] = field(default_factory=dict)

    def take(self, row: Difference, landed: Landed) -> None:
        """Follow one file through one landing."""
        held, spoilt = self.held.setdefault(row.path, set()), self.spoilt.get(row.path)
        if landed.kind in CODE:
            self._spoil(row, landed.commit, spoilt)
        elif spoilt is not None and (row.after is None or row.after in held):
            del self.spoilt[row.path]
        if spoilt is None:
            held.add(row.before)
        if row.path not in self.spoilt:
            held.add(row.after)

    def _spoil(self, row: Difference, by: str, spoilt: _Spoilt | None) -> None:
        """Take a bad landing's file as spoilt, also where it brings an older content back: that undoes a mending."""
        if spoilt is None:
            self.spoilt[row.path] = _Spoilt(by, row.before)
        elif row.after == spoilt.good:
            del self.spoilt[row.path]
        else:
            self.spoilt[row.path] = spoilt._replace(by=by)
