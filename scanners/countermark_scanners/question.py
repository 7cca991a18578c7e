"""What a scanner is asked about one file: its bytes, and of the rest only what the scanner said it looks at.

Layer: scanners. Imports nothing of ours; does no I/O.
Trust: everything in a question is hostile.

A question's `key` names every byte it consults, so that an answer kept under it answers this question and no other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from countermark_ledger import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

DELETED = "deleted"


class Sees(Enum):
    """What a scanner looks at beyond the bytes of the file itself."""

    PATH = "path"
    BEFORE = "before"
    BESIDE = "beside"


@dataclass(frozen=True, slots=True)
class Question:
    """One file on one side of a change.

    `language` is `language.py`'s word, or `DELETED` for a file that the change removes (`content` is then empty).
    `path`, `before` and `beside` are filled only for a scanner that sees them: `before` is the file's content in the
    base, None when it was not there; on the base's own side it is the content itself, so nothing has changed.
    `beside` is every changed file of the same side that the scanner reads, the file itself included, by path.
    """

    language: str
    content: bytes
    path: str = ""
    before: bytes | None = None
    beside: Mapping[str, bytes] = field(default_factory=dict)


def key(question: Question, sees: frozenset[Sees], beside_sha256: str) -> str:
    """Name the question by all that is consulted; `beside_sha256` names `beside`, which many questions share."""
    before = None if question.before is None else _sha256(question.before)
    seen = {Sees.PATH: question.path, Sees.BEFORE: before, Sees.BESIDE: beside_sha256}
    more = [seen[one] for one in Sees if one in sees]
    rest: list[canonical.Json] = [None if part is None else _hex(part) for part in more]
    return _sha256(canonical.dumps([question.language, _sha256(question.content), rest]))


def digest(files: Mapping[str, bytes]) -> str:
    """Name a set of files by path and content."""
    rows: list[canonical.Json] = [[_hex(path), _sha256(files[path])] for path in sorted(files)]
    return _sha256(canonical.dumps(rows))


def _hex(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").hex()  # a path of git is bytes, and may be no text


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
