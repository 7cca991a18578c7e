"""Ranges of lines: first and last, from 1, as every format here spells them."""

from __future__ import annotations

from collections.abc import Sequence

Range = tuple[int, int]
"""First and last line, from 1."""


def ranges_of(numbers: Sequence[int]) -> tuple[Range, ...]:
    """Put ascending line numbers into ranges."""
    found: list[Range] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)
