"""JUnit XML: one case for each file that would change, one for the score, one for each reason that is about neither.

Trust: what XML cannot hold (controls, lone surrogates, noncharacters) is spelled out by `safe`; the library
escapes the rest. Nothing is read here, so nothing hostile is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from countermark_ledger.display import safe
from countermark_service.exits import Exit
from countermark_service.gate.decision import Decision
from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.reason import Reason
from countermark_service.gate.speaking.report import NOT_ENFORCING, Report, last_signed, where

MAX_CASES = 20_000
_DID_NOT_RUN = {Exit.INTERNAL, Exit.USAGE, Exit.INCONCLUSIVE}


def spell(report: Report, _setting: Setting) -> bytes:
    """Spell one suite."""
    suite = ET.Element("testsuite", name="countermark")
    cases = list(_cases(report))
    for name, reasons in cases[:MAX_CASES]:
        _add_case(suite, name, reasons)
    suite.set("tests", str(len(suite)))
    for kind in ("failure", "error"):
        suite.set(f"{kind}s", str(sum(case.find(kind) is not None for case in suite)))
    notes = [*([NOT_ENFORCING] if report.observing else [])]
    notes += [f"{len(cases) - MAX_CASES} cases were left out"] if len(cases) > MAX_CASES else []
    unanswered = report.coverage.unanswered if report.coverage else 0
    notes += [f"nobody answers for {unanswered} files"] if unanswered else []
    if notes:
        ET.SubElement(suite, "system-out").text = "\n".join(notes)
    root = ET.Element("testsuites")
    root.append(suite)
    spelled: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return spelled + b"\n"


def _cases(report: Report) -> Iterator[tuple[str, list[Reason]]]:
    """Yield what failed first, so that a limit leaves out what passed."""
    by_path: dict[str, list[Reason]] = {}
    others = [reason for reason in report.reasons if reason.path is None]
    for reason in report.reasons:
        if reason.path is not None:
            by_path.setdefault(reason.path, []).append(reason)
    yield from ((reason.message, [reason]) for reason in others)
    yield from by_path.items()
    if report.decision is not None:
        yield from ((name, []) for name in _passed(report.decision) if name not in by_path)


def _passed(decision: Decision) -> Iterator[str]:
    yield from (row.path for row in decision.facts.rows)
    scan = decision.facts.scan
    if scan is not None and not scan.error and decision.score >= decision.facts.threshold:
        yield f"score {decision.score} of 100"


def _add_case(suite: ET.Element, name: str, reasons: list[Reason]) -> None:
    case = ET.SubElement(suite, "testcase", classname="countermark", name=safe(name), time="0")
    if not reasons:
        return
    if reasons[0].path is not None:
        case.set("file", safe(reasons[0].path))
    kind = "error" if reasons[0].code in _DID_NOT_RUN else "failure"
    found = ET.SubElement(case, kind, message=safe(reasons[0].message), type=str(reasons[0].code.value))
    found.text = "\n".join(line for reason in reasons for line in _lines(reason))


def _lines(reason: Reason) -> Iterator[str]:
    yield safe(f"{reason.path or ''}{where(reason)} {reason.message}".strip())
    signed = last_signed(reason)
    if signed:
        yield f"last signed: {safe(signed)}"
    if reason.hint:
        yield f"hint: {safe(reason.hint)}"
