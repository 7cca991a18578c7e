"""The order of versions, by each ecosystem's own rules.

Layer: scanners, a part of `dependencies`. Imports `packages` and `packaging`; does no I/O.
Trust: versions are hostile text. One that the ecosystem's rules do not accept has no order, and whoever asks is told.

Python: PEP 440. npm, Rust, Go: Semantic Versioning 2.0.0, section 11 (Go writes a `v` before it). Ruby: dotted
segments, letters before numbers. Maven's order is not implemented: it has none here.
"""

from __future__ import annotations

import re
from functools import total_ordering
from typing import TypeAlias

from packaging.version import InvalidVersion, Version

from .packages import CRATES, GEMS, GO, NPM, PYPI

_SEMVER = re.compile(r"v?(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_LONGEST = 200


class NoOrder(ValueError):
    """This text is no version of its ecosystem, or the ecosystem's order is not known here."""


@total_ordering
class _Parts:
    """Parts compared one by one: numbers as numbers, and the kinds in the order the ecosystem says."""

    def __init__(self, parts: tuple[tuple[int, int, str], ...]) -> None:
        self.parts = parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Parts) and self.parts == other.parts

    def __lt__(self, other: _Parts) -> bool:
        return self.parts < other.parts

    def __hash__(self) -> int:
        return hash(self.parts)


Order: TypeAlias = Version | _Parts


def order(ecosystem: str, version: str) -> Order:
    """Give what versions of one ecosystem are compared by; raise `NoOrder`."""
    if len(version) > _LONGEST:
        raise NoOrder(f"a version of {len(version)} characters")
    if ecosystem == PYPI:
        try:
            return Version(version)
        except InvalidVersion as error:
            raise NoOrder(version) from error
    if ecosystem in {NPM, CRATES, GO}:
        return _semantic(version)
    if ecosystem == GEMS:
        return _gem(version)
    raise NoOrder(f"{ecosystem}: {version}")


def older(ecosystem: str, version: str, than: str) -> bool:
    """Say whether a version is certainly lower than another; without an order it is not certain."""
    try:
        return bool(version and than) and order(ecosystem, version) < order(ecosystem, than)  # type: ignore[operator]  # both have one ecosystem's kind
    except NoOrder:
        return False


def _semantic(version: str) -> _Parts:
    match = _SEMVER.fullmatch(version.strip())
    if match is None:
        raise NoOrder(version)
    numbers = tuple((1, int(part or 0), "") for part in match.groups()[:3])
    if match[4] is None:
        return _Parts((*numbers, (2, 0, "")))
    # 11.4: a pre-release is lower than its release, numbers lower than words, and fewer parts lower than more
    early = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in match[4].split("."))
    return _Parts((*numbers, (1, 0, ""), *early))


def _gem(version: str) -> _Parts:
    if not re.fullmatch(r"\d[\w.-]*", version):
        raise NoOrder(version)
    parts = re.findall(r"\d{1,18}|[A-Za-z]+", version.replace("-", ".pre."))
    word = next((at for at, part in enumerate(parts) if not part.isdigit()), len(parts))
    numbers, rest = parts[:word], parts[word:]
    for segments in (numbers, rest):  # zeros at the end of either say nothing: 1.0 is 1, and 1.0.a is 1.a
        while segments and segments[-1] == "0":
            segments.pop()
    # a word is lower than a number, and than the end, which stands for a zero
    spelled = tuple((2, int(part), "") if part.isdigit() else (0, 0, part) for part in (*numbers, *rest))
    return _Parts((*spelled, (1, 0, "")))
