"""The ways to weaken code: data in `rules/mutants.toml`, and the edits that it may name.

Layer: scanners. Imports every module of edits; reads the policies package.
Trust: the table is ours; a field that is missing or misspelt is an error and never a way less to try.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import countermark_policies
from countermark_scanners.errors import RulesMalformed

from . import calls, statements, values
from .edit import Kind, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .text import Text

NAME: Final = "rules/mutants.toml"
GUARD: Final = "guard"

# What finds the places of an edit, and the fields that its table needs beside the common ones.
EDITS: Final[Mapping[str, tuple[Callable[[Text, Kind], Iterator[Site]], frozenset[str]]]] = {
    "agree": (calls.agreed, frozenset({"asks"})),
    "assert": (statements.unasserted, frozenset({"words"})),
    "call": (calls.called, frozenset({"to"})),
    "check": (statements.unchecked, frozenset({"verbs", "names"})),
    "condition": (statements.halved, frozenset({"words"})),
    "decorator": (statements.undecorated, frozenset({"words"})),
    "handler": (statements.swallowed, frozenset()),
    "keyword": (calls.flagged, frozenset({"calls", "name", "to"})),
    "literal": (values.widened, frozenset({"calls", "to"})),
    "name": (calls.named, frozenset({"to"})),
    "prefix": (values.unencrypted, frozenset({"begins"})),
    "scope": (calls.unscoped, frozenset({"calls", "keys", "words"})),
    "setting": (calls.settled, frozenset({"names", "to"})),
    "shell": (values.shelled, frozenset({"calls"})),
    "sql": (values.pasted, frozenset({"calls"})),
}
_OPTIONAL: Final[Mapping[str, frozenset[str]]] = {
    "agree": frozenset({"words"}),
    "call": frozenset({"needs", "words"}),
    "setting": frozenset({"calls", "from"}),
    GUARD: frozenset({"calls", "words", "compares", "fails", "not-words"}),
}
_COMMON: Final = frozenset({"title", "cwe", "loss", "edit"})
_NAME: Final = re.compile(r"[a-z]+(-[a-z]+)*")


@cache
def kinds() -> tuple[Kind, ...]:
    """Read the table, in its order."""
    try:
        tables = tomllib.loads(countermark_policies.read(NAME).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulesMalformed(f"{NAME}: {error}") from error
    return tuple(parsed(name, table) for name, table in tables.items())


def parsed(name: str, table: dict[str, Any]) -> Kind:
    """Make a kind of one table, or raise."""
    match table:
        case {"title": str(title), "cwe": int(cwe), "loss": str(loss), "edit": str(edit)} if title and loss:
            data = {field: value for field, value in table.items() if field not in _COMMON}
            needed = EDITS[edit][1] if edit in EDITS else frozenset()
            known = edit in EDITS or edit == GUARD
            if known and needed <= set(data) <= needed | _OPTIONAL.get(edit, frozenset()) and _NAME.fullmatch(name):
                return Kind(name, title, cwe, loss, edit, data)
    raise RulesMalformed(f"{NAME}: expected a table with exactly the fields of its edit, found {name}")


def sites(text: Text) -> Iterator[Site]:
    """Find every place of a text where a kind applies."""
    guards = tuple(kind for kind in kinds() if kind.edit == GUARD)
    yield from statements.unguarded(text, guards)
    for kind in kinds():
        if kind.edit != GUARD:
            yield from EDITS[kind.edit][0](text, kind)
