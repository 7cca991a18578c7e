"""Objections: what a policy has against evidence that holds.

Layer: ledger core. Does no I/O and reads no clock: from when evidence must be is an argument.
Trust: the rules are those of the policy at the protected tip; the evidence is verified. Whoever is no agent with
a statement, and no person whom the policy names, answers for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from .chain import Edge
from .identity import Identity, Kind
from .predicates.generation import Evidence as Level
from .shape import spell_time
from .testimony import Testimony, Word


class Ground(StrEnum):
    """On what ground evidence is objected to."""

    PEOPLE = "people"
    AGENTS = "agents"
    LEVEL = "evidence-level"
    MODELS = "models"
    IMAGES = "images"
    AGE = "evidence-age"


class Objection(NamedTuple):
    """One objection, in words for people."""

    ground: Ground
    said: str


class Asked(NamedTuple):
    """What is asked of an agent's evidence for one path. None allows every enrolled agent, any model, any image."""

    minimum: Level
    agents: AbstractSet[str] | None = None
    models: AbstractSet[str] | None = None
    images: AbstractSet[str] | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What the policy asks of evidence: `asked` of an agent's, by path; `people` are those it names.

    `people_for_protected` is how many of them must answer for a protected path, each with a chain of their own.
    Statements from before `not_before` (UTC) are too old; a signed commit has no time that anybody vouches for.
    """

    asked: Callable[[str], Asked]
    people: AbstractSet[str]
    protected: Callable[[str], bool]
    people_for_protected: int
    not_before: datetime | None = None


def objections(edge: Edge, path: str, testimony: Testimony, rules: Rules) -> tuple[Objection, ...]:
    """Say everything that the rules have against an edge; nothing is no objection."""
    word = testimony.word(edge)
    if edge.signer.kind is Kind.PERSON:
        found = [*_against_person(edge.signer, rules)]
    else:
        found = [*_against_agent(edge.signer, word, rules.asked(path))]
    return (*found, *_against_age(edge.signer, word, rules))


def _against_person(signer: Identity, rules: Rules) -> Iterator[Objection]:
    if str(signer) not in rules.people:
        yield Objection(Ground.PEOPLE, f"{signer} is not named by the policy at the tip")


def _against_agent(signer: Identity, word: Word, asked: Asked) -> Iterator[Objection]:
    if word.level is None:
        yield Objection(Ground.AGENTS, f"{signer} is no person and signed no generation")
        return
    if asked.agents is not None and str(signer) not in asked.agents:
        yield Objection(Ground.AGENTS, f"agent {signer} is not on the policy's list")
    if word.level.rank < asked.minimum.rank:
        said = f"evidence by {signer} is {word.level}, the policy asks for {asked.minimum}"
        yield Objection(Ground.LEVEL, said)
    yield from _unlisted(Ground.MODELS, signer, word.models, asked.models)
    yield from _unlisted(Ground.IMAGES, signer, (word.image,) if word.image else (), asked.images)


def _unlisted(
    ground: Ground, signer: Identity, named: tuple[str, ...], allowed: AbstractSet[str] | None
) -> Iterator[Objection]:
    """Every name must be on the list; where there is a list, no name at all is no way around it."""
    if allowed is None:
        return
    kind = ground.value.removesuffix("s")
    if not named:
        yield Objection(ground, f"evidence by {signer} names no {kind}, and the policy has a list")
    for name in sorted(set(named) - allowed):
        yield Objection(ground, f"evidence by {signer} names {kind} {name}, which is not on the policy's list")


def _against_age(signer: Identity, word: Word, rules: Rules) -> Iterator[Objection]:
    if rules.not_before is not None and word.signed is not None and word.signed < rules.not_before:
        oldest = spell_time(rules.not_before)
        said = f"evidence by {signer} is from {spell_time(word.signed)}, the policy accepts none from before {oldest}"
        yield Objection(Ground.AGE, said)
