"""`verify` for `argparse`: its help, and what is wrong with a line that `options` did not read.

Layer: ledger core, the way in. Imports `options` and `errors`; does no I/O but what `--help` and `--version` print.
Trust: the words are the caller's.
"""

from __future__ import annotations

import argparse
from typing import NoReturn

from . import __version__
from .errors import UsageError
from .options import COMMAND, JSON, OPTIONS, TRUST_ROOT, Option

MEANING = """\
exit codes:
   0  verified
   1  internal error
   2  wrong usage, or a file that can't be read
  12  forged, altered or inconsistent evidence
  13  revoked
  20  inconclusive: the status expired, or a file is too large"""
EXAMPLES = """\
examples:
  python -I -m countermark_ledger verify 3f/3f21.sigstore.json --trust-root trust-root.json
  python -I -m countermark_ledger verify B.sigstore.json app.py --trust-root T --identity spiffe://example.com/agent/a"""
SUMMARY = "verify one bundle, offline"
DESCRIPTION = """\
Verify one bundle from files alone, against the trust root that you pin: who signed which files, when, and where
it stands in the log. Nothing is fetched, and nothing is read but the files named here."""
_Plain = argparse.RawDescriptionHelpFormatter


class Parser(argparse.ArgumentParser):
    """An argument parser whose refusals read like every other refusal."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting, so that one place prints and one table gives the code."""
        raise UsageError(message, hint=f"{self.prog} --help")

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> object:
        """Refuse `--option=--`: some versions of `argparse` take the value away and go on without one."""
        if action.option_strings and arg_strings == ["--"]:
            self.error(f"argument {action.option_strings[0]}: expected a value, found --")
        return super()._get_values(action, arg_strings)


def configure(parser: argparse.ArgumentParser, *, trust_root_required: bool) -> None:
    """Describe `verify`."""
    parser.add_argument("bundle", metavar="BUNDLE", help="a Sigstore bundle (*.sigstore.json)")
    parser.add_argument("files", nargs="*", metavar="FILE", help="content that must be among the subjects")
    for option in OPTIONS:
        _add(parser, option, required=trust_root_required and option is TRUST_ROOT)


def build() -> Parser:
    """Build the parser of the ledger's own command."""
    parser = Parser(
        prog="python -I -m countermark_ledger",
        description=DESCRIPTION,
        epilog=MEANING,
        formatter_class=_Plain,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"countermark {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    verify = commands.add_parser(
        COMMAND,
        help=SUMMARY,
        description=DESCRIPTION,
        epilog=f"{EXAMPLES}\n\n{MEANING}",
        formatter_class=_Plain,
        allow_abbrev=False,
    )
    configure(verify, trust_root_required=True)
    _add(verify, JSON, required=False)
    return parser


def _add(parser: argparse.ArgumentParser, option: Option, *, required: bool) -> None:
    if option.metavar is None:
        parser.add_argument(option.name, action="store_true", help=option.help)
    elif option.repeatable:
        parser.add_argument(option.name, action="append", default=[], metavar=option.metavar, help=option.help)
    else:
        parser.add_argument(option.name, required=required, metavar=option.metavar, help=option.help)
