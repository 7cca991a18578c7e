"""SARIF 2.1.0: what the scanners found and, before it, every reason that is about a file.

A page of code scanning refuses a result without a place, so the other reasons are notifications. It takes 25,000
results a run.

Trust: paths are percent-encoded; in messages the brackets of SARIF's own links are escaped (section 3.11.6).
"""

from __future__ import annotations

import re
from urllib.parse import quote

from countermark_ledger import __version__, canonical
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_scanners import sarif
from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.speaking.report import NOT_ENFORCING, Issue, Kind, Report, titles

_LINK = re.compile(r"[\\\[\]]")


def spell(report: Report, _setting: Setting) -> bytes:
    """Spell one log with one run."""
    scan = report.decision.facts.scan if report.decision else None
    log = sarif.to_sarif(scan) if scan else _empty()
    (run,) = _objects(log["runs"])
    reasons = [issue for issue in report.issues if issue.kind is Kind.REASON]
    placed = [_result(issue) for issue in reasons if issue.path is not None]
    found = _objects(run["results"])
    room = max(0, sarif.MOST_RESULTS - len(placed))
    run["results"] = [*placed[: sarif.MOST_RESULTS], *(_suppressed(_escaped(one), report) for one in found[:room])]
    _add_rules(run)
    (invocation,) = _objects(run["invocations"])
    left = max(0, len(placed) - sarif.MOST_RESULTS) + max(0, len(found) - room)
    _add_notifications(invocation, report, reasons, left)
    run["invocations"] = [invocation]
    return canonical.dumps({**log, "runs": [run]}) + b"\n"


def _objects(value: Json) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _empty() -> dict[str, Json]:
    run: dict[str, Json] = {
        "tool": {"driver": {"name": "countermark", "rules": []}},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": False, "toolExecutionNotifications": []}],
        "results": [],
    }
    return {"$schema": sarif.SCHEMA, "version": "2.1.0", "runs": [run]}


def _add_rules(run: dict[str, Json]) -> None:
    (tool,) = _objects([run["tool"]])
    (driver,) = _objects([tool["driver"]])
    own: list[Json] = [_rule(name, meaning) for name, meaning in titles().items()]
    rules: list[Json] = [*own, *_objects(driver["rules"])]
    run["tool"] = {**tool, "driver": {**driver, "version": __version__, "rules": rules}}


def _rule(name: str, meaning: str) -> dict[str, Json]:
    return {
        "id": name,
        "shortDescription": {"text": meaning},
        "help": {"text": "The message of each result ends with the command that mends it."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["provenance"]},
    }


def _result(issue: Issue) -> dict[str, Json]:
    first, last = issue.lines or (1, 1)
    uri = quote((issue.path or "").encode("utf-8", "surrogateescape"))
    place: dict[str, Json] = {"artifactLocation": {"uri": uri}, "region": {"startLine": first, "endLine": last}}
    return {
        "ruleId": issue.rule,
        "level": "error",
        "message": {"text": _message(issue)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {sarif.FINGERPRINT: issue.fingerprint},
    }


def _message(issue: Issue) -> str:
    return _plain(issue.message if issue.hint is None else f"{issue.message}. hint: {issue.hint}")


def _plain(text: str) -> str:
    return _LINK.sub(lambda found: f"\\{found[0]}", safe(text))


def _escaped(result: dict[str, Json]) -> dict[str, Json]:
    """Escape a scanner's message as ours are; the scanners' own report is a log for our own eyes."""
    message = result.get("message")
    text = message.get("text") if isinstance(message, dict) else None
    return {**result, "message": {"text": _plain(text if isinstance(text, str) else "")}}


def _suppressed(result: dict[str, Json], report: Report) -> dict[str, Json]:
    """Say of what a waiver lets through that people accepted it, and which waiver that was (section 3.35)."""
    names = result.get("partialFingerprints")
    fingerprint = names.get(sarif.FINGERPRINT) if isinstance(names, dict) else None
    used = [one for one in (report.decision.waivers if report.decision else ()) if fingerprint in one.waived]
    accepted: list[Json] = [
        {"kind": "external", "status": "accepted", "justification": f"waiver {one.request.name}"} for one in used
    ]
    return {**result, "suppressions": accepted}


def _add_notifications(invocation: dict[str, Json], report: Report, reasons: list[Issue], left: int) -> None:
    said = [("error", _message(issue)) for issue in reasons if issue.path is None]
    said += [("warning", f"{left} results were left out: a run has at most {sarif.MOST_RESULTS}")] if left else []
    said += [("warning", NOT_ENFORCING)] if report.observing else []
    added: list[Json] = [{"level": level, "message": {"text": text}} for level, text in said]
    invocation["toolExecutionNotifications"] = [*_objects(invocation["toolExecutionNotifications"]), *added]
    invocation["exitCode"] = report.exit_code.value
