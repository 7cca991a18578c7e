"""The one sticky comment of a change: Markdown, with a first line by which it is found again.

The line is no secret: whoever looks for the comment also compares its author (`countermark_service.ci.sticky`).
GitHub takes 65,536 characters, GitLab more.
"""

from __future__ import annotations

from countermark_service.gate.outputs import markdown
from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.speaking.report import Report

MARKER = "<!-- countermark: sticky comment -->"
MAX_BYTES = 60_000


def spell(report: Report, _setting: Setting) -> bytes:
    """Spell the report as the body of the comment."""
    return MARKER.encode() + b"\n" + markdown.render(report, MAX_BYTES)
