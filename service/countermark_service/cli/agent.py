"""`countermark agent`: who may sign as an agent, and from when on no more."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.errors import Malformed
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.cli.enrolling import enrol, enrolment
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import Exit, UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `agent`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="enrol an agent")
    add.add_argument("name", help="a-z, 0-9, '.', '_' and '-'")
    add.add_argument(
        "--model", action="append", default=[], metavar="ID", help="a model it may use (repeatable; none = any)"
    )
    actions.add_parser("list", help="list agents and revocations")
    revoke = actions.add_parser("revoke", help="distrust an agent from a time and a log index on")
    revoke.add_argument("name")
    revoke.add_argument("--reason", default="unspecified", help="why, for the record")
    revoke.add_argument("--since", metavar="TIME", help="YYYY-MM-DDTHH:MM:SSZ (default: now)")
    for action in (add, revoke, actions.choices["list"]):
        action.add_argument("--json", action="store_true", help="print data as one JSON document")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Add, list or revoke."""
    with opened(Checkout.find(Path.cwd()).home()) as embedded:
        {"add": _add, "list": _list, "revoke": _revoke}[args.action](args, console, embedded)
    return Exit.PASS


def _add(args: argparse.Namespace, console: Console, embedded: Embedded) -> None:
    agent = embedded.identity(Kind.AGENT, args.name)
    if any(row.id == str(agent) for row in embedded.store.identities(Kind.AGENT.value)):
        raise UsageError(f"agent {args.name}: expected a new name, found one enrolled", hint="countermark agent list")
    owner = Identity.parse(embedded.config.person)
    enrol(embedded, replace(enrolment(embedded, agent, owner), models=tuple(args.model)), name=args.name)
    _show(console, {"id": str(agent)}, f"enrolled {agent}")


def _list(_args: argparse.Namespace, console: Console, embedded: Embedded) -> None:
    status = embedded.current_status()
    revoked = {entry.value: entry for entry in (status.revocations if status else ())}
    rows: list[Json] = []
    for row in embedded.store.identities(Kind.AGENT.value):
        entry = revoked.get(row.id)
        since = shape.spell_time(entry.from_time) if entry else None
        rows.append({"id": row.id, "revokedSince": since})
        if not console.json:
            console.data(f"{row.id}  {'revoked since ' + since if since else 'active'}")
    if console.json:
        console.document(rows)


def _revoke(args: argparse.Namespace, console: Console, embedded: Embedded) -> None:
    agent = embedded.identity(Kind.AGENT, args.name)
    if all(row.id != str(agent) for row in embedded.store.identities(Kind.AGENT.value)):
        raise UsageError(f"agent {args.name}: expected an enrolled one, found none", hint="countermark agent list")
    since = _time(args.since) if args.since else embedded.clock().replace(microsecond=0)
    embedded.sign([], revoke=partial(_with, agent, since, args.reason))
    status = embedded.current_status()
    entry = next(one for one in (status.revocations if status else ()) if _is_of(one, agent))
    begin, index = shape.spell_time(entry.from_time), entry.from_log_index
    text = f"revoked {agent} from {begin} and from log index {index} on"
    _show(console, {"id": str(agent), "fromTime": begin, "fromLogIndex": index}, text)
    advice = "" if args.since else "; --since TIME distrusts that as well"
    console.say(f"What it signed before {begin} still counts{advice}. Tell everybody:")
    console.say("  countermark bundles push")


def _with(
    agent: Identity, since: datetime, reason: str, earlier: tuple[Revocation, ...], size: int
) -> tuple[Revocation, ...]:
    """Add a revocation; where there is one of this agent already, what begins earlier holds."""
    begins, index = since, size
    for one in (one for one in earlier if _is_of(one, agent)):
        begins, index = min(begins, one.from_time), min(index, one.from_log_index)
    entry = Revocation(RevokedKind.IDENTITY, str(agent), begins, index, reason)
    return (*(one for one in earlier if not _is_of(one, agent)), entry)


def _is_of(entry: Revocation, agent: Identity) -> bool:
    return (entry.kind, entry.value) == (RevokedKind.IDENTITY, str(agent))


def _time(given: str) -> datetime:
    try:
        return shape.time(given, "--since")
    except Malformed as error:
        raise UsageError(error.message, hint="countermark agent revoke --help") from error


def _show(console: Console, value: dict[str, Json], text: str) -> None:
    if console.json:
        console.document(value)
    else:
        console.data(text)
