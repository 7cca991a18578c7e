"""Tampering: tests and checks of a project that a change makes weaker.

Layer: scanners. Imports the parts of this folder, `catalogue` and `native`; does no I/O of its own.
Trust: both states of a file are hostile. Everything is told relative to the state before, so on the base's own side,
where nothing has changed, there is nothing to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from .. import catalogue
from ..entries import entries
from ..errors import Unreadable
from ..finding import Confidence, Hit, Severity
from ..native import native
from ..question import Question, Sees
from . import brace_tests, pipelines, places, python_tests, settings
from .checks import Units
from .comparing import Loss, losses
from .runs import bends
from .vocabulary import NAME

MANY_TESTS = 5
_PLANTED_BEFORE = b"def test_total():\n    assert total([1, 2]) == 3\n"
_PLANTED = b"def test_total():\n    assert total([1, 2]) is not None\n"


def look(question: Question) -> list[Hit]:
    """Say what this file's tests, pipelines and settings no longer hold the project to."""
    if question.before == question.content:
        return _numbered(_out_of_sight(question))
    found = [*_tests(question), *_pipeline(question), *_settings(question), *_whole_file(question)]
    return _numbered(found)


def _numbered(found: Iterable[Loss]) -> list[Hit]:
    """Give two losses at one place two columns, so that neither hides behind the other."""
    hits: list[Hit] = []
    taken: set[tuple[str, int, int]] = set()
    for loss in found:
        column = 1
        while (loss.rule, loss.line, column) in taken:
            column += 1
        taken.add((loss.rule, loss.line, column))
        hits.append(_hit(loss, column))
    return hits


def _hit(loss: Loss, column: int) -> Hit:
    rule = catalogue.load(NAME)[loss.rule]
    severity = rule.severity if loss.existed else min(rule.severity, Severity[rule.data.get("new", "info").upper()])
    confidence = rule.confidence if loss.sure else Confidence.LOW
    about = "".join(character if character.isprintable() else "?" for character in loss.about)
    return rule.hit(max(1, loss.line), column, severity=severity, confidence=confidence, about=about)


def _tests(question: Question) -> Iterator[Loss]:
    language = places.language_of(question.language, question.path)
    if language is None or not places.is_tests(question.path):
        yield from _out_of_sight(question)
        if language == "python" and places.is_start_up(question.path):
            yield from _bends(question)
        return
    new = _units(question.content, language, strict=True)
    old = _units(question.before, language, strict=False)
    if question.before is not None and not question.content.strip():
        yield from _file_gone(question, old, language)
        return
    yield from losses(old, new, _moved(question, language))
    yield from _run(question, language)


def _out_of_sight(question: Question) -> Iterator[Loss]:
    """Find tests that now stand where no runner looks.

    This is told whatever else changed: where the base had them out of sight too, it is told there as well, and so is
    not new; where a file of tests was moved or renamed into this place, it is.
    """
    if places.is_tests(question.path) or not question.before:
        return
    known = places.language_of("", question.path)
    for language in (known,) if known else places.LANGUAGES:
        units = _units(question.before, language, strict=False)
        if sum(unit.is_test and bool(unit.checks) for unit in units.values()):
            yield from _file_gone(question, units, language)
            return


def _units(content: bytes | None, language: str, *, strict: bool) -> Units:
    if not content:
        return {}
    try:
        if language == "python":
            return python_tests.read(content)
        return brace_tests.read(content.decode("utf-8"), language)
    except (SyntaxError, ValueError, RecursionError, Unreadable) as error:
        if strict:
            raise Unreadable(f"tests that can't be compared: {type(error).__name__}") from error
        return {}  # nothing could run it before, so it checked nothing


def _file_gone(question: Question, old: Units, language: str) -> Iterator[Loss]:
    moved = _moved(question, language)
    lost = [unit for unit in old.values() if unit.is_test and not unit.skipped and unit.identity not in moved]
    if lost:
        rule = "test-file-removed" if len(lost) < MANY_TESTS else "many-tests-removed"
        yield Loss(rule, 1, f"{len(lost)} tests")


def _moved(question: Question, language: str) -> set[tuple[str, tuple[str, ...]]]:
    """Name the tests that other files of the change hold, where a runner looks for them."""
    found = set()
    for path, content in question.beside.items():
        if path != question.path and places.is_tests(path) and places.language_of("", path) == language:
            units = _units(content, language, strict=False)
            found |= {unit.identity for unit in units.values() if unit.is_test and not unit.skipped}
    return found


def _run(question: Question, language: str) -> Iterator[Loss]:
    if language == "javascript":
        known = [text for text, _ in brace_tests.only_marks((question.before or b"").decode("utf-8", "replace"))]
        for text, line in brace_tests.only_marks(question.content.decode("utf-8")):
            if text not in known:
                yield Loss("tests-deselected", line, text[:80])
    elif language == "python":
        yield from _bends(question)


def _bends(question: Question) -> Iterator[Loss]:
    start_up = places.is_start_up(question.path)
    try:
        now = bends(python_tests.parse(question.content), start_up=start_up)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Unreadable(f"a program that can't be compared: {type(error).__name__}") from error
    try:
        before = bends(python_tests.parse(question.before or b""), start_up=start_up)
    except (SyntaxError, ValueError, RecursionError, Unreadable):
        before = []  # nothing could run it before
    known = [(bend.rule, bend.text) for bend in before]
    for bend in now:
        if (bend.rule, bend.text) in known:
            known.remove((bend.rule, bend.text))
        else:
            yield Loss(bend.rule, bend.line, bend.text, existed=question.before is not None)


def _pipeline(question: Question) -> Iterator[Loss]:
    if not places.is_pipeline(question.path):
        return
    if PurePosixPath(question.path).suffix.lower() in {".yml", ".yaml"}:
        others = [content for path, content in question.beside.items() if path != question.path]
        moved = [content for content, path in zip(others, question.beside, strict=False) if places.is_pipeline(path)]
        yield from pipelines.compared(question.before or b"", question.content, moved)
    else:
        yield from pipelines.shell_lines(_lines(question.before), _lines(question.content))


def _lines(content: bytes | None) -> list[tuple[str, int]]:
    text = (content or b"").decode("utf-8", "replace")
    return [(line.strip(), number) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def _settings(question: Question) -> Iterator[Loss]:
    if not places.is_settings(question.path):
        return
    old = entries(question.path, question.before or b"")
    new = entries(question.path, question.content)
    security = places.is_security_settings(question.path)
    yield from settings.compared(old, new, security=security)
    if not places.is_pipeline(question.path):
        commands = [[(entry.value, entry.line) for entry in side] for side in (old, new)]
        yield from pipelines.shell_lines(*commands)


def _whole_file(question: Question) -> Iterator[Loss]:
    if question.before is None:
        return
    if places.is_expected(question.path):
        yield Loss("expected-output-rewritten", 1, PurePosixPath(question.path).name[:80])
    if places.is_review_rule(question.path):
        kept = {text for text, _ in _lines(question.content)}
        gone = [text for text, _ in _lines(question.before) if text not in kept and not text.startswith("#")]
        if gone:
            yield Loss("review-rule-removed", 1, gone[0][:80])


SCANNER = native(
    NAME,
    module=__name__,
    covers=frozenset(),
    reads=None,
    sees=frozenset({Sees.PATH, Sees.BEFORE, Sees.BESIDE}),
    canary=Question("python", _PLANTED, "tests/test_planted.py", _PLANTED_BEFORE),
    planted=frozenset({("assert-loosened", 2)}),
)
