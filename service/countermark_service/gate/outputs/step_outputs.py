"""A GitHub step's outputs, appended to the file that the runner names. What is not known says `unknown`.

Trust: every value stands between delimiters that nobody can guess, for a value with a line break would otherwise
set the outputs that follow it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator

from countermark_ledger.bundle import Bundle
from countermark_ledger.display import safe
from countermark_service.gate.outputs import vsa
from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.speaking.report import Report

UNKNOWN = "unknown"


def spell(report: Report, setting: Setting) -> bytes:
    """Spell every output."""
    return "".join(_spelled(name, value) for name, value in values(report, setting)).encode("utf-8")


def values(report: Report, setting: Setting) -> Iterator[tuple[str, str]]:
    """Yield name and value of each output; `action.yml` names the same."""
    decision = report.decision
    yield "verdict", report.word
    yield "exit-code", str(report.exit_code.value)
    yield "enforcing", "false" if report.observing else "true"
    yield "verdict-digest", f"sha256:{hashlib.sha256(vsa.spell(report, setting)).hexdigest()}"
    yield "vsa-path", str(setting.paths.get("vsa", UNKNOWN))
    yield "report-path", str(setting.paths.get("json", UNKNOWN))
    yield "coverage", _known(report.coverage.percent if report.coverage else None)
    yield "score", _known(decision.score if decision and decision.facts.scan else None)
    yield "unattributed-lines", _known(report.unattributed_lines)
    yield "waivers-used", _known(sum(bool(one.waived) for one in decision.waivers) if decision else None)
    yield from _logged(report)


def _logged(report: Report) -> Iterator[tuple[str, str]]:
    entry = Bundle.parse(report.signed).entry if report.signed is not None else None
    yield "log-index", _known(entry.log_index if entry else None)
    yield "checkpoint", entry.checkpoint.decode("utf-8", "replace").rstrip("\n") if entry else UNKNOWN


def _known(figure: int | None) -> str:
    return UNKNOWN if figure is None else str(figure)


def _spelled(name: str, value: str) -> str:
    delimiter = f"countermark_{secrets.token_hex(16)}"
    shown = "\n".join(safe(line) for line in value.split("\n"))
    return f"{name}<<{delimiter}\n{shown}\n{delimiter}\n"
