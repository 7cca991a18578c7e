"""One decision from the command line: the options that `gate` and `ci` share, and what is done with them.

Trust: pins come from options or from this machine's own configuration, never from the checkout.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from countermark_ledger.errors import LedgerError
from countermark_ledger.git import place
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Kind
from countermark_service.cli.console import Console
from countermark_service.embedded import Embedded, opened, utc_now
from countermark_service.exits import UsageError
from countermark_service.gate import recording, scan_cache, steps
from countermark_service.gate.decision import Decision
from countermark_service.gate.root import Pin
from countermark_service.gate.scanning import scan_landing
from countermark_service.home import Home, home_of_checkout
from countermark_service.sources import BUNDLE_REF, Source, from_directory, from_ledger, from_ref

NO_HOME_HINT = (
    "countermark init   or, without its keys: countermark gate --repository-id ID --trust-root DIGEST"
    " --protected-ref REF"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be decided: a revision that would be merged, on which one (default: the protected ref's tip).

    `landed` says that the head is what the protected ref became: see `Pin`.
    """

    head: str
    tip: str | None = None
    landed: bool = False


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe what every decision can be told: the pins, where the evidence is, and who signs the verdict."""
    parser.add_argument("--repository", default=".", type=Path, metavar="PATH", help="the checkout (default: here)")
    parser.add_argument(
        "--repository-id", metavar="ID", help="the pinned id (default: what `init` set up on this machine)"
    )
    parser.add_argument("--trust-root", metavar="DIGEST", help="sha256:... of the pinned trust root (same default)")
    parser.add_argument(
        "--protected-ref", metavar="REF", help="where the change would land (default: as set up on this machine)"
    )
    parser.add_argument("--bootstrap", metavar="DIGEST", help="vouch for a first policy that is not at the tip yet")
    parser.add_argument("--bundles", type=Path, metavar="DIR", help="read bundles from a directory as well")
    parser.add_argument(
        "--bundle-ref", default=BUNDLE_REF, metavar="REF", help=f"and from a ref (default: {BUNDLE_REF})"
    )
    parser.add_argument(
        "--seen-status", type=int, default=0, metavar="N", help="refuse a revocation status older than number N"
    )
    parser.add_argument(
        "--record",
        choices=("auto", "required", "never"),
        default="auto",
        help="sign the verdict: where a gate identity is at hand, always, or never",
    )
    scan_cache.configure(parser)


def decide(args: argparse.Namespace, asked: Asked, console: Console) -> Decision:
    """Walk the gate's steps 1 to 7 with the options' pins, sources and record."""
    home = _home(args)
    with ExitStack() as stack:
        repository = stack.enter_context(Repository.open(args.repository))
        embedded = stack.enter_context(_ledger(home))
        decision = _decide(args, asked, console, repository, _Own(home, embedded))
        if args.record != "never":
            decision = _record(decision, embedded, required=args.record == "required")
    return decision


@dataclass(frozen=True, slots=True)
class _Own:
    """What `init` left on this machine, if it ran here: the private folder, and its ledger."""

    home: Home | None
    embedded: Embedded | None


def _decide(args: argparse.Namespace, asked: Asked, console: Console, repository: Repository, own: _Own) -> Decision:
    sources: list[Source] = [from_ref(repository, args.bundle_ref)]
    sources += [from_directory(args.bundles)] if args.bundles else []
    sources += [from_ledger(own.embedded)] if own.embedded else []
    home = own.home
    with console.progress(), scan_cache.opened(scan_cache.chosen(args, home), console.say) as cache:
        ports = steps.Ports(tuple(sources), scan_landing(console.step, cache), console.step)
        seen = max(args.seen_status, home.seen_status() if home else 0)
        pin = _pin(args, asked, home)
        decision = steps.run(repository, pin, head=asked.head, at=utc_now(), seen_status=seen, ports=ports)
    if home and decision.facts.status:
        home.saw_status(decision.facts.status)
    return decision


def _home(args: argparse.Namespace) -> Home | None:
    """Return the operator's private folder; without one, everything must be pinned on the command line."""
    try:
        return home_of_checkout(place.find(args.repository).common_dir)
    except UsageError as error:
        if args.repository_id and args.trust_root:
            return None
        raise UsageError(error.message, hint=NO_HOME_HINT) from error


def _pin(args: argparse.Namespace, asked: Asked, home: Home | None) -> Pin:
    config = home.config() if home else None
    repository_id = args.repository_id or (config.repository_id if config else None)
    trust_root = args.trust_root or (config.trust_root if config else None)
    protected_ref = args.protected_ref or (config.protected_ref if config else None)
    if not repository_id or not trust_root or not protected_ref:
        raise UsageError(
            "expected --repository-id, --trust-root and --protected-ref together", hint="countermark gate --help"
        )
    return Pin(repository_id, trust_root, protected_ref, args.bootstrap, asked.tip, asked.landed)


@contextmanager
def _ledger(home: Home | None) -> Iterator[Embedded | None]:
    if home is None or not home.database.exists():
        yield None
        return
    with opened(home) as embedded:
        yield embedded


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
