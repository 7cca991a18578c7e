"""Names that look like another package's: a letter more, less or swapped, a twin letter, a moved separator.

Layer: scanners, a part of `dependencies`. Imports `packages` and the policies package's lists of well-known names.
Trust: the names are hostile; the lists are ours, dated, and not complete: silence says nothing about a name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

import countermark_policies

from .packages import NPM, PYPI

LISTS = {PYPI: "rules/dependencies/pypi-names.txt", NPM: "rules/dependencies/npm-names.txt"}
_SHORTEST = 4  # below it, one letter away from something is where every name is
_TWINS = str.maketrans({"0": "o", "1": "l", "3": "e", "5": "s", "i": "l", "|": "l"})
_AFFIX = re.compile(
    r"^(python|py|node|js|npm|the|real|official|my)-|-(python|py|py3|node|js|npm|official|dev|lib|core2?|fix|update)$"
)


@dataclass(frozen=True, slots=True)
class Likeness:
    """The well-known name that a name resembles, and how; `sure` says that chance hardly makes it so."""

    known: str
    how: str
    sure: bool


@dataclass(frozen=True, slots=True)
class _Index:
    names: frozenset[str]
    bare: dict[str, str]
    twins: dict[str, str]
    shorter: dict[str, frozenset[str]]


def likeness(ecosystem: str, name: str) -> Likeness | None:
    """Find the well-known name that this one could be taken for; None for a well-known one, and for no likeness."""
    if ecosystem not in LISTS:
        return None
    index, name = _index(ecosystem), name.lower()
    if name in index.names or len(name) < _SHORTEST:
        return None
    if known := index.bare.get(_bare(name)):
        return Likeness(known, "but for its separators", sure=True)
    if known := index.twins.get(_twin(name)):
        return Likeness(known, "but for characters that look alike", sure=True)
    return _edited(name, index) or _affixed(name, index)


def _edited(name: str, index: _Index) -> Likeness | None:
    near = {known for part in (name, *_shorter(name)) for known in index.shorter.get(part, frozenset())}
    for known in sorted(near):
        if len(known) < _SHORTEST:
            continue
        if _swapped(name, known):
            return Likeness(known, "with two letters swapped", sure=True)
        if abs(len(name) - len(known)) <= 1 and _one_apart(name, known):
            return Likeness(known, "but for one letter", sure=False)
    return None


def _affixed(name: str, index: _Index) -> Likeness | None:
    plain = _AFFIX.sub("", name)
    known = plain in index.names and plain != name
    return Likeness(plain, "with a word added", sure=False) if known else None


def _swapped(one: str, other: str) -> bool:
    differ = [at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    if len(one) != len(other) or len(differ) != 2 or differ[1] - differ[0] != 1:  # noqa: PLR2004  # a pair of neighbours
        return False
    return (one[differ[0]], one[differ[1]]) == (other[differ[1]], other[differ[0]])


def _one_apart(one: str, other: str) -> bool:
    if len(one) == len(other):
        return sum(a != b for a, b in zip(one, other, strict=True)) == 1
    long, short = (one, other) if len(one) > len(other) else (other, one)
    return short in _shorter(long)


def _shorter(name: str) -> frozenset[str]:
    return frozenset(name[:at] + name[at + 1 :] for at in range(min(len(name), 60)))


def _bare(name: str) -> str:
    return re.sub(r"[-_.@/]", "", name)


def _twin(name: str) -> str:
    return _bare(name).replace("rn", "m").replace("vv", "w").replace("cl", "d").translate(_TWINS)


@cache
def _index(ecosystem: str) -> _Index:
    text = countermark_policies.read(LISTS[ecosystem]).decode("utf-8")
    words = [word for line in text.split("\n") if not line.startswith("#") for word in line.split()]
    shorter: dict[str, set[str]] = defaultdict(set)
    for name in words:
        for part in (name, *_shorter(name)):
            shorter[part].add(name)
    near = {part: frozenset(names) for part, names in shorter.items()}
    return _Index(frozenset(words), {_bare(n): n for n in words}, {_twin(n): n for n in words}, near)
