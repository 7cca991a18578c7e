"""What each scanner is asked: of every file that it reads, on both sides, each different question once.

Layer: scanners. Imports `question` and `sides`; does no I/O.
Trust: paths and contents are hostile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import question as questions
from .question import DELETED, Question, Sees

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .scanner import Scanner
    from .sides import File, Sides


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions by key, and the key of each path's question on each side."""

    questions: dict[str, Question]
    head: dict[str, str]
    base: dict[str, str]


def asked(scanner: Scanner, sides: Sides, unread: Collection[str]) -> Asked:
    """Spell the questions about every file but those whose sha256 is in `unread`.

    A file that the change deletes is asked about where a scanner sees what was before.
    """
    before = {path: sides.base[was].content for path, was in sides.origins.items()}
    same = {path: file.content for path, file in sides.base.items()}
    gone = {path: _deleted(sides.base[path]) for path in sides.deleted if Sees.BEFORE in scanner.sees}
    removed = {path: sides.base[path].content for path in gone}
    head = _spelled(scanner, {**sides.head, **gone}, before | removed, unread)
    base = _spelled(scanner, sides.base, same, unread)
    keys = [{path: key for path, (key, _) in side.items()} for side in (head, base)]
    return Asked(dict([*head.values(), *base.values()]), *keys)


def _deleted(file: File) -> File:
    return type(file)(file.path, file.sha256, DELETED, b"")


def _spelled(
    scanner: Scanner, files: Mapping[str, File], before: Mapping[str, bytes], unread: Collection[str]
) -> dict[str, tuple[str, Question]]:
    readable = {path: file for path, file in files.items() if file.sha256 not in unread}
    mine = {path: file for path, file in readable.items() if scanner.is_asked_about(file.language)}
    beside = {path: file.content for path, file in mine.items()} if Sees.BESIDE in scanner.sees else {}
    named = questions.digest(beside)
    found = {path: _question(scanner, file, before.get(path), beside) for path, file in mine.items()}
    return {path: (questions.key(one, scanner.sees, named), one) for path, one in found.items()}


def _question(scanner: Scanner, file: File, before: bytes | None, beside: Mapping[str, bytes]) -> Question:
    return Question(
        file.language,
        file.content,
        file.path if Sees.PATH in scanner.sees else "",
        before if Sees.BEFORE in scanner.sees else None,
        beside,
    )
