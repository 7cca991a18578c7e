"""The report as one JSON document, for programs.

Trust: what a terminal would obey is spelled out (`safe`); a name outside of UTF-8 is, too.
"""

from __future__ import annotations

from typing import Protocol

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.coverage import Row
from countermark_ledger.display import safe
from countermark_ledger.evidence import Evidence
from countermark_ledger.predicates.generation import Generation
from countermark_scanners.finding import Finding
from countermark_service.gate.costs import points_of
from countermark_service.gate.decision import Decision
from countermark_service.gate.reason import Reason
from countermark_service.gate.speaking import consent
from countermark_service.gate.speaking.report import Report


def of(report: Report) -> dict[str, Json]:
    """Spell the report; without a decision there is no more than the reason why."""
    decision = report.decision
    if decision is None:
        code = report.exit_code.value
        refusal: dict[str, Json] = {"verdict": report.word, "code": code, "exitCode": code, "enforcing": True}
        return {**refusal, "reasons": [_reason(reason) for reason in report.reasons]}
    return {**_answer(decision), **_bound_to(decision), **_found(report, decision)}


def split_view(decision: Decision) -> str:
    """Say whether a log that shows different people different things would have been noticed."""
    return "protected" if decision.facts.is_log_protected else "unprotected"


def _answer(decision: Decision) -> dict[str, Json]:
    return {
        "verdict": decision.outcome.value,
        "code": decision.code.value,
        "exitCode": decision.exit_code.value,
        "enforcing": not decision.observing,
        "preliminary": decision.verdict is None,
        "verdictBundle": decision.verdict,
    }


def _bound_to(decision: Decision) -> dict[str, Json]:
    facts, change = decision.facts, decision.facts.change
    return {
        "repositoryId": facts.root.repository_id,
        "protectedRef": _text(facts.root.protected_ref),
        "tip": facts.root.tip,
        "head": facts.root.head,
        "landingTree": change.tree if change else None,
        "evaluatedOn": shape.spell_time(facts.evaluated),
        "policySha256": facts.root.policy.sha256,
        "statusNumber": facts.status,
        "splitView": split_view(decision),
        "junkBundles": facts.junk,
    }


def _points(decision: Decision) -> dict[str, Json]:
    """Say what findings cost each signer: in this change, and in those that landed before."""
    now = points_of(decision.facts.rows, decision.facts.scan.new_findings if decision.facts.scan else ())
    return {
        "points": [{"signer": signer, "points": points} for signer, points in now],
        "earlierPoints": [one._asdict() for one in decision.facts.earlier],
    }


def _found(report: Report, decision: Decision) -> dict[str, Json]:
    facts, coverage = decision.facts, report.coverage
    return {
        "score": decision.score,
        "scanCache": facts.scan.cache.to_json() if facts.scan and facts.scan.cache else None,
        "rawScore": decision.raw_score,
        "dynamic": _stage(facts.scan.dynamic if facts.scan else None),
        "detection": _stage(facts.scan.detection if facts.scan else None),
        **_points(decision),
        **consent.document(decision),
        "coverage": {"covered": coverage.covered if coverage else 0, "rows": len(facts.rows)},
        "unansweredFiles": coverage.unanswered if coverage else None,
        "unattributedLines": report.unattributed_lines,
        "rows": [_row(row, facts.evidence) for row in facts.rows],
        "reasons": [_reason(reason) for reason in report.reasons],
        "findings": [_finding(finding) for finding in (facts.scan.new_findings if facts.scan else ())],
    }


class _Spelled(Protocol):
    def to_json(self) -> dict[str, Json]: ...


def _stage(found: _Spelled | None) -> Json:
    """Spell what a stage beyond the scan did; one that was not demanded did not run, and nothing is claimed of it."""
    return {"outcome": "not-run"} if found is None else found.to_json()


def _row(row: Row, evidence: Evidence | None) -> Json:
    chain: list[Json] = [
        {
            "signer": str(edge.signer),
            "source": edge.source,
            "logIndex": edge.index,
            "tags": [_text(tag) for tag in _tags(edge.source, evidence)],
        }
        for edge in row.chain
    ]
    return {"path": _text(row.path), "answer": row.answer.value, "reason": _text(row.reason), "chain": chain}


def _tags(source: str, evidence: Evidence | None) -> tuple[str, ...]:
    account = evidence.accounts.get(source) if evidence else None
    return account.tags if isinstance(account, Generation) else ()


def _reason(reason: Reason) -> Json:
    last = reason.last_signed
    return {
        "code": reason.code.value,
        "rule": reason.rule,
        "message": _text(reason.message),
        "path": None if reason.path is None else _text(reason.path),
        "hint": None if reason.hint is None else _text(reason.hint),
        "lines": [[first, end] for first, end in reason.lines],
        "extent": reason.extent,
        "lastSigned": {
            "sha256": last.sha256,
            "signer": last.signer,
            "signed": shape.spell_time(last.signed) if last.signed else None,
            "source": last.source,
            "revoked": last.revoked,
        }
        if last
        else None,
    }


def _finding(finding: Finding) -> Json:
    return {name: _text(value) if isinstance(value, str) else value for name, value in finding.to_json().items()}


def _text(text: str) -> str:
    """Keep what JSON can hold and a terminal only shows; the rest, and a name outside UTF-8, is spelled out."""
    return text if text.isprintable() else safe(text)
