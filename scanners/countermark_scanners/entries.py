"""Settings files of every kind as flat entries: the way of keys, a value, a line.

Layer: scanners. Imports `yaml_nodes`; does no I/O.
Trust: the text is hostile. What its own parser refuses is read line by line, because the tools that use it may be
more lenient than we are.
"""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from .errors import Unreadable
from .yaml_nodes import leaves

_SECTION = re.compile(r"\s*\[([^\]\n]{1,200})\]\s*(?:[#;].*)?")
_PAIR = re.compile(r"[ \t]*[\"']?([A-Za-z][\w.\- :]{0,100}?)[\"']?[ \t]*(?:=(?!=)|:(?=\s|[\"'\[\d]))[ \t]*(.*)")
_JSON_PART = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*(?s:.*?)\*/|,(?=\s{0,200}[}\]])')
_JSON_PAIR = re.compile(r'("(?:\\.|[^"\\\n]){1,200}")\s{0,50}:\s{0,50}("(?:\\.|[^"\\\n]){0,2000}"|[\w.+-]{1,50})')
_NOT_LINE = re.compile(r"[^\n,]")
_QUOTES = "\"', \t[]{}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a settings file and the keys on the way to it; lines start at 1."""

    path: tuple[str, ...]
    value: str
    line: int

    @property
    def key(self) -> str:
        """Give the last key on the way."""
        return self.path[-1] if self.path else ""


def entries(path: str, content: bytes) -> list[Entry]:
    """Read a settings file by its name; raises `Unreadable` for what is no text."""
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Unreadable(f"expected settings as UTF-8, found other bytes at {error.start}") from error
    pure = PurePosixPath(path.lower())
    try:
        if pure.suffix == ".toml" or pure.name == "pipfile":
            return list(_placed(text, tomllib.loads(text)))
        if pure.suffix in {".json", ".jsonc", ".json5", ".code-workspace"} or pure.name in {
            ".eslintrc",
            ".nycrc",
            ".babelrc",
        }:
            return list(_placed(text, json.loads(_plain_json(text), object_pairs_hook=_Pairs)))
        if pure.suffix in {".yml", ".yaml"}:
            return [Entry(leaf.keys, leaf.value, leaf.line) for leaf in leaves(content)]
    except (ValueError, RecursionError, Unreadable):
        return [*_lines(text), *_pairs(text)]  # a template in YAML, a dialect of JSON: some tool may still read it
    if pure.name.endswith("ignore"):
        return [Entry(("ignore",), line, number) for number, line in _numbered(text) if not line.startswith("#")]
    return list(_lines(text))


class _Pairs(list[tuple[str, object]]):
    """An object of JSON with every key it was given: of two equal ones, each may be the one that a tool reads."""


def _plain_json(text: str) -> str:
    """Blank comments and the commas before a closing bracket, which editors' settings may hold."""
    bare = _JSON_PART.sub(lambda match: match[0] if match[0].startswith('"') else _NOT_LINE.sub(" ", match[0]), text)
    return _JSON_PART.sub(lambda match: match[0] if match[0].startswith('"') else match[0].replace(",", " "), bare)


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip())


def _placed(text: str, document: object) -> Iterator[Entry]:
    """Flatten a document; the line of a value is the first one, in order, that spells it."""
    lines = text.split("\n")
    at = 0
    for path, value in _flat(document, (), 0):
        needle = value if value not in {"true", "false", ""} else path[-1] if path else ""
        found = next((number for number in range(at, min(at + 400, len(lines))) if needle in lines[number]), None)
        at = at if found is None else found
        yield Entry(path, value, at + 1)


def _flat(value: object, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    if depth > 100:  # noqa: PLR2004  # no settings file is this deep
        raise Unreadable("expected settings at most 100 deep, found deeper")
    if isinstance(value, dict | _Pairs):
        for key, inner in value.items() if isinstance(value, dict) else value:
            yield from _flat(inner, (*path, str(key)), depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(inner, path, depth + 1)
    else:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def _lines(text: str) -> Iterator[Entry]:
    """Read `key = value`, `key: value` and lists that go on, indented, below their key."""
    section, key = "", ""
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if not line or line.startswith(("#", ";", "//")):
            continue
        if match := _SECTION.fullmatch(raw):
            section, key = match[1], ""
        elif match := _PAIR.fullmatch(raw):
            key = match[1].strip()
            yield from (Entry((section, key), part, number) for part in _parts(match[2]))
        elif key:
            yield from (Entry((section, key), part, number) for part in _parts(line))


def _pairs(text: str) -> Iterator[Entry]:
    """Read every `"key": value` of what is almost JSON, wherever it stands on its line."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    for match in _JSON_PAIR.finditer(text):
        key, value = (_unescaped(part) for part in match.groups())
        yield Entry((key,), value, bisect_right(starts, match.start()))


def _unescaped(part: str) -> str:
    try:
        return str(json.loads(part)) if part.startswith('"') else part
    except ValueError:
        return part  # a string that only a lenient reader accepts is compared as it stands


def _parts(value: str) -> list[str]:
    plain = value.split(" #", 1)[0].strip()
    spaced = " " in plain and not plain.startswith("-") and "," in plain
    parts = plain.split(",") if spaced or ("," in plain and " " not in plain) else [plain]
    return [part.strip(_QUOTES) for part in parts if part.strip(_QUOTES)]
