"""How much each well-known way to check rules out, by language, as data.

Layer: scanners, a part of `tampering`. Imports the rule catalogue.
Trust: the tables are ours; the names looked up are hostile.
"""

from __future__ import annotations

import re
from functools import cache

from .. import catalogue
from .checks import Strength

NAME = "tampering"


@cache
def _names(language: str) -> dict[str, Strength]:
    table = catalogue.load(NAME)["assert-loosened"].data[language]
    return {name: Strength[word.upper()] for word in ("value", "range", "presence") for name in table[word]}


@cache
def _general(language: str) -> re.Pattern[str] | None:
    pattern = catalogue.load(NAME)["assert-loosened"].data[language].get("general")
    return re.compile(pattern) if pattern else None


def strength_of(language: str, name: str) -> Strength | None:
    """Say how much a check of this name rules out; None when it is no check. An unknown assertion is in between."""
    known = _names(language).get(name)
    if known is not None:
        return known
    general = _general(language)
    return Strength.RANGE if general and general.match(name) else None
