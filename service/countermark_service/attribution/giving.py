"""A commit's git-ai note, joined with the one that is there already, if any. Nobody's note is ever replaced.

Trust: the note that is there is anybody's. Where it says something else of a line, or can't be read, nothing is
written: to decide between two tools is the user's.
"""

from __future__ import annotations

from pathlib import Path

from countermark_ledger.errors import Malformed
from countermark_ledger.git.reader import Repository
from countermark_service.attribution import git_ai, notes
from countermark_service.attribution.git_ai_note import Disagreement, Note
from countermark_service.exits import UsageError


def join_note(checkout: Path, repository: Repository, commit: str, ours: Note) -> bool:
    """Write our note of a commit beside what stands there; tell whether there was anything to add.

    Raises `UsageError` where the two disagree, `RefMoved` when somebody wrote to the ref meanwhile.
    """
    if not ours.files:
        return False
    there = notes.notes_at(repository, git_ai.REF)
    standing = dict(notes.contents(repository, there, only=commit)).get(commit)
    joined = ours if standing is None else _joined(standing, ours, commit)
    if standing is not None and joined == Note.parse(standing):
        return False
    notes.write(checkout, git_ai.REF, there, commit, joined.encode())
    return True


def _joined(standing: bytes, ours: Note, commit: str) -> Note:
    try:
        return Note.parse(standing).join(ours)
    except (Disagreement, Malformed) as error:
        show = f"git notes --ref={git_ai.REF} show {commit[:12]}"
        raise UsageError(
            f"{git_ai.REF}: the note of {commit[:12]} stays as it is: {error.message}",
            hint=f"{show}   and, for ours beside it: countermark attribution export --format git-ai --output FILE",
        ) from error
