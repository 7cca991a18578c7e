"""The planted file: a scanner that does not report it does not see, whatever else it says.

Layer: scanners. Imports `errors`, `finding` and `report`.
Trust: the file is ours and goes through the same door, under the same kind of name, as the change's files.

Each flaw carries every suppression marker we know, so a tool that still obeys one is blind too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from .errors import ScannerBlind
from .question import Question
from .report import Unscanned

if TYPE_CHECKING:
    from .finding import Hit

    Answer: TypeAlias = tuple[Hit, ...] | Unscanned

KEY = "~canary"  # sorts after every digest, so that a tool that stops half-way has not seen it

SOURCE = b"""\
import pickle
import subprocess


def canary(command, data):
    subprocess.run(command, shell=True)  # nosec  # nosemgrep  # noqa  # type: ignore
    return pickle.loads(data)  # nosec  # nosemgrep  # noqa  # type: ignore
"""


@dataclass(frozen=True, slots=True)
class Planted:
    """A planted file, and the flaws in it: (`Hit.flaw`, line)."""

    question: Question
    flaws: frozenset[tuple[str, int]]

    def check(self, scanner: str, answer: Answer) -> None:
        """Return when the planted flaws were reported, each on its line; raise `ScannerBlind` otherwise."""
        if isinstance(answer, Unscanned):
            raise ScannerBlind(f"{scanner}: expected to read the planted file, found: {answer.reason}")
        missed = self.flaws - {(hit.flaw, hit.line) for hit in answer}
        if missed:
            names = ", ".join(f"{flaw} on line {line}" for flaw, line in sorted(missed))
            raise ScannerBlind(f"{scanner}: expected the planted {names}, found nothing there")


PYTHON = Planted(Question("python", SOURCE), frozenset({("CWE-78", 6), ("CWE-502", 7)}))
