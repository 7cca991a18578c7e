"""Many threads, one writer: entries wait in a queue and go into the log together.

Layer: ledger core. Imports `appended`, `draft` and `log`; runs one thread.
Trust: none of its own. One entry a transaction gives some hundred entries a second, 256 a transaction
thousands (FORMATS.md section 2), so batching is not optional.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Self

from ..errors import StoreError
from .appended import Appended, Attach
from .draft import digests_of
from .log import Log
from .rows import Row

MAX_BATCH = 256
MAX_WAITING = 4096


@dataclass(slots=True)
class _Request:
    entries: tuple[bytes, ...]
    attach: Attach | None
    future: Future[Appended] = field(default_factory=Future)
    refused: BaseException | None = None

    def rows(self, appended: Appended) -> Sequence[Row]:
        """Ask the caller for its rows, and remember a refusal as the caller's own."""
        if self.attach is None:
            return ()
        try:
            return self.attach(appended)
        except BaseException as error:
            self.refused = error
            raise


class Sequencer:
    """Owns the writing side of a log. `close` it, or use it as a context manager.

    A `Log.session` of the same process must append through the log itself: the queue waits for it.
    """

    def __init__(self, log: Log, *, max_batch: int = MAX_BATCH, max_waiting: int = MAX_WAITING) -> None:
        self._log = log
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._stopped = False
        self._writer = threading.Thread(target=self._write, name=f"sequencer of {log.origin}", daemon=True)
        self._writer.start()

    def submit(self, entries: Sequence[bytes], attach: Attach | None = None) -> Future[Appended]:
        """Queue entries that belong together; the future holds the answer once they are committed and released.

        Waits while the queue is full. Raises `TooLarge` at once, and `RuntimeError` after `close`.
        """
        digests_of(entries)
        request = _Request(tuple(entries), attach)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._waiting) < self._max_waiting)
            if self._closed:
                raise RuntimeError("the sequencer is closed")
            self._waiting.append(request)
            self._changed.notify_all()
        return request.future

    def close(self) -> None:
        """Take nothing more, write what waits, and end the writer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._writer.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _write(self) -> None:
        while batch := self._next():
            self._serve([request for request in batch if request.future.set_running_or_notify_cancel()])

    def _next(self) -> list[_Request]:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting)
            batch, count = list[_Request](), 0
            while self._waiting and (not batch or count + len(self._waiting[0].entries) <= self._max_batch):
                batch.append(self._waiting.popleft())
                count += len(batch[-1].entries)
            self._changed.notify_all()
            return batch

    def _serve(self, batch: list[_Request]) -> None:
        while batch:
            try:
                appended = self._append(batch)
            except BaseException as error:  # noqa: BLE001 - the futures carry it to whoever asked
                batch = _fail(batch, error)
            else:
                _answer(batch, appended)
                return

    def _append(self, batch: list[_Request]) -> Appended:
        if self._stopped:
            self._log.reload()
            self._stopped = False
        try:
            return self._log.append([entry for request in batch for entry in request.entries], _attach(batch))
        except StoreError:
            self._stopped = True
            raise


def _attach(batch: list[_Request]) -> Attach:
    return lambda appended: [row for request, part in _parts(batch, appended) for row in request.rows(part)]


def _answer(batch: list[_Request], appended: Appended) -> None:
    for request, part in _parts(batch, appended):
        request.future.set_result(part)


def _fail(batch: list[_Request], error: BaseException) -> list[_Request]:
    """Fail the one whose rows were refused and keep the others; fail all for anything else."""
    refused = [request for request in batch if request.refused is not None] or batch
    for request in refused:
        request.future.set_exception(error)
    return [request for request in batch if request not in refused]


def _parts(batch: list[_Request], appended: Appended) -> list[tuple[_Request, Appended]]:
    parts, start = list[tuple[_Request, Appended]](), 0
    for request in batch:
        end = start + len(request.entries)
        parts.append((request, appended.only(start, end)))
        start = end
    return parts
