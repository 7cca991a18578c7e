"""The parser of the whole command line: a page of the manual for every command, and only one command imported."""

from __future__ import annotations

import argparse
import importlib
from typing import Protocol, cast

from countermark_ledger import __version__
from countermark_ledger.arguments import Parser
from countermark_service.cli import COMMANDS, manual
from countermark_service.cli.console import Console
from countermark_service.exits import Exit

DESCRIPTION = "Know who wrote the code when agents write it, and whether it is safe to merge."
JSON_HELP = "print data as one JSON document"
_Plain = argparse.RawDescriptionHelpFormatter


class Command(Protocol):
    """What a command module provides."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add arguments to the command's own parser; the manual has its description and examples."""

    def run(self, args: argparse.Namespace, console: Console) -> Exit | int:
        """Do it, and return the exit code; refusals are raised."""


def load(name: str) -> Command:
    """Import one command's module."""
    module = importlib.import_module(f"countermark_service.cli.{name.replace('-', '_')}")
    return cast("Command", module)


def add_parser(commands: argparse._SubParsersAction[Parser], name: str) -> None:
    """Add one command's parser to the tree."""
    page = manual.PAGES[name]
    parser = commands.add_parser(
        name,
        help=COMMANDS[name],
        description=page.description,
        epilog=page.epilog(),
        formatter_class=_Plain,
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    load(name).configure(parser)


def build_parser(only: str | None = None) -> Parser:
    """Build the parser; with `only`, import no other command."""
    parser = Parser(
        prog="countermark",
        description=DESCRIPTION,
        epilog=f"{manual.MORE}\n\n{manual.EXIT_CODES}",
        formatter_class=_Plain,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"countermark {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, summary in COMMANDS.items():
        if only in (None, name):
            add_parser(commands, name)
        else:
            commands.add_parser(name, help=summary)
    return parser
