"""A scanner that sees what a test tells it to see, and tests of a project as functions of its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from countermark_scanners.finding import Confidence, Hit, Severity
from countermark_scanners.question import Question
from countermark_scanners.scanner import Answers, Scanner
from countermark_scanners.tool import ToolLimits

SeesText = Callable[..., Scanner]
HIT = Hit("sees/text", 327, Severity.HIGH, Confidence.HIGH, 1, 1, "seen", "Change it.")


@pytest.fixture
def sees() -> SeesText:
    def make(text: bytes, severity: Severity = Severity.HIGH) -> Scanner:
        def look(question: Question) -> tuple[Hit, ...]:
            lines = enumerate(question.content.split(b"\n"), start=1)
            found = [number for number, line in lines for _ in range(line.count(text))]
            return tuple(
                replace(HIT, line=line, column=at, severity=severity) for at, line in enumerate(found, start=1)
            )

        def run(questions: Mapping[str, Question], _limits: ToolLimits) -> Answers:
            return {key: look(question) for key, question in questions.items()}

        return Scanner("sees", lambda: "1", lambda: "00" * 32, run, frozenset({"python"}), frozenset({"python"}))

    return make
