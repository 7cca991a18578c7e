"""`countermark rollback`: a branch that takes the protected one back to what is known to be good, and its statement."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from countermark_ledger.authority.issuing import Signed
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.git import own
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Change
from countermark_ledger.predicates.generation import Evidence, Target
from countermark_service import known_good, rolling_back, signing
from countermark_service.checkout import Checkout
from countermark_service.cli import landed, pinning
from countermark_service.cli.console import Console
from countermark_service.collecting import tip_of
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import Exit, UsageError
from countermark_service.gate.facts import Root
from countermark_service.gate.root import read_root
from countermark_service.rolling_back import Plan

MAX_SHOWN = 20
_BRANCH = re.compile(r"[A-Za-z0-9_](?:[./-]?[A-Za-z0-9_])*")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `rollback`."""
    parser.add_argument("ref", nargs="?", metavar="REF", help="the protected branch (default: as set up here)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--to", metavar="COMMIT", help="have this commit's files again (default: last-good's)")
    what.add_argument("--commit", metavar="BAD", help="take back this one landing, and leave everything later")
    parser.add_argument("--branch", metavar="NAME", help="the branch to make (default: rollback-COMMIT)")
    parser.add_argument("--agent", metavar="NAME", help="sign as an enrolled agent, not as yourself")
    parser.add_argument("--dry-run", action="store_true", help="say what it would do, and do nothing")
    pinning.configure_pins(parser)
    pinning.configure_sources(parser)


@dataclass(frozen=True, slots=True)
class _Where:
    """The checkout that is written in, how it is read, and the ledger that signs."""

    checkout: Checkout
    repository: Repository
    embedded: Embedded
    root: Root


@dataclass(frozen=True, slots=True)
class _Done:
    """What was planned, and what came of it: None and nothing signed in a dry run."""

    plan: Plan
    branch: str
    change: Change
    commit: str | None = None
    signed: tuple[Signed, ...] = ()


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Plan, commit, sign, and only then make the branch; nothing of the user's moves."""
    home, checkout = pinning.home_of(args), Checkout.find(args.repository)
    if home is None:
        raise UsageError("expected this machine's own ledger to sign with, found none", hint="countermark init")
    with ExitStack() as stack:
        repository = stack.enter_context(Repository.open(checkout.root))
        embedded = stack.enter_context(opened(home))
        root = read_root(repository, pinning.pin_of(args, home, args.ref), head="HEAD")
        where = _Where(checkout, repository, embedded, root)
        found = _found(args, console, where, landed.Own(home, embedded))
        if isinstance(found, Exit):
            console.refuse("no commit is known to be good, so there is nothing to go back to", "countermark audit")
            return found
        done = _do(args, console, where, _plan(args, where, found))
        _show(done, where, console, dry=args.dry_run)
    return Exit.PASS


def _found(args: argparse.Namespace, console: Console, where: _Where, own_: landed.Own) -> str | Exit:
    """Return the commit that was asked about, or the last good one; without one, the code that says why."""
    if asked := args.commit or args.to:
        return where.repository.resolve(asked)
    line = landed.read(args, landed.Asked(args.ref), console, where.repository, own_)
    found = known_good.last_good(where.repository, list(line.landed()))
    return found.code if found.good is None else found.good.commit


def _plan(args: argparse.Namespace, where: _Where, commit: str) -> Plan:
    repository, root = where.repository, where.root
    if args.commit:
        return rolling_back.without(where.checkout.root, repository, root.tip, commit, root.policy)
    return rolling_back.back_to(repository, root.tip, commit, root.policy)


def _do(args: argparse.Namespace, console: Console, where: _Where, plan: Plan) -> _Done:
    branch = args.branch or f"rollback-{(plan.to or plan.undone[0])[:12]}"
    change = rolling_back.change_of(where.repository, plan)
    if args.dry_run or not change.transitions:
        return _Done(plan, branch, change)
    ref = _free(branch, where)
    signer = where.embedded.enrolled(Kind.AGENT, args.agent) if args.agent else None
    with console.progress():
        console.step("committing")
        commit = rolling_back.commit(where.checkout.root, where.repository, plan, _message(plan))
        console.step(f"signing {len(change.transitions)} files")
        signed = _sign(where, change, plan, signer)
        own.move_ref(where.checkout.root, ref, commit, None, reason="countermark rollback")
    return _Done(plan, branch, change, commit, signed)


def _free(branch: str, where: _Where) -> str:
    """Return the ref of a branch that is not there yet, before anything is signed for it."""
    ref = f"refs/heads/{branch}"
    if not _BRANCH.fullmatch(branch) or branch.endswith(".lock"):
        raise UsageError(f"--branch {branch}: expected a plain name of a branch", hint="countermark rollback --help")
    if tip_of(where.repository, ref) is not None:
        raise UsageError(
            f"{ref}: expected no such branch, found one", hint="countermark rollback --branch ANOTHER-NAME"
        )
    return ref


def _sign(where: _Where, change: Change, plan: Plan, agent: Identity | None) -> tuple[Signed, ...]:
    embedded = where.embedded
    target = Target(embedded.config.repository_id, where.root.protected_ref, plan.tip)
    if agent is None:
        return signing.sign_claim(embedded, Identity.parse(embedded.config.person), change, target)
    now = embedded.clock()
    return signing.sign_work(embedded, signing.Work(agent, Evidence.ASSERTED, now, now), change, target)


def _message(plan: Plan) -> str:
    title = f"Roll back to {plan.to[:12]}" if plan.to else f"Take back {plan.undone[0][:12]}"
    undone = "".join(f"  {commit}\n" for commit in plan.undone)
    return f"{title}\n\nNo longer in effect, newest first:\n{undone}"


def _show(done: _Done, where: _Where, console: Console, *, dry: bool) -> None:
    if console.json:
        console.document(_document(done, where, dry=dry))
        return
    for row in done.change.transitions:
        kind = "A" if row.before is None else "D" if row.after is None else "M"
        console.data(f"{kind} {safe(row.path)}")
    for line in _talk(done, where, dry=dry):
        console.say(line)


def _document(done: _Done, where: _Where, *, dry: bool) -> dict[str, Json]:
    plan = done.plan
    return {
        "tip": plan.tip,
        "to": plan.to,
        "undone": list(plan.undone),
        "kept": [safe(path) for path in plan.kept],
        "protected": [safe(path) for path in _protected(done, where)],
        "changes": done.change.rows(),
        "branch": done.branch if done.commit else None,
        "commit": done.commit,
        "statements": [{"bundle": one.name, "logIndex": one.log_index} for one in done.signed],
        "dryRun": dry,
    }


def _protected(done: _Done, where: _Where) -> list[str]:
    return [row.path for row in done.change.transitions if where.root.policy.is_protected(row.path)]


def _talk(done: _Done, where: _Where, *, dry: bool) -> Iterator[str]:
    plan = done.plan
    if not done.change.transitions:
        yield f"{plan.tip[:12]} has these files already: there is nothing to take back"
        return
    would = "would take" if dry else "takes"
    yield f"{would} back, newest first:"
    yield from _subjects(where.repository, plan.undone)
    if plan.kept:
        yield f"stays as it is at the tip: {', '.join(map(safe, plan.kept[:MAX_SHOWN]))}"
    if protected := _protected(done, where):
        wanted = where.root.policy.people_for_protected
        yield f"{wanted} of the policy's people must answer for: {', '.join(map(safe, protected[:MAX_SHOWN]))}"
    for one in done.signed:
        yield f"signed {one.name[:16]} at log index {one.log_index}"
    if done.commit:
        yield f"branch {done.branch} is at {done.commit[:12]}; now: countermark gate --head {done.branch}"


def _subjects(repository: Repository, commits: Sequence[str]) -> Iterator[str]:
    for commit in commits[:MAX_SHOWN]:
        subject = repository.commit(commit).message.partition(b"\n")[0].decode("utf-8", "replace")
        yield f"  {commit[:12]}  {safe(subject)[:80]}"
    if len(commits) > MAX_SHOWN:
        yield f"  and {len(commits) - MAX_SHOWN} more"
