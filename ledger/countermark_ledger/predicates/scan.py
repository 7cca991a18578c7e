"""A scan ran: in-toto test-result v0.1, one statement a scanner.

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


@dataclass(frozen=True, slots=True)
class Scan:
    """`scanner` at `version` with these rules looked at the landing tree with this listing."""

    listing_sha256: str
    scanner: str
    version: str
    rules_sha256: str
    database_date: str | None
    sarif_sha256: str
    result: Result

    def statement(self) -> Statement:
        """Spell the statement."""
        configuration: list[Json] = [
            {
                "name": self.scanner,
                "digest": {"sha256": self.rules_sha256},
                "annotations": {"version": self.version, "databaseDate": self.database_date},
            },
            {"name": "sarif", "digest": {"sha256": self.sarif_sha256}},
        ]
        predicate: dict[str, Json] = {"result": self.result.value, "configuration": configuration}
        return Statement((Subject("landing-tree", {"sha256": self.listing_sha256}),), PREDICATE_TYPE, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> Scan:
        """Accept exactly what `statement` emits."""
        predicate = statement.expect(PREDICATE_TYPE)
        result = shape.text(predicate.get("result"), "result")
        configuration = shape.items(predicate.get("configuration"), "configuration", lambda item: item)
        if result not in set(Result) or len(configuration) != 2:  # noqa: PLR2004 - the scanner and its SARIF
            raise Malformed("scan: expected a result and two configuration entries")
        scanner, sarif = configuration
        notes = shape.member(scanner, "annotations")
        parsed = cls(
            shape.hex64(statement.subjects[0].digest.get("sha256"), "landing tree sha256"),
            shape.text(shape.member(scanner, "name"), "scanner name"),
            shape.text(shape.member(notes, "version"), "scanner version"),
            shape.hex64(shape.member(shape.member(scanner, "digest"), "sha256"), "rules sha256"),
            shape.optional_text(shape.member(notes, "databaseDate"), "databaseDate"),
            shape.hex64(shape.member(shape.member(sarif, "digest"), "sha256"), "SARIF sha256"),
            Result(result),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed
