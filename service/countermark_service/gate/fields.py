"""Typed reads of a policy's fields. Strictness comes from re-encoding, so these only check types and words.

Trust: every value given is hostile until the whole policy has been compared with its own spelling.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.errors import Malformed
from countermark_ledger.identity import Identity, Kind
from countermark_scanners.dynamic.errors import PlanMalformed
from countermark_scanners.dynamic.plan import Plan

E = TypeVar("E", bound=StrEnum)


def scanner_rules(value: Json) -> tuple[tuple[str, str], ...]:
    """Read the rules digest (hex sha256) of each scanner, sorted by name."""
    if not isinstance(value, dict):
        raise Malformed("policy: score.rules: expected an object of scanner names and rules digests")
    return tuple(sorted((name, shape.hex64(digest, f"score.rules.{name}")) for name, digest in value.items()))


def names(value: Json, where: str) -> frozenset[str] | None:
    """Read a list of names, or null."""
    return None if value is None else frozenset(shape.texts(value, where))


def listed(found: frozenset[str] | None) -> Json:
    """Spell names in order, or null."""
    return None if found is None else [*sorted(found)]


def optional_integer(value: Json, where: str) -> int | None:
    """Read an integer of at least zero, or null."""
    return None if value is None else shape.integer(value, where)


def truth(value: Json, where: str) -> bool:
    """Read true or false; 1 is neither."""
    if not isinstance(value, bool):
        raise Malformed(f"{where}: expected true or false, found {value!r}")
    return value


def word(kind: type[E], value: Json, where: str) -> E:
    """Read one of the words of an enumeration."""
    try:
        return kind(shape.text(value, where))
    except ValueError as error:
        raise Malformed(f"policy: {where} is {value!r}, expected one of {', '.join(kind)}") from error


def plan(value: Json) -> Plan | None:
    """Read what is to be run in isolation, or null."""
    if value is None:
        return None
    try:
        return Plan(
            shape.text(shape.member(value, "image"), "dynamic.image"),
            shape.texts(shape.member(value, "command"), "dynamic.command"),
            shape.integer(shape.member(value, "budgetSeconds"), "dynamic.budgetSeconds"),
        )
    except PlanMalformed as error:
        raise Malformed(f"policy: {error.message}") from error


def spell_plan(found: Plan | None) -> Json:
    """Spell what is to be run, or null."""
    if found is None:
        return None
    return {"image": found.image, "command": [*found.command], "budgetSeconds": found.budget_seconds}


def ids(value: Json, kind: Kind) -> tuple[str, ...]:
    """Read a list of identities of one kind."""
    found = shape.items(value, f"{kind}s", Identity.parse)
    if wrong := [str(one) for one in found if one.kind is not kind]:
        raise Malformed(f"policy: {wrong[0]} is not a {kind}")
    return tuple(str(one) for one in found)
