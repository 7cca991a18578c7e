"""`verify` as a command: options in, an answer on stdout, a refusal on stderr, an exit code out.

Layer: ledger core, the way in. Imports `canonical`, `errors` and `display`; the rest once there is work for it.
Trust: nothing is read but the files that are named, and nothing at all from the directory it runs in.

`main` returns 0 on its last line and nowhere else. Every refusal that is not in the table, every exception and
every failure to write the answer is another code.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from . import __version__, canonical, errors
from .display import safe
from .errors import LedgerError, UsageError

if TYPE_CHECKING:
    from .answer import Answer

PASS, INTERNAL = 0, 1
CODES: tuple[tuple[type[LedgerError], int], ...] = (
    (errors.UsageError, 2),
    (errors.Revoked, 13),
    (errors.StatusExpired, 20),
    (errors.TooLarge, 20),
    (errors.Forged, 12),
    (errors.Malformed, 12),
    (errors.UnsafeKey, 2),
)
"""The first class that fits gives the code; a class that is not here is an internal error."""
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


class Parser(argparse.ArgumentParser):
    """An argument parser whose refusals read like every other refusal."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting, so that one place prints and one table gives the code."""
        raise UsageError(message, hint=f"{self.prog} --help")


def configure(parser: argparse.ArgumentParser, *, trust_root_required: bool) -> None:
    """Describe `verify`."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="a Sigstore bundle (*.sigstore.json)")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="content that must be among the subjects")
    parser.add_argument("--trust-root", type=Path, required=trust_root_required, metavar="PATH", help="what you pin")
    parser.add_argument(
        "--certificate-proof",
        type=Path,
        metavar="PATH",
        help="that the certificate is in the certificate log (default: BUNDLE's name with .certificate.tlog-proof)",
    )
    parser.add_argument("--identity", metavar="URI", help="who must have signed, compared exactly")
    parser.add_argument("--predicate-type", metavar="URI", help="what the statement must be, compared exactly")
    parser.add_argument(
        "--status",
        action="append",
        default=[],
        type=Path,
        metavar="BUNDLE",
        help="check revocation against a status, its proof beside it (repeatable: the newest counts)",
    )
    parser.add_argument("--at", metavar="TIME", help="the time to decide at, YYYY-MM-DDTHH:MM:SSZ (default: now)")
    parser.add_argument(
        "--require-witnesses", action="store_true", help="refuse a checkpoint without the pinned quorum of witnesses"
    )


def answer_to(args: argparse.Namespace, trust_root: Path, pinned: str | None = None) -> Answer:
    """Answer; `pinned` is the digest that the trust root must have, where the caller knows one. Raises refusals."""
    from . import answer  # noqa: PLC0415 - the help needs no cryptography

    question = answer.Question(
        bundle=args.bundle,
        files=tuple(args.files),
        certificate_proof=args.certificate_proof or beside(args.bundle),
        statuses=tuple((path, beside(path)) for path in args.status),
        identity=args.identity,
        predicate_type=args.predicate_type,
        at=args.at,
        require_witnesses=args.require_witnesses,
    )
    return answer.to(question, answer.read_trust_root(trust_root, pinned))


def beside(bundle: Path) -> Path:
    """Name the certificate proof that lies beside a bundle in every collection."""
    return bundle.parent / (bundle.name.removesuffix(".sigstore.json") + ".certificate.tlog-proof")


def main(words: Sequence[str]) -> int:
    """Run the command; the return value is the exit code."""
    try:
        args = _parser().parse_args(words)
        answer = answer_to(args, args.trust_root)
        _write([canonical.dumps(answer.document()).decode()] if args.json else map(safe, answer.lines()))
    except LedgerError as error:
        return _refuse(error.message, error.hint, code_of(error))
    except KeyboardInterrupt:
        return _refuse("interrupted", None, INTERNAL)
    except OSError as error:
        _drop_output()
        return _refuse(f"output: {error.strerror}", None, INTERNAL)
    except Exception as error:  # noqa: BLE001 - the outermost place: an unknown failure is never green
        return _refuse(f"internal error: {type(error).__name__}", None, INTERNAL)
    return PASS


def code_of(error: LedgerError) -> int:
    """Return the exit code of a refusal."""
    return next((code for kind, code in CODES if isinstance(error, kind)), INTERNAL)


def _parser() -> Parser:
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
        "verify",
        help=SUMMARY,
        description=DESCRIPTION,
        epilog=f"{EXAMPLES}\n\n{MEANING}",
        formatter_class=_Plain,
        allow_abbrev=False,
    )
    configure(verify, trust_root_required=True)
    verify.add_argument("--json", action="store_true", help="print the answer as one JSON document")
    return parser


_Plain = argparse.RawDescriptionHelpFormatter


def _write(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _refuse(message: str, hint: str | None, code: int) -> int:
    sys.stderr.write(f"countermark: {safe(message)}\n" + (f"hint: {safe(hint)}\n" if hint else ""))
    return code


def _drop_output() -> None:
    """Let the interpreter's own last flush go nowhere: its complaint would come after ours."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
