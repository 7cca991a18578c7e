"""`countermark gate`: may this change be merged?"""

from __future__ import annotations

import argparse

from countermark_service.cli import deciding, reporting
from countermark_service.cli.console import Console
from countermark_service.exits import Exit
from countermark_service.gate import speaking


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `gate`."""
    parser.add_argument("--head", default="HEAD", metavar="REV", help="the change (default: HEAD)")
    parser.add_argument(
        "--tip", metavar="REV", help="the commit that the change lands on (default: the protected ref's tip)"
    )
    parser.add_argument("--landed", action="store_true", help="the change is what the protected ref became: no merge")
    deciding.configure(parser)
    reporting.configure(parser)


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Walk the eight steps; the exit code is the decision's."""
    asked = deciding.Asked(args.head, args.tip, args.landed)
    how = reporting.Answering(
        decide=lambda: deciding.decide(args, asked, console), speak=lambda report: speaking.speak(report, console)
    )
    return reporting.answer(reporting.outputs_of(args), args.repository, how)
