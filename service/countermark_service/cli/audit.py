"""`countermark audit`: what landed on the protected branch, and which verdict let it."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain

from countermark_ledger import logview, shape
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.git.reader import Repository
from countermark_service.auditing import CODE, Kind, Landed
from countermark_service.cli import landed, pinning
from countermark_service.cli.console import Console
from countermark_service.cli.landed import Line
from countermark_service.exits import Exit, UsageError
from countermark_service.history import committed
from countermark_service.tallying import Tally

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
        own, asked = landed.Own(home, embedded), landed.Asked(args.ref, args.since)
        return _report(args, console, _Audit(landed.read(args, asked, console, repository, own)))


@dataclass(frozen=True, slots=True)
class _Audit:
    """What is audited, and what it comes to."""

    of: Line
    tally: Tally = field(default_factory=Tally)

    def landed(self) -> Iterator[Landed]:
        return self.tally.counting(self.of.landed())

    @property
    def split_view(self) -> str:
        """Tell whether a log that shows different people different things would have been noticed; refuse a fork."""
        heads = self.tally.heads
        view = logview.view(self.of.collection, heads, self.of.root.trust)
        return "protected" if view.protects(head.size for head in heads) else "unprotected"


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
    written = committed(audit.of.repository, one.commit)
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
        "repositoryId": audit.of.root.repository_id,
        "protectedRef": safe(audit.of.root.protected_ref),
        "tip": audit.of.line[0],
        "since": audit.of.line[-1],
        "statusNumber": audit.of.verdicts.status.status.number,
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
    subject = audit.of.repository.commit(one.commit).message.partition(b"\n")[0].decode("utf-8", "replace")
    yield f"  {kind} {one.commit[:12]}  {safe(subject)[:80]}"
    if one.reason:
        yield f"                {safe(one.reason)}"
    if one.hint:
        yield f"  hint:         {safe(one.hint)}"


def _closing(audit: _Audit) -> Iterator[str]:
    tally = audit.tally
    counts = ", ".join(f"{tally.kinds[kind]} {kind}" for kind in Kind if tally.kinds[kind])
    since = f"{audit.of.line[-1][:12]}..{audit.of.line[0][:12]}"
    yield f"{sum(tally.kinds.values())} landings on {safe(audit.of.root.protected_ref)} ({since}): {counts or 'none'}"
    for one in tally.points:
        yield f"  points        {one.points} lost by {one.signer} over {one.landings} landings"
    yield f"  split-view    {audit.split_view}"
