"""Who may say what: an agent its generations, a person their claims and consents, a gate its verdicts.

Layer: ledger core. Imports a predicate once there is a statement of it: reading one kind needs none of the others.
Does no I/O and reads no clock.
Trust: the statement is verified, so it is its signer's word; whether that signer may say it is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from . import predicates
from .errors import WrongIdentity
from .identity import Identity, Kind

if TYPE_CHECKING:
    from .predicates.rows import Part
    from .predicates.status import RevokedKind
    from .verifier import Verified


class Speech(NamedTuple):
    """What a statement says in one line, if we know its kind, and what made it: models by name, images by digest."""

    says: str | None
    models: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()

    def accused(self) -> Iterator[tuple[RevokedKind, str]]:
        """List what a revocation could name besides the signer and its key."""
        from .predicates.status import RevokedKind  # noqa: PLC0415 - see the top

        yield from ((RevokedKind.MODEL, name) for name in self.models)
        yield from ((RevokedKind.IMAGE, digest) for digest in self.images)
        yield from ((RevokedKind.SESSION, session) for session in self.sessions)


def speech_of(verified: Verified) -> Speech:
    """Refuse who speaks for another; a statement of a kind that we do not know speaks for itself."""
    match verified.statement.predicate_type:
        case predicates.GENERATION:
            return _generation(verified)
        case predicates.CLAIM:
            return _claim(verified)
        case predicates.VERDICT:
            return _verdict(verified)
        case predicates.STATUS:
            return _status(verified)
        case kind:
            return _consent(verified) if kind in predicates.CONSENTS else Speech(None)


def _generation(verified: Verified) -> Speech:
    """Read provenance of our build type; another tool's says nothing that we could judge."""
    from .predicates.generation import BUILD_TYPE, Generation  # noqa: PLC0415 - see the top

    definition = verified.statement.predicate.get("buildDefinition")
    if not isinstance(definition, dict) or definition.get("buildType") != BUILD_TYPE:
        return Speech(None)
    made = Generation.parse(verified.statement)
    _expect_signer(verified, made.agent, Kind.AGENT)
    models = tuple(name for model in made.models for name in (model.requested_id, model.returned_id) if name)
    images = (made.session.image_digest,) if made.session.image_digest else ()
    says = f"{made.agent} changed files{_part(made.part)}, evidence: {made.evidence}"
    return Speech(says, models, images, (made.session.id,))


def _claim(verified: Verified) -> Speech:
    from .predicates.claim import Claim  # noqa: PLC0415 - see the top

    claimed = Claim.parse(verified.statement)
    _expect_signer(verified, claimed.person, Kind.PERSON)
    return Speech(f"{claimed.person} answers for files{_part(claimed.part)}")


def _verdict(verified: Verified) -> Speech:
    from .predicates.verdict import Verdict  # noqa: PLC0415 - see the top

    decided = Verdict.parse(verified.statement)
    _expect_signer(verified, decided.gate, Kind.GATE)
    return Speech(f"verdict {decided.outcome.value}")


def _status(verified: Verified) -> Speech:
    from .predicates.status import Status  # noqa: PLC0415 - see the top

    listed = Status.parse(verified.statement)
    _expect_signer(verified, verified.signer, Kind.AUTHORITY)
    return Speech(f"status {listed.number}, {len(listed.revocations)} revoked")


def _consent(verified: Verified) -> Speech:
    from .countersignature import READERS  # noqa: PLC0415 - see the top

    consent = READERS[verified.statement.predicate_type](verified.statement)
    _expect_signer(verified, consent.person, Kind.PERSON)
    return Speech(f"{consent.person} {consent.says}")


def _part(part: Part) -> str:
    return f" (part {part.number} of {part.of}, which count only together)" if part.of > 1 else ""


def _expect_signer(verified: Verified, said: Identity, kind: Kind) -> None:
    if verified.signer != said or said.kind is not kind:
        raise WrongIdentity(f"signer: expected {kind} {said}, found {verified.signer}")
