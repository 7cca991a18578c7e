"""Kept answers: what an earlier run said is believed when it is ours, and only whole answers are kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from countermark_ledger import canonical
from countermark_scanners import canary, question, registry, source
from countermark_scanners.cache import AnswerCache, CacheUse
from countermark_scanners.errors import ScannerBlind, ScannerError
from countermark_scanners.finding import Confidence, Hit, Severity
from countermark_scanners.question import Question, Sees
from countermark_scanners.report import Unscanned
from countermark_scanners.result import ScanResult
from countermark_scanners.scan import Means, scan
from countermark_scanners.scanner import Answers, Run, Scanner
from countermark_scanners.sealed import SealedRecords
from countermark_scanners.tool import ToolLimits

KEY = b"k" * 32
HIT = Hit("fake/shout", 78, Severity.HIGH, Confidence.HIGH, 1, 1, "a shout, in Ünïcode", "Do not shout.")
SAMPLES = Path(__file__).parent / "samples" / "semgrep" / "python"


def shouts(questions: Mapping[str, Question], _limits: ToolLimits) -> Answers:
    return {key: (HIT,) if b"SHOUT" in question.content else () for key, question in questions.items()}


class Asked:
    """A scanner that remembers what it was shown."""

    def __init__(self, run: Run = shouts, name: str = "fake") -> None:
        self.shown: list[int] = []
        self.scanner = Scanner(name, lambda: "1", lambda: "00" * 32, self._run)
        self._answers = run

    def _run(self, questions: Mapping[str, Question], limits: ToolLimits) -> Answers:
        self.shown.append(len(questions))
        return self._answers(questions, limits)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[], SealedRecords]:
    """Open the same directory, as every run does anew."""
    kept = []

    def again() -> SealedRecords:
        context = SealedRecords.open(tmp_path / "cache", KEY)
        kept.append(context)
        return context.__enter__()

    yield again
    for context in kept:
        context.__exit__(None, None, None)


@pytest.fixture
def cache(opened: Callable[[], SealedRecords]) -> Iterator[Callable[[], AnswerCache]]:
    return lambda: AnswerCache(opened())


def quiet(_message: str) -> None:
    return


def run(files: dict[str, bytes], base: dict[str, bytes], cache: AnswerCache | None, *scanners: Scanner) -> ScanResult:
    return scan(files, base, means=Means(scanners, cache=cache), progress=quiet)


FILES = {"app.py": b"SHOUT(1)\n", "clean.py": b"x = 1\n"}
BASE = {"app.py": b"x = 0\n"}


def test_a_scanner_is_not_shown_again_what_it_answered_on_either_side(cache: Callable[[], AnswerCache]) -> None:
    asked = Asked()
    cold = run(FILES, BASE, cache(), asked.scanner)
    warm = run(FILES, BASE, cache(), asked.scanner)
    assert asked.shown == [3]
    assert (cold.cache, warm.cache) == (CacheUse(6, 0, 0), CacheUse(6, 6, 0))
    assert canonical.dumps(warm.to_json()) == canonical.dumps(cold.to_json())
    assert [finding.path for finding in warm.new_findings] == ["app.py"]


def test_only_the_content_that_is_new_is_shown(cache: Callable[[], AnswerCache]) -> None:
    asked = Asked()
    run(FILES, BASE, cache(), asked.scanner)
    run({**FILES, "new.py": b"SHOUT(2)\n"}, BASE, cache(), asked.scanner)
    assert asked.shown == [3, 1]


def test_without_a_cache_everything_is_shown_every_time() -> None:
    asked = Asked()
    assert [run(FILES, BASE, None, asked.scanner).cache for _ in range(2)] == [None, None]
    assert asked.shown == [3, 3]


def test_an_unscanned_file_is_asked_for_again_because_the_next_run_may_do_better(
    cache: Callable[[], AnswerCache],
) -> None:
    asked = Asked(lambda questions, _: dict.fromkeys(questions, Unscanned("a time-out")))
    for _ in range(2):
        result = run({"a.py": b"x = 1\n"}, {}, cache(), asked.scanner)
        assert [gap.reason for gap in result.gaps] == ["a time-out"]
    assert asked.shown == [1, 1]


def test_a_scanner_that_fails_keeps_nothing_and_a_known_answer_does_not_hide_it(
    cache: Callable[[], AnswerCache],
) -> None:
    def fails(_questions: Mapping[str, Question], _limits: ToolLimits) -> Answers:
        raise ScannerError("it fell over")

    run({"a.py": b"x = 1\n"}, {}, cache(), Asked().scanner)
    failing = Asked(fails)
    for _ in range(2):
        result = run({"a.py": b"x = 1\n", "b.py": b"x = 2\n"}, {}, cache(), failing.scanner)
        assert result.error == "fake: it fell over"
        assert all(isinstance(row.report, Unscanned) for row in result.coverage)
    assert failing.shown == [1, 1]


def test_a_scanner_that_leaves_a_file_out_keeps_nothing(cache: Callable[[], AnswerCache]) -> None:
    asked = Asked(lambda questions, limits: dict(list(shouts(questions, limits).items())[1:]))
    for _ in range(2):
        assert run(FILES, {}, cache(), asked.scanner).error is not None
    assert asked.shown == [2, 2]


def test_another_scanner_version_or_rules_is_asked_anew(cache: Callable[[], AnswerCache]) -> None:
    asked = Asked()
    others = [
        asked.scanner,
        replace(asked.scanner, name="other"),
        replace(asked.scanner, version=lambda: "2"),
        replace(asked.scanner, rules_sha256=lambda: "11" * 32),
        replace(asked.scanner, distributions=("bandit",)),
    ]
    for scanner in others:
        run(FILES, {}, cache(), scanner)
    assert asked.shown == [2] * len(others)


def test_an_answer_of_another_installation_is_not_taken(
    cache: Callable[[], AnswerCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked()
    run(FILES, {}, cache(), asked.scanner)
    monkeypatch.setattr("countermark_scanners.installation._sources", lambda _package: "patched")
    run(FILES, {}, cache(), asked.scanner)
    assert asked.shown == [2, 2]


def test_a_change_of_nothing_to_scan_starts_no_scanner_that_was_once_seen_to_see(
    cache: Callable[[], AnswerCache],
) -> None:
    asked = Asked()
    for _ in range(2):
        assert run({"notes.md": b"# Notes\n"}, {}, cache(), asked.scanner).error is None
    assert asked.shown == [0]


def test_a_blind_scanner_is_not_kept_as_one_that_saw(cache: Callable[[], AnswerCache]) -> None:
    def blind(_questions: Mapping[str, Question], _limits: ToolLimits) -> Answers:
        raise ScannerBlind("fake: expected the planted flaws, found none")

    asked = Asked(blind)
    for _ in range(2):
        assert run({}, {}, cache(), asked.scanner).error is not None
    assert asked.shown == [0, 0]


def test_a_file_that_is_the_planted_one_is_not_taken_for_clean(cache: Callable[[], AnswerCache]) -> None:
    asked = Asked(lambda questions, _: dict.fromkeys(questions, (HIT,)))
    run({"a.py": b"x = 1\n"}, {}, cache(), asked.scanner)
    result = run({"a.py": canary.SOURCE}, {}, cache(), asked.scanner)
    assert asked.shown == [1, 1]
    assert [finding.path for finding in result.new_findings if finding.severity] == ["a.py"]


def test_an_answer_without_a_canonical_spelling_is_not_kept_and_still_counts(
    cache: Callable[[], AnswerCache],
) -> None:
    odd = replace(HIT, message="half a pair: \ud800")
    asked = Asked(lambda questions, _: dict.fromkeys(questions, (odd,)))
    for _ in range(2):
        assert [f.rule for f in run({"a.py": b"x = 1\n"}, {}, cache(), asked.scanner).new_findings] == ["fake/shout"]
    assert asked.shown == [1, 1]


def test_a_scanner_that_is_not_installed_has_no_kept_answers(cache: Callable[[], AnswerCache]) -> None:
    asked = Asked()
    absent = replace(asked.scanner, distributions=("countermark-no-such-distribution",))
    for _ in range(2):
        run(FILES, {}, cache(), absent)
    assert asked.shown == [2, 2]


def test_the_report_names_version_and_rules_also_when_every_answer_was_known(
    cache: Callable[[], AnswerCache],
) -> None:
    asked = Asked()
    for _ in range(2):
        result = run(FILES, {}, cache(), asked.scanner)
    report = next(one for one in result.reports if one.scanner == "fake")
    assert (report.version, report.rules_sha256) == ("1", "00" * 32)


def test_what_our_own_reader_refused_is_refused_again(cache: Callable[[], AnswerCache]) -> None:
    asked = Asked()
    files = {"broken.py": b"x = (\n", "nul.py": b"x = 1\x00\n", "fine.py": b"x = 1\n"}
    cold, warm = (run(files, {}, cache(), asked.scanner) for _ in range(2))
    assert len(warm.gaps) == 2
    assert warm.gaps == cold.gaps
    assert asked.shown == [1]


def test_answers_of_the_real_tools_are_the_same_fresh_or_kept_together_or_one_by_one(
    cache: Callable[[], AnswerCache],
) -> None:
    files = {path.name.removesuffix(".txt"): path.read_bytes() for path in sorted(SAMPLES.glob("*.py.txt"))}
    halves = [dict(list(files.items())[:3]), dict(list(files.items())[3:])]
    alone = [one for one in registry.DEFAULT if one.is_asked_about("python") and Sees.BESIDE not in one.sees]
    fresh = run(files, {}, None, *alone)
    for half in halves:
        run(half, {}, cache(), *alone)
    kept = run(files, {}, cache(), *alone)
    assert len(kept.new_findings) > 20
    every = (len(alone) + 1) * len(files)
    assert kept.cache == CacheUse(every, every, 0)
    assert canonical.dumps(kept.to_json()) == canonical.dumps(fresh.to_json())


def test_no_tool_is_started_when_everything_is_known(
    cache: Callable[[], AnswerCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"a.py": b"import pickle\npickle.loads(b'')\n"}
    before = run(files, {}, cache(), *registry.DEFAULT)
    monkeypatch.setattr("countermark_scanners.tool.run", lambda *_, **__: pytest.fail("a tool was started"))
    after = run(files, {}, cache(), *registry.DEFAULT)
    assert canonical.dumps(after.to_json()) == canonical.dumps(before.to_json())


def test_an_answer_is_kept_under_everything_the_question_consults(cache: Callable[[], AnswerCache]) -> None:
    everything = frozenset(Sees)
    same = Question("python", b"x = 1\n", "a.py", b"x = 0\n", {"a.py": b"x = 1\n"})
    others = [
        replace(same, language="shell"),
        replace(same, content=b"x = 2\n"),
        replace(same, path="b.py"),
        replace(same, before=None),
        replace(same, beside={"a.py": b"x = 1\n", "b.py": b""}),
    ]
    key, *more = (question.key(one, everything, question.digest(one.beside)) for one in (same, *others))
    held = cache()
    held.keep(source.SCANNER, {key: ()})
    assert held.known(source.SCANNER, [key]).answers == {key: ()}
    assert held.known(source.SCANNER, more).answers == {}
    assert len({key, *more}) == len(others) + 1


def test_what_a_scanner_does_not_look_at_is_no_part_of_the_question() -> None:
    one, other = Question("python", b"x = 1\n", "a.py", None), Question("python", b"x = 1\n", "b.py", b"x")
    assert question.key(one, frozenset(), "") == question.key(other, frozenset(), "")


def test_a_directory_that_cannot_be_written_to_costs_time_only(
    cache: Callable[[], AnswerCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    asked = Asked()
    held = cache()
    monkeypatch.setattr(os, "rename", full)
    for _ in range(2):
        assert run(FILES, {}, held, asked.scanner).error is None
    assert asked.shown == [2, 2]
