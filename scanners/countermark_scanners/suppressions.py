"""Markers that ask a scanner to look away. They are never obeyed; each is a finding of severity info.

Layer: scanners. Imports `finding`; does no I/O.
Trust: the text is hostile.
"""

from __future__ import annotations

import re

from .finding import Confidence, Hit, Severity

RULE = "countermark/suppression-marker"
_MARKER = re.compile(
    r"#.*?\b(nosec|noqa|nosem(?:grep)?|type:\s*ignore|nopep8|NOSONAR|noinspection|lgtm|codeql\s*\[|pylint:\s*disable)",
    re.IGNORECASE,
)


def markers(text: str) -> tuple[Hit, ...]:
    """Find at most one marker a line; text that merely quotes one costs nothing, so quoting is not told apart."""
    found = ((number, _MARKER.search(line)) for number, line in enumerate(text.split("\n"), start=1))
    return tuple(_hit(number, match) for number, match in found if match)


def _hit(line: int, match: re.Match[str]) -> Hit:
    return Hit(
        rule=RULE,
        cwe=None,
        severity=Severity.INFO,
        confidence=Confidence.CONFIRMED,
        line=line,
        column=match.start(1) + 1,
        message=f"a marker asks scanners to look away: {match[1]}; it was not obeyed",
        remediation="Remove the marker, or keep it with a reason: it changes nothing here.",
    )
