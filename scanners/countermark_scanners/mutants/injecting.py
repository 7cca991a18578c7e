"""Weakenings of one change: from the two sides of it to mutants, each the bytes of one file with one flaw in it.

Layer: scanners. Imports `tool`, `renames`, `language` and `source`; starts `child`.
Trust: files and paths are hostile. They are read in `child` alone; here bytes are cut and joined, at places that the
child named, and what it wrote is read as strictly as any tool's output.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from countermark_scanners import language, output, source, tool
from countermark_scanners.errors import OutputMalformed
from countermark_scanners.materialise import fresh_room
from countermark_scanners.renames import origins

from .edit import Edit, apply
from .kinds import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from countermark_scanners.output import Value
    from countermark_scanners.tool import ToolLimits

    from .edit import Kind

NAME: Final = "injected flaws"
CHILD: Final = "countermark_scanners.mutants.child"
_SHOWN: Final = 80  # characters of each side of a diff


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is tried. What is larger is not weakened, and said so."""

    mutants: int = 24
    file_bytes: int = 512 * 1024
    total_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Mutant:
    """One file of the head with one flaw put into it. `line` is where, in the head; `diff` says what on one line."""

    id: str
    kind: Kind
    path: str
    line: int
    diff: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Injected:
    """The mutants of a change; how many there were to choose from; how many broke; (path, why) of what was not read.

    `placebos` are the weakened files with edits that mean nothing: whoever notices one of them judges no meaning.
    """

    mutants: tuple[Mutant, ...]
    found: int
    dropped: int
    unread: tuple[tuple[str, str], ...]
    placebos: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Past:
    """What the base held: each head's own file before (None: it is new), and files that are no more."""

    own: tuple[bytes | None, ...]
    gone: tuple[bytes, ...]


def inject(files: Mapping[str, bytes], base: Mapping[str, bytes], bounds: Bounds, limits: ToolLimits) -> Injected:
    """Put flaws into the changed Python of `files`; raise a `ScannerError` when that could not be done."""
    was = origins(files, base)
    changed = [path for path in sorted(files) if was.get(path) is None or base[was[path]] != files[path]]
    python = [path for path in changed if _may_be_python(path, files[path])]
    broken = {path: why for path in python if (why := _unreadable(files, path, bounds))}
    unread = _programs(files, broken, limits)
    heads = [path for path in python if path not in broken]
    if not heads:
        return Injected((), 0, 0, unread, {})
    if sum(len(files[path]) for path in heads) > bounds.total_bytes:
        return Injected((), 0, 0, (*unread, *((path, "the change is too large") for path in heads)), {})
    return _injected({path: files[path] for path in heads}, _past(heads, was, base, bounds), unread, bounds, limits)


def _may_be_python(path: str, content: bytes) -> bool:
    """Include text that no language claims: the child sees whether it is a program."""
    return _is_python(path, content) or language.may_be_python(language.file_type(path, content))


def _is_python(path: str, content: bytes) -> bool:
    return language.file_type(path, content) == language.PYTHON


def _unreadable(files: Mapping[str, bytes], path: str, bounds: Bounds) -> str | None:
    content = files[path]
    if len(content) > bounds.file_bytes:
        return f"larger than {bounds.file_bytes} bytes"
    return source.unreadable(content)


def _programs(files: Mapping[str, bytes], broken: Mapping[str, str], limits: ToolLimits) -> tuple[tuple[str, str], ...]:
    """Leave out, of what could not be read, the text that no language claims and that is no program."""
    unclear = {path: files[path] for path in broken if not _is_python(path, files[path])}
    programs = source.programs(unclear, limits) if unclear else frozenset()
    return tuple((path, why) for path, why in broken.items() if path not in unclear or path in programs)


def _past(heads: list[str], was: Mapping[str, str], base: Mapping[str, bytes], bounds: Bounds) -> Past:
    """Take what may be read of the base: where a past is too large or no text, all of its head counts as new."""
    small = {path: content for path, content in base.items() if _may_be_python(path, content)}
    small = {path: content for path, content in small.items() if _unreadable(small, path, bounds) is None}
    gone = [path for path in sorted(small) if path not in was.values()]
    if sum(map(len, small.values())) > bounds.total_bytes:
        return Past((None,) * len(heads), ())
    return Past(tuple(small.get(was.get(path, "")) for path in heads), tuple(small[path] for path in gone))


def _injected(
    heads: Mapping[str, bytes], past: Past, unread: tuple[tuple[str, str], ...], bounds: Bounds, limits: ToolLimits
) -> Injected:
    with fresh_room() as room:
        (room / "files" / "change.json").write_bytes(_document(heads, past, bounds))
        done = tool.run([tool.interpreter(), "-I", "-m", CHILD, "change.json"], room=room, limits=limits)
    said = output.table(output.parse(done, NAME, frozenset({0})), NAME)
    rows = output.rows(said.get("unread"), NAME)
    broken = tuple((_path(row, list(heads)), output.text(row, "why")) for row in rows)
    python = tuple(row for row in broken if _is_python(row[0], heads[row[0]]))
    known = {kind.name: kind for kind in kinds()}
    mutants = tuple(_mutant(row, heads, known) for row in output.rows(said.get("chosen"), NAME))
    placebos = {path: content for path, content in _placebos(said, heads) if path in {one.path for one in mutants}}
    found, dropped = output.number(said, "found"), output.number(said, "dropped")
    return Injected(mutants, found, dropped, unread + python, placebos)


def _document(heads: Mapping[str, bytes], past: Past, bounds: Bounds) -> bytes:
    bases = [None if content is None else _encoded(content) for content in past.own]
    python = [_is_python(path, content) for path, content in heads.items()]
    sides = {"heads": [_encoded(content) for content in heads.values()], "python": python, "bases": bases}
    return json.dumps({**sides, "gone": [_encoded(content) for content in past.gone], "most": bounds.mutants}).encode()


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _path(row: dict[str, Value], paths: list[str]) -> str:
    number = output.number(row, "file")
    if not 0 <= number < len(paths):
        raise OutputMalformed(f"{NAME}: expected one of {len(paths)} files, found {number}")
    return paths[number]


def _edits(row: dict[str, Value]) -> tuple[Edit, ...]:
    rows = output.rows(row.get("edits"), NAME)
    return tuple(Edit(output.number(one, "start"), output.number(one, "end"), output.text(one, "to")) for one in rows)


def _placebos(said: dict[str, Value], heads: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for row in output.rows(said.get("placebos"), NAME):
        path = _path(row, list(heads))
        yield path, apply(heads[path], _edits(row))


def _mutant(row: dict[str, Value], heads: Mapping[str, bytes], known: Mapping[str, Kind]) -> Mutant:
    path, edits, kind = _path(row, list(heads)), _edits(row), known.get(output.text(row, "kind"))
    if kind is None:
        raise OutputMalformed(f"{NAME}: expected a known kind, found {output.text(row, 'kind')}")
    diff, content = _diff(heads[path], row, edits), apply(heads[path], edits)
    return Mutant(output.text(row, "rank")[:16], kind, path, output.number(row, "line"), diff, content)


def _diff(content: bytes, row: dict[str, Value], edits: tuple[Edit, ...]) -> str:
    """Spell the weakened code before and after, each on one line and cut short."""
    start, end = output.number(row, "start"), output.number(row, "end")
    inside = [edit for edit in edits if edit.start <= end and start <= edit.end]
    first = min([start, *(edit.start for edit in inside)])
    before = content[first : max([end, *(edit.end for edit in inside)])]
    moved = tuple(Edit(edit.start - first, edit.end - first, edit.to) for edit in inside)
    return f"{_short(before)} -> {_short(apply(before, moved))}"


def _short(code: bytes) -> str:
    line = " ".join(code.decode("utf-8", "replace").split())
    line = line or "nothing"
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."
