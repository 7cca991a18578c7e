"""A scan ran: in-toto test-result v0.1, one statement for all the scanners of a landing tree.

Layer: ledger core. Does no I/O and reads no clock.
Trust: signed by the gate that ran it; names the findings by the digest of their SARIF.
Source: https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .. import shape
from ..canonical import Json
from ..errors import Malformed
from ..statement import Statement, Subject
from .rows import refuse_other_spelling

PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"


class Result(StrEnum):
    """The predicate's three words."""

    PASSED = "PASSED"
    WARNED = "WARNED"
    FAILED = "FAILED"


MAX_SCANNERS = 64


@dataclass(frozen=True, slots=True)
class Ran:
    """One scanner: its version, the digest of its rules (hex sha256), and the date of its data where it has any."""

    scanner: str
    version: str
    rules_sha256: str
    database_date: str | None

    def json(self) -> Json:
        """Spell the scanner."""
        return {
            "name": self.scanner,
            "digest": {"sha256": self.rules_sha256},
            "annotations": {"version": self.version, "databaseDate": self.database_date},
        }

    @classmethod
    def parse(cls, value: Json) -> Ran:
        """Read the scanner."""
        notes = shape.member(value, "annotations")
        return cls(
            shape.text(shape.member(value, "name"), "scanner name"),
            shape.text(shape.member(notes, "version"), "scanner version"),
            _sha256(value, "rules sha256"),
            shape.optional_text(shape.member(notes, "databaseDate"), "databaseDate"),
        )


@dataclass(frozen=True, slots=True)
class Scan:
    """These scanners looked at the landing tree with this listing; `sarif_sha256` names what they found."""

    listing_sha256: str
    ran: tuple[Ran, ...]
    sarif_sha256: str
    result: Result

    def statement(self) -> Statement:
        """Spell the statement."""
        sarif: Json = {"name": "sarif", "digest": {"sha256": self.sarif_sha256}}
        configuration: list[Json] = [*(one.json() for one in self.ran), sarif]
        predicate: dict[str, Json] = {"result": self.result.value, "configuration": configuration}
        return Statement((Subject("landing-tree", {"sha256": self.listing_sha256}),), PREDICATE_TYPE, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> Scan:
        """Accept exactly what `statement` emits."""
        predicate = statement.expect(PREDICATE_TYPE)
        result = shape.text(predicate.get("result"), "result")
        configuration = shape.items(predicate.get("configuration"), "configuration", lambda item: item)
        if result not in set(Result) or not 1 < len(configuration) <= MAX_SCANNERS + 1:
            raise Malformed(f"scan: expected a result, 1 to {MAX_SCANNERS} scanners and their SARIF")
        *ran, sarif = configuration
        parsed = cls(
            shape.hex64(statement.subjects[0].digest.get("sha256"), "landing tree sha256"),
            tuple(Ran.parse(one) for one in ran),
            _sha256(sarif, "SARIF sha256"),
            Result(result),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed


def _sha256(value: Json, where: str) -> str:
    return shape.hex64(shape.member(shape.member(value, "digest"), "sha256"), where)
