"""Records in the OSV schema (ossf.github.io/osv-schema), and whether one of them is about a version.

Layer: scanners, a part of `vulnerabilities`. Imports `dependencies`' order of versions; does no I/O.
Trust: a record is a publisher's word. A range that can't be compared is told as "may be", never as "is not".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from ..dependencies.packages import PYPI, python_name, rows, table, text
from ..dependencies.versions import NoOrder, order
from ..finding import Severity
from . import cvss

_WORDS = {"LOW": Severity.LOW, "MODERATE": Severity.MEDIUM, "MEDIUM": Severity.MEDIUM, "HIGH": Severity.HIGH}
_WORDS["CRITICAL"] = Severity.CRITICAL
START = "0"


class Affected(Enum):
    """Whether a record is about a version."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of versions: from `introduced`, up to but not with `fixed`, or up to and with `last`."""

    introduced: str
    fixed: str = ""
    last: str = ""

    def holds(self, ecosystem: str, version: str) -> bool:
        """Say whether a version lies in it; raise `NoOrder` when that can't be said."""
        at = order(ecosystem, version)
        if self.introduced != START and at < order(ecosystem, self.introduced):  # type: ignore[operator]  # one ecosystem, one kind
            return False
        if self.fixed:
            return bool(at < order(ecosystem, self.fixed))  # type: ignore[operator]  # as above
        return not self.last or bool(at <= order(ecosystem, self.last))  # type: ignore[operator]  # as above


@dataclass(frozen=True, slots=True)
class Record:
    """What one record says of one package."""

    ecosystem: str
    name: str
    id: str
    severity: Severity
    versions: tuple[str, ...]
    spans: tuple[Span, ...]

    @property
    def is_malware(self) -> bool:
        """Say whether the package itself is the attack (OSV's prefix for malicious packages)."""
        return self.id.startswith("MAL-")

    @property
    def fixed(self) -> tuple[str, ...]:
        """List the versions that mend it."""
        return tuple(span.fixed for span in self.spans if span.fixed)

    def about(self, version: str) -> Affected:
        """Say whether it is about a version; without one, only what is about every version is certain."""
        if not version:
            every = any(span == Span(START) for span in self.spans)
            return Affected.YES if every else Affected.NO
        if version in self.versions or version.removeprefix("v") in self.versions:
            return Affected.YES
        try:
            inside = any(span.holds(self.ecosystem, version) for span in self.spans)
        except NoOrder:
            return Affected.UNCLEAR if not self.versions else Affected.NO
        return Affected.YES if inside else Affected.NO

    def encode(self) -> str:
        """Spell the record for the snapshot."""
        spans = [[span.introduced, span.fixed, span.last] for span in self.spans]
        return json.dumps([self.id, int(self.severity), list(self.versions), spans], separators=(",", ":"))

    @classmethod
    def decode(cls, ecosystem: str, name: str, spelled: str) -> Record:
        """Read what `encode` wrote."""
        identity, severity, versions, spans = json.loads(spelled)
        return cls(ecosystem, name, identity, Severity(severity), tuple(versions), tuple(Span(*span) for span in spans))


def of_document(document: object) -> Iterator[Record]:
    """Give a record for each package that one OSV document is about; a withdrawn one is about none."""
    fields = table(document)
    identity = text(fields.get("id"))
    if not identity or not isinstance(fields.get("affected", []), list):
        raise ValueError("no id, or no list of affected packages")
    if fields.get("withdrawn"):
        return
    for one in rows(fields.get("affected")):
        affected, package = table(one), table(table(one).get("package"))
        ecosystem, name = text(package.get("ecosystem")).partition(":")[0], text(package.get("name"))
        if ecosystem and name:  # a range of commits alone names no package
            name = python_name(name) if ecosystem == PYPI else name
            versions = tuple(text(version) for version in rows(affected.get("versions")))
            yield Record(
                ecosystem, name, identity, _severity(identity, fields, affected), versions, tuple(_spans(affected))
            )


def _severity(identity: str, fields: dict[str, object], affected: dict[str, object]) -> Severity:
    """Take the publisher's word, then the score; without both it counts as medium, and malware as critical."""
    if identity.startswith("MAL-"):
        return Severity.CRITICAL
    for holder in (fields, affected):
        for where in ("database_specific", "ecosystem_specific"):
            if (word := text(table(holder.get(where)).get("severity")).upper()) in _WORDS:
                return _WORDS[word]
    vectors = [
        text(table(one).get("score")) for one in (*rows(affected.get("severity")), *rows(fields.get("severity")))
    ]
    scores = [score for vector in vectors if (score := cvss.base_score(vector)) is not None]
    return cvss.severity(max(scores)) if scores else Severity.MEDIUM


def _spans(affected: dict[str, object]) -> Iterator[Span]:
    for one in rows(affected.get("ranges")):
        if text(table(one).get("type")) == "GIT":
            continue
        since = None
        for event in rows(table(one).get("events")):
            words = {key: text(value) for key, value in table(event).items()}
            if "introduced" in words:
                if since is not None:
                    yield Span(since)
                since = words["introduced"]
            elif since is not None and ("fixed" in words or "last_affected" in words):
                yield Span(since, words.get("fixed", ""), words.get("last_affected", ""))
                since = None
        if since is not None:
            yield Span(since)
