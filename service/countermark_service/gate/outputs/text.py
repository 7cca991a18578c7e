"""The report as plain text: the same lines that a terminal shows, without colour."""

from __future__ import annotations

from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.speaking import text
from countermark_service.gate.speaking.report import Report


def spell(report: Report, _setting: Setting) -> bytes:
    """Spell the lines."""
    return "".join(f"{line}\n" for line in text.lines(report)).encode("utf-8")
