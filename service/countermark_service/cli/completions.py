"""`countermark completions`: what a shell needs to complete every command and option."""

from __future__ import annotations

import argparse

import shtab

from countermark_service.cli import parsing
from countermark_service.cli.console import Console
from countermark_service.exits import Exit

SHELLS = ("bash", "zsh", "tcsh")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `completions`."""
    parser.add_argument("shell", choices=SHELLS, help="your shell")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Print the script for the whole parser."""
    script = shtab.complete(parsing.build_parser(), shell=args.shell)
    if console.json:
        console.document({"shell": args.shell, "script": script})
    else:
        console.data(script)
    return Exit.PASS
