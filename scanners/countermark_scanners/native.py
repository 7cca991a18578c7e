"""Our own scanners: Python that looks at one question at a time, in a process of its own.

Layer: scanners. Imports `tool`, `materialise`, `catalogue`; each member gives it its module, which has `look`.
Trust: what is looked at is hostile, and a parser may die of it: that is why it is not the gate's own process. What the
child writes is read as strictly as any tool's output.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from . import canary, catalogue, output, tool
from .canary import Planted
from .errors import OutputMalformed
from .finding import Confidence, Hit, Severity
from .materialise import fresh_room
from .report import Unscanned
from .scanner import Answers, Scanner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .output import Value
    from .question import Question, Sees
    from .tool import ToolLimits

CHILD = "countermark_scanners.native_child"


def native(  # noqa: PLR0913  # the fields of a scanner, each by its name
    name: str,
    *,
    module: str,
    covers: frozenset[str],
    reads: frozenset[str] | None,
    sees: frozenset[Sees],
    canary: Question,
    planted: frozenset[tuple[str, int]],
) -> Scanner:
    """Make a scanner of a module's `look(question) -> list[Hit]`.

    `planted` are the rules of ours that must be reported in `canary`, each with its line, on every run.
    """
    run = Child(name, module, canary, planted)
    return Scanner(name, _version, lambda: _rules_sha256(name, module), run, covers, reads, sees)


@dataclass(frozen=True, slots=True)
class Child:
    """How to ask a module's `look` in a process that may die of it."""

    name: str
    module: str
    canary: Question
    planted: frozenset[tuple[str, int]]

    def __call__(self, questions: Mapping[str, Question], limits: ToolLimits) -> Answers:
        """Answer for every question, or raise."""
        asked = {**questions, canary.KEY: self.canary}
        with fresh_room() as room:
            (room / "files" / "questions.json").write_bytes(_document(self.module, asked))
            done = tool.run([tool.interpreter(), "-I", "-m", CHILD, "questions.json"], room=room, limits=limits)
        rows = output.rows(output.parse(done, self.name, frozenset({0})), self.name)
        answers: Answers = {output.text(row, "key"): self._answer(row) for row in rows}
        if set(answers) != set(asked):
            raise OutputMalformed(f"{self.name}: expected {len(asked)} answers, found {len(answers)}")
        self._planted().check(self.name, answers.pop(canary.KEY))
        return answers

    def _planted(self) -> Planted:
        """Say what must be seen; rules are read when a scan runs, and not when something is imported."""
        rules = catalogue.load(self.name)
        return Planted(self.canary, frozenset((f"CWE-{rules[rule].cwe}", line) for rule, line in self.planted))

    def _answer(self, row: dict[str, Value]) -> tuple[Hit, ...] | Unscanned:
        if row.get("unscanned") is not None:
            return Unscanned(f"{self.name}: {output.text(row, 'unscanned')}")
        return tuple(_hit(one) for one in output.rows(row.get("hits"), self.name))


def _document(module: str, asked: Mapping[str, Question]) -> bytes:
    """Spell the questions: contents once, by digest, and each set of files beside once."""
    blobs: dict[str, bytes] = {}
    sets: dict[int, dict[str, str]] = {}
    rows = []
    for key, question in asked.items():
        beside = question.beside
        if id(beside) not in sets:
            sets[id(beside)] = {path: _kept(blobs, content) for path, content in beside.items()}
        before = None if question.before is None else _kept(blobs, question.before)
        row = {"key": key, "language": question.language, "path": question.path}
        rows.append({**row, "content": _kept(blobs, question.content), "before": before, "beside": str(id(beside))})
    spelled = {name: base64.b64encode(content).decode() for name, content in blobs.items()}
    named = {str(number): files for number, files in sets.items()}
    return json.dumps({"module": module, "blobs": spelled, "sets": named, "questions": rows}).encode()


def _kept(blobs: dict[str, bytes], content: bytes) -> str:
    name = hashlib.sha256(content).hexdigest()
    blobs[name] = content
    return name


def _hit(row: dict[str, Value]) -> Hit:
    level = Severity(output.number(row, "severity")), Confidence(output.number(row, "confidence"))
    place = output.number(row, "line"), output.number(row, "column")
    cwe, clears = output.number(row, "cwe"), row.get("clears") is True
    words = output.text(row, "message"), output.text(row, "remediation")
    return Hit(output.text(row, "rule"), cwe, *level, *place, *words, clears)


def _version() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"


def _rules_sha256(name: str, module: str) -> str:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise OutputMalformed(f"{name}: expected the module {module}, found none")
    origin = Path(spec.origin)
    sources = sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]
    return catalogue.sha256(name, *(path.read_bytes() for path in sources))
