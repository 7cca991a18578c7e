"""How the figures are printed: one line a category, one line a contender, one line a bar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from contenders import OURS, Answer
from datasets import Labelled, Pair
from figures import Figures, Rates

YOUDEN, LEAST_YOUDEN, FPR, CPU_SECONDS, MOVED = 75, 50, 10, 60, 2
_NAME = 22
_NO_RATES = Rates(None, None)


def categories(found: Labelled, figures: Mapping[str, Figures]) -> Iterator[str]:
    """Give TPR/FPR and Youden of every contender in every category."""
    yield ""
    yield f"{'TPR/FPR Youden':<{_NAME}} {'cases':>11} " + "".join(f"{name:>18}" for name in figures)
    for category in found.categories:
        truth = [case.vulnerable for case in found.cases if case.category == category]
        cells = (one.by_category.get(category, _NO_RATES) for one in figures.values())
        cases = f"{sum(truth)}+{len(truth) - sum(truth)}"
        yield f"{category:<{_NAME}} {cases:>11} " + "".join(f"{_cell(rates):>18}" for rates in cells)


def contenders(
    plain: Mapping[str, Figures], other: Mapping[str, Figures], asked: Mapping[str, Answer]
) -> Iterator[str]:
    """Give the means of every contender, on the set and on its anonymised copy, and what they took."""
    yield ""
    heads = ("TPR", "FPR", "Youden", "anonymised", "moved", "unparsed", "CPU s", "wall s")
    yield f"{'mean over categories':<{_NAME}} " + "".join(f"{head:>11}" for head in heads)
    for name, figures in plain.items():
        copy = other[name].youden if name in other else None
        rates = (figures.tpr, figures.fpr, figures.youden, copy, _difference(figures.youden, copy))
        answer = asked[name]
        spent = f"{len(answer.unread):>11}{answer.cpu_seconds:>11.1f}{answer.wall_seconds:>11.1f}"
        yield f"{name:<{_NAME}} " + "".join(f"{_figure(rate):>11}" for rate in rates) + spent


def bars(figures: Figures, copy: Figures, asked: Answer) -> Iterator[str]:
    """Hold our figures against what they must reach."""
    least = min((one.youden for one in figures.by_category.values() if one.youden is not None), default=None)
    moved = {
        name: _difference(rates.youden, copy.by_category.get(name, _NO_RATES).youden)
        for name, rates in figures.by_category.items()
    }
    most = max(((abs(points), name) for name, points in moved.items() if points is not None), default=None)
    yield ""
    yield f"{OURS}: macro Youden {_figure(figures.youden)}, bar {YOUDEN}"
    yield f"{OURS}: lowest category {_figure(least)}, bar {LEAST_YOUDEN}"
    yield f"{OURS}: macro FPR {_figure(figures.fpr)}, bar {FPR}"
    yield f"{OURS}: files unparsed {len(asked.unread)}, bar 0"
    yield f"{OURS}: {asked.cpu_seconds:.1f} CPU seconds, bar {CPU_SECONDS}"
    yield f"{OURS}: moved by {_figure(_difference(figures.youden, copy.youden))} points when anonymised, bar {MOVED}"
    if most:
        yield f"{OURS}: the category that moved most is {most[1]}, by {_figure(moved[most[1]])} points"


def fixes(judged: Mapping[str, list[tuple[Pair, int, int]]], asked: Mapping[str, Answer]) -> Iterator[str]:
    """Give, for every contender and then for ours by category, what was seen and what was told apart."""
    yield ""
    heads = ("fixes", "seen", "told apart", "fewer after", "unparsed", "CPU s")
    yield f"{'':<{_NAME}} " + "".join(f"{head:>12}" for head in heads)
    for name, rows in judged.items():
        spent = f"{len(asked[name].unread):>12}{asked[name].cpu_seconds:>12.1f}"
        yield f"{name:<{_NAME}} " + _counted(rows) + spent
    ours = judged.get(OURS, [])
    for category in sorted({pair.category for pair, _, _ in ours}):
        yield f"{OURS}, {category:<{_NAME - len(OURS) - 2}} " + _counted([r for r in ours if r[0].category == category])


def noise(counts: Mapping[str, Mapping[str, int]], lines: int, asked: Mapping[str, Answer]) -> Iterator[str]:
    """Give findings per 1,000 lines, by contender and by rule."""
    yield ""
    yield f"{'at least medium':<60} {'findings':>9} {'per 1,000 lines':>16}"
    for name, rules in counts.items():
        total = sum(rules.values())
        unread = f"   {len(asked[name].unread)} files unparsed" if asked[name].unread else ""
        yield f"{name:<60} {total:>9} {1000 * total / lines:>16.2f}{unread}"
        for rule, count in sorted(rules.items(), key=lambda item: (-item[1], item[0])):
            yield f"  {rule:<58} {count:>9} {1000 * count / lines:>16.2f}"


def _counted(rows: list[tuple[Pair, int, int]]) -> str:
    seen = sum(before > 0 for _, before, _ in rows)
    apart = sum(before > 0 and after == 0 for _, before, after in rows)
    fewer = sum(before > after for _, before, after in rows)
    return f"{len(rows):>12}{seen:>12}{apart:>12}{fewer:>12}"


def _cell(rates: Rates) -> str:
    return f"{_whole(rates.tpr)}/{_whole(rates.fpr)} {_figure(rates.youden):>6}"


def _whole(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.0f}"


def _figure(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1f}"


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else other - one
