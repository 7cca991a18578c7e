"""Claims: what another tool says of lines, unsigned, and therefore worth no more than being shown.

Trust: whoever wrote the record may have written anything. A claim that leaves its reader has a path inside the
repository, a range of lines, and texts that can be shown and stored; whether any of it is true nobody knows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from countermark_ledger.errors import Malformed, TooLarge
from countermark_ledger.git import names

MAX_CLAIMS = 200_000
MAX_LINE = 10_000_000
MAX_TEXT = 250
"""The longest tool or model, in characters (agent-trace has this limit for a model)."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Format(StrEnum):
    """Whose format a record has."""

    AGENT_TRACE = "agent-trace"
    GIT_AI = "git-ai"


@dataclass(frozen=True, slots=True)
class Source:
    """Where claims came from: bytes of one format, by their hex sha256."""

    format: Format
    sha256: str

    @classmethod
    def of(cls, format_: Format, raw: bytes) -> Source:
        """Name a source by its bytes."""
        return cls(format_, hashlib.sha256(raw).hexdigest())


class Contributor(StrEnum):
    """Who is said to have written lines (agent-trace section 4)."""

    HUMAN = "human"
    AI = "ai"
    MIXED = "mixed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Claim:
    """Lines `first` to `last` (from 1) of a path as it is at a commit, said to be of a tool and a model.

    An unknown tool or model is empty. Names of people are not taken over: `contributor` says that it was one.
    """

    commit: str
    path: str
    first: int
    last: int
    contributor: Contributor
    tool: str = ""
    model: str = ""

    def __post_init__(self) -> None:
        """Refuse what no repository has, and what can't be shown."""
        if not _COMMIT.fullmatch(self.commit):
            raise Malformed(f"attribution: expected a commit id, found {self.commit!r:.80}")
        if (reason := names.refusal(self.path)) is not None or self.path.startswith("/"):
            raise Malformed(f"attribution: {self.path!r:.200}: {reason or 'a path outside of the repository'}")
        if not 1 <= self.first <= self.last <= MAX_LINE:
            raise Malformed(
                f"attribution: {self.path}: expected lines from 1, in order, found {self.first}-{self.last}"
            )
        for text in (self.tool, self.model):
            if len(text) > MAX_TEXT or not text.isprintable():
                raise Malformed(f"attribution: expected a name of at most {MAX_TEXT} characters, found {text!r:.80}")


@dataclass(frozen=True, slots=True)
class Known:
    """A claim, and where it came from."""

    claim: Claim
    source: Source


def distinct(found: Iterable[Known]) -> tuple[Known, ...]:
    """Keep each claim of a source once, in order; raise `TooLarge` beyond `MAX_CLAIMS`."""
    kept: dict[Known, None] = {}
    for one in found:
        kept[one] = None
        if len(kept) > MAX_CLAIMS:
            raise TooLarge(f"attribution: expected at most {MAX_CLAIMS} ranges, found more")
    return tuple(kept)
