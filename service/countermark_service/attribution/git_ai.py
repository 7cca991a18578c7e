"""git-ai's notes: git-ai-project/git-ai, specs/git_ai_standard_v3.0.0.md; one note a commit under `refs/notes/ai`.

    src/app.py                                    attestations: a path, and below it keys with ranges of lines
      s_c9883b05a2487d::t_9f8e7d6c5b4a32 1-4,9
    ---
    {"schema_version":"authorship/3.0.0", ...}    metadata: who the keys are

Lines of agents go out as sessions (`s_`), lines of people as known humans (`h_`) under the random id that we have
for them: a note is pushed for good, so that no name of a person goes into one.

Trust: notes that come in are hostile. A note of somebody else's is never rewritten: ours is joined to it where both
speak of different lines, and the join is refused elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from countermark_ledger import canonical, shape
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.errors import LedgerError, Malformed, TooLarge
from countermark_ledger.identity import Kind
from countermark_service.attribution.claims import MAX_LINE, Claim, Contributor
from countermark_service.attribution.contributions import (
    Contributions,
    Range,
    model_of,
    name_of,
    ranges_of,
)
from countermark_service.attribution.lines import Origin

SCHEMA = "authorship/3.0.0"
REF = "refs/notes/ai"
DIVIDER = "---"
MARK = "countermark."
MAX_BYTES = 4 * 1024 * 1024
MAX_RANGES = 50_000
MAX_JOINED = 1_000_000
_HEX = 14

_ENTRY = re.compile(r"  (\S{1,200}) (\S+)")
_RANGE = re.compile(r"([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?")
_KEY = re.compile(r"s_[0-9a-f]{4,64}::t_[0-9a-f]{4,64}|h_[0-9a-f]{4,64}|[0-9a-f]{7,64}")


@dataclass(slots=True)
class Note:
    """A note: by path, in order, the keys and their ranges in order; and the metadata, with members of any kind."""

    files: dict[str, list[tuple[str, tuple[Range, ...]]]] = field(default_factory=dict)
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
        joined = Note({path: list(entries) for path, entries in self.files.items()}, dict(self.metadata))
        for path, entries in other.files.items():
            mine = joined.files.setdefault(path, [])
            if sum(last - first for _, ranges in mine for first, last in ranges) > MAX_JOINED:
                raise TooLarge(f"git-ai note: {safe(path)}: expected at most {MAX_JOINED} lines to join with")
            taken = {line: key for key, ranges in mine for line in _lines(ranges)}
            for key, ranges in entries:
                if wrong := [line for line in _lines(ranges) if taken.get(line, key) != key]:
                    raise Disagreement(f"{safe(path)}:{wrong[0]}: the note there is says that somebody else brought it")
                missing = [line for line in _lines(ranges) if line not in taken]
                if missing:
                    mine.append((key, ranges_of(missing)))
        for name in ("humans", "sessions"):
            if table := _joined(_table(self.metadata, name), _table(other.metadata, name)):
                joined.metadata[name] = table
        return joined


class Disagreement(LedgerError):
    """Two notes speak of the same line, or use one key for two."""


# --- out --------------------------------------------------------------------------------------------


def note_of(found: Contributions) -> Note:
    """Spell what is known of a commit's lines. Paths that the format can't hold are left out: see `left_out`."""
    humans: dict[str, Json] = {}
    sessions: dict[str, list[Origin]] = {}
    files: dict[str, list[tuple[str, tuple[Range, ...]]]] = {}
    for row in found.rows:
        if not _holds(row.path):
            continue
        files.setdefault(row.path, []).append((_key(row.origin), row.ranges))
        if row.origin.kind is Kind.PERSON:
            humans[_human(row.origin)] = {"author": row.origin.signer}
        else:
            sessions.setdefault(_session(row.origin), []).append(row.origin)
    metadata: dict[str, Json] = {
        "schema_version": SCHEMA,
        "base_commit_sha": found.commit,
        "prompts": {},
        "humans": humans,
        "sessions": {key: _record(origins) for key, origins in sessions.items()},
    }
    return Note(files, metadata)


def left_out(found: Contributions) -> list[str]:
    """Name the paths that no note can hold (section 1.2.3: no quote, and no line break)."""
    return sorted({*found.unnamed, *(row.path for row in found.rows if not _holds(row.path))})


def _holds(path: str) -> bool:
    return '"' not in path and path.isprintable()


def _key(origin: Origin) -> str:
    if origin.kind is Kind.PERSON:
        return _human(origin)
    return f"{_session(origin)}::t_{_short(origin.statement or '')}"


def _human(origin: Origin) -> str:
    return f"h_{_short(origin.signer or '')}"


def _session(origin: Origin) -> str:
    agent = _agent(origin)
    return f"s_{_short(f'{agent[0]}:{agent[1]}')}"


def _agent(origin: Origin) -> tuple[str, str]:
    """Name the agent and its run; where it has no session, the commit that a platform signed for it is the run."""
    return (origin.signer or "").rpartition("/")[2], origin.session or origin.statement or ""


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HEX]


def _record(origins: Iterable[Origin]) -> Json:
    """Describe a session by everything that is known of it; where that names no one model, there is none."""
    every = list(dict.fromkeys(origins))
    tool, run = _agent(every[0])
    models = {name_of(model) if model else "" for model in map(model_of, every)}
    said = {
        "signer": {one.signer or "" for one in every},
        "evidence": {one.evidence for one in every},
        "statements": {one.statement or "" for one in every},
        "models": {f"{model.source}:{name_of(model)}" for one in every for model in one.models},
        "tags": {tag for one in every for tag in one.tags},
        "note": {one.note for one in every if one.note},
    }
    attributes: dict[str, Json] = {f"{MARK}{name}": " ".join(sorted(words)) for name, words in said.items() if words}
    model = models.pop() if len(models) == 1 else ""
    return {"agent_id": {"tool": tool, "id": run, "model": model}, "custom_attributes": attributes}


# --- in ---------------------------------------------------------------------------------------------


def claims(note: Note, commit: str) -> Iterator[Claim]:
    """Read a note as claims about the lines of a commit."""
    for path, entries in note.files.items():
        for key, ranges in entries:
            contributor, tool, model = _said(key, note.metadata)
            for first, last in ranges:
                yield Claim(commit, path, first, last, contributor, tool, model)


def _said(key: str, metadata: Mapping[str, Json]) -> tuple[Contributor, str, str]:
    """Look a key up where its prefix says (section 1.2.3.1); one that is nowhere is of an unknown tool."""
    if key.startswith("h_"):
        return Contributor.HUMAN, "", ""
    table = "sessions" if key.startswith("s_") else "prompts"
    record = _table(metadata, table).get(key.partition("::")[0])
    if record is None:
        return Contributor.AI, "", ""
    agent = shape.member(record, "agent_id")
    tool, model = (shape.text(shape.member(agent, name), f"git-ai note: {name}") for name in ("tool", "model"))
    return Contributor.AI, tool, model


def _attestations(lines: Iterable[str]) -> dict[str, list[tuple[str, tuple[Range, ...]]]]:
    files: dict[str, list[tuple[str, tuple[Range, ...]]]] = {}
    entries: list[tuple[str, tuple[Range, ...]]] | None = None
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


def _table(metadata: Mapping[str, Json], name: str) -> dict[str, Json]:
    value = metadata.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"git-ai note: {name}: expected an object, found {type(value).__name__}")
    return value


def _joined(there: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    """Put two tables together; a record of ours may take the place of an earlier one of ours, and of no other."""
    for key in there.keys() & new.keys():
        if there[key] != new[key] and not _is_ours(there[key]):
            raise Disagreement(f"{key}: the note there is means somebody else by this key")
    return {**there, **new}


def _is_ours(record: Json) -> bool:
    attributes = record.get("custom_attributes") if isinstance(record, dict) else None
    return isinstance(attributes, dict) and f"{MARK}signer" in attributes
