"""Many rows at once: what a decision asks of the index and the blobs, in a few statements instead of hundreds.

Layer: service, store. Imports sqlalchemy and the ledger's rows.
Trust: as `reader` and `records`: a blob is read under its own name, and index rows answer questions and prove nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import ColumnElement, Engine, Table, func, or_, select

from countermark_ledger.log.rows import Blob, EntryIndex

from .engine import reading
from .reader import blob_of
from .schema import BLOB, ENTRY_INDEX, ENTRY_LABEL, ENTRY_PATH, LINK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_T = TypeVar("_T", int, str)
_MANY = 500  # bound values in one statement, well below every database's limit


class Several:
    """Questions about many names, answered together."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def entries_of_paths(self, origin: str, paths: Iterable[str]) -> list[EntryIndex]:
        """Return every entry that speaks of one of these paths, once, in log order."""
        return self._entries(origin, ENTRY_PATH, (ENTRY_PATH.c.path.in_(part) for part in _parts(paths)))

    def entries_labelled(self, origin: str, name: str, values: Iterable[str]) -> list[EntryIndex]:
        """Return every entry that has one of these values under a label's name, once, in log order."""
        named, value = ENTRY_LABEL.c.name == name, ENTRY_LABEL.c.value
        return self._entries(origin, ENTRY_LABEL, (named & value.in_(part) for part in _parts(values)))

    def label_values(self, origin: str, name: str, indices: Iterable[int]) -> dict[int, set[str]]:
        """Return for each of these entries that has any the values under a label's name."""
        columns = select(ENTRY_LABEL.c.index, ENTRY_LABEL.c.value)
        wanted = columns.where(ENTRY_LABEL.c.origin == origin, ENTRY_LABEL.c.name == name)
        found: dict[int, set[str]] = {}
        with reading(self._engine) as connection:
            for part in _parts(indices):
                for index, value in connection.execute(wanted.where(ENTRY_LABEL.c.index.in_(part))):
                    found.setdefault(index, set()).add(value)
        return found

    def entries_unlabelled(
        self, origin: str, predicate_type: str, name: str, *, nor: tuple[str, Sequence[str]]
    ) -> list[EntryIndex]:
        """Return every entry of a kind that has no label of this name, nor another with one of these values."""
        labels = ENTRY_LABEL.c
        same = (labels.origin == ENTRY_INDEX.c.origin) & (labels.index == ENTRY_INDEX.c.index)
        either = (labels.name == name) | ((labels.name == nor[0]) & labels.value.in_(nor[1]))
        where = (ENTRY_INDEX.c.origin == origin, ENTRY_INDEX.c.predicate_type == predicate_type)
        found = select(ENTRY_INDEX).where(*where, ~select(labels.index).where(same, either).exists())
        with reading(self._engine) as connection:
            return [EntryIndex(**row) for row in connection.execute(found.order_by(ENTRY_INDEX.c.index)).mappings()]

    def head_sizes(self, origin: str, indices: Iterable[int]) -> dict[int, int]:
        """Return for each of these entries the size of the first head that has it."""
        first = select(func.min(LINK.c.size)).where(LINK.c.origin == origin, LINK.c.size > ENTRY_INDEX.c.index)
        found = select(ENTRY_INDEX.c.index, first.scalar_subquery()).where(ENTRY_INDEX.c.origin == origin)
        with reading(self._engine) as connection:
            parts = (found.where(ENTRY_INDEX.c.index.in_(part)) for part in _parts(indices))
            return {index: size for part in parts for index, size in connection.execute(part)}

    def bundles(self, names: Iterable[str]) -> Iterator[Blob]:
        """Give the blobs of these names, and those that lie beside them."""
        columns = select(BLOB.c.sha256, BLOB.c.kind, BLOB.c.data, BLOB.c.of)
        for part in _parts(names):
            with reading(self._engine) as connection:
                rows = connection.execute(columns.where(or_(BLOB.c.sha256.in_(part), BLOB.c.of.in_(part)))).all()
            yield from map(blob_of, rows)

    def _entries(self, origin: str, beside: Table, wanted: Iterable[ColumnElement[bool]]) -> list[EntryIndex]:
        """Ask from the side that is indexed by what is wanted."""
        same = (beside.c.origin == ENTRY_INDEX.c.origin) & (beside.c.index == ENTRY_INDEX.c.index)
        joined = select(ENTRY_INDEX).join(beside, same).where(beside.c.origin == origin)
        with reading(self._engine) as connection:
            rows = [row for one in wanted for row in connection.execute(joined.where(one)).mappings()]
        found = {row["index"]: EntryIndex(**row) for row in rows}
        return [found[index] for index in sorted(found)]


def _parts(values: Iterable[_T]) -> Iterator[list[_T]]:
    every = sorted(set(values))
    yield from (every[at : at + _MANY] for at in range(0, len(every), _MANY))
