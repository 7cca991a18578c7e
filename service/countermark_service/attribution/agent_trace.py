"""agent-trace records: https://github.com/cursor/agent-trace, README.md section 6 and schemas.ts.

Media type `application/vnd.agent-trace.record+json`. What goes out satisfies the strictest of the published schemas:
a time that ends in `Z`, a tool with a version, URLs that are URLs. They disagree about the version of the format:
the schema of the first release wants two numbers, the text since then three; `Version` has both.

Trust: records that come in are hostile. One that is not well formed refuses the whole file.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import NoReturn
from urllib.parse import quote

from countermark_ledger import __version__, canonical, shape
from countermark_ledger.canonical import Json
from countermark_ledger.errors import Malformed, TooLarge
from countermark_ledger.identity import Kind
from countermark_ledger.predicates.generation import Model
from countermark_service.attribution.claims import MAX_TEXT, Claim, Contributor
from countermark_service.attribution.contributions import Contribution, Contributions, model_of, name_of
from countermark_service.attribution.lines import Origin

MEDIA_TYPE = "application/vnd.agent-trace.record+json"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://countermark.dev/agent-trace")
"""Names records: the same knowledge of the same commit is the same record, byte for byte."""
VENDOR = "dev.countermark"
MAX_BYTES = 16 * 1024 * 1024
MAX_RECORDS = 10_000

_VERSION = re.compile(r"[01]\.[0-9]{1,4}(\.[0-9]{1,4})?")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Version(StrEnum):
    """How the version of the format is spelled."""

    TWO_NUMBERS = "0.1"
    THREE_NUMBERS = "0.1.0"


# --- out --------------------------------------------------------------------------------------------


def encode(found: Contributions, version: Version = Version.TWO_NUMBERS) -> bytes:
    """Spell what is known of a commit's lines as one record, on one line of canonical JSON."""
    record: dict[str, Json] = {
        "version": version.value,
        "timestamp": shape.spell_time(found.at or _NEVER),
        "vcs": {"type": "git", "revision": found.commit},
        "tool": {"name": "countermark", "version": __version__},
        "files": _files(found),
        "metadata": {VENDOR: {"repositoryId": found.repository_id, "statements": _statements(found)}},
    }
    name = uuid.uuid5(NAMESPACE, canonical.dumps(record).decode())
    return canonical.dumps({**record, "id": str(name)}) + b"\n"


def _files(found: Contributions) -> Json:
    by_path: dict[str, list[Json]] = {}
    for row in found.rows:
        by_path.setdefault(row.path, []).append(_conversation(row))
    return [{"path": path, "conversations": rows} for path, rows in by_path.items()]


def _conversation(row: Contribution) -> Json:
    return {
        "contributor": _contributor(row.origin),
        "ranges": [{"start_line": first, "end_line": last} for first, last in row.ranges],
        "related": [{"type": kind, "url": url} for kind, url in _related(row.origin)],
    }


def _contributor(origin: Origin) -> Json:
    kinds = {origin.kind, *(edge.signer.kind for edge in origin.merged)}
    spelled: dict[str, Json] = {"type": Contributor.HUMAN.value if origin.kind is Kind.PERSON else Contributor.AI.value}
    if len(kinds) > 1:
        spelled["type"] = Contributor.MIXED.value
    model = model_of(origin)
    if model is not None and len(_model_id(model)) <= MAX_TEXT:
        spelled["model_id"] = _model_id(model)
    return spelled


def _model_id(model: Model) -> str:
    """Spell a model as models.dev does where its provider is known, else as it was named (section 6.7)."""
    return f"{model.provider}/{name_of(model)}" if model.provider else name_of(model)


def _related(origin: Origin) -> Iterator[tuple[str, str]]:
    """Name the evidence and the session as URLs that nothing needs to look up."""
    kind, _, name = (origin.statement or "").rpartition(":")
    yield "statement", f"urn:countermark:{kind or 'statement'}:{name}"
    if origin.session:
        yield "session", f"urn:countermark:session:{quote(origin.session, safe='')}"


def _statements(found: Contributions) -> Json:
    """Say of each statement what has no place in the format: who signed it, at what level, and who named a model."""
    spelled: dict[str, Json] = {}
    for origin in (row.origin for row in found.rows):
        spelled[origin.statement or ""] = {
            "signer": origin.signer,
            "evidence": origin.evidence,
            "signed": shape.spell_time(origin.signed) if origin.signed else None,
            "session": origin.session,
            "models": [model.json() for model in origin.models],
            "tags": list(origin.tags),
        }
    return spelled


# --- in ---------------------------------------------------------------------------------------------


def parse(raw: bytes) -> list[Claim]:
    """Read one record, or one a line (`traces.jsonl`), as claims. Raises `Malformed`."""
    if len(raw) > MAX_BYTES:
        raise TooLarge(f"agent-trace: expected at most {MAX_BYTES} bytes, found {len(raw)}")
    lines = [line for line in raw.split(b"\n") if line.strip()]
    if len(lines) > MAX_RECORDS and _is_record(lines[0]):
        raise TooLarge(f"agent-trace: expected at most {MAX_RECORDS} records, found {len(lines)}")
    records = lines if lines and _is_record(lines[0]) else [raw]
    return [claim for number, one in enumerate(records, start=1) for claim in _read(one, f"record {number}")]


def _is_record(line: bytes) -> bool:
    """Tell whether a line is a whole document, so that the file has one a line."""
    try:
        return isinstance(_decoded(line), dict)
    except Malformed:
        return False


def _decoded(raw: bytes) -> Json:
    try:
        value: Json = _DECODER.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Malformed(f"agent-trace: {error}") from error
    return value


def _read(raw: bytes, where: str) -> Iterator[Claim]:
    """Read a record; what it says beyond the format (section 7) is passed over."""
    record = _decoded(raw)
    version, vcs = shape.text(shape.member(record, "version"), f"{where}: version"), shape.member(record, "vcs")
    if not _VERSION.fullmatch(version):
        raise Malformed(f"{where}: expected version 0 or 1 of agent-trace, found {version!r:.40}")
    for name in ("id", "timestamp"):
        shape.text(shape.member(record, name), f"{where}: {name}")
    if not isinstance(vcs, dict) or vcs.get("type") != "git":
        raise Malformed(f"{where}: expected the git commit that its lines are of (vcs), found none")
    commit = shape.text(vcs.get("revision"), f"{where}: vcs.revision")
    tool = record.get("tool") if isinstance(record, dict) else None
    made_by = "" if tool is None else shape.optional_text(shape.member(tool, "name"), f"{where}: tool.name") or ""
    for file in shape.items(shape.member(record, "files"), f"{where}: files", _same):
        path = shape.text(shape.member(file, "path"), f"{where}: path")
        for one in shape.items(shape.member(file, "conversations"), f"{where}: conversations", _same):
            yield from _conversation_claims(one, commit, path, made_by)


def _conversation_claims(conversation: Json, commit: str, path: str, tool: str) -> Iterator[Claim]:
    for one in shape.items(shape.member(conversation, "ranges"), f"{path}: ranges", _same):
        own = shape.member(one, "contributor")
        said = shape.member(conversation, "contributor") if own is None else own
        kind = Contributor.UNKNOWN.value if said is None else shape.text(shape.member(said, "type"), "contributor")
        if kind not in set(Contributor):
            raise Malformed(f"{path}: expected a contributor of a known type, found {kind!r:.40}")
        model = None if said is None else shape.optional_text(shape.member(said, "model_id"), "model_id")
        first, last = (shape.integer(shape.member(one, name), name) for name in ("start_line", "end_line"))
        yield Claim(commit, path, first, last, Contributor(kind), tool, model or "")


def _same(value: Json) -> Json:
    return value


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key in an object")
    return found


def _fraction(_digits: str) -> None:
    """A fraction has no meaning in what is read here (`metadata.confidence`), so none is kept."""


def _no_number(digits: str) -> NoReturn:
    raise ValueError(f"{digits} is no number")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_fraction, parse_constant=_no_number)
