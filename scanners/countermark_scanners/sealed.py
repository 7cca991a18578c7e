"""Sealed records: small facts kept in a directory that somebody else may be able to write to.

Layer: scanners. Imports nothing of ours but canonical JSON and the ledger's refusals.
Trust: the directory is hostile, the key is not in it. A record counts when its seal, an HMAC-SHA256, is right and
it answers exactly the question that was asked. Whatever else is found (altered, moved, too old, a link, a pipe) is
counted and treated as absent: it is never believed, and never an error, for else whoever writes to the directory
could turn a decision red. Whoever holds the key can make any record.

    <directory>/sealed-1/<sha256 of the question>     seal in hex, line end, canonical JSON, line end
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from countermark_ledger import canonical
from countermark_ledger.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from countermark_ledger.canonical import Json

KEY_BYTES = 32
FOLDER = "sealed-1"
OLDEST_SECONDS = 30 * 24 * 3600
"""A fact is asked anew after a month, so that what nobody thought of heals by itself."""
MAX_RECORD = 1024 * 1024
MAX_TOTAL = 256 * 1024 * 1024
MAX_LISTED = 200_000
_BLOCK = 4096  # what the smallest file takes
_DOMAIN = b"countermark sealed record 1\n"
_SEAL = 2 * hashlib.sha256().digest_size
_NAME = re.compile(r"[0-9a-f]{64}")
_DRAFT = re.compile(r"\.draft-[0-9a-f]{16}")
_DRAFT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a question: the answer, or None; `refused` tells that something lay there unbelieved."""

    answer: Json
    refused: bool


_NOTHING, _REFUSED = Found(None, refused=False), Found(None, refused=True)


class SealedRecords:
    """An open directory of records. Make one with `open`; several processes and threads may share a directory."""

    def __init__(self, folder: int, key: bytes, clock: Callable[[], float] = time.time) -> None:
        if len(key) != KEY_BYTES:
            raise RuntimeError(f"sealed records: expected a key of {KEY_BYTES} bytes, found {len(key)}")
        self._folder = folder
        self._key = key
        self._clock = clock
        self._wrote = False

    @classmethod
    @contextmanager
    def open(cls, directory: Path, key: bytes, clock: Callable[[], float] = time.time) -> Iterator[SealedRecords]:
        """Open a directory, made where it is missing; what was added makes room for itself. Raises `OSError`."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = _folder(directory)
        try:
            records = cls(folder, key, clock)
            yield records
            if records._wrote:
                records.make_room()
        finally:
            os.close(folder)

    def find(self, question: Json) -> Found:
        """Look a question up. An answer that is JSON null is no answer."""
        asked = canonical.dumps(question)
        try:
            raw = self._read(_name(asked))
        except FileNotFoundError:
            return _NOTHING
        except OSError:
            return _REFUSED  # a link, a pipe, a folder, somebody else's: nothing that we wrote
        try:
            return Found(self._unsealed(raw, asked), refused=False)
        except Malformed:
            return _REFUSED

    def keep(self, question: Json, answer: Json) -> None:
        """Keep an answer if that is possible; a full disk or a folder in the way costs nobody a decision."""
        asked = canonical.dumps(question)
        body = canonical.dumps({"at": int(self._clock()), "question": question, "answer": answer})
        raw = self._seal(body) + b"\n" + body + b"\n"
        if len(raw) <= MAX_RECORD:
            with suppress(OSError):
                self._write(_name(asked), raw)
                self._wrote = True

    def make_room(self, most: int = MAX_TOTAL) -> None:
        """Remove the longest unused records until three quarters of `most` bytes are left, once it is passed."""
        held = sorted(self._listed())
        total = sum(size for _, size, _ in held)
        if total <= most:
            return
        for _, size, name in held:
            if total <= most * 3 // 4:
                break
            with suppress(OSError):  # another process removed it first, or it is none of ours
                os.unlink(name, dir_fd=self._folder)
                total -= size

    def _read(self, name: str) -> bytes:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._folder)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"{name}: no regular file")
            with suppress(OSError):  # on a read-only directory it stays as old as it is
                os.utime(descriptor)
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(MAX_RECORD + 1)
        finally:
            os.close(descriptor)

    def _unsealed(self, raw: bytes, asked: bytes) -> Json:
        """Check the seal before anything is parsed, then everything that the seal does not say."""
        seal, body = raw[:_SEAL], raw[_SEAL + 1 : -1]
        if not hmac.compare_digest(self._seal(body), seal) or raw != seal + b"\n" + body + b"\n":
            raise Malformed("sealed record: expected our seal")
        value = canonical.loads(body, max_bytes=MAX_RECORD)
        match value:
            case {"at": int(at), "question": question, "answer": answer} if canonical.dumps(value) == body:
                age = self._clock() - at
                if canonical.dumps(question) == asked and -_DRAFT_SECONDS <= age <= OLDEST_SECONDS:
                    return answer
        raise Malformed("sealed record: expected a young answer to the question that was asked")

    def _seal(self, body: bytes) -> bytes:
        return hmac.digest(self._key, _DOMAIN + body, "sha256").hex().encode()

    def _write(self, name: str, raw: bytes) -> None:
        """Write beside and rename, so that no reader ever sees half a record."""
        draft = f".draft-{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(draft, flags, 0o600, dir_fd=self._folder), "wb") as file:
                file.write(raw)
            os.rename(draft, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError:
            with suppress(OSError):
                os.unlink(draft, dir_fd=self._folder)
            raise

    def _listed(self) -> Iterator[tuple[float, int, str]]:
        """List (last use, bytes on disk, name) of records, and of drafts that nobody finished."""
        with os.scandir(self._folder) as entries:
            for count, entry in enumerate(entries):
                if count >= MAX_LISTED:
                    return
                with suppress(OSError):  # gone meanwhile
                    found = entry.stat(follow_symlinks=False)
                    size = -(-found.st_size // _BLOCK) * _BLOCK
                    if _NAME.fullmatch(entry.name):
                        yield found.st_mtime, size, entry.name
                    elif _DRAFT.fullmatch(entry.name) and found.st_mtime < self._clock() - _DRAFT_SECONDS:
                        yield 0, size, entry.name


def _folder(directory: Path) -> int:
    """Open our own folder in the directory; a link in its place is not followed."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    outer = os.open(directory, flags)
    try:
        with suppress(FileExistsError):
            os.mkdir(FOLDER, 0o700, dir_fd=outer)
        return os.open(FOLDER, flags, dir_fd=outer)
    finally:
        os.close(outer)


def _name(asked: bytes) -> str:
    return hashlib.sha256(asked).hexdigest()
