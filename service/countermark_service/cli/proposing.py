"""What `waiver propose` asks for, read from the command line; what no approval could ever put in force is refused.

Trust: the file's content is read from git's blobs, never from the work tree.
"""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta

from countermark_ledger import shape
from countermark_ledger.errors import Malformed
from countermark_ledger.git.change import nodes_at
from countermark_ledger.git.objects import Oversized
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Node
from countermark_ledger.predicates.waiver import WaiverRequest
from countermark_service.cli.consenting import Room
from countermark_service.embedded import utc_now
from countermark_service.exits import UsageError

DAYS = 30
HELP_HINT = "countermark waiver propose --help"
_FINDING = re.compile(r"[0-9a-f]{64}")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe what is asked for."""
    parser.add_argument("path", metavar="PATH", help="the file, from the top of the repository")
    parser.add_argument(
        "--finding", metavar="HEX", help="a finding's fingerprint (default: the file itself, which no scanner read)"
    )
    parser.add_argument("--head", default="HEAD", metavar="REV", help="where that file is (default: HEAD)")
    parser.add_argument("--agent", required=True, metavar="NAME", help="the agent that wrote it")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why it is safe; anybody can read it")
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument("--days", type=int, metavar="N", help=f"how long it holds, from now (default: {DAYS})")
    ends.add_argument("--expires", metavar="TIME", help="or until when, YYYY-MM-DDTHH:MM:SSZ")
    parser.add_argument("--not-before", metavar="TIME", help="from when on (default: from its approval)")
    parser.add_argument("--uses", type=int, metavar="N", help="for how many landings (default: any number)")


def request_of(args: argparse.Namespace, room: Room, person: Identity, log_size: int) -> WaiverRequest:
    """Spell what a person asks for; `log_size` is how many entries the log has now."""
    begins, ends = _span(args, room)
    if args.uses is not None and args.uses < 1:
        raise UsageError(f"--uses: expected 1 or more, found {args.uses}", hint=HELP_HINT)
    node = None if args.finding is not None else _node(args, room)
    return WaiverRequest(
        repository_id=room.root.repository_id,
        path=args.path,
        finding=None if args.finding is None else _finding(args.finding),
        mode=node.mode if node else None,
        sha256=node.sha256 if node else None,
        agent=_agent(args.agent, room),
        requester=person,
        reason=args.reason,
        log_size=log_size,
        not_before=begins,
        expires=ends,
        uses=args.uses,
    )


def sides(args: argparse.Namespace, room: Room) -> tuple[Node | None, Node | None]:
    """Give the file at the protected tip and where it is asked about; None where it is not, or too large to read."""
    commits = (room.root.tip, room.repository.resolve(args.head))
    before, after = (nodes_at(room.repository, commit, [args.path])[args.path] for commit in commits)
    return before if isinstance(before, Node) else None, after if isinstance(after, Node) else None


def _span(args: argparse.Namespace, room: Room) -> tuple[datetime | None, datetime]:
    now = utc_now().replace(microsecond=0)
    begins = None if args.not_before is None else _time(args.not_before, "--not-before")
    ends = now + _days(args.days, room) if args.expires is None else _time(args.expires, "--expires")
    _check_span(begins or now, ends, now, room)
    return begins, ends


def _agent(given: str, room: Room) -> Identity:
    """Spell an agent's id from its name; a whole id is taken as it is."""
    try:
        return Identity.parse(given) if "/" in given else Identity(room.root.trust.trust_domain, Kind.AGENT, given)
    except Malformed as error:
        raise UsageError(f"--agent: {error.message}", hint="countermark agent list") from error


def _finding(given: str) -> str:
    if not _FINDING.fullmatch(given):
        raise UsageError(f"--finding: expected 64 hex digits, found {given!r:.80}", hint="countermark gate --json")
    return given


def _node(args: argparse.Namespace, room: Room) -> Node:
    commit = room.repository.resolve(args.head)
    entry = room.repository.entries(commit, [args.path])[args.path]
    node = None if entry is None else room.repository.nodes([entry])[entry]
    if node is None or isinstance(node, Oversized):
        raise UsageError(
            f"{args.path}: expected a file at {args.head} that can be read, found none", hint="git ls-files"
        )
    return node


def _days(given: int | None, room: Room) -> timedelta:
    most = room.root.policy.max_waiver_days
    days = min(DAYS, most) if given is None else given
    if not 1 <= days <= most:
        raise UsageError(f"--days: expected 1 to {most}, which the policy allows, found {days}", hint=HELP_HINT)
    return timedelta(days=days)


def _check_span(begins: datetime, ends: datetime, now: datetime, room: Room) -> None:
    """Refuse what no approval could ever put in force."""
    if ends <= max(begins, now):
        raise UsageError(f"--expires: expected a time to come, found {shape.spell_time(ends)}", hint=HELP_HINT)
    if (ends - begins).total_seconds() > room.root.policy.max_waiver_days * 86_400:
        raise UsageError(
            f"it would hold for {(ends - begins).days} days, the policy allows {room.root.policy.max_waiver_days}",
            hint=HELP_HINT,
        )


def _time(given: str, where: str) -> datetime:
    try:
        return shape.time(given, where)
    except Malformed as error:
        raise UsageError(error.message, hint=HELP_HINT) from error
