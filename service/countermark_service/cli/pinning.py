"""What every question about a repository is pinned to, and where its evidence is: options that commands share.

Trust: pins come from options or from this machine's own configuration, never from the checkout.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from countermark_ledger.git import place
from countermark_ledger.git.reader import Repository
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import UsageError
from countermark_service.gate.mirror_store import Places
from countermark_service.gate.root import Pin
from countermark_service.home import Home, home_of_checkout
from countermark_service.sources import BUNDLE_REF, Source, from_directory, from_ledger, from_ref

NO_HOME_HINT = "countermark init"


def configure_pins(parser: argparse.ArgumentParser) -> None:
    """Describe the checkout and what is pinned of it."""
    parser.add_argument("--repository", default=".", type=Path, metavar="PATH", help="the checkout (default: here)")
    parser.add_argument(
        "--repository-id", metavar="ID", help="the pinned id (default: what `init` set up on this machine)"
    )
    parser.add_argument("--trust-root", metavar="DIGEST", help="sha256:... of the pinned trust root (same default)")


def configure_sources(parser: argparse.ArgumentParser) -> None:
    """Describe where bundles are, beside this machine's own ledger."""
    parser.add_argument("--bundles", type=Path, metavar="DIR", help="read bundles from a directory as well")
    parser.add_argument(
        "--bundle-ref",
        action="append",
        metavar="REF",
        help=f"and from a ref, which may be said again (default: {BUNDLE_REF})",
    )
    parser.add_argument(
        "--mirror", type=Path, metavar="DIR", help="where the mirror's commits are, if not in the checkout's own git"
    )
    parser.add_argument(
        "--seen-status", type=int, default=0, metavar="N", help="refuse a revocation status older than number N"
    )


def home_of(args: argparse.Namespace) -> Home | None:
    """Return the operator's private folder; without one, everything must be pinned on the command line."""
    try:
        return home_of_checkout(place.find(args.repository).common_dir)
    except UsageError as error:
        if args.repository_id and args.trust_root:
            return None
        raise UsageError(error.message, hint=NO_HOME_HINT) from error


def pin_of(args: argparse.Namespace, home: Home | None, protected_ref: str | None) -> Pin:
    """Pin what the options give, and what they leave out as this machine has it."""
    config = home.config() if home else None
    repository_id = args.repository_id or (config.repository_id if config else None)
    trust_root = args.trust_root or (config.trust_root if config else None)
    protected_ref = protected_ref or (config.protected_ref if config else None)
    if not repository_id or not trust_root or not protected_ref:
        raise UsageError(
            "expected --repository-id, --trust-root and --protected-ref together", hint="countermark gate --help"
        )
    return Pin(repository_id, trust_root, protected_ref)


@contextmanager
def ledger_of(home: Home | None) -> Iterator[Embedded | None]:
    """Open this machine's ledger, where there is one."""
    if home is None or not home.database.exists():
        yield None
        return
    with opened(home) as embedded:
        yield embedded


def sources_of(args: argparse.Namespace, repository: Repository, embedded: Embedded | None) -> tuple[Source, ...]:
    """Name every source: the bundle refs, a directory, this machine's ledger."""
    sources: list[Source] = [from_ref(repository, ref) for ref in args.bundle_ref or (BUNDLE_REF,)]
    sources += [from_directory(args.bundles)] if args.bundles else []
    sources += [from_ledger(embedded)] if embedded else []
    return tuple(sources)


def mirrors_of(args: argparse.Namespace) -> Places:
    """Say where the submodule of evidence may be: where the operator says, and where a recursive clone puts it."""
    named = [place.find(args.mirror).git_dir] if args.mirror else []

    def places(path: str) -> list[Path]:
        cloned = place.submodule(place.find(args.repository), path)
        return [*named, *([cloned] if cloned else [])]

    return places


def seen_status(args: argparse.Namespace, home: Home | None) -> int:
    """Return the highest status number that the operator or this machine ever saw."""
    given: int = args.seen_status
    return max(given, home.seen_status() if home else 0)
