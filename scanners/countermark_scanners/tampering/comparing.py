"""Two states of a file's tests compared: what no longer fails where it failed before.

Layer: scanners, a part of `tampering`. Imports `checks`; does no I/O.
Trust: names and texts come from hostile files.

Accounting, not diffing: whatever an old test insisted on may stand anywhere in the new file (renamed, merged,
parametrised, moved into a function of its own) and is then not lost. Only what is left over is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from .checks import Check, Guard, Strength, Unit, Units

CHECKS_AT_MOST = 200  # of one test; the pairing below is quadratic in what changed


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing lost: the rule's name, the line of the new file, what it is about, and whether it was there before."""

    rule: str
    line: int
    about: str
    existed: bool = True
    sure: bool = True


@dataclass(slots=True)
class _Surplus:
    """Checks of the new state that no equal check of the old state accounts for, by shape."""

    shapes: Counter[str] = field(default_factory=Counter)
    functions: set[str] = field(default_factory=set)  # loose shapes in new functions that tests call
    fresh: dict[str, Unit] = field(default_factory=dict)

    def takes(self, check: Check) -> bool:
        if self.shapes[check.shape] < 1:
            return bool(check.loose) and check.loose in self.functions
        self.shapes[check.shape] -= 1
        return True


def losses(old: Units, new: Units, moved: AbstractSet[tuple[str, tuple[str, ...]]] = frozenset()) -> list[Loss]:
    """List what the new tests no longer insist on; `moved` names tests that other files of the change now hold."""
    surplus = _surplus(old, new)
    found: list[Loss] = []
    same = {name for name in old.keys() & new.keys() if new[name].is_test or not old[name].is_test}
    for name in sorted(same):
        found += _weaker(old[name], new[name], surplus)
    for name in sorted(old.keys() - same, key=lambda name: (old[name].line, name)):
        if old[name].identity not in moved and not _kept(old[name], surplus):
            found.append(Loss("test-removed", 1, name.replace("\n", " ")[:80]))
    for name in sorted(new.keys() - old.keys()):
        found += _new_unit(new[name])
    return found


def _surplus(old: Units, new: Units) -> _Surplus:
    surplus = _Surplus(fresh={name: unit for name, unit in new.items() if name not in old})
    called = {name.rpartition(".")[2] for unit in new.values() for name in unit.calls}
    for name, unit in new.items():
        used = unit.is_test or name.rpartition(".")[2] in called
        if unit.skipped or not used:
            continue  # nothing in it can make a test fail
        known = Counter(check.text for check in old[name].checks) if name in old else Counter[str]()
        for check in unit.checks:
            if known[check.text] > 0:
                known[check.text] -= 1
            elif check.strength > Strength.NOTHING and check.guard is not Guard.SWALLOWED:
                surplus.shapes[check.shape] += max(1, unit.cases)
                if not unit.is_test and name in surplus.fresh:
                    surplus.functions.add(check.loose)
    return surplus


def _kept(unit: Unit, surplus: _Surplus) -> bool:
    """Say whether what the vanished test insisted on is insisted on elsewhere."""
    real = [check for check in unit.checks if check.strength > Strength.NOTHING]
    if not unit.is_test or unit.skipped:
        return True  # a function is gone, not a test: its callers are compared by their own checks
    if real:
        wanted = Counter(check.shape for check in real)
        if any(surplus.shapes[shape] < count for shape, count in wanted.items()):
            return False
        surplus.shapes -= wanted
        return True
    heirs = (name for name, heir in surplus.fresh.items() if heir.is_test and not heir.skipped)
    heir = next((name for name in heirs if 2 * len(surplus.fresh[name].calls & unit.calls) >= len(unit.calls)), None)
    return surplus.fresh.pop(heir, None) is not None if heir else not unit.calls


def _new_unit(unit: Unit) -> Iterator[Loss]:
    for check in unit.checks:
        if check.strength is Strength.NOTHING:
            yield Loss("assert-always-true", check.line, check.text[:80], existed=False)
        if check.guard is Guard.SWALLOWED:
            yield Loss("assert-swallowed", check.line, check.text[:80], existed=False)
    for skip in unit.skips:
        yield Loss("test-skipped", skip.line, skip.text[:80], existed=False, sure=skip.always)


def _weaker(old: Unit, new: Unit, surplus: _Surplus) -> Iterator[Loss]:
    known = Counter(skip.text for skip in old.skips)
    for skip in new.skips:
        if known[skip.text] < 1:
            yield Loss("test-skipped", skip.line, skip.text[:80], existed=not old.skipped, sure=skip.always)
        known[skip.text] -= 1
    if 0 < new.cases < old.cases:
        yield Loss("test-case-removed", new.line, f"{old.name}: {old.cases} before, {new.cases} now"[:80])
    yield from _weaker_checks(old, new, surplus)


def _weaker_checks(old: Unit, new: Unit, surplus: _Surplus) -> Iterator[Loss]:
    gone, come = list(old.checks[:CHECKS_AT_MOST]), list(new.checks[:CHECKS_AT_MOST])
    if old.checks[CHECKS_AT_MOST:] != new.checks[CHECKS_AT_MOST:]:
        gone, come = list(old.checks), list(new.checks)
        gone, come = _without_equal(gone, come)
        gone, come = gone[:CHECKS_AT_MOST], come[:CHECKS_AT_MOST]
    for before in list(gone):
        same = next((check for check in come if check.text == before.text), None)
        if same is None:
            continue
        gone.remove(before)
        come.remove(same)
        yield from _guarded(before, same)
    yield from _unpaired(gone, come, new.line, surplus)


def _without_equal(gone: list[Check], come: list[Check]) -> tuple[list[Check], list[Check]]:
    kept = Counter((check.text, check.guard) for check in gone) & Counter((check.text, check.guard) for check in come)
    return _minus(gone, kept), _minus(come, kept)


def _minus(checks: list[Check], kept: Counter[tuple[str, Guard]]) -> list[Check]:
    left, rest = Counter(kept), []
    for check in checks:
        if left[check.text, check.guard] > 0:
            left[check.text, check.guard] -= 1
        else:
            rest.append(check)
    return rest


def _guarded(before: Check, now: Check) -> Iterator[Loss]:
    if now.guard > before.guard:
        swallowed = now.guard is Guard.SWALLOWED
        yield Loss("assert-swallowed", now.line, now.text[:80], sure=swallowed)


def _unpaired(gone: list[Check], come: list[Check], line: int, surplus: _Surplus) -> Iterator[Loss]:
    left = list(come)
    for before in sorted(gone, key=lambda check: (-check.strength, check.line)):
        if before.strength is Strength.NOTHING:
            continue
        heir = _heir(before, left)
        if (heir is None or heir.subject != before.subject) and surplus.takes(before):
            continue
        if heir is None:
            yield Loss("assert-removed", line, before.text[:80])
            continue
        left.remove(heir)
        yield from _loosened(before, heir)
    for check in left:
        if check.strength is Strength.NOTHING:
            yield Loss("assert-always-true", check.line, check.text[:80], existed=False)
        if check.guard is Guard.SWALLOWED:
            yield Loss("assert-swallowed", check.line, check.text[:80], existed=False)


def _heir(before: Check, left: list[Check]) -> Check | None:
    """Choose what stands in the place of a check: about the same thing first, then as strong, then anything."""

    def rank(check: Check) -> tuple[bool, bool, int]:
        return check.subject == before.subject, check.strength >= before.strength, -abs(check.line - before.line)

    return max(left, key=rank, default=None)


def _loosened(before: Check, now: Check) -> Iterator[Loss]:
    about = f"{before.text[:60]} -> {now.text[:60]}"
    same = before.subject == now.subject
    if now.strength is Strength.NOTHING:
        yield Loss("assert-always-true", now.line, about)
    elif now.guard > before.guard:
        yield Loss("assert-swallowed", now.line, about, sure=now.guard is Guard.SWALLOWED)
    elif now.strength < before.strength:
        yield Loss("assert-loosened", now.line, about, sure=same)
    elif same and now.strength == before.strength and now.slack > before.slack:
        yield Loss("assert-loosened", now.line, about)
    elif same and before.strength is Strength.VALUE and now.strength is Strength.VALUE:
        yield Loss("expectation-changed", now.line, about)
