"""What an append answers with: where the entries are, under which head, and the proof of each.

Layer: ledger core. Imports `checkpoint`, `proving`, `tlog_proof`, `port` and `tree`; does no I/O of its own.
Trust: while an `attach` callback holds it nothing is committed yet, so none of it may leave the process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..proving import NodeReader, inclusion_path
from ..tlog_proof import TlogProof
from .port import Head
from .rows import Row


@dataclass(frozen=True, slots=True)
class Appended:
    """Entries in the log: `indices` in the order asked for, the head that holds them all, and its nodes."""

    indices: tuple[int, ...]
    head: Head
    node: NodeReader

    @property
    def checkpoint(self) -> bytes:
        """The signed checkpoint of the head."""
        return self.head.checkpoint

    def proof(self, index: int) -> TlogProof:
        """Prove that the entry at a log index is under the head."""
        path = tuple(inclusion_path(index, self.head.size, self.node))
        return TlogProof(index, path, self.head.checkpoint, None)

    def only(self, start: int, end: int) -> Appended:
        """Narrow to the entries asked for at these positions."""
        return replace(self, indices=self.indices[start:end])


Attach = Callable[[Appended], Sequence[Row]]
"""Makes the rows that land with the leaves. It may be called again when a batch is tried again."""
