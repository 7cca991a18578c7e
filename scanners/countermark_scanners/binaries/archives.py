"""What an archive holds, listed within bounds: names, sizes and the first bytes of what is in it.

Layer: scanners. Imports `kinds`; does no I/O and writes nothing.
Trust: the bytes are hostile. Nothing is unpacked but into memory, and of that no more than the budget.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import Unreadable

_MIB = 1024 * 1024
_PIECE = 4 * _MIB  # of one entry
_BUDGET = 128 * _MIB  # of one file, over all depths
_HONEST = 200  # times; what unpacks to more is found as a bomb
_APPENDED = 1_000  # streams in one file
_LISTED = 2_000  # entries whose content is looked at
_OUTSIDE = re.compile(r"(?:^|[/\\])\.\.(?:[/\\]|$)|^[/\\]|^[A-Za-z]:")
_END = b"PK\x05\x06"
_END_WITHIN = 65_557  # the end record and the longest comment
_CENTRAL = b"PK\x01\x02"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its name, what is wrong with that, its sizes, and as much of its content as the budget allows."""

    name: str
    wrong: str | None
    packed: int
    unpacked: int
    content: bytes


@dataclass(slots=True)
class Budget:
    """What may still be unpacked of one file."""

    left: int = _BUDGET
    entries: int = _LISTED

    def take(self, wanted: int) -> int:
        """Take as many bytes as are wanted and left."""
        taken = min(wanted, self.left)
        self.left -= taken
        return taken


def ends_as_zip(content: bytes) -> bool:
    """Say whether a reader that starts at the end, as Python's does, would find an archive."""
    at = content.rfind(_END, max(0, len(content) - _END_WITHIN))
    return at >= 0 and _CENTRAL in content[:at]


def entries(kind: str, content: bytes, budget: Budget, most: int) -> Iterator[Entry]:
    """List an archive; raise `Unreadable` for one that is damaged or has more than `most` entries."""
    try:
        if kind == "zip":
            yield from _zip(content, budget, most)
        elif kind == "tar":
            yield from _tar(content, budget, most)
        else:
            yield _stream(kind, content, budget)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, OSError, ValueError, EOFError) as error:
        raise Unreadable(f"a damaged archive ({kind}): {type(error).__name__}") from error
    except (NotImplementedError, RuntimeError) as error:  # a method or a password that is not at hand
        raise Unreadable(f"an archive ({kind}) that cannot be looked into: {type(error).__name__}") from error


def can_list(kind: str) -> bool:
    """Say whether `entries` knows the kind."""
    return kind in {"zip", "tar", *_STREAMS}


def _zip(content: bytes, budget: Budget, most: int) -> Iterator[Entry]:
    if content.count(_CENTRAL) > most:
        raise Unreadable(f"an archive of more than {most} entries")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            wrong = "is a link" if stat.S_ISLNK(mode) else _wrong(info.filename)
            yield Entry(info.filename, wrong, info.compress_size, info.file_size, _piece(archive, info, budget))


def _piece(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> bytes:
    if (
        info.is_dir() or budget.entries <= 0 or info.flag_bits & 1
    ):  # an encrypted entry: its name says that there is one
        return b""
    budget.entries -= 1
    with archive.open(info) as member:
        return member.read(budget.take(min(_PIECE, info.file_size)))


def _tar(content: bytes, budget: Budget, most: int) -> Iterator[Entry]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for number, info in enumerate(archive):
            if number >= most:
                raise Unreadable(f"an archive of more than {most} entries")
            wrong = _wrong(info.name)
            if info.issym() or info.islnk():
                wrong = wrong or (f"links {_wrong(info.linkname)}" if _wrong(info.linkname) else None)
            elif not (info.isfile() or info.isdir()):
                wrong = "is a device"
            member = archive.extractfile(info) if info.isfile() and budget.entries > 0 else None
            budget.entries -= 1
            piece = member.read(budget.take(min(_PIECE, info.size))) if member else b""
            yield Entry(info.name, wrong, info.size, info.size, piece)


def _stream(kind: str, content: bytes, budget: Budget) -> Entry:
    wanted = budget.take(_BUDGET)
    plain = _unpacked(kind, content, wanted)
    if len(plain) == wanted and wanted < _HONEST * len(content):
        raise Unreadable(f"an archive ({kind}) that unpacks to more than {wanted} bytes")
    budget.left += wanted - len(plain)
    return Entry("", None, len(content), len(plain), plain)


def _unpacked(kind: str, content: bytes, most: int) -> bytes:
    """Unpack a stream, and those that are appended to it."""
    parts: list[bytes] = []
    for _ in range(_APPENDED):
        stream = _STREAMS[kind]()
        parts.append(stream.decompress(content, most))
        most -= len(parts[-1])
        content = stream.unused_data.lstrip(b"\x00")
        if not (stream.eof and content and most):
            return b"".join(parts)
    raise Unreadable(f"more than {_APPENDED} streams in one archive ({kind})")


_STREAMS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=256 * _MIB),
}


def _wrong(name: str) -> str | None:
    return "leaves the folder it is unpacked in" if _OUTSIDE.search(name) else None
