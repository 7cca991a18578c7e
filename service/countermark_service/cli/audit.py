"""`countermark audit`: what landed on the protected branch, and which verdict let it."""

from __future__ import annotations

import argparse
import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from countermark_ledger import logview, shape
from countermark_ledger.canonical import Json
from countermark_ledger.collection import Collection
from countermark_ledger.display import safe
from countermark_ledger.errors import Malformed
from countermark_ledger.git.reader import Repository
from countermark_service.auditing import CODE, Kind, Landed, landings
from countermark_service.cli import pinning
from countermark_service.cli.console import Console
from countermark_service.embedded import Embedded, utc_now
from countermark_service.exits import Exit, UsageError
from countermark_service.first_parents import line_from, line_since
from countermark_service.gate.facts import Root
from countermark_service.gate.root import protected, read_root
from countermark_service.history import committed
from countermark_service.home import Home
from countermark_service.sources import from_whole_ledger
from countermark_service.tallying import Tally
from countermark_service.verdicts import Pinned, Verdicts

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COLOUR = {Kind.PASSED: "green", Kind.WAIVED: "green", Kind.OBSERVED: "yellow"}
_COLUMNS = (
    *("commit", "parent", "committedOn", "kind", "exitCode", "reason", "hint"),
    *("verdictBundle", "gate", "evaluatedOn", "score"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `audit`."""
    parser.add_argument("ref", nargs="?", metavar="REF", help="the protected branch (default: as set up here)")
    parser.add_argument(
        "--since", metavar="REV|DATE", help="what landed after a commit, or since YYYY-MM-DD (default: everything)"
    )
    parser.add_argument("--all", action="store_true", help="show also the landings that nothing is to say against")
    parser.add_argument("--csv", action="store_true", help="print every landing as comma-separated values")
    pinning.configure_pins(parser)
    pinning.configure_sources(parser)


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Compare every landing with the verdicts; 0 only when there is nothing to say against any."""
    if args.csv and console.json:
        raise UsageError("expected --csv or --json, found both", hint="countermark audit --json")
    home = pinning.home_of(args)
    with ExitStack() as stack:
        repository = stack.enter_context(Repository.open(args.repository))
        embedded = stack.enter_context(pinning.ledger_of(home))
        return _report(args, console, _prepare(args, console, repository, home, embedded))


@dataclass(slots=True)
class _Audit:
    """What is audited, and what it comes to. `line` goes from the newest commit to where the window begins."""

    repository: Repository
    root: Root
    line: list[str]
    collection: Collection
    verdicts: Verdicts
    tally: Tally

    def landed(self) -> Iterator[Landed]:
        return self.tally.counting(landings(self.repository, self.line, self.verdicts))

    @property
    def split_view(self) -> str:
        """Tell whether a log that shows different people different things would have been noticed; refuse a fork."""
        heads = self.tally.heads
        view = logview.view(self.collection, heads, self.root.trust)
        return "protected" if view.protects(head.size for head in heads) else "unprotected"


def _prepare(
    args: argparse.Namespace, console: Console, repository: Repository, home: Home | None, embedded: Embedded | None
) -> _Audit:
    pin = pinning.pin_of(args, home, args.ref)
    name, tip = protected(repository, pin.protected_ref)
    root = read_root(repository, pin, head=tip)
    with console.progress():
        console.step("walking the first parents")
        line = _line(repository, tip, args.since)
        console.step("reading verdicts")
        collection = _collected(args, repository, embedded, whole=False)
        seen, now = pinning.seen_status(args, home), utc_now()
        pinned = Pinned(root.repository_id, name, root.trust)
        rest = lambda: _collected(args, repository, embedded, whole=True)  # noqa: E731  # asked for late, if ever
        verdicts = Verdicts.of(collection, pinned, at=now, seen=seen, statements=rest)
    if home:
        home.saw_status(verdicts.status.status.number)
    return _Audit(repository, root, line, collection, verdicts, Tally())


def _collected(
    args: argparse.Namespace, repository: Repository, embedded: Embedded | None, *, whole: bool
) -> Collection:
    sources = pinning.sources_of(args, repository, embedded)
    if whole and embedded is not None:
        sources = (*sources, from_whole_ledger(embedded))
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


def _report(args: argparse.Namespace, console: Console, audit: _Audit) -> Exit:
    rows = audit.landed()
    if args.csv:
        _print_csv(console, audit, rows)
    elif console.json:
        listed: list[Json] = [_row(audit, one) for one in rows]
        console.document(_summary(audit) | {"landings": listed})
    else:
        for line in chain(*(_text(audit, one, console) for one in rows if args.all or one.kind in CODE)):
            console.data(line)
        for line in _closing(audit):
            console.data(line)
    return audit.tally.code


def _row(audit: _Audit, one: Landed) -> dict[str, Json]:
    written = committed(audit.repository, one.commit)
    known: dict[str, Json] = dict.fromkeys(_COLUMNS)
    known |= {"commit": one.commit, "parent": one.parent, "kind": one.kind.value, "hint": one.hint}
    known |= {"reason": safe(one.reason), "exitCode": CODE.get(one.kind, Exit.PASS).value}
    known |= {"committedOn": shape.spell_time(written) if written else None}
    if one.verdict is not None:
        verdict = one.verdict.verdict
        known |= {"verdictBundle": one.verdict.name, "gate": str(verdict.gate), "score": verdict.score}
        known |= {"evaluatedOn": shape.spell_time(verdict.evaluated)}
    return known


def _summary(audit: _Audit) -> dict[str, Json]:
    tally = audit.tally
    return {
        "repositoryId": audit.root.repository_id,
        "protectedRef": safe(audit.root.protected_ref),
        "tip": audit.line[0],
        "since": audit.line[-1],
        "statusNumber": audit.verdicts.status.status.number,
        "splitView": audit.split_view,
        "exitCode": tally.code.value,
        "counts": {kind.value: tally.kinds[kind] for kind in Kind},
        "points": [one._asdict() for one in tally.points],
    }


def _print_csv(console: Console, audit: _Audit, rows: Iterable[Landed]) -> None:
    text = io.StringIO()
    table = csv.DictWriter(text, _COLUMNS, lineterminator="")
    table.writeheader()
    for one in rows:
        console.data(text.getvalue())
        text.seek(text.truncate(0))
        table.writerow(_row(audit, one))
    console.data(text.getvalue())


def _text(audit: _Audit, one: Landed, console: Console) -> Iterator[str]:
    kind = console.style(f"{one.kind:<13}", *([_COLOUR[one.kind]] if one.kind in _COLOUR else []))
    subject = audit.repository.commit(one.commit).message.partition(b"\n")[0].decode("utf-8", "replace")
    yield f"  {kind} {one.commit[:12]}  {safe(subject)[:80]}"
    if one.reason:
        yield f"                {safe(one.reason)}"
    if one.hint:
        yield f"  hint:         {safe(one.hint)}"


def _closing(audit: _Audit) -> Iterator[str]:
    tally = audit.tally
    counts = ", ".join(f"{tally.kinds[kind]} {kind}" for kind in Kind if tally.kinds[kind])
    since = f"{audit.line[-1][:12]}..{audit.line[0][:12]}"
    yield f"{sum(tally.kinds.values())} landings on {safe(audit.root.protected_ref)} ({since}): {counts or 'none'}"
    for one in tally.points:
        yield f"  points        {one.points} lost by {one.signer} over {one.landings} landings"
    yield f"  split-view    {audit.split_view}"
