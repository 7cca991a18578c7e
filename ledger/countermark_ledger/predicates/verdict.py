"""The gate decided: SLSA verification summary v1, with everything it was bound to.

Layer: ledger core. Does no I/O and reads no clock.
Trust: counts only from a `gate` identity that the policy names. INCONCLUSIVE is FAILED plus an annotation,
so that a reader who knows only the standard never takes it for a pass.
Source: https://slsa.dev/spec/v1.2/verification_summary
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .. import shape
from ..canonical import Json
from ..errors import Malformed
from ..identity import Identity
from ..statement import Statement, Subject
from . import VERDICT
from .rows import refuse_other_spelling

PREDICATE_TYPE = VERDICT
LEVEL = "ORG_SOURCE_COUNTERMARK_ACCOUNTED"
"""Our own level: every transition accounted for and the score passed. Never an `SLSA_*` one."""


class Outcome(StrEnum):
    """The three answers."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Binding:
    """What a verdict is true of (DESIGN.md section 2, step 7). Commit and tree ids are git's, hex."""

    repository_id: str
    protected_ref: str
    tip: str
    head: str
    landing_tree: str
    listing_sha256: str
    merge_method: str
    consumed: tuple[str, ...]

    def subject(self, extra: dict[str, Json]) -> Subject:
        """Spell the binding as the one subject, the landing tree by its listing; git's own names are annotations."""
        return Subject(
            "landing-tree",
            {"sha256": self.listing_sha256},
            {
                "gitCommit": self.head,
                "gitTree": self.landing_tree,
                "sourceRefs": [self.protected_ref],
                "repositoryId": self.repository_id,
                "tip": self.tip,
                "mergeMethod": self.merge_method,
                "statementsConsumed": list(self.consumed),
                **extra,
            },
        )

    @classmethod
    def parse(cls, subject: Subject) -> Binding:
        """Read the binding out of the subject."""
        notes = subject.annotations
        refs = shape.texts(notes.get("sourceRefs"), "sourceRefs")
        if len(refs) != 1:
            raise Malformed("verdict: expected exactly one protected ref")
        return cls(
            shape.text(notes.get("repositoryId"), "repositoryId"),
            refs[0],
            shape.text(notes.get("tip"), "tip"),
            shape.text(notes.get("gitCommit"), "gitCommit"),
            shape.text(notes.get("gitTree"), "gitTree"),
            shape.hex64(subject.digest.get("sha256"), "listing sha256"),
            shape.text(notes.get("mergeMethod"), "mergeMethod"),
            shape.texts(notes.get("statementsConsumed"), "statementsConsumed"),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """PASSED, FAILED or INCONCLUSIVE of one landing, by `gate`, under one policy, on this complete evidence.

    `waivers` and `approvals` are the sha256 of what was signed of each that this decision used; `points` are what
    each signer's new findings cost, so that findings split over many small changes add up for whoever reads them.
    """

    gate: Identity
    tool_version: str
    evaluated: datetime
    outcome: Outcome
    exit_code: int
    score: int
    reasons: tuple[str, ...]
    policy_sha256: str
    inputs: tuple[str, ...]
    binding: Binding
    waivers: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    points: tuple[tuple[str, int], ...] = ()

    def statement(self) -> Statement:
        """Spell the statement. `inputs` are the sha256 of every bundle that was judged."""
        notes: dict[str, Json] = {
            "outcome": self.outcome.value,
            "exitCode": self.exit_code,
            "score": self.score,
            "reasons": list(self.reasons),
            "waiversUsed": list(self.waivers),
            "approvalsUsed": list(self.approvals),
            "points": [{"signer": who, "points": cost} for who, cost in self.points],
        }
        passed = self.outcome is Outcome.PASSED
        predicate: dict[str, Json] = {
            "verifier": {"id": str(self.gate), "version": {"countermark": self.tool_version}},
            "timeVerified": shape.spell_time(self.evaluated),
            "resourceUri": self.binding.repository_id,
            "policy": {"uri": ".countermark/policy.json", "digest": {"sha256": self.policy_sha256}},
            "inputAttestations": [
                {"uri": f"{name[:2]}/{name}.sigstore.json", "digest": {"sha256": name}} for name in self.inputs
            ],
            "verificationResult": (Outcome.PASSED if passed else Outcome.FAILED).value,
            "verifiedLevels": [LEVEL] if passed else [],
            "slsaVersion": "1.2",
        }
        return Statement((self.binding.subject(notes),), PREDICATE_TYPE, predicate)

    @classmethod
    def parse(cls, statement: Statement) -> Verdict:
        """Accept exactly what `statement` emits."""
        predicate = statement.expect(PREDICATE_TYPE)
        subject, verifier = statement.subjects[0], predicate.get("verifier")
        outcome = shape.text(subject.annotations.get("outcome"), "outcome")
        if outcome not in set(Outcome):
            raise Malformed(f"verdict: expected PASSED, FAILED or INCONCLUSIVE, found {outcome!r}")
        policy = shape.member(shape.member(predicate.get("policy"), "digest"), "sha256")
        parsed = cls(
            Identity.parse(shape.member(verifier, "id")),
            shape.text(shape.member(shape.member(verifier, "version"), "countermark"), "verifier.version"),
            shape.time(predicate.get("timeVerified"), "timeVerified"),
            Outcome(outcome),
            shape.integer(subject.annotations.get("exitCode"), "exitCode"),
            shape.integer(subject.annotations.get("score"), "score"),
            shape.texts(subject.annotations.get("reasons"), "reasons"),
            shape.hex64(policy, "policy sha256"),
            shape.items(predicate.get("inputAttestations"), "inputAttestations", _input),
            Binding.parse(subject),
            _names(subject, "waiversUsed"),
            _names(subject, "approvalsUsed"),
            shape.items(subject.annotations.get("points"), "points", _points),
        )
        refuse_other_spelling(statement, parsed.statement())
        return parsed


def _input(value: Json) -> str:
    return shape.hex64(shape.member(shape.member(value, "digest"), "sha256"), "input attestation sha256")


def _names(subject: Subject, field: str) -> tuple[str, ...]:
    return shape.items(subject.annotations.get(field), field, lambda name: shape.hex64(name, field))


def _points(value: Json) -> tuple[str, int]:
    signer = Identity.parse(shape.member(value, "signer"))
    return str(signer), shape.integer(shape.member(value, "points"), "points")
