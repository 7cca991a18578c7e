"""Markers that ask a scanner to look away. They are never obeyed; each is a finding of severity info.

Layer: scanners. Imports `finding`; does no I/O.
Trust: the text is hostile.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from .finding import Confidence, Hit, Severity

RULE = "countermark/suppression-marker"
_EVERYWHERE = (
    r"nosec|nosem(?:grep)?|NOSONAR|noinspection|lgtm|codeql\s*\[|gitleaks:\s*allow|deepcode\s+ignore|snyk:\s*ignore"
)
_PYTHON = r"noqa|type:\s*ignore|nopep8|pylint:\s*disable"
_SCRIPT = (
    r"(?:es|ts|js)lint-disable|(?:es|ts|js)lint:\s*disable|ts-(?:ignore|nocheck|expect-error)|biome-ignore"
    r"|jshint\s+ignore"
)
_GO = r"nolint|lint:\s*(?:file-)?ignore"
_JAVA = r"NOPMD|CHECKSTYLE:?\s*OFF|SuppressWarnings|SuppressFBWarnings|spotbugs"
_SHELL = r"shellcheck\s+disable"
_RECIPE = r"(?:hadolint|trivy|dockle)[\s:]+(?:global\s+)?ignore|checkov:\s*skip|check=skip"
_WORKFLOW = r"zizmor:\s*ignore|actionlint|yamllint\s+disable|checkov:\s*skip|shellcheck\s+disable"
_INFRASTRUCTURE = r"(?:tfsec|trivy|tflint-?|terrascan|kics-scan)[\s:]*(?:ignore|disable)|checkov:\s*skip|ts:skip"
_HASH, _SLASHES, _BOTH = re.compile("#"), re.compile(r"//|/\*|\*"), re.compile(r"#|//|/\*|\*")
_Marker: TypeAlias = tuple[re.Pattern[str], re.Pattern[str]]


def _marker(sign: re.Pattern[str], words: str) -> _Marker:
    return sign, re.compile(rf"\b({_EVERYWHERE}|{words})", re.IGNORECASE)


_MARKERS: dict[str, _Marker] = {
    "python": _marker(_HASH, _PYTHON),
    **dict.fromkeys(("javascript", "typescript", "tsx"), _marker(_SLASHES, _SCRIPT)),
    "go": _marker(_SLASHES, _GO),
    "java": _marker(re.compile(r"//|/\*|\*|@"), _JAVA),
    "shell": _marker(_HASH, _SHELL),
    "dockerfile": _marker(_HASH, _RECIPE),
    "github-actions": _marker(_HASH, _WORKFLOW),
    "terraform": _marker(_BOTH, _INFRASTRUCTURE),
}
"""The words of each language's tools, behind its comment signs."""


def markers(text: str, language: str = "python") -> tuple[Hit, ...]:
    """Find at most one marker a line; text that merely quotes one costs nothing, so quoting is not told apart."""
    sign, words = _MARKERS[language]
    found = ((number, _first(sign, words, line)) for number, line in enumerate(text.split("\n"), start=1))
    return tuple(_hit(number, match) for number, match in found if match)


def _first(sign: re.Pattern[str], words: re.Pattern[str], line: str) -> re.Match[str] | None:
    """Find a word behind a comment sign, in one pass: a minified file is one line of a megabyte, full of signs."""
    comment = sign.search(line)
    return words.search(line, comment.end()) if comment else None


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
