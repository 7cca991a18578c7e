"""The decision as one JSON document: the same that `--json` prints."""

from __future__ import annotations

from countermark_ledger import canonical
from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.speaking import document
from countermark_service.gate.speaking.report import Report


def spell(report: Report, _setting: Setting) -> bytes:
    """Spell the document, in RFC 8785's form."""
    return canonical.dumps(document.of(report)) + b"\n"
