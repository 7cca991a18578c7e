"""Step 8, SPEAK: one decision, for a person and for a program.

Trust: paths come from the change; `safe` spells out what a terminal would obey.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.coverage import Answer, Row
from countermark_ledger.display import safe
from countermark_ledger.predicates.verdict import Outcome
from countermark_scanners.finding import Finding
from countermark_service.cli.console import Console
from countermark_service.exits import MEANING
from countermark_service.gate.decision import Decision, Reason

MAX_SHOWN = 20
MAX_PATHS = 5
_COLOUR = {Outcome.PASSED: "green", Outcome.FAILED: "red", Outcome.INCONCLUSIVE: "yellow"}
NOT_ENFORCING = "NOT ENFORCING: the policy only observes, so this exits 0"


def speak(decision: Decision, console: Console) -> None:
    """Print the decision as the console wants it."""
    if console.json:
        console.document(document(decision))
        return
    for line in lines(decision, console):
        console.data(line)


def document(decision: Decision) -> dict[str, Json]:
    """Spell the decision for programs."""
    facts, change = decision.facts, decision.facts.change
    return {
        "verdict": decision.outcome.value,
        "code": decision.code.value,
        "exitCode": decision.exit_code.value,
        "enforcing": not decision.observing,
        "preliminary": decision.verdict is None,
        "verdictBundle": decision.verdict,
        "repositoryId": facts.root.repository_id,
        "protectedRef": _text(facts.root.protected_ref),
        "tip": facts.root.tip,
        "head": facts.root.head,
        "landingTree": change.tree if change else None,
        "evaluatedOn": shape.spell_time(facts.evaluated),
        "policySha256": facts.root.policy.sha256,
        "score": decision.score,
        "statusNumber": facts.status,
        "splitView": split_view(decision),
        "coverage": {"covered": _covered(decision), "rows": len(facts.rows)},
        "junkBundles": facts.junk,
        "rows": [_row(row) for row in facts.rows],
        "reasons": [_reason(reason) for reason in decision.reasons],
        "findings": [_finding(finding) for finding in (facts.scan.new_findings if facts.scan else ())],
    }


def lines(decision: Decision, console: Console) -> list[str]:
    """Spell the decision for a person: the answer first, then why, then how to mend it."""
    return [
        _headline(decision, console),
        *_summary(decision),
        *_findings(decision),
        *_because(decision, console),
        *_tail(decision),
    ]


def split_view(decision: Decision) -> str:
    """Say whether a log that shows different people different things would have been noticed."""
    log = decision.facts.log
    return "protected" if log is not None and log.protected else "unprotected"


def _headline(decision: Decision, console: Console) -> str:
    facts, code = decision.facts, decision.code
    word = console.style(decision.outcome.value, _COLOUR[decision.outcome], "bold")
    change = f"{facts.root.head[:12]} -> {safe(facts.root.protected_ref)}"
    return f"{word} ({code.value}, {MEANING[code]})  {change}"


def _summary(decision: Decision) -> list[str]:
    facts = decision.facts
    signers = Counter(str(edge.signer) for row in facts.rows for edge in row.chain)
    known = facts.log is not None
    found = [f"  coverage   {f'{_covered(decision)} of {len(facts.rows)} files accounted for' if known else 'unknown'}"]
    found += [f"             {count:>4} by {signer}" for signer, count in sorted(signers.items())]
    if facts.scan is not None:
        names = ", ".join(f"{one.scanner} {one.version}" for one in facts.scan.reports)
        found.append(
            f"  score      {facts.scan.score.value} of 100 (policy asks for {facts.root.policy.threshold}); {names}"
        )
        found.append("  dynamic    not run (no policy can ask for it yet)")
    found.append(f"  split-view {split_view(decision)}")
    return found


def _findings(decision: Decision) -> list[str]:
    scan = decision.facts.scan
    if scan is None:
        return []
    worst = sorted(scan.new_findings, key=lambda f: (-f.severity, -f.confidence, f.path, f.line))
    found: list[str] = []
    for finding in [one for one in worst if one.severity > 0][:MAX_SHOWN]:
        cwe = f" CWE-{finding.cwe}" if finding.cwe else ""
        where = f"{safe(finding.path)}:{finding.line}"
        found.append(f"  {finding.severity.word:<8} {where}{cwe} {safe(finding.message)}")
        found.append(f"           fix: {safe(finding.remediation)}")
    return found


def _because(decision: Decision, console: Console) -> list[str]:
    """Say each reason once, with the paths it holds for and how to mend the first of them."""
    groups: dict[tuple[int, str], list[Reason]] = {}
    for reason in decision.reasons:
        groups.setdefault((reason.code, reason.message), []).append(reason)
    found: list[str] = []
    for group in [*groups.values()][:MAX_SHOWN]:
        found.append(
            f"  {console.style('because', 'bold')}    {_where(group)}{safe(group[0].message)} [{group[0].code}]"
        )
        if group[0].hint:
            found.append(f"  hint:        {safe(group[0].hint)}")
    if len(groups) > MAX_SHOWN:
        found.append(f"  and {len(groups) - MAX_SHOWN} more reasons: countermark gate --json shows them all")
    return found


def _where(group: Sequence[Reason]) -> str:
    paths = [safe(reason.path) for reason in group if reason.path]
    more = f" and {len(paths) - MAX_PATHS} more" if len(paths) > MAX_PATHS else ""
    return f"{', '.join(paths[:MAX_PATHS])}{more}: " if paths else ""


def _tail(decision: Decision) -> list[str]:
    signed = (
        f"  verdict    {decision.verdict}"
        if decision.verdict
        else "  verdict    PRELIMINARY: unsigned, and counted by nobody"
    )
    return [signed, *([f"  {NOT_ENFORCING}"] if decision.observing else [])]


def _covered(decision: Decision) -> int:
    return sum(row.answer is Answer.COVERED for row in decision.facts.rows)


def _row(row: Row) -> Json:
    chain: list[Json] = [
        {"signer": str(edge.signer), "source": edge.source, "logIndex": edge.index} for edge in row.chain
    ]
    return {"path": _text(row.path), "answer": row.answer.value, "reason": _text(row.reason), "chain": chain}


def _reason(reason: Reason) -> Json:
    path = None if reason.path is None else _text(reason.path)
    hint = None if reason.hint is None else _text(reason.hint)
    return {"code": reason.code.value, "message": _text(reason.message), "path": path, "hint": hint}


def _finding(finding: Finding) -> Json:
    return {name: _text(value) if isinstance(value, str) else value for name, value in finding.to_json().items()}


def _text(text: str) -> str:
    """Keep what JSON can hold and a terminal only shows; the rest, and a name outside UTF-8, is spelled out."""
    return text if text.isprintable() else safe(text)
