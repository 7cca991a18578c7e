"""Write the log as files (c2sp.org/tlog-tiles): what a static file server or a mirror needs.

Layer: ledger core. Imports `checkpoint`, `tiles`, `errors`, `log` and `released`; writes below one folder.
Trust: readers verify everything under the log's key, so the folder is worth nothing more than any mirror.
A checkpoint never promises a file that is not there: it is written last, and each file appears whole.
"""

from __future__ import annotations

from pathlib import Path

from ..checkpoint import SignedCheckpoint
from ..errors import Forged, LogDiverged, Malformed, StoreFailed
from ..tiles import covering
from .log import Log
from .port import Head
from .released import replace_durably

CHECKPOINT = "checkpoint"
PUBLISHED = 0o666
"""Whoever serves these files may be another user; the process's umask has the last word."""


def export(log: Log, folder: Path) -> Head:
    """Bring the folder to the log's newest released head, and return that head.

    Entry bundles and tiles come first, the checkpoint last. A folder that holds another log, or another
    history of this one, raises `LogDiverged`; a folder that can't be written raises `StoreFailed`.
    """
    head = log.head
    try:
        old = _exported(log, folder / CHECKPOINT)
        for coord in covering(old, head.size):
            path = folder / coord.path()
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_durably(path, log.tile(coord), mode=PUBLISHED)
        folder.mkdir(parents=True, exist_ok=True)
        replace_durably(folder / CHECKPOINT, head.checkpoint, mode=PUBLISHED)
    except OSError as error:
        raise StoreFailed(f"export to {folder}: {error.strerror}") from error
    return head


def _exported(log: Log, path: Path) -> int:
    if not path.exists():
        return 0
    try:
        old = SignedCheckpoint.parse(path.read_bytes()).verify(log.verifier)
    except (Forged, Malformed) as error:
        raise LogDiverged(f"export to {path.parent}: another log is there: {error.message}") from error
    if log.root_at(old.size) != old.root:
        raise LogDiverged(f"export to {path.parent}: another history of {log.origin} is there")
    return old.size
