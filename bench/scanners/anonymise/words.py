"""New names: words that mean nothing, that nobody used before, and that look like the names they replace."""

from __future__ import annotations

import builtins
import keyword
import random
import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

_CONSONANTS, _VOWELS, _LETTERS = "bdfgklmnprtvz", "aeiou", 8
_Item = TypeVar("_Item")


class Words:
    """Gives each name one new word, always the same, and never one that is taken."""

    def __init__(self, chance: random.Random, taken: Iterable[str]) -> None:
        self._chance = chance
        self._known: dict[str, str] = {}
        reserved = {*dir(builtins), *keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names}
        self._taken = {name.lower() for name in (*taken, *reserved)}

    def of(self, name: str) -> str:
        """Give the word for a name: as private, as shouted and as capitalised as the name is."""
        if name not in self._known:
            bare = name.lstrip("_")
            word = self.fresh()
            shaped = word.upper() if bare.isupper() else word.capitalize() if bare[:1].isupper() else word
            self._known[name] = name[: len(name) - len(bare)] + shaped
        return self._known[name]

    def fresh(self, length: int = _LETTERS) -> str:
        """Make a word of a length that nobody has."""
        while True:
            word = "".join(self._chance.choice((_CONSONANTS, _VOWELS)[place % 2]) for place in range(length))
            if word not in self._taken:
                self._taken.add(word)
                return word

    def choice(self, items: Sequence[_Item]) -> _Item:
        """Pick one."""
        return self._chance.choice(items)

    def shuffled(self, items: Iterable[_Item]) -> list[_Item]:
        """Give the items in another order."""
        order = list(items)
        self._chance.shuffle(order)
        return order
