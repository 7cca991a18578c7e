"""Settings of checks compared: thresholds, strictness, and what a check is told to leave out.

Layer: scanners, a part of `tampering`. Imports `entries` and the rule catalogue; does no I/O.
Trust: both states are hostile. A key is known by its last words, wherever it stands, so that moving a table within a
file changes nothing.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from .. import catalogue
from ..entries import Entry
from .comparing import Loss
from .vocabulary import NAME

_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,12})?")
_OPTION = re.compile(r"--([a-z][\w-]*)[= ](-?\d{1,12}(?:\.\d{1,12})?)")
_TRUE = frozenset({"true", "yes", "on", "1", "error", "all"})
_FALSE = frozenset({"false", "no", "off", "0", "warn", "warning", "none", "ignore", "informational"})


def compared(old: list[Entry], new: list[Entry], *, security: bool) -> list[Loss]:
    """Compare two states of one settings file; `security` says that it belongs to a security tool."""
    found = [*_thresholds(old, new), *_strictness(old, new)]
    return [*found, *_left_out(old, new, security=security)]


def _data(rule: str, name: str) -> frozenset[str]:
    return frozenset(catalogue.load(NAME)[rule].data[name])


def _figures(entries: list[Entry], names: frozenset[str]) -> dict[str, list[tuple[float, Entry]]]:
    found: dict[str, list[tuple[float, Entry]]] = defaultdict(list)
    for entry in entries:
        key = _flat(entry.key)
        if key in names and (number := _NUMBER.search(entry.value)):
            found[".".join((*entry.path[-3:-1], key))].append((float(number[0]), entry))
        for option, value in _OPTION.findall(entry.value):
            if _flat(option) in names:
                found[_flat(option)].append((float(value), entry))
    return found


def _flat(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _thresholds(old: list[Entry], new: list[Entry]) -> Iterator[Loss]:
    for kind, sign in (("least", 1), ("most", -1)):
        names = _data("threshold-lowered", kind)
        had, has = _figures(old, names), _figures(new, names)
        for key in sorted(had):
            before = sorted(sign * value for value, _ in had[key])
            after = sorted((sign * value, entry.line) for value, entry in has.get(key, []))
            if not after:
                yield Loss("threshold-lowered", 1, f"{key}: {sign * before[-1]:g} before, none now")
            for was, (now, line) in zip(before, after, strict=False):
                if now < was:
                    yield Loss("threshold-lowered", line, f"{key}: {sign * was:g} before, {sign * now:g} now")


def _strictness(old: list[Entry], new: list[Entry]) -> Iterator[Loss]:
    names = _data("strictness-lowered", "names")
    had = {entry.path[-2:]: entry for entry in old if _flat(entry.key) in names and entry.value.lower() in _TRUE}
    has = {entry.path[-2:]: entry for entry in new if _flat(entry.key) in names}
    for path in sorted(had):
        now = has.get(path)
        if now is None:
            yield Loss("strictness-lowered", 1, f"{'.'.join(path)}: {had[path].value} before, gone now"[:80])
        elif now.value.lower() not in _TRUE:
            yield Loss("strictness-lowered", now.line, f"{'.'.join(path)}: {now.value}"[:80])
    lax = _data("strictness-lowered", "lax")
    known = Counter((_flat(entry.key), entry.value) for entry in old)
    for entry in new:
        loose = _flat(entry.key) in lax and entry.value.lower() in _TRUE
        if loose and known[_flat(entry.key), entry.value] < 1:
            yield Loss("strictness-lowered", entry.line, f"{entry.key}: {entry.value}"[:80], existed=bool(old))


def _left_out(old: list[Entry], new: list[Entry], *, security: bool) -> Iterator[Loss]:
    names = _data("check-ignores-more", "names")
    known = Counter(_thing(entry) for entry in old)
    for entry in new:
        if not any(_flat(part) in names for part in entry.path[-3:]):
            continue
        if known[_thing(entry)] < 1:
            rule = "security-check-ignores-more" if security else "check-ignores-more"
            yield Loss(rule, entry.line, f"{entry.key}: {entry.value}"[:80], existed=bool(old))
        known[_thing(entry)] -= 1


def _thing(entry: Entry) -> tuple[str, str]:
    return _flat(entry.key), entry.value
