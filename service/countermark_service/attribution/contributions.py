"""What the ledger knows of the lines that one commit brought: the content of every record that goes out.

Trust: `lines` verifies; `placing` says which lines are this commit's. A line that nobody accounts for is left out,
because nothing is known of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from countermark_ledger.git import names
from countermark_ledger.git.reader import Repository
from countermark_ledger.node import Mode
from countermark_ledger.predicates.generation import Model, ModelSource
from countermark_service.attribution.lines import Origin, Reading
from countermark_service.attribution.placing import Placing
from countermark_service.attribution.ranges import Range, ranges_of
from countermark_service.blame import Hop
from countermark_service.embedded import Embedded
from countermark_service.history import committed
from countermark_service.sources import Source

_REGULAR = {Mode.FILE, Mode.EXECUTABLE}
_STRONGEST = (ModelSource.WIRE, ModelSource.RUNTIME, ModelSource.DECLARED)


class Contribution(NamedTuple):
    """Lines of one path, in order, that one origin brought."""

    path: str
    ranges: tuple[Range, ...]
    origin: Origin


class Contributions(NamedTuple):
    """Everything that is known of one commit's own lines, by path and line; `at` is when the newest of it was signed.

    Without anything signed, `at` is when the commit says that it was made, or None. `unnamed` are paths that no
    format can name.
    """

    repository_id: str
    commit: str
    at: datetime | None
    rows: tuple[Contribution, ...]
    unnamed: tuple[str, ...]


def contributions(repository: Repository, embedded: Embedded, commit: str, sources: Iterable[Source]) -> Contributions:
    """Verify what is known of the lines that a commit brought, compared with each of its parents."""
    changed = _changed(repository, commit)
    unnamed = tuple(path for path in changed if names.refusal(path) is not None)
    paths = [path for path in changed if path not in unnamed]
    reading = Reading.of(repository, embedded, commit, paths, sources)
    rows = tuple(one for path in paths for one in _of_path(repository, reading, path, commit))
    signed = [row.origin.signed for row in rows if row.origin.signed is not None]
    at = max(signed, default=committed(repository, commit))
    return Contributions(embedded.config.repository_id, commit, at, rows, unnamed)


def model_of(origin: Origin) -> Model | None:
    """Return the one model that lines can be said to be of: the strongest word, and only when it names one alone."""
    for source in _STRONGEST:
        named = {model for model in origin.models if model.source is source}
        if named:
            return named.pop() if len(named) == 1 and not origin.merged else None
    return None


def name_of(model: Model) -> str:
    """Give the name that a model answered under, else the one it was asked for by."""
    return model.returned_id or model.requested_id


def _changed(repository: Repository, commit: str) -> list[str]:
    """List the regular files that differ from every parent: no line of another one can be this commit's own."""
    parents = repository.commit(commit).parents
    after = {row.path for row in repository.diff(parents[0], commit)} if parents else set(repository.tree(commit))
    for parent in parents[1:]:
        after &= {row.path for row in repository.diff(parent, commit)}
    entries = repository.entries(commit, sorted(after))
    return [path for path, entry in sorted(entries.items()) if entry is not None and entry.mode in _REGULAR]


def _of_path(repository: Repository, reading: Reading, path: str, commit: str) -> list[Contribution]:
    own = set(Placing(repository, path).own(commit))
    found: dict[Hop, list[int]] = {}
    for number, line in enumerate(reading.lines(path), start=1):
        if number in own and line.hop.edge is not None:
            found.setdefault(line.hop, []).append(number)
    return [Contribution(path, ranges_of(numbers), reading.origin(hop)) for hop, numbers in found.items()]
