"""`countermark gate`: may this change be merged?"""

from __future__ import annotations

import argparse

from countermark_service.cli import deciding, reporting
from countermark_service.cli.console import Console
from countermark_service.exits import Exit
from countermark_service.gate import speaking
from countermark_service.gate.limit import Limit
from countermark_service.gate.outputs import seen
from countermark_service.gate.speaking.report import Report


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `gate`."""
    parser.add_argument("--head", default="HEAD", metavar="REV", help="the change (default: HEAD)")
    parser.add_argument(
        "--tip", metavar="REV", help="the commit that the change lands on (default: the protected ref's tip)"
    )
    parser.add_argument("--landed", action="store_true", help="the change is what the protected ref became: no merge")
    parser.add_argument(
        "--show-input",
        action="store_true",
        help="print what the rules saw, for `countermark policy check --input`",
    )
    deciding.configure(parser)
    reporting.configure(parser)


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Walk the eight steps; the exit code is the decision's."""
    asked, watch = deciding.Asked(args.head, args.tip, args.landed), Limit.of(args, console)
    speak = _show_input if args.show_input else speaking.speak
    how = reporting.Answering(
        watch,
        decide=lambda: deciding.decide(args, asked, console, watch),
        speak=lambda report: speak(report, console),
    )
    return reporting.answer(reporting.outputs_of(args), args.repository, how)


def _show_input(report: Report, console: Console) -> None:
    if report.decision is None:  # in time; what could not be decided otherwise was raised
        speaking.speak(report, console)
    else:
        console.document(seen.of(report.decision))
