"""What other tools say, read into claims: from a file of theirs, or from every note under their ref.

Trust: all of it is hostile. A file that does not hold together is refused whole. Of notes, which are many and of
many hands, one that does not is passed over and named.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from countermark_ledger import shape
from countermark_ledger.errors import Malformed
from countermark_ledger.git.reader import Repository
from countermark_service.attribution import agent_trace, git_ai, notes
from countermark_service.attribution.claims import Claim, Format, Known, Source, distinct
from countermark_service.attribution.git_ai_note import Note

MAX_BYTES = agent_trace.MAX_BYTES


class Taken(NamedTuple):
    """Claims, and what was passed over: which commit's note, and why."""

    known: tuple[Known, ...]
    passed_over: tuple[tuple[str, Malformed], ...]


def from_file(raw: bytes) -> Taken:
    """Read agent-trace records, or one git-ai note, which says itself which commit it is about."""
    if raw.lstrip().startswith(b"{"):
        return Taken(_known(Format.AGENT_TRACE, raw, agent_trace.parse(raw)), ())
    note = Note.parse(raw)
    commit = shape.text(note.metadata.get("base_commit_sha"), "git-ai note: base_commit_sha")
    return Taken(_known(Format.GIT_AI, raw, git_ai.claims(note, commit)), ())


def from_notes(repository: Repository) -> Taken:
    """Read every note that git-ai keeps in this repository."""
    known: list[Known] = []
    passed_over: list[tuple[str, Malformed]] = []
    for commit, raw in notes.contents(repository, notes.notes_at(repository, git_ai.REF)):
        try:
            known += _known(Format.GIT_AI, raw, git_ai.claims(Note.parse(raw), commit))
        except Malformed as error:
            passed_over.append((commit, error))
    return Taken(distinct(known), tuple(passed_over))


def _known(format_: Format, raw: bytes, claims: Iterable[Claim]) -> tuple[Known, ...]:
    source = Source.of(format_, raw)
    return distinct(Known(claim, source) for claim in claims)
