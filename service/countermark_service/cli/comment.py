"""`countermark comment`: keep one comment of a pull or merge request up to date.

Apart from `ci`, which needs no network and no token to decide.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from countermark_ledger.errors import LedgerError
from countermark_ledger.git.place import read_regular
from countermark_service.ci import platforms, sticky
from countermark_service.cli.console import Console
from countermark_service.exits import Exit, UsageError
from countermark_service.gate.outputs.comment import MAX_BYTES


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `comment`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the body, as `ci --output comment=FILE` wrote it")
    parser.add_argument(
        "--author", metavar="NAME", help=f"whom our comment is by (default on GitHub: {sticky.GITHUB_AUTHOR})"
    )


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Find our comment and replace it, or make it."""
    body = _body(args.file)
    job = platforms.read(platforms.detect(os.environ), os.environ)
    done = sticky.thread_of(job, os.environ, args.author).put(body)
    if console.json:
        console.document({"comment": done, "number": job.number})
    else:
        console.data(f"comment {done} on number {job.number}")
    return Exit.PASS


def _body(path: Path) -> str:
    try:
        raw = read_regular(path, 2 * MAX_BYTES)
    except LedgerError as error:
        raise UsageError(error.message, hint=sticky.BODY_HINT) from error
    if raw is None:
        raise UsageError(f"{path}: expected the body of a comment, found none", hint=sticky.BODY_HINT)
    return raw.decode("utf-8", "replace")
