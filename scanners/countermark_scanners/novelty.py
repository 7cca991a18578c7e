"""Only what is new counts: flaws of head minus flaws of base, as multisets that do not mind renames.

Layer: scanners. Imports `finding`, `lines` and `score`; does no I/O.
Trust: texts and paths are hostile.

A flaw is known by its kind, the code of its statement and the function around it; never by its path or line
number, and never by whether the diff touches it (a deleted sanitiser lies elsewhere). Two equal flaws are two:
a second copy of an old flaw is new. A flaw that got worse in place is new.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from countermark_ledger import canonical

from .finding import Confidence, Finding, Hit, Severity
from .lines import Place, places
from .score import weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Sighting:
    """One flaw in one file, merged over the tools that saw it; `kin` is equal for flaws alike but for their path."""

    path: str
    kin: str
    slot: int
    hit: Hit
    scanners: tuple[str, ...]

    @property
    def weight(self) -> tuple[int, int, int]:
        """How bad it is, as the score feels it."""
        return weight(self.hit.severity, self.hit.confidence)

    def finding(self, ordinal: int) -> Finding:
        """Give the flaw its name: kin and ordinal, so that of two equal flaws each can be waived alone."""
        name = hashlib.sha256(f"{self.kin} {ordinal}".encode()).hexdigest()
        hit, scanner = self.hit, "+".join(self.scanners)
        level = (hit.severity, hit.confidence)
        return Finding(name, hit.rule, hit.cwe, *level, self.path, hit.line, hit.message, hit.remediation, scanner)


def sightings(path: str, text: str, by_scanner: Mapping[str, tuple[Hit, ...]]) -> list[Sighting]:
    """Merge what the tools said about one file: one flaw at one statement is one sighting, at its worst."""
    where = places(text) if any(by_scanner.values()) else {}
    raw = text.split("\n")
    seen: dict[tuple[str, int], list[tuple[str, Hit]]] = defaultdict(list)
    for scanner, hits in sorted(by_scanner.items()):
        for kin, alike in _by_kin(hits, where, raw).items():
            spots = sorted({(hit.line, hit.column) for hit in alike})
            slots = {spot: slot for slot, spot in enumerate(spots)}
            for hit in alike:
                seen[kin, slots[hit.line, hit.column]].append((scanner, hit))
    weighed = ((at, _weighed(rows)) for at, rows in sorted(seen.items()))
    return [_merged(path, kin, slot, rows) for (kin, slot), rows in weighed if rows]


def compare(head: Iterable[Sighting], base: Iterable[Sighting]) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return (new, old): every sighting of head, each old one paired with one of base that is no better."""
    ours, theirs = _grouped(head), _grouped(base)
    new: list[Finding] = []
    old: list[Finding] = []
    for kin, group in ours.items():
        known, unknown = _paired(group, theirs.get(kin, []))
        old += [sighting.finding(ordinal) for ordinal, sighting in enumerate(known)]
        new += [sighting.finding(ordinal) for ordinal, sighting in enumerate(unknown, start=len(known))]
    return _ordered(new), _ordered(old)


def _by_kin(hits: tuple[Hit, ...], where: dict[int, Place], raw: list[str]) -> dict[str, list[Hit]]:
    names: dict[tuple[str, int], str] = {}  # a hostile statement can be long and hit thousands of times
    found: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        at = (hit.flaw, hit.line)
        if at not in names:
            plain = raw[hit.line - 1].strip() if 0 < hit.line <= len(raw) else ""
            names[at] = _kin(hit.flaw, where.get(hit.line, Place(plain, "")))
        found[names[at]].append(hit)
    return found


def _kin(flaw: str, place: Place) -> str:
    return hashlib.sha256(canonical.dumps([flaw, place.code, place.context])).hexdigest()


def _weighed(rows: list[tuple[str, Hit]]) -> list[tuple[str, Hit]]:
    """Let who followed the data speak against who saw a pattern: at a cleared place a flaw is shown, and costs nothing.

    Who cleared it and reports it as well was of two minds, and clears nothing.
    """
    found = [(scanner, hit) for scanner, hit in rows if not hit.clears]
    cleared = {scanner for scanner, hit in rows if hit.clears} - {scanner for scanner, _ in found}
    if not cleared:
        return found
    said = f"; {' and '.join(sorted(cleared))} found only known or cleaned data there"
    return [(scanner, _free_of_cost(hit, said)) for scanner, hit in found]


def _free_of_cost(hit: Hit, why: str) -> Hit:
    level = min(hit.severity, Severity.LOW)
    return replace(hit, severity=level, confidence=Confidence.LOW, message=hit.message + why)


def _merged(path: str, kin: str, slot: int, rows: list[tuple[str, Hit]]) -> Sighting:
    worst = max((hit for _, hit in rows), key=lambda hit: (*weight(hit.severity, hit.confidence), hit.rule))
    return Sighting(path, kin, slot, worst, tuple(sorted({scanner for scanner, _ in rows})))


def _grouped(side: Iterable[Sighting]) -> dict[str, list[Sighting]]:
    groups: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in sorted(side, key=lambda s: (s.kin, s.path, s.slot)):
        groups[sighting.kin].append(sighting)
    return groups


def _paired(head: list[Sighting], base: list[Sighting]) -> tuple[list[Sighting], list[Sighting]]:
    """Pair worst with worst, first within a path and then across paths (a rename, a move)."""
    free = sorted(base, key=lambda s: s.weight, reverse=True)
    known: list[Sighting] = []
    rest = sorted(head, key=lambda s: s.weight, reverse=True)
    for same_path in (True, False):
        unpaired = []
        for sighting in rest:
            fits = (b for b in free if b.weight >= sighting.weight and (b.path == sighting.path or not same_path))
            if (partner := next(fits, None)) is None:
                unpaired.append(sighting)
            else:
                free.remove(partner)
                known.append(sighting)
        rest = unpaired
    return known, sorted(rest, key=lambda s: (s.path, s.slot))


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: (f.path, f.line, f.rule, f.fingerprint)))
