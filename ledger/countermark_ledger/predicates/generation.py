"""An agent generated or changed files: SLSA provenance v1 under our `buildType`.

Layer: ledger core. Does no I/O and reads no clock.
Trust: says who ASSERTED the bytes and how they were observed, never that a model authored them: the model
list is what a wire, a runtime or a declaration named, and says which.
Source: https://slsa.dev/spec/v1.2/provenance; fields aligned with the agent-commit v0.3 draft.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from .. import shape
from ..canonical import Json
from ..errors import Malformed
from ..identity import Identity, Kind
from ..statement import Statement
from . import GENERATION
from .commitment import Commitment
from .rows import Part, refuse_other_spelling

PREDICATE_TYPE = GENERATION
BUILD_TYPE = "https://countermark.dev/agent-change/v1"


class Evidence(StrEnum):
    """How the rows came to be known, weakest first."""

    ASSERTED = "asserted"
    OBSERVED = "observed"
    BOXED = "boxed"

    @property
    def rank(self) -> int:
        """Order the levels: asserted 0, observed 1, boxed 2."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Evidence)}


class ModelSource(StrEnum):
    """Who named the model."""

    DECLARED = "declared"
    RUNTIME = "runtime"
    WIRE = "wire"


class Model(NamedTuple):
    """A model by the names it was asked for and answered under; no digest, which nobody can know."""

    provider: str | None
    requested_id: str
    returned_id: str | None
    endpoint: str | None
    source: ModelSource

    def json(self) -> Json:
        """Spell the model; unknown fields are null."""
        return {
            "provider": self.provider,
            "requestedId": self.requested_id,
            "returnedId": self.returned_id,
            "endpoint": self.endpoint,
            "source": self.source.value,
        }

    @classmethod
    def parse(cls, value: Json) -> Model:
        """Read a model."""
        source = shape.text(shape.member(value, "source"), "model source")
        if source not in set(ModelSource):
            raise Malformed(f"model source: expected declared, runtime or wire, found {source!r}")
        return cls(
            shape.optional_text(shape.member(value, "provider"), "model provider"),
            shape.text(shape.member(value, "requestedId"), "model requestedId"),
            shape.optional_text(shape.member(value, "returnedId"), "model returnedId"),
            shape.optional_text(shape.member(value, "endpoint"), "model endpoint"),
            ModelSource(source),
        )


class Target(NamedTuple):
    """Where the change is meant to land: an immutable repository id, a full ref, a first-parent commit of it."""

    repository_id: str
    protected_ref: str
    base_commit: str

    def json(self) -> Json:
        """Spell the target."""
        return {
            "repositoryId": self.repository_id,
            "protectedRef": self.protected_ref,
            "baseCommit": self.base_commit,
        }

    @classmethod
    def parse(cls, value: Json) -> Target:
        """Read a target."""
        names = ("repositoryId", "protectedRef", "baseCommit")
        return cls(*(shape.text(shape.member(value, name), f"target.{name}") for name in names))


class Session(NamedTuple):
    """One run of one agent: an id, its span (UTC), who observed it, in what runtime and sandbox."""

    id: str
    started: datetime
    finished: datetime
    observer: Identity
    runtime: str
    runtime_version: str | None
    image_digest: str | None
    sandbox_policy: str | None


class Generation(NamedTuple):
    """The statement: `agent` turned these nodes into those, at this level of evidence.

    `operator` is the person who set the agent to work: on whose authority it acted, as its host knows it.
    """

    agent: Identity
    target: Target
    evidence: Evidence
    session: Session
    part: Part
    models: tuple[Model, ...] = ()
    tools: tuple[str, ...] = ()
    subagents: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    task: Commitment | None = None
    prompt: Commitment | None = None
    transcript: Commitment | None = None
    operator: Identity | None = None

    def statement(self) -> Statement:
        """Spell the statement."""
        return Statement(self.part.subjects(), PREDICATE_TYPE, self._predicate())

    @classmethod
    def parse(cls, statement: Statement) -> Generation:
        """Accept exactly what `statement` emits."""
        predicate = statement.expect(PREDICATE_TYPE)
        definition, run = shape.member(predicate, "buildDefinition"), shape.member(predicate, "runDetails")
        outer, inner = (shape.member(definition, f"{side}Parameters") for side in ("external", "internal"))
        agent = shape.member(inner, "agent")
        evidence = shape.text(shape.member(inner, "evidence"), "evidence")
        if evidence not in set(Evidence):
            raise Malformed(f"evidence: expected asserted, observed or boxed, found {evidence!r}")
        parsed = cls(
            Identity.parse(shape.member(agent, "id")),
            Target.parse(shape.member(outer, "target")),
            Evidence(evidence),
            _session(run, agent, inner),
            Part.parse(inner),
            shape.items(shape.member(agent, "models"), "models", Model.parse),
            shape.texts(shape.member(agent, "tools"), "tools"),
            shape.texts(shape.member(inner, "subagents"), "subagents"),
            shape.texts(shape.member(inner, "tags"), "tags"),
            Commitment.parse(shape.member(outer, "task")),
            Commitment.parse(shape.member(outer, "prompt")),
            _transcript(shape.member(run, "byproducts")),
            _operator(shape.member(outer, "operator")),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed

    def _predicate(self) -> dict[str, Json]:
        return {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "task": self.task.json() if self.task else None,
                    "prompt": self.prompt.json() if self.prompt else None,
                    "target": self.target.json(),
                    "operator": str(self.operator) if self.operator else None,
                },
                "internalParameters": {
                    "agent": self._agent(),
                    "evidence": self.evidence.value,
                    "sandboxPolicy": self.session.sandbox_policy,
                    "subagents": list(self.subagents),
                    "tags": list(self.tags),
                    **self.part.json(),
                },
                "resolvedDependencies": [
                    {"name": "base", "digest": {"gitCommit": self.target.base_commit}},
                ],
            },
            "runDetails": self._run(),
        }

    def _agent(self) -> Json:
        return {
            "id": str(self.agent),
            "models": [model.json() for model in self.models],
            "runtime": {
                "name": self.session.runtime,
                "version": self.session.runtime_version,
                "imageDigest": self.session.image_digest,
            },
            "tools": list(self.tools),
        }

    def _run(self) -> Json:
        transcript: list[Json] = []
        if self.transcript:
            transcript.append({"name": "transcript", "annotations": {"commitment": self.transcript.json()}})
        return {
            "builder": {"id": str(self.session.observer)},
            "metadata": {
                "invocationId": self.session.id,
                "startedOn": shape.spell_time(self.session.started),
                "finishedOn": shape.spell_time(self.session.finished),
            },
            "byproducts": transcript,
        }


def _operator(value: Json) -> Identity | None:
    if value is None:
        return None
    operator = Identity.parse(value)
    if operator.kind is not Kind.PERSON:
        raise Malformed(f"operator: expected a person, found {operator}")
    return operator


def _session(run: Json, agent: Json, inner: Json) -> Session:
    metadata, runtime = shape.member(run, "metadata"), shape.member(agent, "runtime")
    return Session(
        shape.text(shape.member(metadata, "invocationId"), "invocationId"),
        shape.time(shape.member(metadata, "startedOn"), "startedOn"),
        shape.time(shape.member(metadata, "finishedOn"), "finishedOn"),
        Identity.parse(shape.member(shape.member(run, "builder"), "id")),
        shape.text(shape.member(runtime, "name"), "runtime.name"),
        shape.optional_text(shape.member(runtime, "version"), "runtime.version"),
        shape.optional_text(shape.member(runtime, "imageDigest"), "runtime.imageDigest"),
        shape.optional_text(shape.member(inner, "sandboxPolicy"), "sandboxPolicy"),
    )


def _transcript(value: Json) -> Commitment | None:
    found = shape.items(value, "byproducts", lambda item: shape.member(item, "annotations"))
    return Commitment.parse(shape.member(found[0], "commitment")) if found else None
