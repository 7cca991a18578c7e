"""Fakes that implement the scanners' one shape, and builders of findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from countermark_scanners.errors import ScannerError
from countermark_scanners.finding import Confidence, Finding, Hit, Severity
from countermark_scanners.question import Question
from countermark_scanners.scanner import Answers, Run, Scanner
from countermark_scanners.tool import ToolLimits

HIT = Hit("fake/shout", 78, Severity.HIGH, Confidence.HIGH, 1, 1, "a shout", "Do not shout.")


def make_scanner(name: str, run: Run) -> Scanner:
    return Scanner(name, lambda: "1", lambda: "00" * 32, run)


def shouts(questions: Mapping[str, Question], _limits: ToolLimits) -> Answers:
    """Report every line that says SHOUT."""
    return {key: tuple(_shouted(question.content)) for key, question in questions.items()}


def _shouted(content: bytes) -> Iterator[Hit]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if b"SHOUT" in line:
            yield replace(HIT, line=number)


@pytest.fixture
def shouting() -> Scanner:
    return make_scanner("shouting", shouts)


@pytest.fixture
def failing() -> Scanner:
    def run(_questions: Mapping[str, Question], _limits: ToolLimits) -> Answers:
        raise ScannerError("it fell over")

    return make_scanner("failing", run)


@pytest.fixture
def skipping() -> Scanner:
    def run(questions: Mapping[str, Question], limits: ToolLimits) -> Answers:
        return dict(list(shouts(questions, limits).items())[1:])

    return make_scanner("skipping", run)


@pytest.fixture
def finding() -> Callable[..., Finding]:
    def make(name: str = "f", severity: str = "medium", confidence: str = "high", path: str = "a.py") -> Finding:
        level = (Severity[severity.upper()], Confidence[confidence.upper()])
        return Finding(name, "rule", 78, *level, path, 1, "a message", "A remedy.", "fake")

    return make
