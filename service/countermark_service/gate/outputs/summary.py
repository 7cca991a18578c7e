"""GitHub's step summary: Markdown, appended to the file that the runner names. It takes 1 MiB a step."""

from __future__ import annotations

from countermark_service.gate.outputs import markdown
from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.speaking.report import Report

MAX_BYTES = 1024 * 1024 - 4096
"""Room for what other lines of the same step append."""


def spell(report: Report, _setting: Setting) -> bytes:
    """Spell the report as Markdown."""
    return markdown.render(report, MAX_BYTES)
