"""The one shape of a scanner, and the one way to run a program as one.

Layer: scanners. Imports `tool`, `materialise` and `canary`; each member that is a program (`bandit`, `ruff`,
`semgrep`) gives it a command and a parser. Members of our own are `native`.
Trust: contents are hostile, and so is the program's output until the member's parser has returned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from . import canary, language, tool
from .errors import OutputMalformed, ToolMissing
from .materialise import fresh_room, materialise
from .tool import Completed, ToolLimits

if TYPE_CHECKING:
    from pathlib import Path

    from .canary import Answer, Planted
    from .question import Question, Sees

Answers: TypeAlias = "dict[str, Answer]"
Run: TypeAlias = "Callable[[Mapping[str, Question], ToolLimits], Answers]"

_PYTHON = frozenset({language.PYTHON})


@dataclass(frozen=True, slots=True)
class Scanner:
    """A member: its name, what decides its answers, and `run`: questions by key -> an answer for every key.

    `reads` are the languages it is asked about, None for every file; `covers` those whose files count as scanned
    once it has answered. `sees` is what it looks at beyond a file's bytes.
    `distributions` are the installed packages that the tool is; none when it is Python and our own code.
    """

    name: str
    version: Callable[[], str]
    rules_sha256: Callable[[], str]
    run: Run
    covers: frozenset[str] = _PYTHON
    reads: frozenset[str] | None = _PYTHON
    sees: frozenset[Sees] = frozenset()
    distributions: tuple[str, ...] = ()

    def is_asked_about(self, kind: str) -> bool:
        """Say whether files of this language are shown to the scanner."""
        return self.reads is None or kind in self.reads


@dataclass(frozen=True, slots=True)
class Program:
    """How to start one program on neutral names, how to read what it says, and what is planted, by language.

    Of each language that is asked about, its planted file is among the others; of the first one always.
    """

    name: str
    command: Callable[[Path, list[str]], list[str]]
    parse: Callable[[Completed, frozenset[str]], Answers]
    planted: Mapping[str, Planted] = field(default_factory=lambda: {language.PYTHON: canary.PYTHON})

    def __call__(self, questions: Mapping[str, Question], limits: ToolLimits) -> Answers:
        """Answer for every question, or raise: a partial answer is none."""
        planted = self._planted({question.language for question in questions.values()})
        asked = {**questions, **{key: one.question for key, one in planted.items()}}
        languages = {key: question.language for key, question in asked.items()}
        with fresh_room() as room:
            names = materialise(room, {key: question.content for key, question in asked.items()}, languages)
            done = tool.run(self.command(room, sorted(names)), room=room, limits=limits)
            answers = self.parse(done, frozenset(names))
        return self._checked({names[name]: answer for name, answer in answers.items()}, set(names.values()), planted)

    def _planted(self, languages: set[str]) -> dict[str, Planted]:
        wanted = {*languages, next(iter(self.planted))}
        return {f"{canary.KEY}-{name}": one for name, one in self.planted.items() if name in wanted}

    def _checked(self, answers: Answers, expected: set[str], planted: Mapping[str, Planted]) -> Answers:
        if set(answers) != expected:
            missing = len(expected - set(answers))
            raise OutputMalformed(f"{self.name}: expected an answer for every file, found {missing} missing")
        for key, one in planted.items():
            one.check(self.name, answers.pop(key))
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
