"""What was found: one hit for a rule and a line, with the way the data took.

Layer: scanners. Imports `model`, `values` and the shape of a hit.
Trust: messages quote names of hostile code, cut to a bounded length; whoever prints one escapes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ..catalogue import Rule
from ..finding import Confidence, Hit, Severity
from .model import Model
from .values import ERROR, FIXED, LOCAL, PARAMETER, RANDOM, REMOTE, Taint

MAX_MESSAGE = 400
MAX_HITS = 2000
_WORST = {REMOTE: 0, RANDOM: 0, ERROR: 0, FIXED: 3, LOCAL: 1, PARAMETER: 2}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something dangerous is done, and what it is called."""

    line: int
    column: int
    name: str


@dataclass(slots=True)
class Findings:
    """Hits by rule and line, and what the parameters of functions reach."""

    model: Model
    hits: dict[tuple[str, int], Hit] = field(default_factory=dict)
    cleared: dict[tuple[str, int], Hit] = field(default_factory=dict)
    doubted: set[tuple[str, int]] = field(default_factory=set)
    reached: dict[tuple[int, str], list[tuple[str, int, str]]] = field(default_factory=dict)

    def report(
        self, rule: str, place: Place, taints: Iterable[Taint], *, confidence: str = "", severity: str = ""
    ) -> None:
        """Note that untrusted data reaches a place; the worst of its origins is told."""
        kept = self.model.rules[rule]
        ordered = sorted(taints, key=lambda one: (_WORST[one.kind], -one.sure, one.line, one.label, one.steps))
        for one in ordered:
            if one.kind == PARAMETER:
                rows = self.reached.setdefault((one.line, one.label), [])
                if (rule, place.line, place.name) not in rows:
                    rows.append((rule, place.line, place.name))
        told = [one for one in ordered if one.kind != PARAMETER or kept.data.get("parameters")]
        if told:
            levels = _levels(kept, told[0], confidence, severity)
            self._add(kept, place, levels, _told(told[0], place))

    def state(self, rule: str, place: Place, why: str, *, confidence: str = "", severity: str = "") -> None:
        """Note something dangerous that no untrusted data is needed for."""
        kept = self.model.rules[rule]
        self._add(kept, place, _stated(kept, confidence, severity), f"{why} on line {place.line}")

    def doubt(self, rule: str, place: Place) -> None:
        """Note that a place was given something nobody knows, at least once: then it is never clear."""
        self.doubted.add((rule, place.line))

    def clear(self, rule: str, place: Place) -> None:
        """Note that a place was given nothing but known data; whatever is reported there counts for more."""
        kept = self.model.rules[rule]
        hit = kept.hit(place.line, place.column, severity=Severity.INFO, path=f"{place.name} on line {place.line}")
        self.cleared.setdefault((rule, place.line), replace(hit, clears=True))

    def _add(self, rule: Rule, place: Place, levels: tuple[Severity, Confidence], path: str) -> None:
        hit = rule.hit(place.line, place.column, severity=levels[0], confidence=levels[1], path=path[:MAX_MESSAGE])
        key = (rule.id, place.line)
        old = self.hits.get(key)
        if old is None or _rank(hit) > _rank(old):
            self.hits[key] = hit

    def ordered(self) -> list[Hit]:
        """List the hits as they stand in the file."""
        reported = {(hit.cwe, hit.line) for hit in self.hits.values()}
        sure = [hit for key, hit in self.cleared.items() if key not in self.doubted]
        clear = [hit for hit in sure if (hit.cwe, hit.line) not in reported]
        return sorted([*self.hits.values(), *clear], key=lambda hit: (hit.line, hit.column, hit.rule))


def _rank(hit: Hit) -> tuple[int, int, str]:
    return int(hit.severity), int(hit.confidence), hit.message


def _stated(rule: Rule, confidence: str, severity: str) -> tuple[Severity, Confidence]:
    return (
        Severity[severity.upper()] if severity else rule.severity,
        Confidence[confidence.upper()] if confidence else rule.confidence,
    )


def _levels(rule: Rule, taint: Taint, confidence: str, severity: str) -> tuple[Severity, Confidence]:
    """Weigh a path: nobody is sure of a parameter's caller, or of a step that could not be looked into."""
    worst, sure = _stated(rule, confidence, severity)
    if taint.kind == LOCAL and not rule.data.get("parameters"):
        return Severity.LOW, Confidence.LOW  # who starts a program may name its files
    if taint.kind in {LOCAL, PARAMETER}:
        return min(worst, Severity.MEDIUM), Confidence.LOW
    sure = min(sure, (Confidence.LOW, Confidence.MEDIUM, Confidence.CONFIRMED)[taint.sure])
    return (min(worst, Severity.HIGH) if sure < Confidence.HIGH else worst), sure


def _told(taint: Taint, place: Place) -> str:
    way = [f"{taint.label[:60]} on line {taint.line}", *taint.steps, f"{place.name[:60]} on line {place.line}"]
    return " -> ".join(way)
