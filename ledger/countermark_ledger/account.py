"""Accounts: the two kinds of statement that answer for rows, and what a damaged one was about.

Layer: ledger core. Does no I/O and reads no clock.
Trust: candidates are hostile. What is read here is a claim, good enough to choose what to verify and to say
which row a refusal was about; nothing here verifies anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from . import shape
from .canonical import Json
from .collection import Candidate
from .errors import LedgerError, Malformed
from .predicates import claim, generation
from .predicates.claim import Claim
from .predicates.generation import Generation
from .statement import Statement

Account: TypeAlias = Generation | Claim

_READERS: dict[str, Callable[[Statement], Account]] = {
    generation.PREDICATE_TYPE: Generation.parse,
    claim.PREDICATE_TYPE: Claim.parse,
}


def read_account(candidate: Candidate) -> Account | None:
    """Read which rows a candidate CLAIMS; None for every other kind of statement, and for nonsense."""
    reader = _READERS.get(candidate.claims.predicate_type)
    try:
        return None if reader is None else reader(candidate.claims)
    except LedgerError:
        return None  # it claims nothing that holds together; `damaged_paths` tells what it was about


def damaged_paths(candidate: Candidate, repository_id: str) -> frozenset[str]:
    """Name the paths in this repository that a candidate speaks of although `read_account` could not read it."""
    if candidate.claims.predicate_type not in _READERS:
        return frozenset()
    try:
        return frozenset(_paths(candidate.claims.predicate, repository_id))
    except Malformed:
        return frozenset()  # not even that can be read, so no row can need it


def _paths(predicate: Json, repository_id: str) -> Iterator[str]:
    definition = shape.member(predicate, "buildDefinition")
    outer = shape.member(definition, "externalParameters") if definition else predicate
    inner = shape.member(definition, "internalParameters") if definition else predicate
    if shape.member(shape.member(outer, "target"), "repositoryId") == repository_id:
        rows = shape.items(shape.member(inner, "changes"), "changes", lambda row: shape.member(row, "path"))
        yield from (path for path in rows if isinstance(path, str))
