"""Is this value a secret, or what people write where a secret will stand? By its letters alone.

Layer: scanners. Imports the words of `rules/secrets`; does no I/O beyond reading them once.
Trust: the value is hostile and may be long; every step is linear in it.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from functools import cache
from itertools import pairwise
from typing import Any

import countermark_policies

_LETTERS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_TEMPLATE = re.compile(r"[<>{}]|\$[A-Za-z(]|%[A-Za-z_]+%|\[[A-Za-z _-]+\]")
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_SEQUENCE = 7  # "abcdefg" and "1234567" are typed, not drawn
_REPEATED = 0.34  # the share of the most frequent character; random values of 16 stay under it
_WORDS = 0.6  # the share of letters that stand in words
_LANGUAGE = 0.6  # the share of frequent pairs in a run of letters; random letters reach a third
_FEW = 3  # digits and signs beside the words of a stand-in
_WORD = 3  # letters; shorter runs are in random values too
_SPREAD = 0.72  # entropy by the most that the length and alphabet allow


@cache
def words() -> dict[str, Any]:
    """Read the names and placeholders; the tables are ours."""
    return tomllib.loads(countermark_policies.read("rules/secrets/words.toml").decode("utf-8"))


def is_placeholder(value: str) -> bool:
    """Tell a stand-in: a template, a well-known word, a sequence, one character over and over."""
    folded = value.lower().strip("\"'`")
    known = words()["placeholders"]
    if folded in known["whole"] or any(word in folded for word in known["inside"]) or _TEMPLATE.search(value):
        return True
    return _is_repeated(folded) or _has_sequence(folded) or _names_itself(value)


def is_random(value: str, least: int = 12) -> bool:
    """Say whether at least `least` characters look drawn rather than written."""
    return len(value) >= least and _spread(value) >= _SPREAD and not is_wordy(value)


def is_wordy(value: str) -> bool:
    """Say whether most letters stand in what reads as words: names of things, not keys."""
    runs = [run.lower() for run in _LETTERS.findall(value)]
    letters = sum(map(len, runs))
    digits = sum(character.isdigit() for character in value)
    if not letters or digits > letters:
        return False
    return sum(len(run) for run in runs if _reads(run)) >= _WORDS * (letters + digits)


def kinds(value: str) -> int:
    """Count which of lower case, upper case, digits and the rest occur."""
    tests = (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
    return sum(any(map(test, value)) for test in tests)


@cache
def _pairs() -> frozenset[str]:
    return frozenset(words()["language"]["pairs"].split())


def _reads(run: str) -> bool:
    if len(run) < _WORD:
        return False
    found = sum(run[at : at + 2] in _pairs() for at in range(len(run) - 1))
    return found >= _LANGUAGE * (len(run) - 1)


def _names_itself(value: str) -> bool:
    """Tell a value of words that only says what it stands for: `myPassword1`, `api-token`."""
    runs = [run.lower() for run in _LETTERS.findall(value)]
    says = any(run.endswith(tuple(words()["placeholders"]["naming"])) for run in runs)
    return says and len(value) - sum(map(len, runs)) <= max(_FEW, len(runs)) and is_wordy(value)


def _is_repeated(value: str) -> bool:
    counts = Counter(value)
    changes = sum(one != other for one, other in pairwise(value))
    few = len(value) >= _SEQUENCE and len(counts) <= max(3, len(value) // 12)
    most = max(counts.values(), default=0)
    return few or changes < len(value) * (1 - 2 * _REPEATED) or most > _REPEATED * len(value) + 2


def _has_sequence(value: str) -> bool:
    length = 1
    for one, other in pairwise(value):
        length = length + 1 if ord(other) - ord(one) == 1 else 1
        if length >= _SEQUENCE:
            return True
    return False


def _spread(value: str) -> float:
    counts = Counter(value)
    total = len(value)
    entropy = -sum(n / total * math.log2(n / total) for n in counts.values())
    alphabet = 16 if _HEX.fullmatch(value) else 64
    return entropy / math.log2(min(total, alphabet))
