"""What landed on a protected branch, as several commands ask: the line of its first parents, and what verdicts say.

Trust: pins come from options or from this machine's own configuration; every source is verified.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from countermark_ledger import shape
from countermark_ledger.collection import Collection
from countermark_ledger.errors import Malformed
from countermark_ledger.git.reader import Repository
from countermark_service.auditing import Landed, landings
from countermark_service.cli import pinning
from countermark_service.cli.console import Console
from countermark_service.embedded import Embedded, utc_now
from countermark_service.exits import UsageError
from countermark_service.first_parents import line_from, line_since
from countermark_service.gate import mirror_store
from countermark_service.gate.facts import Root
from countermark_service.gate.root import protected, read_root
from countermark_service.home import Home
from countermark_service.sources import from_whole_ledger
from countermark_service.verdicts import Pinned, Verdicts

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Own:
    """What `init` left on this machine, if it ran here: the private folder, and its ledger."""

    home: Home | None
    embedded: Embedded | None


@dataclass(frozen=True, slots=True)
class Line:
    """A protected branch and its verdicts. `line` goes from the newest commit to where the question begins."""

    repository: Repository
    root: Root
    line: list[str]
    collection: Collection
    verdicts: Verdicts

    def landed(self) -> Iterator[Landed]:
        """Judge each step, newest first and one at a time."""
        return landings(self.repository, self.line, self.verdicts)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which branch (None is the one set up here), and since which commit or time (None is everything)."""

    ref: str | None
    since: str | None = None


def read(args: argparse.Namespace, asked: Asked, console: Console, repository: Repository, own: Own) -> Line:
    """Read the line and its verdicts with the options' pins and sources. Raises `StatusExpired` without a status."""
    pin = pinning.pin_of(args, own.home, asked.ref)
    name, tip = protected(repository, pin.protected_ref)
    root = read_root(repository, pin, head=tip)
    with console.progress():
        console.step("walking the first parents")
        line = _line(repository, tip, asked.since)
        console.step("reading verdicts")
        collection = _collected(args, repository, root, own.embedded, whole=False)
        seen, now = pinning.seen_status(args, own.home), utc_now()
        pinned = Pinned(root.repository_id, name, root.trust)
        rest = lambda: _collected(args, repository, root, own.embedded, whole=True)  # noqa: E731  # asked late, if ever
        verdicts = Verdicts.of(collection, pinned, at=now, seen=seen, statements=rest)
    if own.home:
        own.home.saw_status(verdicts.status.status.number)
    return Line(repository, root, line, collection, verdicts)


def _collected(
    args: argparse.Namespace, repository: Repository, root: Root, embedded: Embedded | None, *, whole: bool
) -> Collection:
    sources = pinning.sources_of(args, repository, embedded)
    if whole and embedded is not None:
        sources = (*sources, from_whole_ledger(embedded))
    with mirror_store.opened(repository, root.policy.mirror, pinning.mirrors_of(args)) as stores:
        if root.policy.mirror is not None:
            commit = mirror_store.pinned_at(repository, root.tip, root.policy.mirror)
            sources = (*sources, *mirror_store.sources(stores, commit))
        return Collection.of(chain.from_iterable(source(frozenset()) for source in sources))


def _line(repository: Repository, tip: str, since: str | None) -> list[str]:
    if since is None:
        return line_from(repository, tip, None)
    earliest = _time(since)
    return line_from(repository, tip, earliest) if earliest else line_since(repository, tip, repository.resolve(since))


def _time(given: str) -> datetime | None:
    """Read a day or a time; None when it is neither, so that it must be a revision."""
    try:
        return shape.time(f"{given}T00:00:00Z" if _DAY.fullmatch(given) else given, "--since")
    except Malformed:
        if _DAY.match(given):
            raise UsageError(f"--since {given}: expected YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ", hint="date -u") from None
        return None
