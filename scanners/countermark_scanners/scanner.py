"""The one shape of a scanner, and the one way to run a program as one.

Layer: scanners. Imports `tool`, `materialise` and `canary`; each member (`bandit`, `ruff`, `semgrep`, `source`)
gives it a command and a parser.
Trust: contents are hostile, and so is the program's output until the member's parser has returned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from . import canary, tool
from .errors import OutputMalformed, ToolMissing
from .materialise import fresh_room, materialise
from .tool import Completed, ToolLimits

if TYPE_CHECKING:
    from pathlib import Path

    from .canary import Answer

Answers: TypeAlias = "dict[str, Answer]"
Run: TypeAlias = "Callable[[Mapping[str, bytes], ToolLimits], Answers]"


@dataclass(frozen=True, slots=True)
class Scanner:
    """A member: its name, what decides its answers, and `run`: contents by key -> an answer for every key.

    `distributions` are the installed packages that the tool is; none when it is Python and our own code.
    """

    name: str
    version: Callable[[], str]
    rules_sha256: Callable[[], str]
    run: Run
    distributions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """How to start one program on neutral names, and how to read what it says."""

    name: str
    command: Callable[[Path, list[str]], list[str]]
    parse: Callable[[Completed, frozenset[str]], Answers]

    def __call__(self, contents: Mapping[str, bytes], limits: ToolLimits) -> Answers:
        """Answer for every content, or raise: a partial answer is none."""
        with fresh_room() as room:
            names = materialise(room, {**contents, canary.KEY: canary.SOURCE})
            done = tool.run(self.command(room, sorted(names)), room=room, limits=limits)
            answers = self.parse(done, frozenset(names))
        return self._checked({names[name]: answer for name, answer in answers.items()}, set(names.values()))

    def _checked(self, answers: Answers, expected: set[str]) -> Answers:
        if set(answers) != expected:
            missing = len(expected - set(answers))
            raise OutputMalformed(f"{self.name}: expected an answer for every file, found {missing} missing")
        canary.check(self.name, answers.pop(canary.KEY))
        return answers


def installed(distribution: str) -> str:
    """Return the version of a tool that lives in this environment."""
    from importlib import metadata  # noqa: PLC0415  # it brings half of a mail program, and many commands ask no tool

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError as error:
        raise ToolMissing(
            f"scanner program: expected {distribution} in this environment, found none",
            hint="pip install 'countermark[scanners]'",
        ) from error
