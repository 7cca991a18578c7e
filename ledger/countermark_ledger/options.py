"""The options of `verify`, in one table: the ledger's own command and the service's read the same ones.

Layer: ledger core, the way in. Imports nothing of ours; does no I/O and reads no clock.
Trust: the words are the caller's. `read` guesses nothing: a line that is not plainly well formed is no line to it.

Building an `argparse` parser takes longer than verifying a bundle does. So a plain line is read here, and whatever
else there is (help, an abbreviation, a mistake) is left to `arguments`, which says what is wrong with it. A test
pins that a line which both read means the same to both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

COMMAND = "verify"


class Option(NamedTuple):
    """One option. Without a `metavar` it takes no value; `dest` is its name in what was `Asked`."""

    name: str
    metavar: str | None
    help: str
    repeatable: bool = False

    @property
    def dest(self) -> str:
        """Name the attribute that holds the value."""
        return self.name.removeprefix("--").replace("-", "_")


TRUST_ROOT = Option("--trust-root", "PATH", "what you pin")
OPTIONS = (
    TRUST_ROOT,
    Option(
        "--certificate-proof",
        "PATH",
        "that the certificate is in the certificate log (default: BUNDLE's name with .certificate.tlog-proof)",
    ),
    Option("--identity", "URI", "who must have signed, compared exactly"),
    Option("--predicate-type", "URI", "what the statement must be, compared exactly"),
    Option(
        "--status",
        "BUNDLE",
        "check revocation against a status, its proof beside it (repeatable: the newest counts)",
        repeatable=True,
    ),
    Option("--at", "TIME", "the time to decide at, YYYY-MM-DDTHH:MM:SSZ (default: now)"),
    Option("--require-witnesses", None, "refuse a checkpoint without the pinned quorum of witnesses"),
)
JSON = Option("--json", None, "print the answer as one JSON document")
_BY_NAME = {option.name: option for option in (*OPTIONS, JSON)}


class Asked:
    """What one line asks for, as it was typed. An `argparse.Namespace` of the same options has the same attributes."""

    def __init__(self) -> None:
        self.bundle = ""
        self.files: list[str] = []
        self.trust_root = ""
        self.certificate_proof: str | None = None
        self.identity: str | None = None
        self.predicate_type: str | None = None
        self.status: list[str] = []
        self.at: str | None = None
        self.require_witnesses = False
        self.json = False


def read(words: Sequence[str]) -> Asked | None:
    """Read `verify`, options, BUNDLE and its FILEs in one run, options. None is any other line."""
    asked, named, left, ended = Asked(), list[str](), iter(words), False
    if next(left, None) != COMMAND:
        return None
    for word in left:
        if word in _BY_NAME:
            ended = bool(named)
            if not _set(asked, _BY_NAME[word], left):
                return None
        elif ended or word.startswith("-"):
            return None
        else:
            named.append(word)
    asked.bundle, asked.files = "".join(named[:1]), named[1:]
    return asked if named and asked.trust_root else None


def _set(asked: Asked, option: Option, left: Iterator[str]) -> bool:
    """Set an option, to the next word where it takes a value; False when there is none, or another option."""
    if option.metavar is None:
        setattr(asked, option.dest, True)
        return True
    value = next(left, "-")
    if option.repeatable:
        getattr(asked, option.dest).append(value)
    else:
        setattr(asked, option.dest, value)
    return not value.startswith("-")
