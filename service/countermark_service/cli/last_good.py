"""`countermark last-good`: the newest commit of the protected branch that is known to be good."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack

from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.git.reader import Repository
from countermark_service import known_good
from countermark_service.cli import landed, pinning
from countermark_service.cli.console import Console
from countermark_service.exits import Exit
from countermark_service.known_good import Found, Weighed

MAX_SHOWN = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `last-good`."""
    parser.add_argument("ref", nargs="?", metavar="REF", help="the protected branch (default: as set up here)")
    pinning.configure_pins(parser)
    pinning.configure_sources(parser)


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Print the commit alone, so that a script can take it, and say beside it why no younger one is it."""
    home = pinning.home_of(args)
    with ExitStack() as stack:
        repository = stack.enter_context(Repository.open(args.repository))
        embedded = stack.enter_context(pinning.ledger_of(home))
        line = landed.read(args, landed.Asked(args.ref), console, repository, landed.Own(home, embedded))
        found = known_good.last_good(repository, list(line.landed()))
    if console.json:
        console.document(document(found))
        return found.code
    if found.good is not None and found.good.verdict is not None:
        console.data(found.good.commit)
        console.say(f"verdict {found.good.verdict.name} by {found.good.verdict.verdict.gate}")
    else:
        console.say(f"no commit of {safe(line.root.protected_ref)} is known to be good")
    for text in lines(found):
        console.say(text)
    return found.code


def document(found: Found) -> dict[str, Json]:
    """Spell what was found, and why nothing younger was, for programs."""
    verdict = found.good.verdict if found.good else None
    newer: list[Json] = [
        {
            "commit": one.landed.commit,
            "kind": one.landed.kind.value,
            "reason": why(one),
            "spoiltFiles": one.spoilt,
            "spoilt": [{"path": safe(path), "by": commit} for path, commit in one.some],
        }
        for one in found.newer
    ]
    return {
        "commit": found.good.commit if found.good else None,
        "verdictBundle": verdict.name if verdict else None,
        "gate": str(verdict.verdict.gate) if verdict else None,
        "exitCode": found.code.value,
        "newer": newer,
    }


def lines(found: Found) -> Iterator[str]:
    """Say of each younger commit in one line why it is not the one."""
    for one in found.newer[:MAX_SHOWN]:
        yield f"  not {one.landed.commit[:12]}  {why(one)}"
    if len(found.newer) > MAX_SHOWN:
        yield f"  and {len(found.newer) - MAX_SHOWN} more: countermark last-good --json shows them all"


def why(one: Weighed) -> str:
    """Say why a landing is not known to be good."""
    if not one.landed.known_good:
        return safe(f"{one.landed.kind}: {one.landed.reason}")
    path, commit = one.some[0]
    more = f" and {one.spoilt - 1} more files" if one.spoilt > 1 else ""
    return f"it has {safe(path)}{more} as {commit[:12]} left it"
