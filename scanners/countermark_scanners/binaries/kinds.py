"""What bytes are, by how they start: programs, archives, serialised objects, pictures.

Layer: scanners. Imports nothing of ours; does no I/O.
Trust: the bytes are hostile; only fixed places are looked at.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import Enum


class Group(Enum):
    """What a kind of file can do."""

    PROGRAM = "program"
    BYTECODE = "bytecode"
    ARCHIVE = "archive"
    OBJECTS = "objects"
    DOCUMENT = "document"
    PICTURE = "picture"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of file, in words for people."""

    name: str
    group: Group


_MAGIC: tuple[tuple[bytes, str, Group], ...] = (
    (b"\x7fELF", "an ELF program or library", Group.PROGRAM),
    (b"\x00asm", "a WebAssembly module", Group.PROGRAM),
    (b"!<arch>\n", "a static library or package", Group.PROGRAM),
    (b"\xfe\xed\xfa\xce", "a Mach-O program or library", Group.PROGRAM),
    (b"\xfe\xed\xfa\xcf", "a Mach-O program or library", Group.PROGRAM),
    (b"\xce\xfa\xed\xfe", "a Mach-O program or library", Group.PROGRAM),
    (b"\xcf\xfa\xed\xfe", "a Mach-O program or library", Group.PROGRAM),
    (b"\xed\xab\xee\xdb", "an RPM package", Group.PROGRAM),
    (b"BC\xc0\xde", "LLVM bitcode", Group.BYTECODE),
    (b"dex\n", "Android bytecode", Group.BYTECODE),
    (b"\x1bLua", "Lua bytecode", Group.BYTECODE),
    (b"PK\x03\x04", "zip", Group.ARCHIVE),
    (b"PK\x05\x06", "zip", Group.ARCHIVE),
    (b"\x1f\x8b", "gzip", Group.ARCHIVE),
    (b"BZh", "bzip2", Group.ARCHIVE),
    (b"\xfd7zXZ\x00", "xz", Group.ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", "7z", Group.ARCHIVE),
    (b"\x28\xb5\x2f\xfd", "zstandard", Group.ARCHIVE),
    (b"\x04\x22\x4d\x18", "lz4", Group.ARCHIVE),
    (b"Rar!\x1a\x07", "rar", Group.ARCHIVE),
    (b"MSCF\x00\x00\x00\x00", "cab", Group.ARCHIVE),
    (b"\x93NUMPY", "NumPy", Group.OBJECTS),
    (b"\x89HDF\r\n\x1a\n", "HDF5", Group.OBJECTS),
    (b"%PDF-", "PDF", Group.DOCUMENT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an older Office document", Group.DOCUMENT),
    (b"\x89PNG\r\n\x1a\n", "PNG", Group.PICTURE),
    (b"\xff\xd8\xff", "JPEG", Group.PICTURE),
    (b"GIF87a", "GIF", Group.PICTURE),
    (b"GIF89a", "GIF", Group.PICTURE),
    (b"\x00\x00\x01\x00", "ICO", Group.PICTURE),
    (b"II*\x00", "TIFF", Group.PICTURE),
    (b"MM\x00*", "TIFF", Group.PICTURE),
    (b"wOFF", "WOFF", Group.PICTURE),
    (b"wOF2", "WOFF", Group.PICTURE),
    (b"OTTO", "font", Group.PICTURE),
    (b"\x00\x01\x00\x00", "font", Group.PICTURE),
    (b"true", "font", Group.PICTURE),
    (b"SQLite format 3\x00", "SQLite", Group.DATA),
    (b"PAR1", "Parquet", Group.DATA),
    (b"OggS", "Ogg", Group.DATA),
    (b"ID3", "MP3", Group.DATA),
    (b"fLaC", "FLAC", Group.DATA),
    (b"\x1aE\xdf\xa3", "Matroska", Group.DATA),
)
_FAT = b"\xca\xfe\xba\xbe"
_MOST_ARCHITECTURES = 30  # a Java class has its version, 45 and more, where a Mach-O has their number
_TAR_MARK, _TAR_AT = b"ustar", 257
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_OLD_PICKLE = re.compile(rb"(?:\(+(?:lp|dp)\d+\n)?\(*c[A-Za-z_][\w.]{0,80}\n[A-Za-z_][\w.]{0,80}\n")
_PYC_HEADER = 16
_PYTHON_MAGIC = range(3000, 4000)  # what the interpreters from 3.0 on write


PICKLE = Kind("pickle", Group.OBJECTS)


def kind(content: bytes) -> Kind | None:
    """Name what the bytes are; None for what has no mark that is known here."""
    for magic, name, group in _MAGIC:
        if content.startswith(magic):
            return Kind(name, group)
    return _structured(content)


def _structured(content: bytes) -> Kind | None:
    tests = (
        (_is_class(content), "a Java class", Group.BYTECODE),
        (content.startswith(_FAT), "a Mach-O program or library", Group.PROGRAM),
        (content.startswith(b"MZ") and _is_pe(content), "a Windows program or library", Group.PROGRAM),
        (content[_TAR_AT : _TAR_AT + len(_TAR_MARK)] == _TAR_MARK, "tar", Group.ARCHIVE),
        (_is_pyc(content), "Python bytecode", Group.BYTECODE),
        (bool(_PICKLE.match(content) or _OLD_PICKLE.match(content)), PICKLE.name, PICKLE.group),
        (content[:4] == b"RIFF", "WEBP" if content[8:12] == b"WEBP" else "RIFF", Group.PICTURE),
        (content[4:8] == b"ftyp", "MP4", Group.DATA),
    )
    return next((Kind(name, group) for is_one, name, group in tests if is_one), None)


def _is_class(content: bytes) -> bool:
    return content.startswith(_FAT) and int.from_bytes(content[4:8], "big") >= _MOST_ARCHITECTURES


def _is_pyc(content: bytes) -> bool:
    return len(content) >= _PYC_HEADER and content[2:4] == b"\r\n" and content[0] + 256 * content[1] in _PYTHON_MAGIC


def _is_pe(content: bytes) -> bool:
    if len(content) < 64:  # noqa: PLR2004  # the length of the old header
        return False
    (at,) = struct.unpack_from("<I", content, 60)
    return content[at : at + 4] == b"PE\x00\x00"
