"""What other tools say of lines, unsigned, in a table of its own.

Layer: service, store. Imports sqlalchemy and what a claim is.
Trust: rows are what somebody said. Only `blame` reads them, to show them; no decision does, and tests hold that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from countermark_service.attribution.claims import Claim, Contributor, Format, Known, Source

from .engine import reading, writing
from .records import insert_missing
from .schema import OUTSIDE_CLAIM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Engine, RowMapping

MAX_OF_PATH = 5_000
"""So many claims of one path are read: whoever wrote them may have written any number."""
_BATCH = 5_000


class Claims:
    """The unsigned claims of one database, by repository."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_claims(self, repository_id: str, found: Iterable[Known]) -> int:
        """Keep claims in one transaction; return how many were not known yet."""
        rows = [_row(repository_id, one) for one in found]
        count = select(func.count()).where(OUTSIDE_CLAIM.c.repository_id == repository_id)
        with writing(self._engine) as connection:
            before = connection.execute(count).scalar_one()
            for at in range(0, len(rows), _BATCH):
                connection.execute(insert_missing(connection, OUTSIDE_CLAIM), rows[at : at + _BATCH])
            return connection.execute(count).scalar_one() - before

    def claims(self, repository_id: str, path: str) -> list[Known]:
        """Return what is claimed of a path, in order of commit and line; the first `MAX_OF_PATH`."""
        table = OUTSIDE_CLAIM.c
        query = select(OUTSIDE_CLAIM).where(table.repository_id == repository_id, table.path == path)
        order = (table.commit_id, table.first_line, table.last_line, table.tool, table.model, table.source_sha256)
        with reading(self._engine) as connection:
            return [_known(row) for row in connection.execute(query.order_by(*order).limit(MAX_OF_PATH)).mappings()]


def _row(repository_id: str, one: Known) -> dict[str, object]:
    claim, source = one.claim, one.source
    return {
        "repository_id": repository_id,
        "commit_id": claim.commit,
        "path": claim.path,
        "first_line": claim.first,
        "last_line": claim.last,
        "contributor": claim.contributor.value,
        "tool": claim.tool,
        "model": claim.model,
        "source_sha256": source.sha256,
        "format": source.format.value,
    }


def _known(row: RowMapping) -> Known:
    claim = Claim(
        commit=row["commit_id"],
        path=row["path"],
        first=row["first_line"],
        last=row["last_line"],
        contributor=Contributor(row["contributor"]),
        tool=row["tool"],
        model=row["model"],
    )
    return Known(claim, Source(Format(row["format"]), row["source_sha256"]))
