"""What can be asked of the index, apart from the tables that answer.

Layer: service, store. Imports nothing, so that whoever may ask need not load a database.
Trust: none; a question is the caller's own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries: every field that is set must hold. `labels` are (name, value) pairs, all of them."""

    origin: str
    path: str | None = None
    sha256_after: str | None = None
    identity: str | None = None
    predicate_type: str | None = None
    bundle_sha256: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    since_ms: int | None = None
    until_ms: int | None = None
    after_index: int = -1
    limit: int = 1000
