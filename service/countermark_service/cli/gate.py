"""`countermark gate`: may this change be merged?"""

from __future__ import annotations

import argparse

from countermark_service.cli import deciding
from countermark_service.cli.console import Console
from countermark_service.exits import Exit
from countermark_service.gate import speaking


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `gate`."""
    parser.add_argument("--head", default="HEAD", metavar="REV", help="the change (default: HEAD)")
    deciding.configure(parser)


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Walk the eight steps; the exit code is the decision's."""
    decision = deciding.decide(args, deciding.Asked(args.head), console)
    speaking.speak(decision, console)  # 8
    return decision.exit_code
