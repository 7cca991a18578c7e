"""Vulnerabilities: whether what a change makes a project fetch is known to be vulnerable, or to be an attack.

Layer: scanners. Imports the parts of this folder, `dependencies`, `catalogue` and `native`.
Trust: manifests are hostile; the snapshot is the host's own file, opened for reading. Without data about an ecosystem,
or with data that is too old, a manifest that asks for something new is unscanned: silence of missing data is not clean.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from .. import catalogue, dependencies
from ..dependencies import reading
from ..dependencies.packages import Package, Source
from ..errors import OutputMalformed, Unreadable
from ..finding import Confidence, Hit
from ..native import native
from ..question import DELETED, Question, Sees
from ..scanner import Answers, Scanner
from ..tool import ToolLimits
from . import snapshot
from .records import Affected, Record, of_document
from .snapshot import Snapshot

NAME = "vulnerabilities"
DAYS_AT_MOST = 30
DATA = "\x00data"  # no path of a file can hold this character, so no change can bring data of its own
HINT = "make it anew from OSV records"
_PLANTED = {
    "id": "TEST-0001",
    "database_specific": {"severity": "HIGH"},
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "planted"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}],
        }
    ],
}


@dataclass(frozen=True, slots=True)
class _Planted:
    """A snapshot of one record, which travels with the planted question."""

    records: list[Record]

    def ecosystems(self) -> frozenset[str]:
        return frozenset(record.ecosystem for record in self.records)

    def affecting(self, ecosystem: str, name: str) -> list[Record]:
        return [record for record in self.records if (record.ecosystem, record.name) == (ecosystem, name)]


def look(question: Question) -> list[Hit]:
    """Say which of this manifest's new dependencies are known to be vulnerable."""
    if question.before == question.content or question.language == DELETED:
        return []
    found = reading.new(question.path, question.language, question.content, question.before)
    asked = [package for package in (found or ([], []))[0] if package.source is Source.REGISTRY and package.name]
    if not asked:
        return []
    data = _data(question.beside.get(DATA))
    if lacking := sorted({package.ecosystem for package in asked} - data.ecosystems()):
        raise Unreadable(f"no vulnerability data about {', '.join(lacking)}; {HINT}")
    return [hit for package in asked for hit in _hits(package, data)]


def _data(told: bytes | None) -> Snapshot | _Planted:
    if told is None:
        raise Unreadable(f"no vulnerability data; {HINT}")
    means = json.loads(told)
    if "planted" in means:
        return _Planted(list(of_document(means["planted"])))
    if means["reason"]:
        raise Unreadable(f"{means['reason']}; {HINT}")
    return Snapshot(Path(means["path"]))


def _hits(package: Package, data: Snapshot | _Planted) -> Iterator[Hit]:
    records = data.affecting(package.ecosystem, package.name)
    for column, record in enumerate(sorted(records, key=lambda one: (-one.severity, one.id)), start=1):
        about = record.about(package.version)
        if about is Affected.NO:
            continue
        rule = "malicious-dependency" if record.is_malware else "vulnerable-dependency"
        confidence = Confidence.HIGH if about is Affected.YES else Confidence.LOW
        name = "".join(character if character.isprintable() else "?" for character in package.name[:120])
        version, fixed = package.version[:60] or "of any version", ", ".join(record.fixed[:3]) or "none"
        told = catalogue.load(NAME)[rule]
        found = told.hit(package.line, column, name=name, version=version, id=record.id, fixed=fixed)
        yield replace(found, severity=record.severity, confidence=confidence)


def scanner(path: Path | None, *, today: date | None = None, days: int = DAYS_AT_MOST) -> Scanner:
    """Make the scanner with a snapshot; without one (or with one older than `days`) new dependencies are unscanned.

    The snapshot's digest, and whether it is too old, are part of `rules_sha256`, so that answers of other data are
    never taken for answers of this.
    """
    means = _Means(path, today, days)
    base = native(
        NAME,
        module=__name__,
        covers=frozenset({reading.MANIFEST}),
        reads=dependencies.READS,
        sees=frozenset({Sees.PATH, Sees.BEFORE}),
        canary=_canary(),
        planted=frozenset({("vulnerable-dependency", 1)}),
    )
    return replace(base, run=_Run(base.run, means), rules_sha256=lambda: means.sha256(base.rules_sha256()))


def _canary() -> Question:
    data = json.dumps({"planted": _PLANTED}).encode()
    return Question(reading.MANIFEST, b"planted==1.0\n", "requirements.txt", None, {DATA: data})


@dataclass(frozen=True, slots=True)
class _Means:
    """The snapshot as the host keeps it."""

    path: Path | None
    today: date | None
    days: int

    def reason(self) -> str | None:
        """Say why the snapshot can't be used; None when it can."""
        if self.path is None or not self.path.is_file():
            return "no vulnerability data"
        try:
            made = snapshot.made(self.path)
        except OutputMalformed as error:
            return error.message  # it becomes the reason why nothing was scanned
        age = ((self.today or date.today()) - made).days  # noqa: DTZ011  # days, against a day that has no zone either
        if age < -1:
            return f"vulnerability data from {made}, which is yet to come"
        return f"vulnerability data from {made} is older than {self.days} days" if age > self.days else None

    def spelled(self) -> bytes:
        return json.dumps({"path": str(self.path), "reason": self.reason()}).encode()

    def sha256(self, rules: str) -> str:
        usable = self.reason() is None and self.path is not None
        data = hashlib.sha256(self.path.read_bytes()).hexdigest() if usable and self.path else str(self.reason())
        parts = (rules, dependencies.SCANNER.rules_sha256(), data)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Run:
    """Asks the child, telling it where the data is."""

    ask: Callable[[Mapping[str, Question], ToolLimits], Answers]
    means: _Means

    def __call__(self, questions: Mapping[str, Question], limits: ToolLimits) -> Answers:
        told = {DATA: self.means.spelled()}
        return self.ask({key: replace(question, beside=told) for key, question in questions.items()}, limits)


SCANNER = scanner(None)
