"""The scan: two sets of files in, one result out. The only composer of this package.

Layer: scanners, the top. Imports every other module of the package.
Trust: files, paths and every tool are hostile; a tool is believed only about files it proved to have read.

A file is scanned, `Unscanned` or `NotCovered`; nothing falls between. A scanner that fails is an error of the
whole scan: the score is 0 and inconclusive, never the 100 of a list that nobody filled.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from . import asking, registry, source, third_party
from .cache import CacheUse, Known
from .errors import OutputMalformed, ScannerError, TooMuchToScan
from .nearby import nearby
from .novelty import Sighting, compare, sightings
from .report import NotCovered, Report, Scanned, ScannerReport, Unscanned
from .result import CoverageRow, ScanResult
from .score import Gap, score
from .sides import identify
from .tool import ToolLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .cache import AnswerCache
    from .canary import Answer
    from .finding import Finding
    from .question import Question
    from .scanner import Answers, Scanner
    from .sides import File, Sides
    from .third_party import ThirdParty

_NOTHING_SPECIAL: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one scan may take on. Beyond it there is no answer, and no answer is not clean."""

    files: int = 50_000
    total_bytes: int = 512 * 1024 * 1024
    tool: ToolLimits = field(default_factory=ToolLimits)


@dataclass(frozen=True, slots=True)
class Means:
    """With what a scan is made: the scanners, the limits, what they are known to have answered, and others' reports."""

    scanners: Sequence[Scanner] = registry.DEFAULT
    limits: Limits = field(default_factory=Limits)
    cache: AnswerCache | None = None
    others: Sequence[ThirdParty] = ()


@dataclass(frozen=True, slots=True)
class _Answered:
    """One scanner's answers by path, on each side, or the error that stands in their place, and what was known."""

    scanner: Scanner
    head: Answers
    base: Answers
    error: str | None
    known: Known


def scan(
    files: Mapping[str, bytes],
    base: Mapping[str, bytes],
    *,
    means: Means = Means(),  # noqa: B008  # frozen, so one shared default is one value
    progress: Callable[[str], None],
    special: Mapping[str, str] = _NOTHING_SPECIAL,
) -> ScanResult:
    """Scan what lands (`files`) and score what is new in it relative to `base`.

    `special` names the type of each path that is no regular file (`symlink`, `submodule`): it is not covered.
    Raises `TooMuchToScan` before any work and `ScannerError` when files cannot even be told apart; the failure
    of a scanner is not raised but kept in its report.
    """
    _check_size(files, base, means.limits)
    sides = identify(files, base, special, means.limits.tool)
    progress(f"{sides.python} Python texts in {len(files)} files")
    answered = _ask_all(sides, means, progress)
    return _result(sides, answered, third_party.together(means.others), _used(answered) if means.cache else None)


def _check_size(files: Mapping[str, bytes], base: Mapping[str, bytes], limits: Limits) -> None:
    count, size = len(files) + len(base), sum(map(len, files.values())) + sum(map(len, base.values()))
    if count > limits.files or size > limits.total_bytes:
        raise TooMuchToScan(
            f"change: expected at most {limits.files} files of {limits.total_bytes} bytes, found {count} of {size}"
        )


def _ask_all(sides: Sides, means: Means, progress: Callable[[str], None]) -> list[_Answered]:
    """Ask `source` first: a text that it can't read is given to nobody who reads languages."""
    first = _ask(source.SCANNER, sides, means, {})
    unread = {
        file.sha256: answer
        for files, answers in ((sides.head, first.head), (sides.base, first.base))
        for path, file in files.items()
        if isinstance(answer := answers.get(path), Unscanned)
    }
    with ThreadPoolExecutor(max_workers=max(1, len(means.scanners))) as pool:
        waiting = {pool.submit(_ask, scanner, sides, means, unread): scanner for scanner in means.scanners}
        for done in as_completed(waiting):
            progress(f"{waiting[done].name}: {'failed' if done.result().error else 'done'}")
    return [first, *(done.result() for done in waiting)]


def _ask(scanner: Scanner, sides: Sides, means: Means, unread: Mapping[str, Unscanned]) -> _Answered:
    """Put the questions; a scanner that reads every file reads those of `unread` (by sha256) too."""
    closed = {} if scanner.reads is None else unread
    asked = asking.asked(scanner, sides, closed)
    answers, error, known = _answers(scanner, asked.questions, means)
    head, base = (
        {path: answers[key] for path, key in keys.items()}
        | {path: closed[file.sha256] for path, file in files.items() if _is_closed(scanner, file, closed)}
        for keys, files in ((asked.head, sides.head), (asked.base, sides.base))
    )
    return _Answered(scanner, head, base, error, known)


def _is_closed(scanner: Scanner, file: File, unread: Mapping[str, Unscanned]) -> bool:
    return file.sha256 in unread and scanner.is_asked_about(file.language)


def _answers(scanner: Scanner, questions: dict[str, Question], means: Means) -> tuple[Answers, str | None, Known]:
    """Take what is known, and show the rest to the scanner, which must see the planted flaws again."""
    known = means.cache.known(scanner, questions) if means.cache else Known({}, saw=False, refused=0)
    unknown = {key: question for key, question in questions.items() if key not in known.answers}
    try:
        fresh = scanner.run(unknown, means.limits.tool) if unknown or not known.saw else {}
        if set(fresh) != set(unknown):
            raise OutputMalformed(f"{scanner.name}: expected {len(unknown)} answers, found {len(fresh)}")
    except ScannerError as error:
        failed: Answers = dict.fromkeys(questions, Unscanned(f"{scanner.name} failed"))
        return failed, f"{scanner.name}: {error.message}", known
    if means.cache and (unknown or not known.saw):
        means.cache.keep(scanner, fresh)
    return {**known.answers, **fresh}, None, known


def _used(answered: list[_Answered]) -> CacheUse:
    asked = sum(len(one.head) + len(one.base) for one in answered)
    known = sum(len(one.known.answers) for one in answered)
    return CacheUse(asked, known, sum(one.known.refused for one in answered))


def _result(sides: Sides, answered: list[_Answered], others: Sequence[ThirdParty], used: CacheUse | None) -> ScanResult:
    new, old = compare(*_sightings(sides, answered, others))
    reports = tuple(_report(sides, one, new + old) for one in answered)
    covers = {one.scanner.name: one.scanner.covers for one in answered}
    coverage = tuple(_row(file, reports, sides, covers) for file in sides.head.values())
    gaps = tuple(
        Gap(row.path, row.sha256, row.report.reason)
        for row in coverage
        if row.new and isinstance(row.report, Unscanned)
    )
    errors = [one.error for one in answered if one.error is not None]
    missing = [one.scanner.name for one in answered if one.error is not None]
    figure = score(new, gaps=gaps, missing=missing)
    told = tuple(ScannerReport(one.name, one.version, one.sha256, {}, None) for one in others)
    near = nearby(old, sides)
    return ScanResult((*reports, *told), coverage, new, old, gaps, figure, "; ".join(errors) or None, near, used)


def _sightings(
    sides: Sides, answered: list[_Answered], others: Sequence[ThirdParty]
) -> tuple[list[Sighting], list[Sighting]]:
    head = [(one.scanner.name, one.head) for one in answered]
    base = [(one.scanner.name, one.base) for one in answered]
    for other in others:
        ours, theirs = other.about(sides)
        head.append((other.name, dict(ours)))
        base.append((other.name, dict(theirs)))
    deleted = {path: sides.base[path] for path in sides.deleted}
    return _sighted({**deleted, **sides.head}, head), _sighted(sides.base, base)


def _sighted(files: Mapping[str, File], said: list[tuple[str, Answers]]) -> list[Sighting]:
    found: list[Sighting] = []
    for path, file in files.items():
        answers = {name: answers[path] for name, answers in said if path in answers}
        hits = {name: answer for name, answer in answers.items() if not isinstance(answer, Unscanned)}
        found += sightings(path, file.content.decode("utf-8", "replace"), hits)
    return found


def _report(sides: Sides, one: _Answered, findings: tuple[Finding, ...]) -> ScannerReport:
    mine: dict[str, list[Finding]] = {}
    for finding in findings:
        if one.scanner.name in finding.scanner.split("+"):
            mine.setdefault(finding.path, []).append(finding)
    files = {path: _outcome(one.head[path], mine.get(path, [])) for path in sides.head if path in one.head}
    return ScannerReport(one.scanner.name, _told(one.scanner.version), one.scanner.rules_sha256(), files, one.error)


def _told(version: Callable[[], str]) -> str:
    try:
        return version()
    except ScannerError:
        return "not installed"  # the report's error says the same and blocks


def _outcome(answer: Answer, findings: list[Finding]) -> Report:
    return answer if isinstance(answer, Unscanned) else Scanned(tuple(findings))


def _row(
    file: File, reports: tuple[ScannerReport, ...], sides: Sides, covers: Mapping[str, frozenset[str]]
) -> CoverageRow:
    each = {report.scanner: report.files[file.path] for report in reports if file.path in report.files}
    before = sides.base.get(file.path)
    same = before is not None and (before.sha256, before.language) == (file.sha256, file.language)
    read = tuple(name for name, report in each.items() if isinstance(report, Scanned))
    known = any(file.language in covers[name] for name in each)
    worst = _worst(list(each.values()))
    outcome = worst if known or isinstance(worst, Unscanned) else NotCovered(file.language)
    return CoverageRow(file.path, file.sha256, file.language, len(file.content), read, outcome, not same)


def _worst(reports: list[Report]) -> Report:
    """Take the least complete answer: a file that one scanner could not read is not scanned."""
    unread = sorted({report.reason for report in reports if isinstance(report, Unscanned)})
    found = {f.fingerprint: f for report in reports if isinstance(report, Scanned) for f in report.findings}
    return Unscanned("; ".join(unread)) if unread else Scanned(tuple(found.values()))
