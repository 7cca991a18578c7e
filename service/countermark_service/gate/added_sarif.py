"""Reports of other tools that an operator adds to a scan, as files in SARIF 2.1.0.

Trust: a file can only cost the change points (`countermark_scanners.third_party`). One that can't be read is no answer:
an operator who asked for it would take silence for clean.
"""

from __future__ import annotations

import argparse
import os
import stat
from pathlib import Path

from countermark_scanners import third_party
from countermark_scanners.third_party import ThirdParty
from countermark_service.exits import UsageError

HINT = "countermark gate --help"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `--add-sarif`."""
    parser.add_argument(
        "--add-sarif",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="another tool's SARIF about the change: its findings cost points too; may be said again",
    )


def read(args: argparse.Namespace) -> tuple[ThirdParty, ...]:
    """Read every file that was named, whole, or raise."""
    return tuple(one for path in args.add_sarif for one in third_party.read(_bytes(path)))


def _bytes(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError(f"--add-sarif {path}: expected a regular file", hint=HINT)
            return file.read(third_party.MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"--add-sarif {path}: {error.strerror}", hint=HINT) from error
