"""Answers that scanners gave before, so that only what is new to them is shown to them.

Layer: scanners. Imports `sealed`, `installation` and the shapes of an answer.
Trust: what is found is believed under the operator's key alone (`sealed`); an earlier change that could write to the
cache cannot choose an answer of a later one.

What a kept answer says: this very scanner (its bytes, its rules, our own code around it) read every byte that this
question consults to the end, found these flaws, and in the same run reported the planted ones. So a scan whose
answers all come from here needs no scanner started: what it would say of a planted flaw today adds nothing to what
it said of these bytes then. A scanner is started as soon as one question is unknown, or nothing shows that it ever
saw the planted flaws; then it must see them again. Only whole answers are kept: no failure, no `Unscanned`, for the
next run may do better.
The limits of a run are no part of the question, because an answer that met a limit is one of those.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from countermark_ledger.errors import Malformed

from .errors import ToolMissing
from .finding import Confidence, Hit, Severity
from .installation import Installation
from .report import Unscanned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from countermark_ledger.canonical import Json

    from .scanner import Answers, Scanner
    from .sealed import SealedRecords


_FIELDS = tuple(field.name for field in fields(Hit))


@dataclass(frozen=True, slots=True)
class Known:
    """What earlier runs answered, by key of the question; whether one saw the planted flaws; what was not believed."""

    answers: Answers
    saw: bool
    refused: int


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How many answers a scan needed, how many of them were known, and how many records were not believed."""

    asked: int
    known: int
    refused: int

    def to_json(self) -> dict[str, Json]:
        """Spell the figures."""
        return {"asked": self.asked, "known": self.known, "refused": self.refused}


class AnswerCache:
    """The answers of one set of sealed records. A scanner that can't be told apart from another has none."""

    def __init__(self, records: SealedRecords) -> None:
        self._records = records
        self._installation = Installation(records)
        self._scanners: dict[str, dict[str, Json] | None] = {}

    def known(self, scanner: Scanner, keys: Iterable[str]) -> Known:
        """Look up what this scanner said to these questions."""
        about = self._about(scanner)
        if about is None:
            return Known({}, saw=False, refused=0)
        found = {key: self._records.find(_answer_about(about, key)) for key in keys}
        seen = self._records.find(_sight_of(about))
        answers: Answers = {key: hits for key, one in found.items() if (hits := _read(one.answer)) is not None}
        return Known(answers, seen.answer is True, sum(one.refused for one in (*found.values(), seen)))

    def keep(self, scanner: Scanner, answers: Answers) -> None:
        """Keep the whole answers of a run that reported the planted flaws, and that it did."""
        about = self._about(scanner)
        if about is None:
            return
        self._records.keep(_sight_of(about), True)  # noqa: FBT003  # an answer in JSON, not a switch
        for key, answer in answers.items():
            if not isinstance(answer, Unscanned):
                with suppress(Malformed):  # words that have no canonical spelling are asked for again
                    self._records.keep(_answer_about(about, key), _spelled(answer))

    def _about(self, scanner: Scanner) -> dict[str, Json] | None:
        if scanner.name not in self._scanners:
            self._scanners[scanner.name] = self._identified(scanner)
        return self._scanners[scanner.name]

    def _identified(self, scanner: Scanner) -> dict[str, Json] | None:
        """Say whose answers: all that decides them but the content."""
        try:
            made_of = self._installation.digest(scanner.distributions)
            version, rules = scanner.version(), scanner.rules_sha256()
        except (ToolMissing, OSError):
            return None  # so it is run, and the run says what is missing
        return {"scanner": scanner.name, "version": version, "rules": rules, "installation": made_of}


def _answer_about(about: dict[str, Json], key: str) -> Json:
    return {**about, "kind": "answer", "question": key}


def _sight_of(about: dict[str, Json]) -> Json:
    """Ask whether it ever saw; no file's question, for a change may hold the planted file itself."""
    return {**about, "kind": "saw the planted flaws"}


def _spelled(hits: tuple[Hit, ...]) -> list[Json]:
    return [[getattr(hit, name) for name in _FIELDS] for hit in hits]


def _read(answer: Json) -> tuple[Hit, ...] | None:
    """Read what `_spelled` spells; anything else, which another version of us may have sealed, is no answer."""
    if not isinstance(answer, list):
        return None
    try:
        return tuple(_hit(row) for row in answer)
    except (Malformed, ValueError):  # ValueError: no such severity or confidence
        return None


def _hit(row: Json) -> Hit:
    match row:
        case [
            str(rule),
            int() | None as cwe,
            int(severity),
            int(sure),
            int(line),
            int(column),
            str(text),
            str(fix),
            bool(clears),
        ]:
            return Hit(rule, cwe, Severity(severity), Confidence(sure), line, column, text, fix, clears)
        case _:
            raise Malformed("kept answer: expected the nine fields of a hit")
