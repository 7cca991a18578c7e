"""`countermark verify`: the ledger's own verifier, with this checkout's trust root where none is named."""

from __future__ import annotations

import argparse
from pathlib import Path

from countermark_ledger import arguments, command
from countermark_ledger.display import safe
from countermark_ledger.errors import GitError, UsageError
from countermark_ledger.git import place
from countermark_service.cli.console import Console
from countermark_service.exits import Exit
from countermark_service.home import home_of_checkout

TRUST_ROOT = Path(".countermark", "trust-root.json")
NAME_IT = "countermark verify BUNDLE --trust-root trust-root.json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `verify`."""
    arguments.configure(parser, trust_root_required=False)


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Verify, and say what held."""
    trust_root, pinned = local_trust_root() if args.trust_root is None else (args.trust_root, None)
    answer = command.answer_to(args, trust_root, pinned)
    if console.json:
        console.document(answer.document())
    else:
        for line in answer.lines():
            console.data(safe(line))
    return Exit.PASS


def local_trust_root() -> tuple[Path, str]:
    """Return the checkout's trust root and the digest it must have, which this machine pinned at `init`."""
    try:
        found = place.find(Path.cwd())
        pinned = home_of_checkout(found.common_dir).config().trust_root
    except (GitError, UsageError) as error:
        raise UsageError(f"--trust-root: expected one, found none here: {error.message}", hint=NAME_IT) from error
    return found.git_dir.parent / TRUST_ROOT, pinned
