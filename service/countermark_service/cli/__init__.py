"""`countermark`: one word a command, each imported only when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn, Protocol, cast

from countermark_ledger import __version__
from countermark_ledger.errors import LedgerError
from countermark_service.cli.console import Console, standard
from countermark_service.exits import MEANING, Exit, UsageError, code_of

COMMANDS = {
    "init": "set up keys, trust root and policy for a repository",
    "agent": "add, list and revoke agents",
    "person": "add and list people and their SSH keys",
    "record": "run a command as an agent and sign what it changed",
    "sign": "sign changes already made, as an agent",
    "claim": "sign changes as your own",
    "scan": "scan a change and score it",
    "gate": "decide whether a change may be merged",
    "verify": "verify one bundle, offline",
    "blame": "show who accounts for each line of a file",
    "log": "checkpoint, prove, verify, fsck and export the ledger",
    "status": "show and renew the revocation status",
    "bundles": "push and fetch bundles through a git ref",
    "trust-root": "print the trust root, also for sigstore and cosign",
    "completions": "print completions for your shell",
}
"""Every command and what it is for; docs and completions are compared with this table by tests."""

DESCRIPTION = "Know who wrote the code when agents write it, and whether it is safe to merge."
EXIT_CODES = "exit codes:\n" + "\n".join(f"  {code.value:>2}  {meaning}" for code, meaning in MEANING.items())


class Command(Protocol):
    """What a command module provides."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add arguments, description and examples to the command's own parser."""

    def run(self, args: argparse.Namespace, console: Console) -> Exit | int:
        """Do it, and return the exit code; refusals are raised."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose refusals read like every other refusal."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting, so that one place prints and one table gives the code."""
        raise UsageError(message, hint=f"{self.prog} --help")


def load(name: str) -> Command:
    """Import one command's module."""
    module = importlib.import_module(f"countermark_service.cli.{name.replace('-', '_')}")
    return cast("Command", module)


def add_parser(commands: argparse._SubParsersAction[Parser], name: str) -> None:
    """Add one command's parser to the tree."""
    summary = COMMANDS[name]
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print data as one JSON document")
    load(name).configure(parser)


def build_parser(only: str | None = None) -> Parser:
    """Build the parser; with `only`, import no other command."""
    parser = Parser(
        prog="countermark",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"countermark {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, summary in COMMANDS.items():
        if only in (None, name):
            add_parser(commands, name)
        else:
            commands.add_parser(name, help=summary)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit code, and 0 is returned on one path only."""
    words = list(sys.argv[1:] if argv is None else argv)
    ours = words[: words.index("--")] if "--" in words else words
    console = standard(json="--json" in ours)
    try:
        return int(_run(words, console))
    except LedgerError as error:
        console.refuse(error.message, error.hint)
        return code_of(error)
    except ModuleNotFoundError as error:
        console.refuse(f"{error.name} is not installed", "pip install 'countermark[all]'")
        return Exit.USAGE
    except KeyboardInterrupt:
        console.refuse("interrupted", None)
        return Exit.INTERNAL
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.INTERNAL
    except Exception as error:  # noqa: BLE001 - the outermost place: an unknown failure is never green
        console.refuse(f"internal error: {type(error).__name__}", "set COUNTERMARK_DEBUG=1 to see where")
        if "COUNTERMARK_DEBUG" in os.environ:
            traceback.print_exc()
        return Exit.INTERNAL


def _run(words: list[str], console: Console) -> Exit | int:
    only = next((word for word in words if word in COMMANDS), "")
    args = build_parser(only).parse_args(words)
    return load(args.command).run(args, console)
