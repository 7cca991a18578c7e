"""One refusal for one piece of evidence: malformed bytes inside a certificate are a bad certificate.

Layer: ledger core. Imports nothing of ours but `errors`; does no I/O.
Trust: none needed; it renames refusals and lets every other exception through.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import Forged, LedgerError, Malformed, UnsafeKey


@contextmanager
def refused_as(kind: type[LedgerError], what: str) -> Iterator[None]:
    """Raise `kind`, naming the evidence, where its bytes, keys or parts are refused inside the block."""
    try:
        yield
    except (Malformed, UnsafeKey, Forged) as error:
        if isinstance(error, kind):
            raise
        raise kind(f"{what}: {error.message}", hint=error.hint) from error
