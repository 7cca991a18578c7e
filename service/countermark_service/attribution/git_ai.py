"""git-ai's notes, in terms of what the ledger knows: one note a commit under `refs/notes/ai`.

Lines of agents go out as sessions (`s_`), lines of people as known humans (`h_`) under the random id that we have
for them: a note is pushed for good, so that no name of a person goes into one.

Source: git-ai-project/git-ai, specs/git_ai_standard_v3.0.0.md.
Trust: what goes out was verified. What comes in is hostile, and leaves here as claims.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.identity import Kind
from countermark_service.attribution.claims import Claim, Contributor
from countermark_service.attribution.contributions import Contributions, model_of, name_of
from countermark_service.attribution.git_ai_note import MARK, SCHEMA, Entries, Note, table
from countermark_service.attribution.lines import Origin

REF = "refs/notes/ai"
_HEX = 14

# --- out --------------------------------------------------------------------------------------------


def note_of(found: Contributions) -> Note:
    """Spell what is known of a commit's lines. Paths that the format can't hold are left out: see `left_out`."""
    humans: dict[str, Json] = {}
    sessions: dict[str, list[Origin]] = {}
    files: dict[str, Entries] = {}
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
    where = "sessions" if key.startswith("s_") else "prompts"
    record = table(metadata, where).get(key.partition("::")[0])
    if record is None:
        return Contributor.AI, "", ""
    agent = shape.member(record, "agent_id")
    tool, model = (shape.text(shape.member(agent, name), f"git-ai note: {name}") for name in ("tool", "model"))
    return Contributor.AI, tool, model
