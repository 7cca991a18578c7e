"""`countermark waiver`: ask for an exception, approve somebody else's, end one, and see what each is worth."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from countermark_ledger import countersignature
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.node import Node
from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_ledger.predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from countermark_ledger.waivers import describe, word_of
from countermark_service.cli import consenting, proposing
from countermark_service.cli.consenting import Room
from countermark_service.cli.console import Console
from countermark_service.cli.pinning import seen_status
from countermark_service.embedded import utc_now
from countermark_service.exits import Exit, UsageError
from countermark_service.waivers_known import Known, known

LIST_HINT = "countermark waiver list"
_NAME = re.compile(r"[0-9a-f]{8,64}")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `waiver`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    propose = actions.add_parser("propose", help="ask for a waiver, which another person must approve")
    proposing.configure(propose)
    approve = actions.add_parser("approve", help="approve what another person asked for")
    revoke = actions.add_parser("revoke", help="end a waiver now; one person is enough")
    revoke.add_argument("--reason", default="unspecified", help="why, for the record")
    for action in (approve, revoke):
        action.add_argument("name", metavar="WAIVER", help="its name, or the first digits (countermark waiver list)")
    take = actions.add_parser("take", help="log what somebody signed elsewhere with --sign-only")
    take.add_argument("file", type=Path, metavar="FILE")
    actions.add_parser("list", help="list waivers and what each is worth now")
    for action in (propose, approve, revoke):
        consenting.configure_person(action)
    for action in actions.choices.values():
        consenting.configure(action)
        action.add_argument("--json", action="store_true", help="print data as one JSON document")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Do the one action."""
    actions: dict[str, Callable[[argparse.Namespace, Console, Room], None]] = {
        "propose": _propose,
        "approve": _approve,
        "revoke": _revoke,
        "take": _take,
        "list": _list,
    }
    with consenting.opened(args) as room:
        actions[args.action](args, console, room)
    return Exit.PASS


def _propose(args: argparse.Namespace, console: Console, room: Room) -> None:
    found = _known(args, room)
    asked = proposing.request_of(args, room, consenting.person_of(args, room), found.log_size)
    check = partial(_refuse_hopeless, found, proposing.sides(args, room))
    given = consenting.give(asked, room, args, check=check)
    given.say(console)
    console.say(f"It holds once another person, who is not behind {asked.agent}, approves it:")
    console.say(f"  countermark waiver approve {given.document()['name']} --person NAME")


def _approve(args: argparse.Namespace, console: Console, room: Room) -> None:
    found, person = _known(args, room), consenting.person_of(args, room)
    name = _named(args.name, found)
    asked = found.consents.requests[name].what
    if person == asked.requester or person in found.behind(name):
        message = f"{person} asked for it, or is behind {asked.agent}: another person must approve it"
        raise UsageError(message, hint="countermark person list")
    if not console.json:
        _show_one(name, found, console)
    consenting.give(WaiverApproval(name, person), room, args).say(console)


def _revoke(args: argparse.Namespace, console: Console, room: Room) -> None:
    name = _named(args.name, _known(args, room))
    said = WaiverRevocation(name, consenting.person_of(args, room), args.reason)
    consenting.give(said, room, args, revoke=partial(_ended, said)).say(console)


def _take(args: argparse.Namespace, console: Console, room: Room) -> None:
    said = consenting.take(args.file, [WaiverRequest, WaiverApproval, WaiverRevocation], room)
    if isinstance(said, WaiverRequest) and said.repository_id != room.root.repository_id:
        raise UsageError(f"{args.file}: expected a waiver for {room.root.repository_id}, found another repository's")
    if isinstance(said, WaiverRequest):
        _refuse_hopeless(_known(args, room), (None, None), said)
    revoke = partial(_ended, said) if isinstance(said, WaiverRevocation) else None
    consenting.log(said, room, revoke=revoke).say(console)


def _list(args: argparse.Namespace, console: Console, room: Room) -> None:
    found = _known(args, room)
    names = sorted(found.consents.requests)
    if console.json:
        console.document([_document(name, found) for name in names])
        return
    for name in names:
        _show_one(name, found, console)
    if not names:
        console.say("nobody has asked for a waiver")


def _ended(said: WaiverRevocation, earlier: tuple[Revocation, ...], size: int) -> tuple[Revocation, ...]:
    """Put the end of a waiver into the status too, which nobody can leave out as they could the statement."""
    if any((one.kind, one.value) == (RevokedKind.WAIVER, said.request) for one in earlier):
        return earlier
    now = utc_now().replace(microsecond=0)
    return (*earlier, Revocation(RevokedKind.WAIVER, said.request, now, size, f"{said.person}: {said.reason}"))


def _known(args: argparse.Namespace, room: Room) -> Known:
    return known(room.root, room.sources, utc_now(), seen_status(args, room.home))


def _refuse_hopeless(found: Known, sides: tuple[Node | None, Node | None], asked: WaiverRequest) -> None:
    """Say now what the gate would say of it later, whoever approves it."""
    key = countersignature.verify(asked)
    reason = found.refusal(asked, key.fingerprint if key else None, sides)
    if reason is not None:
        message = f"{reason}: no approval could put it in force, so another person must ask for it"
        raise UsageError(message, hint="countermark person list")


def _named(given: str, found: Known) -> str:
    """Find a waiver by the first digits of its name; raise for none and for several."""
    names = [name for name in found.consents.requests if _NAME.fullmatch(given) and name.startswith(given)]
    if len(names) != 1:
        raise UsageError(f"waiver {given}: expected one such waiver, found {len(names)}", hint=LIST_HINT)
    return names[0]


def _show_one(name: str, found: Known, console: Console) -> None:
    asked = found.consents.requests[name].what
    what = f"finding {asked.finding[:12]}" if asked.finding else f"file {asked.mode} {(asked.sha256 or '')[:12]}"
    console.data(f"{name[:16]}  {safe(asked.path)}  {what} by {asked.agent}")
    console.data(f"  {safe(describe(found.states[name]))}")
    console.data(f"  asked for by {asked.requester}: {safe(asked.reason)}")


def _document(name: str, found: Known) -> Json:
    asked, state = found.consents.requests[name].what, found.states[name]
    said = asked.statement().predicate
    plain = {field: safe(value) if isinstance(value, str) else value for field, value in said.items()}
    return {"name": name, "state": word_of(state), "says": safe(describe(state)), **plain}
