"""Overrides: what else a policy asks for where a path matches a pattern.

Trust: parsed from the policy at the protected tip; unknown fields are refused by the comparison of the whole policy.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fnmatch import fnmatchcase

from countermark_ledger import protected, shape
from countermark_ledger.canonical import Json
from countermark_ledger.identity import Kind
from countermark_ledger.objections import Asked
from countermark_ledger.predicates.generation import Evidence
from countermark_service.gate import fields


@dataclass(frozen=True, slots=True)
class Override:
    """What else holds for paths that one of the patterns matches; None leaves a field as it is elsewhere.

    Of several entries that match a path and give a field, the last one decides, as in CODEOWNERS. A path that some
    file system takes for one of the pattern's, or that stands in the place of its folder, is asked for no less by it.
    """

    match: tuple[str, ...]
    minimum_evidence: Evidence | None = None
    agents: frozenset[str] | None = None
    models: frozenset[str] | None = None
    images: frozenset[str] | None = None
    approvals: int | None = None
    threshold: int | None = None

    def json(self) -> Json:
        """Spell the entry, with the fields that it gives."""
        given: dict[str, Json] = {
            "evidence": self.minimum_evidence.value if self.minimum_evidence else None,
            "agents": fields.listed(self.agents),
            "models": fields.listed(self.models),
            "images": fields.listed(self.images),
            "approvals": self.approvals,
            "threshold": self.threshold,
        }
        return {"match": list(self.match), **{name: value for name, value in given.items() if value is not None}}

    @classmethod
    def parse(cls, value: Json) -> Override:
        """Read an entry; unknown fields are refused by the comparison of the whole policy."""
        given = value if isinstance(value, dict) else {}
        evidence, agents = given.get("evidence"), given.get("agents")
        return cls(
            match=shape.texts(shape.member(value, "match"), "paths.match"),
            minimum_evidence=None if evidence is None else fields.word(Evidence, evidence, "paths.evidence"),
            agents=None if agents is None else frozenset(fields.ids(agents, Kind.AGENT)),
            models=fields.names(given.get("models"), "paths.models"),
            images=fields.names(given.get("images"), "paths.images"),
            approvals=fields.optional_integer(given.get("approvals"), "paths.approvals"),
            threshold=fields.optional_integer(given.get("threshold"), "paths.threshold"),
        )

    def matches(self, path: str) -> bool:
        """Tell whether the entry is about a path, in any spelling, as the patterns of protected paths are."""
        return protected.matches(path, self.match)

    def spells(self, path: str) -> bool:
        """Tell whether a pattern spells the path itself: only then may the entry ask for less than what else holds."""
        return any(fnmatchcase(path, pattern) for pattern in self.match)


def stricter(one: Asked, other: Asked) -> Asked:
    """Ask for all that either asks for."""
    return Asked(
        max(one.minimum, other.minimum, key=lambda level: level.rank),
        _both(one.agents, other.agents),
        _both(one.models, other.models),
        _both(one.images, other.images),
    )


def _both(one: AbstractSet[str] | None, other: AbstractSet[str] | None) -> AbstractSet[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
