"""Policy: what the gate asks for, read at the protected ref's tip and nowhere else.

Trust: the bytes come from the protected tip, so people vouched for them; they are still parsed strictly,
because a policy with a misspelt field that is silently ignored is a policy that does not hold.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from countermark_ledger import canonical, protected, shape
from countermark_ledger.canonical import Json
from countermark_ledger.coverage import Rules
from countermark_ledger.errors import Malformed
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.predicates.generation import Evidence
from countermark_ledger.sshsig import PublicKey, parse_public_key

POLICY_PATH = ".countermark/policy.json"
TRUST_ROOT_PATH = ".countermark/trust-root.json"
VERSION = 1
E = TypeVar("E", bound=StrEnum)


class Mode(StrEnum):
    """Enforce refuses; observe decides and reports the same way, exits 0 and says so."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class SplitView(StrEnum):
    """What to do when no proof ties the evidence to one log that witnesses saw."""

    REPORT = "report"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Person:
    """A person whom the policy names, and the SSH keys that sign for them."""

    id: Identity
    ssh_keys: tuple[PublicKey, ...]

    def json(self) -> Json:
        """Spell the person."""
        return {"id": str(self.id), "sshKeys": [key.line() for key in self.ssh_keys]}

    @classmethod
    def parse(cls, value: Json) -> Person:
        """Read a person."""
        identity = Identity.parse(shape.member(value, "id"))
        if identity.kind is not Kind.PERSON:
            raise Malformed(f"policy: people holds {identity}, which is not a person")
        return cls(identity, shape.items(shape.member(value, "sshKeys"), "sshKeys", _key))


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. Counts and limits: `threshold` 1 to 100, `max_base_distance` in first-parent commits."""

    mode: Mode
    minimum_evidence: Evidence
    agents: frozenset[str] | None
    people: tuple[Person, ...]
    gates: frozenset[str]
    protected_paths: tuple[str, ...]
    people_for_protected: int
    max_base_distance: int
    threshold: int
    scanners: tuple[str, ...]
    inert: tuple[str, ...]
    split_view: SplitView
    sha256: str

    @property
    def rules(self) -> Rules:
        """Give what is asked of evidence."""
        return Rules(
            minimum=self.minimum_evidence,
            agents=self.agents,
            people=frozenset(str(person.id) for person in self.people),
            protected=lambda path: protected.is_protected(path, self.protected_paths),
            people_for_protected=self.people_for_protected,
        )

    def json(self) -> dict[str, Json]:
        """Spell the policy, without its own digest."""
        agents: list[Json] | None = None if self.agents is None else [*sorted(self.agents)]
        return {
            "version": VERSION,
            "mode": self.mode.value,
            "evidence": {"minimum": self.minimum_evidence.value, "maxBaseDistance": self.max_base_distance},
            "agents": agents,
            "people": [person.json() for person in self.people],
            "gates": [*sorted(self.gates)],
            "protected": {"paths": list(self.protected_paths), "people": self.people_for_protected},
            "score": {"threshold": self.threshold, "scanners": list(self.scanners), "inert": list(self.inert)},
            "splitView": self.split_view.value,
        }

    @classmethod
    def parse(cls, raw: bytes) -> Policy:
        """Read a policy; white space and order are free, unknown and missing fields are refused."""
        value = canonical.loads(raw, max_bytes=1024 * 1024)
        evidence, score, paths = (shape.member(value, name) for name in ("evidence", "score", "protected"))
        agents = shape.member(value, "agents")
        parsed = cls(
            mode=_word(Mode, shape.member(value, "mode"), "mode"),
            minimum_evidence=_word(Evidence, shape.member(evidence, "minimum"), "evidence.minimum"),
            agents=None if agents is None else frozenset(_ids(agents, Kind.AGENT)),
            people=shape.items(shape.member(value, "people"), "people", Person.parse),
            gates=frozenset(_ids(shape.member(value, "gates"), Kind.GATE)),
            protected_paths=shape.texts(shape.member(paths, "paths"), "protected.paths"),
            people_for_protected=shape.integer(shape.member(paths, "people"), "protected.people"),
            max_base_distance=shape.integer(shape.member(evidence, "maxBaseDistance"), "evidence.maxBaseDistance"),
            threshold=shape.integer(shape.member(score, "threshold"), "score.threshold"),
            scanners=shape.texts(shape.member(score, "scanners"), "score.scanners"),
            inert=shape.texts(shape.member(score, "inert"), "score.inert"),
            split_view=_word(SplitView, shape.member(value, "splitView"), "splitView"),
            sha256=hashlib.sha256(raw).hexdigest(),
        )
        _check(parsed, value)
        return parsed


def _check(parsed: Policy, value: Json) -> None:
    """Refuse fields that were not understood, and figures that could never be met or never bite."""
    if not isinstance(value, dict) or (differing := sorted(_differences(parsed.json(), value))):
        raise Malformed(f"policy: unexpected, missing or unsorted: {', '.join(differing)}")
    if not 1 <= parsed.people_for_protected <= max(1, len(parsed.people)):
        raise Malformed(f"policy: protected.people is {parsed.people_for_protected}, {len(parsed.people)} are named")
    if not 1 <= parsed.threshold <= 100:  # noqa: PLR2004 - the score's own scale
        raise Malformed(f"policy: score.threshold is {parsed.threshold}, expected 1 to 100")
    if len({person.id for person in parsed.people}) != len(parsed.people):
        raise Malformed("policy: one person is named twice")


def _differences(expected: dict[str, Json], found: dict[str, Json]) -> set[str]:
    """Name the fields that differ as JSON, where `true` is not 1."""
    spelled = [{key: canonical.dumps(value) for key, value in side.items()} for side in (expected, found)]
    return {key for key in expected.keys() | found.keys() if spelled[0].get(key) != spelled[1].get(key)}


def _word(kind: type[E], value: Json, where: str) -> E:
    try:
        return kind(shape.text(value, where))
    except ValueError as error:
        raise Malformed(f"policy: {where} is {value!r}, expected one of {', '.join(kind)}") from error


def _ids(value: Json, kind: Kind) -> tuple[str, ...]:
    ids = shape.items(value, f"{kind}s", Identity.parse)
    if wrong := [str(one) for one in ids if one.kind is not kind]:
        raise Malformed(f"policy: {wrong[0]} is not a {kind}")
    return tuple(str(one) for one in ids)


def _key(value: Json) -> PublicKey:
    return parse_public_key(shape.text(value, "sshKeys"))
