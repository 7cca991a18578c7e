"""The three measurements: labels, real fixes, and noise on code presumed clean. Each yields the lines to print.

Every contender gets the same files, written out once; a contender that fails is said to have failed and has no
figures. What is said of each case is appended to `cases`, so that somebody can look at what was missed.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import tables
from anonymise import Anonymised, anonymised
from contenders import OURS, Answer, Contender
from datasets import Fixes, Labelled, Pair, Plain
from figures import Figures, rates

from countermark_scanners.finding import Severity

Rows = list[tuple[str, ...]]


def labels(found: Labelled, who: Sequence[Contender], cases: Rows) -> Iterator[str]:
    """Measure the set as it is and under other names, and how far the figures move."""
    copy = anonymised(found.files, found.categories)
    renamed = [replace(case, path=copy.moved.get(case.path, case.path)) for case in found.cases]
    yield _size(found, copy)
    before, after = _asked(who, found.files), _asked(who, copy.files)
    plain = {name: rates(found.cases, answer.numbers()) for name, answer in before.items() if not answer.error}
    other = {name: rates(renamed, answer.numbers()) for name, answer in after.items() if not answer.error}
    yield from _gaps({**{f"{name}, anonymised": one for name, one in after.items()}, **before})
    yield from tables.categories(found, plain)
    yield from tables.contenders(plain, other, before)
    yield from _judged(plain, other, before)
    cases.append(("contender", "path", "category", "vulnerable", "reported"))
    for name, answer in before.items():
        numbers = answer.numbers()
        for case in found.cases:
            told = not case.cwes.isdisjoint(numbers.get(case.path, ()))
            cases.append((name, case.path, case.category, str(case.vulnerable), str(told)))


def fixes(found: Fixes, who: Sequence[Contender], cases: Rows) -> Iterator[str]:
    """Measure which flaws are seen before their fix, and which of them are told apart from it."""
    yield f"{len(found.pairs)} fixes, {len(found.before)} files before and {len(found.after)} after"
    before, after = _asked(who, found.before), _asked(who, found.after)
    yield from _gaps({**{f"{name}, after": answer for name, answer in after.items()}, **before})
    cases.append(("contender", "pair", "category", "reported before", "reported after"))
    judged: dict[str, list[tuple[Pair, int, int]]] = {}
    for name, answer in before.items():
        if not answer.error and not after[name].error:
            judged[name] = [(pair, _count(answer, pair), _count(after[name], pair)) for pair in found.pairs]
            cases += [(name, pair.name, pair.category, str(old), str(new)) for pair, old, new in judged[name]]
    yield from tables.fixes(judged, before)


def noise(found: Plain, who: Sequence[Contender], cases: Rows) -> Iterator[str]:
    """Measure how often somebody would be stopped for nothing: findings of at least medium severity, by rule."""
    yield f"{len(found.files)} files, {found.lines} lines of Python"
    answers = _asked(who, found.files)
    yield from _gaps(answers)
    counts = {
        name: Counter(one.rule for one in answer.reported if one.severity >= Severity.MEDIUM)
        for name, answer in answers.items()
        if not answer.error
    }
    yield from tables.noise(counts, found.lines, answers)
    cases.append(("contender", "path", "rule", "severity"))
    for name, answer in answers.items():
        cases += [(name, one.path, one.rule, one.severity.word) for one in answer.reported]


def _size(found: Labelled, copy: Anonymised) -> str:
    python = sum(path.endswith(".py") for path in copy.untouched)
    return (
        f"{len(found.cases)} cases in {len(found.categories)} categories, {len(found.files)} files; "
        f"{len(copy.moved)} anonymised, {python} Python files that could not be parsed for it"
    )


def _asked(who: Sequence[Contender], files: Mapping[str, bytes]) -> dict[str, Answer]:
    """Show the same files to everyone, one after the other, so that nobody's CPU seconds suffer from another."""
    with _written(files) as root:
        return {contender.name: contender.ask(root) for contender in who}


@contextmanager
def _written(files: Mapping[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="countermark-bench-") as scratch:
        root = Path(scratch, "set").resolve()
        for path, content in files.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        yield root


def _gaps(answers: Mapping[str, Answer]) -> Iterator[str]:
    for name, answer in answers.items():
        if answer.error:
            yield f"FAILED: {name}: {answer.error}"
        if name == OURS and answer.not_covered:
            yield f"{OURS}: {len(answer.not_covered)} files of a type that no scanner covers"


def _count(answer: Answer, pair: Pair) -> int:
    mine = (one for one in answer.reported if one.path.startswith(f"{pair.name}/"))
    return sum(not pair.cwes or one.cwe in pair.cwes for one in mine)


def _judged(plain: Mapping[str, Figures], other: Mapping[str, Figures], asked: Mapping[str, Answer]) -> Iterator[str]:
    """Hold our own figures against their bars."""
    if OURS in plain and OURS in other:
        yield from tables.bars(plain[OURS], other[OURS], asked[OURS])
    elif OURS in asked:
        yield f"{OURS}: no figures, because it failed"
