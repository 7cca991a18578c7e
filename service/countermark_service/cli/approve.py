"""`countermark approve`: let exactly what would land now land, as a person who had no hand in it."""

from __future__ import annotations

import argparse
from pathlib import Path

from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.identity import Identity
from countermark_ledger.predicates.approval import Approval
from countermark_service.cli import consenting, deciding
from countermark_service.cli.consenting import Room
from countermark_service.cli.console import Console
from countermark_service.exits import Exit, UsageError
from countermark_service.gate import added_sarif, scan_cache
from countermark_service.gate.decision import Decision
from countermark_service.gate.facts import Facts
from countermark_service.gate.limit import DEFAULT_SECONDS, Limit
from countermark_service.gate.speaking import document, text
from countermark_service.gate.speaking.report import Report

OTHERS_HINT = "ask somebody else whom the policy names: countermark person list"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `approve`."""
    parser.add_argument("--head", default="HEAD", metavar="REV", help="the change (default: HEAD)")
    consenting.configure_person(parser)
    parser.add_argument(
        "--take", type=Path, metavar="FILE", help="log what somebody signed elsewhere with --sign-only, and no more"
    )
    consenting.configure(parser)
    scan_cache.configure(parser)
    added_sarif.configure(parser)


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Show what would land and what the gate says of it, then sign; or take in what was signed elsewhere."""
    if args.take is not None:
        with consenting.opened(args) as room:
            consenting.log(_taken(args.take, room), room).say(console)
        return Exit.PASS
    watch = Limit(DEFAULT_SECONDS, console.step)  # it is not running: a person can end this themselves
    report = deciding.decide(_gate_options(args), deciding.Asked(args.head), console, watch)
    with consenting.opened(args) as room:
        person = consenting.person_of(args, room)
        decision = _decided(report)
        _refuse_own(person, decision)
        if not console.json:
            _show(decision, report, console)
        given = consenting.give(_approval(person, decision.facts), room, args)
    if console.json:
        console.document({**given.document(), "files": _files(decision.facts), "gate": document.of(report)})
    else:
        given.say(console)
    return Exit.PASS


def _gate_options(args: argparse.Namespace) -> argparse.Namespace:
    """Ask the gate as it would be asked on this machine, and record nothing."""
    return argparse.Namespace(**{**vars(args), "record": "never", "bootstrap": None})


def _taken(path: Path, room: Room) -> Approval:
    consent = consenting.take(path, [Approval], room)
    if not isinstance(consent, Approval) or consent.repository_id != room.root.repository_id:
        raise UsageError(
            f"{path}: expected an approval for {room.root.repository_id}, found one for another repository"
        )
    return consent


def _decided(report: Report) -> Decision:
    """Return the decision where something can land; what else is wrong with it, the person is shown."""
    decision = report.decision
    if decision is None or decision.facts.change is None:
        reason = report.reasons[0]
        raise UsageError(f"nothing can land, so there is nothing to approve: {reason.message}", hint=reason.hint)
    return decision


def _refuse_own(person: Identity, decision: Decision) -> None:
    """Say now what the gate would say of it later."""
    if person in decision.approvals.acted:
        raise UsageError(f"{person} signed some of this, or is behind an agent that did", hint=OTHERS_HINT)


def _approval(person: Identity, facts: Facts) -> Approval:
    root, change = facts.root, facts.change
    if change is None:
        raise RuntimeError("a decision without a landing tree was refused before")
    return Approval(person, root.repository_id, root.protected_ref, change.tip, change.head, change.listing_sha256)


def _show(decision: Decision, report: Report, console: Console) -> None:
    """Show every file with whom answers for it, and the gate's own words."""
    for row in decision.facts.rows:
        signers = ", ".join(sorted({str(edge.signer) for edge in row.chain})) or "nobody"
        console.data(f"{row.answer.value:<12} {safe(row.path)}  {signers}")
    for line in text.lines(report, console.style):
        console.data(line)


def _files(facts: Facts) -> list[Json]:
    return [
        {"path": safe(row.path), "answer": row.answer.value, "signers": [*sorted({str(e.signer) for e in row.chain})]}
        for row in facts.rows
    ]
