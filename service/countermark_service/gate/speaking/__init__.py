"""Step 8, SPEAK: one decision, for a person and for a program.

`report` is what every way of speaking spells; `text` is for a person, `document` for a program, and
`countermark_service.gate.outputs` has the formats of others, one file each.

Trust: paths and messages come from the change. Each format escapes them for whoever reads it; `safe` spells out
what a terminal would obey.
"""

from __future__ import annotations

from countermark_service.cli.console import Console
from countermark_service.gate.speaking import document, text
from countermark_service.gate.speaking.report import Report


def speak(report: Report, console: Console) -> None:
    """Print the decision as the console wants it."""
    if console.json:
        console.document(document.of(report))
        return
    for line in text.lines(report, console.style):
        console.data(line)
