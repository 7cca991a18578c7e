"""The append-only log: its one writer, its port to a store, and the check that re-verifies all of it.

`Log` appends and proves, `Sequencer` batches for many threads, `check_log` believes nothing, `export` writes
files for any web server. A store implements `port.LogStore`; `MemoryStore` is the plainest one.
"""

from .appended import Appended, Attach
from .check import check_log
from .export import export
from .lock import FileLock
from .log import Log
from .memory import MemoryStore
from .port import Batch, Head, LogReader, LogStore
from .released import ReleasedFile, ReleasedMemory
from .rows import Blob, BlobKind
from .sequencer import Sequencer

__all__ = [
    "Appended",
    "Attach",
    "Batch",
    "Blob",
    "BlobKind",
    "FileLock",
    "Head",
    "Log",
    "LogReader",
    "LogStore",
    "MemoryStore",
    "ReleasedFile",
    "ReleasedMemory",
    "Sequencer",
    "check_log",
    "export",
]
