"""Saying what was decided, on the console and in files: what `gate` and `ci` share.

Trust: see `countermark_service.gate.outputs.registry` for what may lie at a path.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from countermark_ledger.errors import LedgerError
from countermark_service.exits import Exit
from countermark_service.gate.limit import Limit
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


@dataclass(frozen=True, slots=True)
class Answering:
    """How to decide, in what time, and how to say it: `speak` is for a decision, `annotate` for a refusal as well."""

    watch: Limit
    decide: Callable[[], Report]
    speak: Callable[[Report], None]
    annotate: Callable[[Report, Setting], None] = lambda _report, _setting: None
    annotations: int = MAX_ANNOTATIONS


def answer(outputs: Sequence[Output], checkout: Path, how: Answering) -> Exit:
    """Decide in time, speak, and write every file, whatever comes of it; a refusal is written and raised again."""
    registry.clear(outputs, (checkout, Path.cwd()))
    setting = Setting({output.name: output.path.absolute() for output in outputs}, how.annotations)

    def say(report: Report) -> None:
        how.speak(report)  # 8
        how.annotate(report, setting)
        registry.write(report, outputs, setting)

    with how.watch.running(say):
        try:
            report = how.decide()
        except LedgerError as error:
            how.watch.speaks()
            refused = Report.refused(error)
            how.annotate(refused, setting)
            registry.write(refused, outputs, setting)
            error.hint = refused.reasons[0].hint
            raise
        how.watch.speaks()
        say(report)
    return report.exit_code
