"""What a policy has against evidence that holds: whose it is, how it was observed, by which model and image, when.

Trust: the ledger objects (`countermark_ledger.objections`), path by path; here each ground becomes a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from countermark_ledger.coverage import Answer
from countermark_ledger.objections import Ground
from countermark_service.exits import Exit
from countermark_service.gate.case import Case
from countermark_service.gate.policy import Policy
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules.rule import Rule


def _objected(ground: Ground) -> Callable[[Case], list[Reason]]:
    def judge(case: Case) -> list[Reason]:
        return [
            Reason(Exit.POLICY, objection.said, row.path, row.hint)
            for row in case.rows
            if row.answer is Answer.POLICY
            for objection in row.objections
            if objection.ground is ground
        ]

    return judge


def _except(policy: Policy, name: str) -> str:
    """Name the overrides that say something else."""
    others = [entry for entry in policy.overrides if getattr(entry, name) is not None]
    said = [f"for {', '.join(entry.match)}: {_listed(getattr(entry, name), 'any')}" for entry in others]
    return f" Elsewhere, {'; '.join(said)}." if said else ""


def _listed(names: AbstractSet[str] | str | None, otherwise: str) -> str:
    if isinstance(names, str):
        return names
    return otherwise if names is None else ", ".join(sorted(names)) or "none"


def _explain_level(policy: Policy) -> str:
    return f"An agent's evidence must be {policy.minimum_evidence} at least.{_except(policy, 'minimum_evidence')}"


def _explain_agents(policy: Policy) -> str:
    allowed = _listed(policy.agents, "every enrolled agent")
    return f"Agents that may answer for files: {allowed}.{_except(policy, 'agents')}"


def _explain_models(policy: Policy) -> str:
    return f"Models that evidence may name: {_listed(policy.models, 'any, or none')}.{_except(policy, 'models')}"


def _explain_images(policy: Policy) -> str:
    return f"Images that agents may have run in: {_listed(policy.images, 'any, or none')}.{_except(policy, 'images')}"


def _explain_people(policy: Policy) -> str:
    return f"People who may answer for files: {_listed_people(str(person.id) for person in policy.people)}."


def _listed_people(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nobody"


def _explain_age(policy: Policy) -> str:
    if policy.max_age_days is None:
        return "Evidence may be of any age."
    return f"Evidence must have been signed in the last {policy.max_age_days} days."


RULES = (
    Rule(
        "evidence-level",
        "Evidence is strong enough",
        ("evidence.minimum", "paths.evidence"),
        _explain_level,
        "the only evidence for a changed file is weaker (asserted < observed < boxed)",
        _objected(Ground.LEVEL),
    ),
    Rule(
        "agents",
        "The agent is on the list",
        ("agents", "paths.agents"),
        _explain_agents,
        "the only evidence for a changed file is by another agent",
        _objected(Ground.AGENTS),
    ),
    Rule(
        "people",
        "The person is named",
        ("people",),
        _explain_people,
        "the only evidence for a changed file is by a person whom the policy does not name",
        _objected(Ground.PEOPLE),
    ),
    Rule(
        "models",
        "The models are on the list",
        ("models", "paths.models"),
        _explain_models,
        "the only evidence for a changed file names another model, or none although there is a list",
        _objected(Ground.MODELS),
    ),
    Rule(
        "images",
        "The image is on the list",
        ("images", "paths.images"),
        _explain_images,
        "the only evidence for a changed file names another image, or none although there is a list",
        _objected(Ground.IMAGES),
    ),
    Rule(
        "evidence-age",
        "Evidence is young enough",
        ("evidence.maxAgeDays",),
        _explain_age,
        "the only evidence for a changed file was signed before that, by its timestamp",
        _objected(Ground.AGE),
    ),
)
