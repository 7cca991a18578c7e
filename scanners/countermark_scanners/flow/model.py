"""The tables of the analysis: which places of the API bring untrusted data, pass it on, clean it, or must not get it.

Layer: scanners. Reads `rules/flow.toml` and `rules/flow/*.toml` of the policies package.
Trust: the tables are ours; one that is misspelt stops the scanner.

A place is a path of names: `os.system` is a function, `sqlite3.connect()` what it returns, `@request.args[]` a part.
A type (`@request`) stands for all places that hold the same kind of object.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

import countermark_policies

from .. import catalogue
from ..catalogue import Rule
from ..errors import RulesMalformed

NAME = "flow"


@dataclass(frozen=True, slots=True)
class Sink:
    """A place that must not get untrusted data, or must not be called like this at all.

    `args` are positions and keywords of the dangerous arguments. `when`/`unless` give values of other arguments, each
    a list of texts that a known value's `repr` may contain in lower case; `missing` in the list means not given.
    `matches` is a pattern for a known argument: a sink with it needs no untrusted data.
    """

    rule: str
    calls: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    args: tuple[int | str, ...] = ()
    when: dict[str, list[str]] = field(default_factory=dict)
    unless: dict[str, list[str]] = field(default_factory=dict)
    matches: str = ""
    kinds: tuple[str, ...] = ("remote", "local", "parameter")
    built: bool = False
    any: bool = False
    always: bool = False
    receiver: bool = False
    keeps: bool = False
    shape: str = ""
    confidence: str = ""
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A place whose value somebody else decides: `kind` says who."""

    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Model:
    """Every table, ready to be asked."""

    rules: dict[str, Rule]
    types: dict[str, str]
    sources: dict[str, Source]
    sinks: dict[str, list[Sink]]
    methods: dict[str, list[Sink]]
    cleans: dict[str, frozenset[str]]
    safe: frozenset[str]
    keeps: frozenset[str]
    decodes: frozenset[str]
    guards: dict[str, frozenset[str]]
    asserts: dict[str, frozenset[str]]
    lists: dict[str, frozenset[str]]
    listed: frozenset[str]
    roots: frozenset[str]
    prefixes: frozenset[str]
    objects: dict[str, str]

    def place(self, name: str) -> str:
        """Return the type that a place holds, or the place."""
        return self.types.get(name, name)

    def among(self, name: str, table: str) -> bool:
        """Say whether a place is listed in one of the small tables."""
        return name in self.lists[table]


@cache
def load() -> Model:
    """Read every table."""
    rules = catalogue.load(NAME)
    tables = {name: _table(name) for name in ("types", "sources", "sanitisers", "propagators", "entries")}
    sanitisers, propagators = tables["sanitisers"], tables["propagators"]
    types = {place: f"@{name}" for name, places in tables["types"].items() for place in places}
    sinks, methods = _sinks(rules)
    cleans = _by_place(sanitisers["cleans"], "clean:")
    keeps, decodes = (frozenset(propagators[name]["calls"]) for name in ("keeps", "decodes"))
    safe = frozenset(sanitisers["safe"]["calls"])
    sources = _sources(tables["sources"])
    lists = {name: frozenset(places) for name, places in {**tables["entries"], **propagators["lists"]}.items()}
    listed = frozenset(sinks) | frozenset(sources) | keeps | decodes | safe | frozenset(cleans) | lists["ends"]
    places = [*listed, *types]
    return Model(
        rules=rules,
        types=types,
        sources=sources,
        sinks=sinks,
        methods=methods,
        cleans=cleans,
        safe=safe,
        keeps=keeps,
        decodes=decodes,
        guards=_by_place(sanitisers["guards"], "clean:"),
        asserts=_by_place(sanitisers["asserts"], "clean:"),
        lists=lists,
        listed=listed,
        prefixes=_prefixes([*places, *_places(lists), *sinks]),
        objects={place: kind for table, kind in _OBJECTS.items() for place in lists[table]},
        roots=frozenset(re.split(r"[.(\[]", one)[0] for one in places if not one.startswith("@")),
    )


_OBJECTS = {"allocates-text": "text", "allocates-state": "api", "allocates-table": "table"}


def _places(lists: dict[str, frozenset[str]]) -> list[str]:
    return [place for places in lists.values() for place in places]


def _prefixes(places: list[str]) -> frozenset[str]:
    """List every place that a longer one begins with: what leads to none of these will never be asked about."""
    found: set[str] = set()
    for place in places:
        found.update(place[: match.start()] for match in re.finditer(r"[.(\[]", place))
        found.add(place)
    return frozenset(found)


def _table(name: str) -> dict[str, Any]:
    path = f"rules/{NAME}/{name}.toml"
    try:
        return tomllib.loads(countermark_policies.read(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulesMalformed(f"{path}: {error}") from error


def _sources(table: dict[str, Any]) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for kind, places in table.items():
        for place in places:
            found[place] = Source(kind, re.sub(r"^@\w[\w-]*", _spoken, place).removesuffix("()"))
    return found


def _spoken(match: re.Match[str]) -> str:
    return match[0].removeprefix("@").replace("-", " ")


def _by_place(table: dict[str, list[str]], prefix: str) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for flaw, places in table.items():
        for place in places:
            found[place] = found.get(place, frozenset()) | {prefix + flaw}
    return found


def _sinks(rules: dict[str, Rule]) -> tuple[dict[str, list[Sink]], dict[str, list[Sink]]]:
    calls: dict[str, list[Sink]] = {}
    methods: dict[str, list[Sink]] = {}
    for rule in rules.values():
        for row in rule.data.get("sinks", []):
            sink = _sink(rule.id, row)
            for name in sink.calls:
                calls.setdefault(name, []).append(sink)
            for name in sink.methods:
                methods.setdefault(name, []).append(sink)
    return calls, methods


def _sink(rule: str, row: dict[str, Any]) -> Sink:
    allowed = {one.name for one in fields(Sink)} - {"rule"}
    if set(row) - allowed:
        raise RulesMalformed(f"rules/{NAME}.toml: {rule}: no such keys: {sorted(set(row) - allowed)}")
    kept: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Sink(rule, **kept)
