"""git-ai's note format: git-ai-project/git-ai, specs/git_ai_standard_v3.0.0.md section 1.2.

    src/app.py                                    attestations: a path, and below it keys with ranges of lines
      s_c9883b05a2487d::t_9f8e7d6c5b4a32 1-4,9
    ---
    {"schema_version":"authorship/3.0.0", ...}    metadata: who the keys are

Trust: notes that come in are hostile. `Note.parse` refuses where git-ai's own reader would guess or stop; `join`
loses nothing of the note that is there, or refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from countermark_ledger import canonical
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.errors import LedgerError, Malformed, TooLarge
from countermark_service.attribution.claims import MAX_LINE
from countermark_service.attribution.ranges import Range, ranges_of

SCHEMA = "authorship/3.0.0"
DIVIDER = "---"
MARK = "countermark."
"""Begins the names of our own attributes."""
MAX_BYTES = 4 * 1024 * 1024
MAX_RANGES = 50_000
MAX_JOINED = 1_000_000

_ENTRY = re.compile(r"  (\S{1,200}) (\S+)")
_RANGE = re.compile(r"([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?")
_KEY = re.compile(r"s_[0-9a-f]{4,64}::t_[0-9a-f]{4,64}|h_[0-9a-f]{4,64}|[0-9a-f]{7,64}")

Entries = list[tuple[str, tuple[Range, ...]]]
"""Keys and their ranges of lines, in order."""


@dataclass(slots=True)
class Note:
    """A note: by path, in order, the keys and their ranges in order; and the metadata, with members of any kind."""

    files: dict[str, Entries] = field(default_factory=dict)
    metadata: dict[str, Json] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Spell the note as git-ai does, with the metadata indented by two spaces."""
        lines: list[str] = []
        for path, entries in self.files.items():
            lines.append(_spell_path(path))
            lines += [f"  {key} {_spell_ranges(ranges)}" for key, ranges in entries]
        text = json.dumps(self.metadata, indent=2, ensure_ascii=False)
        return "\n".join([*lines, DIVIDER, text]).encode()

    @classmethod
    def parse(cls, raw: bytes) -> Note:
        """Read a note; raise `Malformed` where git-ai's own reader would guess or stop."""
        if len(raw) > MAX_BYTES:
            raise TooLarge(f"git-ai note: expected at most {MAX_BYTES} bytes, found {len(raw)}")
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("git-ai note: it is not UTF-8") from error
        above, divider, below = f"\n{text}".partition(f"\n{DIVIDER}\n")
        metadata = canonical.loads(below.encode("utf-8", "surrogatepass"))
        if not divider or not isinstance(metadata, dict) or metadata.get("schema_version") != SCHEMA:
            raise Malformed(f"git-ai note: expected attestations, a line of {DIVIDER} and metadata of {SCHEMA}")
        return cls(_attestations(above[1:].split("\n") if above else []), metadata)

    def join(self, other: Note) -> Note:
        """Add what another note says of lines that this one says nothing of; raise `Disagreement` where both speak."""
        files = {path: list(entries) for path, entries in self.files.items()}
        for path, entries in other.files.items():
            files[path] = _joined_entries(path, files.get(path, []), entries)
        joined = Note(files, dict(self.metadata))
        for name in ("humans", "sessions"):
            if together := _joined_table(table(self.metadata, name), table(other.metadata, name)):
                joined.metadata[name] = together
        return joined


class Disagreement(LedgerError):
    """Two notes speak of the same line, or use one key for two."""


def _joined_entries(path: str, there: Entries, new: Entries) -> Entries:
    """Append the lines that nobody has yet."""
    if sum(last - first for _, ranges in there for first, last in ranges) > MAX_JOINED:
        raise TooLarge(f"git-ai note: {safe(path)}: expected at most {MAX_JOINED} lines to join with")
    taken = {line: key for key, ranges in there for line in _lines(ranges)}
    for key, ranges in new:
        if wrong := [line for line in _lines(ranges) if taken.get(line, key) != key]:
            raise Disagreement(f"{safe(path)}:{wrong[0]}: the note there is says that somebody else brought it")
    missing = [(key, ranges_of([line for line in _lines(ranges) if line not in taken])) for key, ranges in new]
    return [*there, *((key, ranges) for key, ranges in missing if ranges)]


def _attestations(lines: Iterable[str]) -> dict[str, Entries]:
    files: dict[str, Entries] = {}
    entries: Entries | None = None
    count = 0
    for line in lines:
        if not line.startswith("  "):
            path = _read_path(line)
            if path in files:
                raise Malformed(f"git-ai note: expected each path once, found {path!r:.200}")
            entries = files[path] = []
            continue
        found = _ENTRY.fullmatch(line)
        if entries is None or found is None or not _KEY.fullmatch(found[1]):
            raise Malformed(f"git-ai note: expected a key and ranges below a path, found {line!r:.80}")
        entries.append((found[1], _ranges(found[2])))
        count += len(entries[-1][1])
        if count > MAX_RANGES:
            raise TooLarge(f"git-ai note: expected at most {MAX_RANGES} ranges, found more")
    return files


def _read_path(line: str) -> str:
    """Accept what `_spell_path` emits: quotes around white space, and none inside."""
    quoted = len(line) > 1 and line[0] == line[-1] == '"'
    path = line[1:-1] if quoted else line
    if not path or '"' in path or (not quoted and any(character.isspace() for character in path)):
        raise Malformed(f"git-ai note: expected a path, found {line!r:.200}")
    return path


def _ranges(text: str) -> tuple[Range, ...]:
    found = [_RANGE.fullmatch(part) for part in text.split(",")]
    ranges = [(int(one[1]), int(one[2] or one[1])) for one in found if one is not None]
    if len(ranges) != len(found) or any(not first <= last <= MAX_LINE for first, last in ranges):
        raise Malformed(f"git-ai note: expected ranges of lines, found {text!r:.80}")
    return tuple(ranges)


def _spell_path(path: str) -> str:
    return f'"{path}"' if path == DIVIDER or any(character.isspace() for character in path) else path


def _spell_ranges(ranges: Iterable[Range]) -> str:
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def _lines(ranges: Iterable[Range]) -> Iterator[int]:
    for first, last in ranges:
        yield from range(first, last + 1)


def table(metadata: Mapping[str, Json], name: str) -> dict[str, Json]:
    """Take a table of the metadata; one that is absent is empty (section 1.2.4)."""
    value = metadata.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"git-ai note: {name}: expected an object, found {type(value).__name__}")
    return value


def _joined_table(there: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    """Put two tables together; a record of ours may take the place of an earlier one of ours, and of no other."""
    for key in there.keys() & new.keys():
        if there[key] != new[key] and not _is_ours(there[key]):
            raise Disagreement(f"{key}: the note there is means somebody else by this key")
    return {**there, **new}


def _is_ours(record: Json) -> bool:
    attributes = record.get("custom_attributes") if isinstance(record, dict) else None
    return isinstance(attributes, dict) and f"{MARK}signer" in attributes
