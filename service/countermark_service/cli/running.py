"""Running one command: the one place that turns refusals and failures into an exit code."""

from __future__ import annotations

import os
import sys
import traceback

from countermark_ledger.errors import LedgerError
from countermark_service.cli import COMMANDS, manual, parsing
from countermark_service.cli.console import Console, standard
from countermark_service.exits import Exit, code_of


def run(words: list[str]) -> int:
    """Run one command; the return value is the exit code, and 0 is returned on one path only."""
    ours = words[: words.index("--")] if "--" in words else words
    console = standard(json="--json" in ours)
    try:
        return int(_run(words, console))
    except LedgerError as error:
        console.refuse(error.message, error.hint)
        return code_of(error)
    except ModuleNotFoundError as error:
        return _missing(error, console)
    except KeyboardInterrupt:
        console.refuse("interrupted", None)
        return Exit.INTERNAL
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.INTERNAL
    except Exception as error:  # noqa: BLE001 - the outermost place: an unknown failure is never green
        _drop_what_can_not_be_written()
        return _crash(error, console)


def _run(words: list[str], console: Console) -> Exit | int:
    only = next((word for word in words if word in COMMANDS), "")
    args = parsing.build_parser(only).parse_args(words)
    code = parsing.load(args.command).run(args, console)
    sys.stdout.flush()
    return code


def _missing(error: ModuleNotFoundError, console: Console) -> Exit:
    """Say which extra brings a missing library; a missing module of our own is a crash."""
    name = error.name or ""
    if not name or name.startswith("countermark_"):
        return _crash(error, console)
    console.refuse(f"{name} is not installed", manual.how_to_install(name))
    return Exit.USAGE


def _drop_what_can_not_be_written() -> None:
    """Let the interpreter's own last flush go nowhere where it would fail: its exit code would replace ours."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _crash(error: Exception, console: Console) -> Exit:
    """Name the kind of failure and nothing of its detail, which could hold what is private."""
    console.refuse(f"internal error: {type(error).__name__}", "set COUNTERMARK_DEBUG=1 to see where")
    if "COUNTERMARK_DEBUG" in os.environ:
        traceback.print_exception(error)
    return Exit.INTERNAL
