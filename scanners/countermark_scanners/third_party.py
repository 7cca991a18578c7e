"""SARIF 2.1.0 of other tools: their results join the score, and nothing that they say takes anything out of it.

Layer: scanners. Imports `finding`, `lines` and `novelty`; does no I/O.
Trust: the producer is untrusted, and so is whoever carried its file here. Its findings can only cost points; what it
says of suppressions, of baselines and of results that passed is not taken over. It is sure of nothing beyond `medium`,
and no policy can count it as a scanner that ran.

New is what our own comparison calls new: a result stands for old code where the base has the same statement in the same
function, as often as it has it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .errors import OutputMalformed, TooMuchToScan
from .finding import Confidence, Hit, Severity
from .lines import Place, places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .sides import Sides

MOST_BYTES = 64 * 1024 * 1024
MOST_RESULTS = 25_000  # as many as the largest reader of SARIF accepts in one run
MOST_RUNS = 32
MOST_WORDS = 1000
_CWE = re.compile(r"(?:external/cwe/)?cwe-?0*([0-9]{1,5})\b", re.IGNORECASE)
_LEVELS = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.LOW, "none": Severity.INFO}
_FIGURES = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
_NOT_A_FLAW = frozenset({"pass", "notApplicable", "informational"})


@dataclass(frozen=True, slots=True)
class ThirdParty:
    """What one tool reported: `hits` by path of the checkout it scanned, under a name that no scanner of ours has."""

    name: str
    version: str
    sha256: str
    hits: Mapping[str, tuple[Hit, ...]]

    def about(self, sides: Sides) -> tuple[dict[str, tuple[Hit, ...]], dict[str, tuple[Hit, ...]]]:
        """Give its hits in changed files of the head, and of these what the base's unchanged code accounts for."""
        head = {path: self.hits[path] for path in sorted(self.hits) if path in sides.head}
        base: dict[str, tuple[Hit, ...]] = {}
        for path, hits in head.items():
            if (was := sides.origins.get(path)) is not None:
                base[was] = tuple(_unchanged(hits, sides.head[path].content, sides.base[was].content))
        return head, base


def read(raw: bytes) -> tuple[ThirdParty, ...]:
    """Read a SARIF log: one report a run. Raises `TooMuchToScan` and `OutputMalformed`, never takes a part."""
    if len(raw) > MOST_BYTES:
        raise TooMuchToScan(f"SARIF: expected at most {MOST_BYTES} bytes, found {len(raw)}")
    try:
        runs = json.loads(raw)["runs"]
        if sum(len(run.get("results") or ()) for run in runs) > MOST_RESULTS:
            raise TooMuchToScan(f"SARIF: expected at most {MOST_RESULTS} results, found more")
        return tuple(_run(run, hashlib.sha256(raw).hexdigest()) for run in runs)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, RecursionError) as error:
        raise OutputMalformed(f"SARIF: expected version 2.1.0, found otherwise: {type(error).__name__}") from error


def together(reports: Sequence[ThirdParty]) -> tuple[ThirdParty, ...]:
    """Give each report a name of its own, so that no run of a tool stands in another's place."""
    if len(reports) > MOST_RUNS:
        raise TooMuchToScan(f"SARIF: expected at most {MOST_RUNS} runs of tools, found {len(reports)}")
    seen: Counter[str] = Counter()
    told: list[ThirdParty] = []
    for one in reports:
        seen[one.name] += 1
        told.append(one if seen[one.name] == 1 else replace(one, name=f"{one.name}:{seen[one.name]}"))
    return tuple(told)


def _run(run: dict[str, Any], sha256: str) -> ThirdParty:
    driver = run["tool"]["driver"]
    parts = [driver, *run["tool"].get("extensions", ())]
    rules = {rule["id"]: rule for part in parts for rule in part.get("rules", ())}
    hits: dict[str, list[Hit]] = defaultdict(list)
    for result in run.get("results") or ():
        if result.get("kind", "fail") not in _NOT_A_FLAW:
            rule = rules.get(_id(result, driver), {})
            for path, line, column in _locations(result):
                hits[path].append(_hit(result, rule, _id(result, driver), line, column))
    if sum(map(len, hits.values())) > MOST_RESULTS:
        raise TooMuchToScan(f"SARIF: expected at most {MOST_RESULTS} places, found more")
    name = re.sub(r"[^a-z0-9]+", "-", str(driver["name"]).lower()).strip("-")[:40]
    version = str(driver.get("semanticVersion") or driver.get("version") or "unknown")[:40]
    return ThirdParty(f"sarif:{name}", version, sha256, {path: tuple(found) for path, found in hits.items()})


def _id(result: dict[str, Any], driver: dict[str, Any]) -> str:
    """Name a result's rule: by its id, or by its place among the driver's rules."""
    named = result.get("ruleId") or result.get("rule", {}).get("id")
    if named is None and "ruleIndex" in result:
        named = driver["rules"][int(result["ruleIndex"])]["id"]
    return str(named or "unnamed")


def _locations(result: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    for location in result.get("locations", ()):
        place = location.get("physicalLocation") or {}
        uri = (place.get("artifactLocation") or {}).get("uri")
        if isinstance(uri, str):
            region = place.get("region") or {}
            path = unquote(uri, errors="surrogateescape").removeprefix("./")
            yield path, max(1, int(region.get("startLine", 1))), max(1, int(region.get("startColumn", 1)))


def _hit(result: dict[str, Any], rule: dict[str, Any], name: str, line: int, column: int) -> Hit:
    words = result["message"].get("text") or (rule.get("shortDescription") or {}).get("text") or name
    remedy = (rule.get("help") or {}).get("text") or rule.get("helpUri") or "See the tool's own documentation."
    cwe = _cwe(result, rule)
    severity = _severity(result, rule)
    texts = str(words)[:MOST_WORDS], str(remedy)[:MOST_WORDS]
    return Hit(f"third-party/{name[:200]}", cwe, severity, Confidence.MEDIUM, line, column, *texts)


def _cwe(result: dict[str, Any], rule: dict[str, Any]) -> int | None:
    """Take the first CWE that the result or its rule is tagged with, wherever tools put it."""
    about = [part.get("properties") or {} for part in (result, rule)]
    said = [str(word) for one in about for word in (*one.get("tags", ()), one.get("cwe", ""))]
    relations = [*result.get("taxa", ()), *(one.get("target") or {} for one in rule.get("relationships", ()))]
    said += [f"cwe-{one.get('id')}" for one in relations if (one.get("toolComponent") or {}).get("name") == "CWE"]
    return next((int(match[1]) for word in said if (match := _CWE.search(word))), None)


def _severity(result: dict[str, Any], rule: dict[str, Any]) -> Severity:
    """Take the worst of what the result's level and the rule's own figure say."""
    level = result.get("level") or (rule.get("defaultConfiguration") or {}).get("level") or "warning"
    said = (rule.get("properties") or {}).get("security-severity")
    figure = float(said) if said is not None else 0.0
    by_figure = next((severity for least, severity in _FIGURES if figure >= least), Severity.INFO)
    return max(_LEVELS[str(level)], by_figure)


def _statements(content: bytes) -> dict[int, tuple[Place, int]]:
    """Map each line to its statement and the first line of that; equal ones in a row are taken for one."""
    text = content.decode("utf-8", "replace")
    told = {number: Place(line.strip(), "") for number, line in enumerate(text.split("\n"), start=1)} | places(text)
    found: dict[int, tuple[Place, int]] = {}
    for line, place in sorted(told.items()):
        before = found.get(line - 1)
        found[line] = before if before is not None and before[0] == place else (place, line)
    return found


def _unchanged(hits: tuple[Hit, ...], ours: bytes, theirs: bytes) -> Iterator[Hit]:
    """Yield a hit for each one whose statement the base has too, at a statement that no other line of ours took."""
    free: dict[Place, list[int]] = defaultdict(list)
    for place, line in sorted(set(_statements(theirs).values()), key=lambda found: -found[1]):
        free[place].append(line)
    taken: dict[int, int] = {}
    statements = _statements(ours)
    for hit in hits:
        if (found := statements.get(hit.line)) is None:
            continue
        place, line = found
        if line not in taken and free[place]:
            taken[line] = free[place].pop()
        if line in taken:
            yield replace(hit, line=taken[line])
