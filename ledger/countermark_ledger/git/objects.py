"""Objects by name, each re-hashed before its bytes are used.

Layer: ledger git. Imports nothing of ours but `process`, `refs` and `errors`.
Trust: the object store is hostile. git checks no hash on these reads, so a planted pack could answer a good
name with other bytes; here the name is recomputed over every byte that leaves (SHA-1 or SHA-256, by length).

One child answers everything. A header that names a size beyond the cap ends the reading before the bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from ..errors import Malformed, MissingHistory, TooLarge, WrongObject
from .process import Answers, Batch
from .refs import OBJECT_ID

MAX_BLOB = 100 * 1000 * 1000
MAX_TOTAL = 4 * 1000 * 1000 * 1000
MAX_TREE = 16 * 1024 * 1024
MAX_COMMIT = 1024 * 1024
MAX_QUESTIONS = 4096
PIECE = 1 << 20
OPENING = 128
SEARCHED = 1024
# Each byte of each character that Unicode calls white space: programs that read a first line skip them.
_WHITE = b"\t\n\v\f\r \x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x9a\x9f\xa0\xa8\xa9\xaf\xc2\xe1\xe2\xe3"

T = TypeVar("T")
_INFO = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) (blob|tree|commit|tag) ([0-9]{1,18})")
_HASHES = {40: hashlib.sha1, 64: hashlib.sha256}


class Info(NamedTuple):
    """What git says about an object before its bytes are read; `size` is in bytes."""

    name: str
    kind: str
    size: int


class Hashed(NamedTuple):
    """A blob that was read to its end: hex sha256 of its bytes, their number, and the first behind any white space."""

    sha256: str
    size: int
    opening: bytes


class Oversized(NamedTuple):
    """A blob beyond the cap: none of its bytes were read, so nothing is known of them."""

    size: int


class Objects:
    """Reads through one batch; `hint` is the command that would bring missing objects."""

    def __init__(self, batch: Batch, hint: str) -> None:
        """Keep the stream."""
        self._batch = batch
        self._hint = hint

    def info(self, names: Sequence[str]) -> list[Info]:
        """Ask for kinds and sizes; a missing object is `MissingHistory`."""
        found: list[Info] = []
        for part in _parts(names):
            with self._batch.ask(b"".join(b"info %s\n" % _spelled(name) for name in part)) as answers:
                found += [self._info(name, answers.line()) for name in part]
        return found

    def bodies(self, names: Sequence[str], kind: str, limit: int) -> dict[str, bytes]:
        """Read whole objects of one kind; one beyond the cap is `TooLarge`."""

        def whole(info: Info, pieces: Iterable[bytes]) -> bytes:
            _expect(info, kind, limit)
            return b"".join(pieces)

        return dict(zip(names, self._read(names, whole), strict=True))

    def blobs(self, names: Iterable[str]) -> Iterator[tuple[str, bytes | Oversized]]:
        """Read each blob once, a bounded number of bytes ahead of the caller."""
        infos = self.info(list(dict.fromkeys(names)))
        _check_total(info.size for info in infos if info.size <= MAX_BLOB)
        for part in _by_weight(infos):
            yield from self.bodies([info.name for info in part if info.size <= MAX_BLOB], "blob", MAX_BLOB).items()
            yield from ((info.name, Oversized(info.size)) for info in part if info.size > MAX_BLOB)

    def digests(self, names: Iterable[str]) -> dict[str, Hashed | Oversized]:
        """Hash each blob as it streams by, never holding one whole."""
        found: dict[str, Hashed | Oversized] = {}
        for part in _parts(list(dict.fromkeys(names))):
            try:
                found.update(zip(part, self._read(part, _hash), strict=True))
            except TooLarge:  # rare: now ask for sizes first, and leave the large ones alone
                found.update(self._digests_by_size(part))
            _check_total(digest.size for digest in found.values() if isinstance(digest, Hashed))
        return found

    def _digests_by_size(self, names: Sequence[str]) -> dict[str, Hashed | Oversized]:
        infos = self.info(names)
        small = [info.name for info in infos if info.size <= MAX_BLOB]
        hashed = dict(zip(small, self._read(small, _hash), strict=True))
        return {info.name: hashed.get(info.name, Oversized(info.size)) for info in infos}

    def _info(self, name: str, line: bytes) -> Info:
        found = _INFO.fullmatch(line)
        if found is None or found[1] != name.encode("ascii"):
            raise MissingHistory(f"object {name}: expected it in the repository, found none", hint=self._hint)
        return Info(name, found[2].decode("ascii"), int(found[3]))

    def _read(self, names: Sequence[str], consume: Callable[[Info, Iterable[bytes]], T]) -> list[T]:
        results: list[T] = []
        for part in _parts(names):
            with self._batch.ask(b"".join(b"contents %s\n" % _spelled(name) for name in part)) as answers:
                results += [_one(self._info(name, answers.line()), answers, consume) for name in part]
        return results


def _one(info: Info, answers: Answers, consume: Callable[[Info, Iterable[bytes]], T]) -> T:
    named = _HASHES[len(info.name)](b"%s %d\0" % (info.kind.encode("ascii"), info.size))
    result = consume(info, _pieces(answers, info.size, named.update))
    if named.hexdigest() != info.name:
        raise WrongObject(f"{info.kind} {info.name}: expected bytes of this name, found {named.hexdigest()}")
    return result


def _pieces(answers: Answers, size: int, update: Callable[[bytes], None]) -> Iterator[bytes]:
    """Lend a body piece by piece; the last read also takes the line end that follows it."""
    while size > PIECE:
        piece = answers.exactly(PIECE)
        update(piece)
        size -= PIECE
        yield piece
    piece = answers.exactly(size + 1)[:-1]
    update(piece)
    yield piece


def _hash(info: Info, pieces: Iterable[bytes]) -> Hashed:
    _expect(info, "blob", MAX_BLOB)
    digest, opening = hashlib.sha256(), None
    for piece in pieces:
        if opening is None:
            opening = piece[:SEARCHED].lstrip(_WHITE)[:OPENING]
        digest.update(piece)
    return Hashed(digest.hexdigest(), info.size, opening or b"")


def _expect(info: Info, kind: str, limit: int) -> None:
    if info.kind != kind:
        raise Malformed(f"object {info.name}: expected a {kind}, found a {info.kind}")
    if info.size > limit:
        raise TooLarge(f"{kind} {info.name}: expected at most {limit} bytes, found {info.size}")


def _check_total(sizes: Iterable[int]) -> None:
    total = sum(sizes)
    if total > MAX_TOTAL:
        raise TooLarge(f"blobs: expected at most {MAX_TOTAL} bytes together, found {total}")


def _spelled(name: str) -> bytes:
    if not OBJECT_ID.fullmatch(name):
        raise Malformed(f"object id: expected 40 or 64 lower-case hex digits, found {name!r:.80}")
    return name.encode("ascii")


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), MAX_QUESTIONS):
        yield items[start : start + MAX_QUESTIONS]


def _by_weight(infos: Iterable[Info]) -> Iterator[list[Info]]:
    """Cut into runs of at most `MAX_BLOB` bytes together, so that a reader holds no more than that."""
    part: list[Info] = []
    weight = 0
    for info in infos:
        cost = min(info.size, MAX_BLOB)
        if part and weight + cost > MAX_BLOB:
            yield part
            part, weight = [], 0
        part.append(info)
        weight += cost
    if part:
        yield part
