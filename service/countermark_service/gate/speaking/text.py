"""The report for a person: the answer first, then why, then how to mend it.

Trust: everything hostile goes through `safe`, and no line begins with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from countermark_ledger.coverage import Answer
from countermark_ledger.display import safe
from countermark_scanners.cache import CacheUse
from countermark_scanners.finding import Severity
from countermark_service.exits import MEANING, Exit
from countermark_service.gate.decision import Decision
from countermark_service.gate.reason import Reason
from countermark_service.gate.speaking import consent
from countermark_service.gate.speaking.document import split_view
from countermark_service.gate.speaking.report import NOT_ENFORCING, UNDECIDED, Report, last_signed, where

MAX_SHOWN = 20
MAX_PATHS = 5
_COLOUR = {"PASSED": "green", "FAILED": "red", "INCONCLUSIVE": "yellow", UNDECIDED: "red"}
_MENDED_BY_SIGNING = {Exit.POLICY, Exit.UNACCOUNTED, Exit.REVOKED}
Style = Callable[..., str]


def plain(text: str, *_styles: str) -> str:
    """Style nothing: for files."""
    return text


def lines(report: Report, style: Style = plain) -> list[str]:
    """Spell the report; `style` colours a text for a terminal that wants it."""
    decision = report.decision
    if decision is None:
        return [_headline(report, style, "nothing was decided"), *_because(report, style)]
    change = f"{decision.facts.root.head[:12]} -> {safe(decision.facts.root.protected_ref)}"
    return [
        _headline(report, style, change),
        *_summary(report, decision),
        *_findings(report),
        *_because(report, style),
        *_afterwards(report),
        *_tail(decision),
    ]


def _headline(report: Report, style: Style, about: str) -> str:
    word = style(report.word, _COLOUR[report.word], "bold")
    return f"{word} ({report.code.value}, {MEANING[report.code]})  {about}"


def _summary(report: Report, decision: Decision) -> list[str]:
    facts, coverage = decision.facts, report.coverage
    signers = Counter(str(edge.signer) for row in facts.rows for edge in row.chain)
    known = coverage.words if coverage else "unknown"
    found = [f"  coverage   {known}", *(f"             {count:>4} by {who}" for who, count in sorted(signers.items()))]
    spoken_for = [row for row in facts.rows if row.answer is Answer.COVERED and not row.chain]
    found += [f"             {safe(row.path)}: {safe(row.reason)}" for row in spoken_for]
    if facts.scan is not None:
        names = ", ".join(f"{one.scanner} {one.version}" for one in facts.scan.reports)
        raw = "" if decision.raw_score == decision.score else f"{decision.raw_score} without waivers, "
        asks = f"({raw}policy asks for {facts.threshold})"
        found.append(f"  score      {decision.score} of 100 {asks}; {names}")
        found += _cached(facts.scan.cache)
        found += [f"  {safe(line)}" for line in facts.scan.stages]
    found += [
        f"  points     {one.points} lost by {one.signer} in {one.landings} changes that landed before"
        for one in facts.earlier
    ]
    found.append(f"  split-view {split_view(decision)}")
    return [*found, *consent.lines(decision)]


def _cached(use: CacheUse | None) -> list[str]:
    """Say what the scanners were not asked again, and what lay there that is not ours."""
    if use is None:
        return []
    refused = f"; {use.refused} that were not sealed here were not believed" if use.refused else ""
    return [f"  scan cache {use.known} of {use.asked} answers were known{refused}"]


def _findings(report: Report) -> list[str]:
    """Say each finding, how to mend it, and the fingerprint by which a waiver names it."""
    found: list[str] = []
    waived = report.decision.waived if report.decision else frozenset()
    for finding in [one for one in report.findings if one.severity > Severity.INFO][:MAX_SHOWN]:
        cwe = f" CWE-{finding.cwe}" if finding.cwe else ""
        at = f"{safe(finding.path)}:{finding.line}"
        found.append(f"  {finding.severity.word:<8} {at}{cwe} {safe(finding.message)}")
        found.append(f"           fix: {safe(finding.remediation)}")
        found.append(f"           {'waived' if finding.fingerprint in waived else 'finding'} {finding.fingerprint}")
    return found


def _because(report: Report, style: Style) -> list[str]:
    """Say each reason once, with the paths it holds for and how to mend the first of them."""
    groups: dict[tuple[str, str, str | None], list[Reason]] = {}
    for reason in report.reasons:
        named = f"{reason.code.value}, {reason.rule}" if reason.rule else str(reason.code.value)
        groups.setdefault((named, reason.message, last_signed(reason)), []).append(reason)
    found: list[str] = []
    for (named, message, signed), group in [*groups.items()][:MAX_SHOWN]:
        found.append(f"  {style('because', 'bold')}    {_paths(group)}{safe(message)} [{named}]")
        found += [f"  last signed  {safe(signed)}"] if signed else []
        found += [f"  hint:        {safe(group[0].hint)}"] if group[0].hint else []
    if len(groups) > MAX_SHOWN:
        found.append(f"  and {len(groups) - MAX_SHOWN} more reasons: countermark gate --json shows them all")
    return found


def _afterwards(report: Report) -> list[str]:
    """Say how what is signed now gets to a machine without the ledger, where a new signature is what mends it.

    What a step refused, as a conflict, is no rule's, and has to be mended before there is anything to sign.
    """
    mended = any(reason.rule is not None and reason.code in _MENDED_BY_SIGNING for reason in report.reasons)
    if report.signed is not None or not mended:
        return []
    return ["  afterwards   push the commit and its evidence: countermark bundles push"]


def _paths(group: Sequence[Reason]) -> str:
    paths = [safe(reason.path) + safe(where(reason)) for reason in group if reason.path]
    more = f" and {len(paths) - MAX_PATHS} more" if len(paths) > MAX_PATHS else ""
    return f"{', '.join(paths[:MAX_PATHS])}{more}: " if paths else ""


def _tail(decision: Decision) -> list[str]:
    signed = (
        f"  verdict    {decision.verdict}"
        if decision.verdict
        else "  verdict    PRELIMINARY: unsigned, and counted by nobody"
    )
    return [signed, *([f"  {NOT_ENFORCING}"] if decision.observing else [])]
