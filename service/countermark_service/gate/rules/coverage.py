"""Coverage: each changed file is accounted for, by agents or people; protected files by people alone.

Trust: a share below 100 is the policy's own word, and holds for files that nobody answers for and for nothing
else: a forged, revoked or objected file, a protected one, one for which an override asks for more evidence, and one
that git can't spell safely refuse whatever it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from countermark_ledger.coverage import Answer, Row
from countermark_service.exits import Exit
from countermark_service.gate.case import Case
from countermark_service.gate.policy import PERCENT, Policy
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules.rule import Rule


def _reasons(rows: Sequence[Row]) -> list[Reason]:
    return [Reason(Exit.UNACCOUNTED, row.reason, row.path, row.hint) for row in rows]


def _refused_rows(case: Case) -> Sequence[Row]:
    """List what counts towards the share where that is too small, and what an override asks more of in any case."""
    asked_more = [
        row for row in _must_be_covered(case) if not case.is_protected(row.path) and not case.is_refused(row.path)
    ]
    return (*asked_more, *(() if case.let_pass else case.unaccounted))


def _coverage(case: Case) -> list[Reason]:
    return _reasons([row for row in _refused_rows(case) if not _began_too_early(case, row)])


def _base_distance(case: Case) -> list[Reason]:
    return _reasons([row for row in _refused_rows(case) if _began_too_early(case, row)])


def _began_too_early(case: Case, row: Row) -> bool:
    """Tell whether there is evidence for a row, and all of it began where the policy no longer looks."""
    landing, testimony = case.input.landing, case.input.testimony
    if landing is None or testimony is None or not (edges := testimony.edges.get(row.path)):
        return False
    farthest = case.policy.max_base_distance
    return all(landing.positions.get(edge.base, farthest + 1) > farthest for edge in edges)


def _protected(case: Case) -> list[Reason]:
    return _reasons([row for row in _must_be_covered(case) if case.is_protected(row.path)])


def _unsafe(case: Case) -> list[Reason]:
    return _reasons(
        [row for row in _must_be_covered(case) if case.is_refused(row.path) and not case.is_protected(row.path)]
    )


def _must_be_covered(case: Case) -> Iterator[Row]:
    return (row for row in case.rows if row.answer is Answer.UNACCOUNTED and case.must_be_covered(row.path))


def _explain_coverage(policy: Policy) -> str:
    if policy.minimum_coverage == PERCENT:
        return "Every changed file must be accounted for by signed evidence."
    return (
        f"At least {policy.minimum_coverage} % of the changed files must be accounted for, rounded down,"
        " and each one for which more evidence is asked than elsewhere."
    )


def _explain_base_distance(policy: Policy) -> str:
    return f"Evidence counts if its work began at most {policy.max_base_distance} commits behind the protected tip."


def _explain_protected(policy: Policy) -> str:
    more = f", and {', '.join(policy.protected_paths)}" if policy.protected_paths else ""
    people = f"{policy.people_for_protected} of the people named here ({len(policy.people)}) must each answer for"
    return f"{people} a change of policy, trust root, continuous integration, code owners or attributes{more}."


def _explain_unsafe(_policy: Policy) -> str:
    return "A name that readers could take for another, and content that is not in git, can't be accounted for."


RULES = (
    Rule(
        "coverage",
        "Files are accounted for",
        ("coverage.minimum",),
        _explain_coverage,
        "the share of changed files that somebody answers for is smaller; each of the others is a reason",
        _coverage,
    ),
    Rule(
        "base-distance",
        "Work began near the tip",
        ("evidence.maxBaseDistance",),
        _explain_base_distance,
        "all evidence for a changed file began farther behind, or on another history",
        _base_distance,
    ),
    Rule(
        "protected-paths",
        "People answer for protected files",
        ("protected.paths", "protected.people", "people"),
        _explain_protected,
        "fewer people than that signed for a changed protected file; agents never count there",
        _protected,
    ),
    Rule(
        "unsafe-paths",
        "Names and contents can be read",
        (),
        _explain_unsafe,
        "a changed file has such a name, or is a pointer to content that lies elsewhere",
        _unsafe,
    ),
)
