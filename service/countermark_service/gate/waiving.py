"""Waivers: which of them name something that this change adds, and what each is worth now.

Trust: asks nobody but the case. What a waiver is worth is decided in `countermark_ledger.waivers`; here it is
decided what it is about: this finding at this path, or this file with this mode and these bytes, and every signature
of the path's chain by the agent it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from countermark_ledger.actors import operators
from countermark_ledger.consent import Said
from countermark_ledger.coverage import Answer, Row
from countermark_ledger.node import Node
from countermark_ledger.predicates.waiver import WaiverRequest
from countermark_ledger.uses import Uncounted
from countermark_ledger.waivers import Active, Facts, State, state_of
from countermark_scanners.finding import Severity
from countermark_scanners.score import Gap
from countermark_service.gate.case import Case
from countermark_service.gate.consents import ConsentSeen


class Target(NamedTuple):
    """What can be waived: a finding or a file that nobody read, named by its fingerprint."""

    fingerprint: str
    path: str
    node: Node | None = None
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A waiver that names a changed path: what it is worth, and the fingerprints that it is about here.

    `objection` says why it waives none of them although it names them; None when it does, or when it names none.
    """

    request: Said[WaiverRequest]
    state: State
    about: tuple[str, ...]
    objection: str | None = None

    @property
    def waived(self) -> tuple[str, ...]:
        """Name what it lets through, by fingerprint."""
        return self.about if isinstance(self.state, Active) and self.objection is None else ()


class _Known(NamedTuple):
    """What can be waived at each path, at which paths each name stands for something, and who answers for each path."""

    at: Mapping[str, Sequence[Target]]
    places: Mapping[str, AbstractSet[str]]
    rows: Mapping[str, Row]

    @classmethod
    def of(cls, case: Case) -> _Known:
        at: dict[str, list[Target]] = {}
        places: dict[str, set[str]] = {}
        for one in _targets(case):
            at.setdefault(one.path, []).append(one)
            places.setdefault(one.fingerprint, set()).add(one.path)
        return cls(at, places, {row.path: row for row in case.rows})


def standings(case: Case) -> tuple[Standing, ...]:
    """Judge every waiver that names a changed path, in the order of their names."""
    seen = case.input.consent
    if seen is None or not seen.consents.requests:
        return ()
    known = _Known.of(case)
    requests = [seen.consents.requests[name] for name in sorted(seen.consents.requests)]
    return tuple(_standing(request, case, seen, known) for request in requests)


def waived(case: Case) -> frozenset[str]:
    """Name everything that waivers let through, by fingerprint."""
    return frozenset(name for standing in standings(case) for name in standing.waived)


def waived_files(case: Case) -> frozenset[str]:
    """Name the paths of files that waivers let through although nobody read them."""
    names = waived(case)
    return frozenset(one.path for one in _targets(case) if one.node is not None and one.fingerprint in names)


def fingerprint_of(path: str, node: Node) -> str:
    """Name a file that nobody read, whether a scanner knows its type or not."""
    return Gap(path, node.sha256, "").fingerprint


def _targets(case: Case) -> Iterator[Target]:
    scan = case.input.scan
    if scan is None:
        return
    for finding in scan.findings:
        yield Target(finding.fingerprint, finding.path, critical=finding.severity is Severity.CRITICAL)
    nodes = {row.path: row.after for row in (case.input.landing.transitions if case.input.landing else ())}
    for path in (*(gap.path for gap in scan.gaps), *(path for path, _ in scan.unknown)):
        node = nodes.get(path)
        if node is not None:
            yield Target(fingerprint_of(path, node), path, node)


def _standing(request: Said[WaiverRequest], case: Case, seen: ConsentSeen, known: _Known) -> Standing:
    asked = request.what
    about = [one for one in known.at.get(asked.path, ()) if _names(asked, one)]
    row = known.rows.get(asked.path)
    approvals = seen.consents.waiver_approvals.get(request.name, ())
    revocations = seen.consents.waiver_revocations.get(request.name, ())
    state = state_of(request, approvals, revocations, _facts(request, case, seen, row))
    objection = (_elsewhere(about, known) or _objection(asked, about, row, case)) if about else None
    return Standing(request, state, tuple(sorted({one.fingerprint for one in about})), objection)


def _names(asked: WaiverRequest, target: Target) -> bool:
    """Tell whether a waiver is about this: a finding by its fingerprint, a file by its mode and content."""
    if target.node is None:
        return asked.finding == target.fingerprint
    return (asked.mode, asked.sha256) == (target.node.mode, target.node.sha256)


def _elsewhere(about: Sequence[Target], known: _Known) -> str | None:
    """Say where else a name stands for something: what is let through is let through by its name alone."""
    others = sorted(path for one in about for path in known.places[one.fingerprint] if path != one.path)
    return f"the same finding is at {others[0]} as well, which it does not name" if others else None


def _objection(asked: WaiverRequest, about: Sequence[Target], row: Row | None, case: Case) -> str | None:
    if row is None or row.answer is not Answer.COVERED:
        return "nobody answers for the file, so it is not known whose it is"
    signers = {edge.signer for edge in row.chain}
    if signers != {asked.agent}:
        return f"it is for what {asked.agent} wrote alone, the file is signed by {', '.join(sorted(map(str, signers)))}"
    if any(one.critical for one in about) and not case.policy.waives_critical:
        return "the policy lets nobody waive a critical finding"
    return None


def _facts(request: Said[WaiverRequest], case: Case, seen: ConsentSeen, row: Row | None) -> Facts:
    """Gather what the one evaluation asks. A clock that lags behind the newest status extends no waiver."""
    status, testimony, chain = case.input.status, case.input.testimony, row.chain if row else ()
    at = max(case.input.evaluated, status.issued) if status else case.input.evaluated
    return Facts(
        at=at,
        people=case.policy.signers,
        behind=operators(request.what.agent, chain, testimony, seen.owners) if testimony else frozenset(),
        max_days=case.policy.max_waiver_days,
        revoked=seen.revoked,
        used=seen.uses.get(request.name, Uncounted("nothing here needed it")),
        landing=case.input.subject.tree,
    )
