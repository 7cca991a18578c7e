"""Policy: what the gate asks for, read at the protected ref's tip and nowhere else.

Trust: the bytes come from the protected tip, so people vouched for them; they are still parsed strictly,
because a policy with a misspelt field that is silently ignored is a policy that does not hold. What a policy
leaves out has the value of `DEFAULTS`, which enforce.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from countermark_ledger import canonical, protected, shape
from countermark_ledger.canonical import Json
from countermark_ledger.consent import People
from countermark_ledger.errors import Malformed
from countermark_ledger.git import names
from countermark_ledger.identity import Kind
from countermark_ledger.objections import Asked, Rules
from countermark_ledger.predicates.generation import Evidence
from countermark_scanners import registry
from countermark_scanners.demands import Demands, Wanted
from countermark_scanners.dynamic.plan import MAX_SECONDS, Plan
from countermark_service.gate import fields
from countermark_service.gate.override import Override, stricter
from countermark_service.gate.people import Bot, Person

POLICY_PATH = ".countermark/policy.json"
TRUST_ROOT_PATH = ".countermark/trust-root.json"
VERSION = 1
PERCENT = 100
MAX_DAYS = 36_500
"""A century: what is older than any key of ours needs no policy, and no date is beyond the calendar."""
EDITORS_SCHEMA = "$schema"
"""Where an editor finds the schema: a string that the gate ignores."""
_PATTERN = set("*?[\\")

DEFAULTS: dict[str, Json] = {
    "version": VERSION,
    "mode": "enforce",
    "evidence": {"minimum": "observed", "maxBaseDistance": 1000, "maxAgeDays": None},
    "coverage": {"minimum": 100},
    "agents": None,
    "models": None,
    "images": None,
    "people": [],
    "bots": [],
    "gates": [],
    "protected": {"paths": [], "people": 1},
    "approvals": {"minimum": 0},
    "score": {
        "threshold": 85,
        "scanners": [*registry.NAMES],
        "rules": {},
        "inert": ["empty", "font/*", "image/*", "text/prose"],
    },
    "dynamic": None,
    "detection": {"minimum": 0, "budgetSeconds": 60},
    "waivers": {"maxDays": 90, "critical": False},
    "status": {"maxAgeHours": 168},
    "witnesses": {"minimum": 0},
    "splitView": "report",
    "mirror": None,
    "paths": [],
}
"""Every field there is, and its value where a policy leaves it out."""


class Mode(StrEnum):
    """Enforce refuses; observe decides and reports the same way, exits 0 and says so."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class SplitView(StrEnum):
    """What to do when no proof ties the evidence to one log that witnesses saw."""

    REPORT = "report"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. Counts and limits: thresholds 1 to 100, `max_base_distance` in first-parent commits.

    `minimum_detection` is in percent of the injected flaws, 0 injects none; `dynamic` None runs nothing.
    `models` and `images` None allow any; `rules` maps a scanner to the only rules digest (hex sha256) accepted;
    `mirror` is the path of the submodule that holds this repository's evidence. `given` names the fields that the
    file spells out, such as `evidence.minimum`; the others have their defaults.
    """

    mode: Mode
    minimum_evidence: Evidence
    max_base_distance: int
    max_age_days: int | None
    minimum_coverage: int
    agents: frozenset[str] | None
    models: frozenset[str] | None
    images: frozenset[str] | None
    people: tuple[Person, ...]
    bots: tuple[Bot, ...]
    gates: frozenset[str]
    protected_paths: tuple[str, ...]
    people_for_protected: int
    approvals: int
    threshold: int
    scanners: tuple[str, ...]
    scanner_rules: tuple[tuple[str, str], ...]
    inert: tuple[str, ...]
    dynamic: Plan | None
    minimum_detection: int
    detection_seconds: int
    max_waiver_days: int
    waives_critical: bool
    max_status_hours: int
    witnesses: int
    split_view: SplitView
    mirror: str | None
    overrides: tuple[Override, ...]
    sha256: str
    given: frozenset[str]

    def rules(self, at: datetime) -> Rules:
        """Give what is asked of evidence at a time (UTC)."""
        return Rules(
            asked=self.asked,
            people=frozenset(str(person.id) for person in self.people),
            protected=self.is_protected,
            people_for_protected=self.people_for_protected,
            not_before=None if self.max_age_days is None else at - timedelta(days=self.max_age_days),
        )

    def is_protected(self, path: str) -> bool:
        """Tell whether only people may answer for a path: also for all that could take the mirror's place."""
        mirror = () if self.mirror is None else (f"{self.mirror}/*",)
        return protected.is_protected(path, (*self.protected_paths, *mirror))

    def asked(self, path: str) -> Asked:
        """Give what is asked of an agent's evidence for a path: what holds everywhere, or what an override says."""
        asked = Asked(self.minimum_evidence, self.agents, self.models, self.images)
        for entry in self.overrides_of(path):
            given = Asked(
                entry.minimum_evidence or asked.minimum,
                asked.agents if entry.agents is None else entry.agents,
                asked.models if entry.models is None else entry.models,
                asked.images if entry.images is None else entry.images,
            )
            asked = given if entry.spells(path) else stricter(asked, given)
        return asked

    def asks_more_of(self, path: str) -> bool:
        """Tell whether an override asks for more evidence for a path than what holds everywhere."""
        everywhere = Asked(self.minimum_evidence, self.agents, self.models, self.images)
        return stricter(everywhere, self.asked(path)) != everywhere

    def threshold_over(self, paths: Iterable[str]) -> int:
        """Give the highest threshold that any changed path asks for: one score stands for the whole change."""
        return max((self.threshold_for(path) for path in paths), default=self.threshold)

    def threshold_for(self, path: str) -> int:
        """Give the least score that a change of a path must have."""
        return self._figure(path, self.threshold, lambda entry: entry.threshold)

    def approvals_for(self, path: str) -> int:
        """Give how many people must approve a change of a path."""
        return self._figure(path, self.approvals, lambda entry: entry.approvals)

    def _figure(self, path: str, everywhere: int, of: Callable[[Override], int | None]) -> int:
        figure = everywhere
        for entry in self.overrides_of(path):
            if (given := of(entry)) is not None:
                figure = given if entry.spells(path) else max(figure, given)
        return figure

    @property
    def wanted(self) -> Wanted:
        """Give what is to be scanned with, and what is to be done beyond."""
        return Wanted(self.scanners, Demands(self.dynamic, 10 * self.minimum_detection, self.detection_seconds))

    @property
    def signers(self) -> People:
        """Give whose consent counts, each with the SSH keys of which one must have signed, where there are any."""
        return {person.id: {key.fingerprint for key in person.ssh_keys} for person in self.people}

    def overrides_of(self, path: str) -> list[Override]:
        """List the entries that match a path, the one that decides last."""
        return [entry for entry in self.overrides if entry.matches(path)]

    def json(self) -> dict[str, Json]:
        """Spell the policy with every field, without its own digest."""
        return {
            "version": VERSION,
            "mode": self.mode.value,
            "evidence": {
                "minimum": self.minimum_evidence.value,
                "maxBaseDistance": self.max_base_distance,
                "maxAgeDays": self.max_age_days,
            },
            "coverage": {"minimum": self.minimum_coverage},
            "agents": fields.listed(self.agents),
            "models": fields.listed(self.models),
            "images": fields.listed(self.images),
            "people": [person.json() for person in self.people],
            "bots": [bot.json() for bot in self.bots],
            "gates": [*sorted(self.gates)],
            "protected": {"paths": list(self.protected_paths), "people": self.people_for_protected},
            "approvals": {"minimum": self.approvals},
            "score": {
                "threshold": self.threshold,
                "scanners": list(self.scanners),
                "rules": dict(self.scanner_rules),
                "inert": list(self.inert),
            },
            "dynamic": fields.spell_plan(self.dynamic),
            "detection": {"minimum": self.minimum_detection, "budgetSeconds": self.detection_seconds},
            "waivers": {"maxDays": self.max_waiver_days, "critical": self.waives_critical},
            "status": {"maxAgeHours": self.max_status_hours},
            "witnesses": {"minimum": self.witnesses},
            "splitView": self.split_view.value,
            "mirror": self.mirror,
            "paths": [entry.json() for entry in self.overrides],
        }

    @classmethod
    def parse(cls, raw: bytes) -> Policy:
        """Read a policy; white space and order are free, what is left out is `DEFAULTS`, the unknown is refused."""
        given = canonical.loads(raw, max_bytes=1024 * 1024)
        value = _completed(given)
        parsed = _read(value, hashlib.sha256(raw).hexdigest(), _named(given))
        _check(parsed, value)
        return parsed


def _completed(value: Json) -> dict[str, Json]:
    """Fill in what a policy leaves out, also within its sections. Its version must be there."""
    if not isinstance(value, dict) or "version" not in value:
        raise Malformed("policy: expected an object with a version")
    shape.text(value.get(EDITORS_SCHEMA, ""), EDITORS_SCHEMA)
    filled = {**DEFAULTS, **value}
    filled.pop(EDITORS_SCHEMA, None)
    for name, default in DEFAULTS.items():
        given = filled[name]
        if isinstance(default, dict) and isinstance(given, dict):
            filled[name] = {**default, **given}
    return filled | {"people": _lent_sigstore(filled["people"])}


def _named(given: Json) -> frozenset[str]:
    """Name every field that is there, those of sections by both names."""
    found = given if isinstance(given, dict) else {}
    sections = {name: value for name, value in found.items() if isinstance(DEFAULTS.get(name), dict)}
    inner = {f"{name}.{key}" for name, value in sections.items() if isinstance(value, dict) for key in value}
    return frozenset(inner | (found.keys() - sections.keys()))


def _read(value: dict[str, Json], sha256: str, given: frozenset[str]) -> Policy:
    evidence, score, paths = value["evidence"], value["score"], value["protected"]
    agents = value["agents"]
    return Policy(
        mode=fields.word(Mode, value["mode"], "mode"),
        minimum_evidence=fields.word(Evidence, shape.member(evidence, "minimum"), "evidence.minimum"),
        max_base_distance=shape.integer(shape.member(evidence, "maxBaseDistance"), "evidence.maxBaseDistance"),
        max_age_days=fields.optional_integer(shape.member(evidence, "maxAgeDays"), "evidence.maxAgeDays"),
        minimum_coverage=shape.integer(shape.member(value["coverage"], "minimum"), "coverage.minimum"),
        agents=None if agents is None else frozenset(fields.ids(agents, Kind.AGENT)),
        models=fields.names(value["models"], "models"),
        images=fields.names(value["images"], "images"),
        people=shape.items(value["people"], "people", Person.parse),
        bots=shape.items(value["bots"], "bots", Bot.parse),
        gates=frozenset(fields.ids(value["gates"], Kind.GATE)),
        protected_paths=shape.texts(shape.member(paths, "paths"), "protected.paths"),
        people_for_protected=shape.integer(shape.member(paths, "people"), "protected.people"),
        approvals=shape.integer(shape.member(value["approvals"], "minimum"), "approvals.minimum"),
        threshold=shape.integer(shape.member(score, "threshold"), "score.threshold"),
        scanners=shape.texts(shape.member(score, "scanners"), "score.scanners"),
        scanner_rules=fields.scanner_rules(shape.member(score, "rules")),
        inert=shape.texts(shape.member(score, "inert"), "score.inert"),
        dynamic=fields.plan(value["dynamic"]),
        minimum_detection=shape.integer(shape.member(value["detection"], "minimum"), "detection.minimum"),
        detection_seconds=shape.integer(shape.member(value["detection"], "budgetSeconds"), "detection.budgetSeconds"),
        max_waiver_days=shape.integer(shape.member(value["waivers"], "maxDays"), "waivers.maxDays"),
        waives_critical=fields.truth(shape.member(value["waivers"], "critical"), "waivers.critical"),
        max_status_hours=shape.integer(shape.member(value["status"], "maxAgeHours"), "status.maxAgeHours"),
        witnesses=shape.integer(shape.member(value["witnesses"], "minimum"), "witnesses.minimum"),
        split_view=fields.word(SplitView, value["splitView"], "splitView"),
        mirror=shape.optional_text(value["mirror"], "mirror"),
        overrides=shape.items(value["paths"], "paths", Override.parse),
        sha256=sha256,
        given=given,
    )


def _check(parsed: Policy, value: dict[str, Json]) -> None:
    """Refuse fields that were not understood, and figures that could never be met or never bite."""
    if differing := sorted(_differences(parsed.json(), value)):
        raise Malformed(f"policy: unexpected or unsorted: {', '.join(differing)}")
    if not 1 <= parsed.people_for_protected <= max(1, len(parsed.people)):
        raise Malformed(f"policy: protected.people is {parsed.people_for_protected}, {len(parsed.people)} are named")
    for name, figure in _thresholds(parsed):
        if not 1 <= figure <= PERCENT:
            raise Malformed(f"policy: {name} is {figure}, expected 1 to {PERCENT}")
    for name, figure, most in _ages(parsed):
        if figure > most:
            raise Malformed(f"policy: {name} is {figure}, expected at most {most}")
    if parsed.mirror is not None and (names.refusal(parsed.mirror) or _PATTERN & set(parsed.mirror)):
        raise Malformed(f"policy: mirror is {parsed.mirror!r}, expected the plain path of a submodule")
    if len({person.id for person in parsed.people}) != len(parsed.people):
        raise Malformed("policy: one person is named twice")
    keys = [key for person in parsed.people for key in {*person.ssh_keys}]
    platforms = {key for bot in parsed.bots for key in bot.ssh_keys}  # one may sign for many bots, told by author
    if len(keys) != len(set(keys)) or platforms & set(keys):
        raise Malformed("policy: one SSH key is listed for two, who would then be one and count as both")


def _thresholds(parsed: Policy) -> list[tuple[str, int]]:
    figures = [("score.threshold", parsed.threshold), ("coverage.minimum", parsed.minimum_coverage)]
    return figures + [("paths.threshold", e.threshold) for e in parsed.overrides if e.threshold is not None]


def _ages(parsed: Policy) -> list[tuple[str, int, int]]:
    return [
        ("evidence.maxAgeDays", parsed.max_age_days or 0, MAX_DAYS),
        ("waivers.maxDays", parsed.max_waiver_days, MAX_DAYS),
        ("status.maxAgeHours", parsed.max_status_hours, 24 * MAX_DAYS),
        ("detection.minimum", parsed.minimum_detection, PERCENT),
        ("detection.budgetSeconds", parsed.detection_seconds, MAX_SECONDS),
    ]


def _differences(expected: dict[str, Json], found: dict[str, Json]) -> set[str]:
    """Name the fields that differ as JSON, where `true` is not 1, and those of a section by both names."""
    differing: set[str] = set()
    for name in expected.keys() | found.keys():
        one, other = expected.get(name), found.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            differing |= {f"{name}.{inner}" for inner in _differences(one, other)}
        elif (name in expected) != (name in found) or canonical.dumps(one) != canonical.dumps(other):
            differing.add(name)
    return differing


def _lent_sigstore(people: Json) -> Json:
    """A person without the field has no Sigstore identity."""
    if not isinstance(people, list):
        return people
    return [{"sigstore": [], **person} if isinstance(person, dict) else person for person in people]
