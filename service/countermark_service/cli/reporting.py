"""Saying what was decided, on the console and in files: what `gate` and `ci` share.

Trust: see `countermark_service.gate.outputs.registry` for what may lie at a path.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from countermark_ledger.errors import LedgerError
from countermark_service.exits import Exit
from countermark_service.gate.outputs import registry
from countermark_service.gate.outputs.registry import FORMATS, Output
from countermark_service.gate.outputs.setting import MAX_ANNOTATIONS, Setting
from countermark_service.gate.speaking.report import Report


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `--output`."""
    parser.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="FORMAT=PATH",
        help=f"also write it to a file, as one of {', '.join(FORMATS)}; may be said again",
    )


def outputs_of(args: argparse.Namespace) -> list[Output]:
    """Read the options."""
    return [Output.parse(spelled) for spelled in args.output]


def answer(
    outputs: Sequence[Output],
    checkout: Path,
    *,
    decide: Callable[[], Report],
    speak: Callable[[Report, Setting], None],
    annotations: int = MAX_ANNOTATIONS,
) -> Exit:
    """Decide, speak, and write every file, whatever comes of it; a refusal is written and raised again."""
    registry.clear(outputs, (checkout, Path.cwd()))
    setting = Setting({output.name: output.path.absolute() for output in outputs}, annotations)
    try:
        report = decide()
    except LedgerError as error:
        refused = Report.refused(error)
        registry.write(refused, outputs, setting)
        raise
    speak(report, setting)  # 8
    registry.write(report, outputs, setting)
    return report.exit_code
