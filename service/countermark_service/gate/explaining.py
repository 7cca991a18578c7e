"""Explaining a policy: each rule in plain words, with the values in force and where each comes from.

Trust: the policy may be any file that somebody wants to know about; its words are escaped by whoever prints them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from countermark_ledger.canonical import Json
from countermark_service.gate.policy import Mode, Policy
from countermark_service.gate.rules import RULES


class Value(NamedTuple):
    """One field of a policy, such as `evidence.minimum`; `given` tells a value of the file from a default."""

    field: str
    value: Json
    given: bool

    def json(self) -> Json:
        """Spell the value."""
        return {"field": self.field, "value": self.value, "from": "policy" if self.given else "default"}


class Explained(NamedTuple):
    """One rule, or one setting that refuses nothing by itself (`refuses` is empty)."""

    id: str
    title: str
    asks: str
    refuses: str
    values: tuple[Value, ...]

    def json(self) -> Json:
        """Spell it."""
        values: list[Json] = [value.json() for value in self.values]
        return {"id": self.id, "title": self.title, "asks": self.asks, "refuses": self.refuses, "values": values}


class Setting(NamedTuple):
    """What a policy says that is no rule."""

    id: str
    title: str
    fields: tuple[str, ...]
    explain: Callable[[Policy], str]


def _mode(policy: Policy) -> str:
    if policy.mode is Mode.ENFORCE:
        return "Any reason refuses the change."
    return "NOT ENFORCING: everything is decided and said the same way, and the exit code is 0."


def _gates(policy: Policy) -> str:
    named = ", ".join(sorted(policy.gates))
    return f"Verdicts count by these gates: {named or 'none, so no statement is ever used up'}."


def _bots(policy: Policy) -> str:
    named = ", ".join(f"{bot.author} as {bot.id}" for bot in policy.bots)
    return f"Bots whose commits a platform signs, which count as asserted: {named or 'none'}."


def _mirror(policy: Policy) -> str:
    if policy.mirror is None:
        return "No submodule holds the evidence of this repository."
    return f"The submodule {policy.mirror} holds the evidence of this repository, and lands by the log's own word."


SETTINGS = (
    Setting("mode", "What a reason does", ("mode",), _mode),
    Setting("gates", "Whose verdicts count", ("gates",), _gates),
    Setting("bots", "Bots of a platform", ("bots",), _bots),
    Setting("mirror", "The mirror of the evidence", ("mirror",), _mirror),
)


def explain(policy: Policy) -> tuple[Explained, ...]:
    """Explain every setting and every rule, in the order in which reasons are given."""
    settings = [Explained(s.id, s.title, s.explain(policy), "", _values(policy, s.fields)) for s in SETTINGS]
    rules = [Explained(r.id, r.title, r.explain(policy), r.trips, _values(policy, r.fields)) for r in RULES]
    return (*settings, *rules)


def _values(policy: Policy, fields: tuple[str, ...]) -> tuple[Value, ...]:
    spelled = policy.json()
    return tuple(Value(name, _value(spelled, name), _is_given(policy, name)) for name in fields)


def _value(spelled: dict[str, Json], field: str) -> Json:
    """Look a field up; one of `paths` is every entry that gives it."""
    section, _, name = field.partition(".")
    found = spelled[section]
    if isinstance(found, list) and name:
        given = [entry for entry in found if isinstance(entry, dict) and name in entry]
        return [{"match": entry["match"], name: entry[name]} for entry in given]
    return found[name] if isinstance(found, dict) and name else found


def _is_given(policy: Policy, field: str) -> bool:
    return field in policy.given or (field.startswith("paths.") and "paths" in policy.given)
