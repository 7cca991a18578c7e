"""One decision from the command line: the options that `gate` and `ci` share, and what is done with them.

Trust: pins come from options or from this machine's own configuration, never from the checkout.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import dataclass, replace

from countermark_ledger.errors import LedgerError
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Kind
from countermark_service.cli.console import Console
from countermark_service.cli.pinning import (
    configure_pins,
    configure_sources,
    home_of,
    ledger_of,
    mirrors_of,
    pin_of,
    seen_status,
    sources_of,
)
from countermark_service.embedded import Embedded, utc_now
from countermark_service.exits import UsageError
from countermark_service.gate import added_sarif, limit, recording, scan_cache, steps
from countermark_service.gate.decision import Decision
from countermark_service.gate.limit import Limit
from countermark_service.gate.scanning import scan_landing
from countermark_service.gate.speaking.report import Report
from countermark_service.gate.stricter import NOTHING_MORE, Stricter
from countermark_service.home import Home


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be decided: a revision that would be merged, on which one (default: the protected ref's tip).

    `landed` says that the head is what the protected ref became: see `Pin`. `stricter` is what a job asks for on top
    of the policy.
    """

    head: str
    tip: str | None = None
    landed: bool = False
    stricter: Stricter = NOTHING_MORE


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe what every decision can be told: the pins, where the evidence is, and who signs the verdict."""
    configure_pins(parser)
    parser.add_argument(
        "--protected-ref", metavar="REF", help="where the change would land (default: as set up on this machine)"
    )
    parser.add_argument("--bootstrap", metavar="DIGEST", help="vouch for a first policy that is not at the tip yet")
    configure_sources(parser)
    parser.add_argument(
        "--record",
        choices=("auto", "required", "never"),
        default="auto",
        help="sign the verdict: where a gate identity is at hand, always, or never",
    )
    scan_cache.configure(parser)
    added_sarif.configure(parser)
    limit.configure(parser)


def decide(args: argparse.Namespace, asked: Asked, console: Console, watch: Limit) -> Report:
    """Walk the gate's steps 1 to 7 with the options' pins, sources and record, under a limit that is running."""
    home = home_of(args)
    with ExitStack() as stack:
        repository = stack.enter_context(Repository.open(args.repository))
        embedded = stack.enter_context(ledger_of(home))
        decision = _decide(args, asked, console, watch, repository, _Own(home, embedded))
        if asked.stricter != NOTHING_MORE:
            decision = asked.stricter.weigh(decision)
        if args.record != "never":
            decision = _record(decision, embedded, required=args.record == "required")
        return Report(decision, signed=_bundle(decision, embedded))


def _bundle(decision: Decision, embedded: Embedded | None) -> bytes | None:
    """Read the verdict back as it was logged."""
    return embedded.store.blob(decision.verdict).data if embedded and decision.verdict else None


@dataclass(frozen=True, slots=True)
class _Own:
    """What `init` left on this machine, if it ran here: the private folder, and its ledger."""

    home: Home | None
    embedded: Embedded | None


def _decide(
    args: argparse.Namespace, asked: Asked, console: Console, watch: Limit, repository: Repository, own: _Own
) -> Decision:
    home, sources = own.home, sources_of(args, repository, own.embedded)
    with console.progress(), scan_cache.opened(scan_cache.chosen(args, home), console.say) as cache:
        scan = scan_landing(watch.step, cache, added_sarif.read(args))
        ports = steps.Ports(sources, scan, watch.step, mirrors_of(args), watch.began)
        pin = pin_of(args, home, args.protected_ref)
        pin = replace(pin, bootstrap=args.bootstrap, tip=asked.tip, landed=asked.landed)
        seen = seen_status(args, home)
        decision = steps.run(repository, pin, head=asked.head, at=utc_now(), seen_status=seen, ports=ports)
    if home and decision.facts.status:
        home.saw_status(decision.facts.status)
    return decision


def _record(decision: Decision, embedded: Embedded | None, *, required: bool) -> Decision:
    """Sign the verdict where that is possible; `required` turns every obstacle into a refusal."""
    if embedded is None:
        if required:
            raise UsageError("--record required: expected a gate identity here, found none", hint="countermark init")
        return decision
    if decision.facts.change is None and not required:
        return decision
    try:
        return recording.record(decision, embedded, embedded.enrolled(Kind.GATE, "local"))
    except UsageError:
        if required:
            raise
        return decision
    except LedgerError as error:
        return decision.unrecorded(error)
