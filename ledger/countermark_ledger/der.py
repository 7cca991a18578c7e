"""DER (X.690): a writer with one spelling, and a reader that accepts no other.

Layer: ledger core. Imports nothing of ours but `errors`; does no I/O and reads no clock.
Trust: the bytes given to `Reader` are hostile; each call returns what it was asked for or raises.

The reader is driven by its caller's schema, so nothing recurses on hostile bytes; `enter` caps depth anyway.
Only the universal types that certificates and timestamp tokens hold are known.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache

from .errors import Malformed, TooLarge

TRUE = b"\x01\x01\xff"
NULL = b"\x05\x00"
MAX_DEPTH = 16
MAX_LENGTH_OCTETS = 4
MAX_INTEGER_OCTETS = 1025  # an RSA modulus of 8192 bits and its sign
_HIGH = 0x80
_FRACTION_DIGITS = 6  # what a datetime holds exactly
_TIME = re.compile(rb"([0-9]{14})(?:\.([0-9]{0,5}[1-9]))?Z")
_SHORT_TIME = re.compile(rb"[0-9]{12}Z")
_PIVOT = 50  # RFC 5280 4.1.2.5.1: UTCTime 50..99 is 19xx


class Tag(IntEnum):
    """Identifier octets, constructed bit included."""

    BOOLEAN = 0x01
    INTEGER = 0x02
    BIT_STRING = 0x03
    OCTET_STRING = 0x04
    OID = 0x06
    UTF8_STRING = 0x0C
    UTC_TIME = 0x17
    GENERALIZED_TIME = 0x18
    SEQUENCE = 0x30
    SET = 0x31
    CONTEXT_0 = 0xA0
    CONTEXT_1 = 0xA1
    CONTEXT_3 = 0xA3
    CONTEXT_4 = 0xA4
    IMPLICIT_0 = 0x80
    IMPLICIT_6 = 0x86


def tlv(tag: int, *parts: bytes) -> bytes:
    """Encode one element around the joined parts."""
    body = b"".join(parts)
    size = len(body)
    if size < _HIGH:
        return bytes((tag, size)) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _HIGH | len(octets))) + octets + body


def sequence(*parts: bytes) -> bytes:
    """Encode a SEQUENCE of already encoded parts."""
    return tlv(Tag.SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """Encode a SET OF, in the order that X.690 11.6 asks for."""
    return tlv(Tag.SET, *sorted(parts))


def integer(value: int) -> bytes:
    """Encode an INTEGER in the fewest octets."""
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return tlv(Tag.INTEGER, value.to_bytes(size, "big", signed=True))


def octet_string(value: bytes) -> bytes:
    """Encode an OCTET STRING."""
    return tlv(Tag.OCTET_STRING, value)


def bit_string(value: bytes) -> bytes:
    """Encode a BIT STRING of whole octets."""
    return tlv(Tag.BIT_STRING, b"\x00", value)


def utf8_string(value: str) -> bytes:
    """Encode a UTF8String."""
    return tlv(Tag.UTF8_STRING, value.encode())


@lru_cache(maxsize=256)
def oid(dotted: str) -> bytes:
    """Encode an OBJECT IDENTIFIER given in dotted digits."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return tlv(Tag.OID, b"".join(_arc(arc) for arc in (first * 40 + second, *rest)))


def generalized_time(moment: datetime) -> bytes:
    """Encode a GeneralizedTime in UTC and whole seconds; a fraction is cut."""
    utc = moment.astimezone(UTC)
    return tlv(Tag.GENERALIZED_TIME, f"{utc.year:04}{utc:%m%d%H%M%S}Z".encode())


def utc_time(moment: datetime) -> bytes:
    """Encode a UTCTime in whole seconds; a fraction is cut."""
    return tlv(Tag.UTC_TIME, f"{moment.astimezone(UTC):%y%m%d%H%M%S}Z".encode())


class Reader:
    """Reads elements in order out of the content of one element; `finish` says that nothing is left."""

    __slots__ = ("_at", "_data", "_depth")

    def __init__(self, data: bytes, *, depth: int = 0) -> None:
        if depth > MAX_DEPTH:
            raise TooLarge(f"DER: nested deeper than {MAX_DEPTH}")
        self._data = data
        self._at = 0
        self._depth = depth

    def next_is(self, tag: int) -> bool:
        """Say whether an element with this tag comes next."""
        return self._at < len(self._data) and self._data[self._at] == tag

    def more(self) -> bool:
        """Say whether anything is left."""
        return self._at < len(self._data)

    def raw(self, tag: int) -> bytes:
        """Read the next element and return all of it, header included."""
        begin = self._at
        self.read(tag)
        return self._data[begin : self._at]

    def read(self, tag: int) -> bytes:
        """Read the next element and return its content."""
        if not self.next_is(tag):
            found = f"{self._data[self._at]:#04x}" if self.more() else "the end"
            raise Malformed(f"DER: expected tag {tag:#04x}, found {found}")
        begin, size = self._length()
        self._at = begin + size
        if self._at > len(self._data):
            raise Malformed(f"DER: expected {size} octets of content, found {len(self._data) - begin}")
        return self._data[begin : self._at]

    def enter(self, tag: int) -> Reader:
        """Read the next element and return a reader of its content."""
        return Reader(self.read(tag), depth=self._depth + 1)

    def optional(self, tag: int) -> bytes | None:
        """Read the next element's content when it has this tag."""
        return self.read(tag) if self.next_is(tag) else None

    def boolean(self) -> bool:
        """Read a BOOLEAN: 00 or FF."""
        content = self.read(Tag.BOOLEAN)
        if content not in {b"\x00", b"\xff"}:
            raise Malformed(f"DER: expected a boolean, found {content.hex()}")
        return content == b"\xff"

    def integer(self) -> int:
        """Read an INTEGER in the fewest octets."""
        content = self.read(Tag.INTEGER)
        if not 0 < len(content) <= MAX_INTEGER_OCTETS:
            raise Malformed(f"DER: integer of {len(content)} octets")
        if len(content) > 1 and content[0] == (0xFF if content[1] & _HIGH else 0x00):
            raise Malformed("DER: integer with a needless leading octet")
        return int.from_bytes(content, "big", signed=True)

    def bits(self) -> bytes:
        """Read a BIT STRING of whole octets."""
        content = self.read(Tag.BIT_STRING)
        if content[:1] != b"\x00":
            raise Malformed("DER: expected a bit string of whole octets")
        return content[1:]

    def oid(self) -> str:
        """Read an OBJECT IDENTIFIER as dotted digits."""
        return _dotted(self.read(Tag.OID))

    def generalized_time(self) -> datetime:
        """Read a GeneralizedTime that ends in Z; a fraction of up to 6 digits counts exactly."""
        content = self.read(Tag.GENERALIZED_TIME)
        match = _TIME.fullmatch(content)
        if match is None:
            raise Malformed(f"DER: expected YYYYMMDDhhmmss[.f]Z, found {content[:40]!r}")
        fraction = (match[2] or b"0").ljust(_FRACTION_DIGITS, b"0")
        return _moment(match[1]) + timedelta(microseconds=int(fraction))

    def utc_time(self) -> datetime:
        """Read a UTCTime of whole seconds that ends in Z."""
        content = self.read(Tag.UTC_TIME)
        if not _SHORT_TIME.fullmatch(content):
            raise Malformed(f"DER: expected YYMMDDhhmmssZ, found {content[:40]!r}")
        return _moment((b"19" if int(content[:2]) >= _PIVOT else b"20") + content[:-1])

    def finish(self) -> None:
        """Refuse bytes after the last expected element."""
        if self.more():
            raise Malformed(f"DER: expected the end, found {len(self._data) - self._at} more octets")

    def _length(self) -> tuple[int, int]:
        """Return where the content begins and its size, having read a definite, shortest length."""
        header = self._data[self._at + 1 : self._at + 2 + MAX_LENGTH_OCTETS]
        if not header:
            raise Malformed("DER: expected a length, found the end")
        if header[0] < _HIGH:
            return self._at + 2, header[0]
        count = header[0] - _HIGH
        size = int.from_bytes(header[1 : 1 + count], "big")
        if not 0 < count <= MAX_LENGTH_OCTETS or len(header) <= count or size < _HIGH or header[1] == 0:
            raise Malformed("DER: expected a definite length in the fewest octets")
        return self._at + 2 + count, size


def only(raw: bytes, tag: int) -> Reader:
    """Return a reader of the content of the one element that `raw` is."""
    outer = Reader(raw)
    inner = outer.enter(tag)
    outer.finish()
    return inner


def _arc(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(_HIGH | arc & 0x7F)
    return bytes(reversed(octets))


@lru_cache(maxsize=256)
def _dotted(content: bytes) -> str:
    arcs = re.findall(rb"[\x80-\xff]*[\x00-\x7f]", content[:64], re.DOTALL)
    if not arcs or b"".join(arcs) != content or any(arc[0] == _HIGH for arc in arcs):
        raise Malformed(f"DER: expected an object identifier, found {content[:64].hex()}")
    head, *rest = (_arc_value(arc) for arc in arcs)
    first = min(head // 40, 2)
    return ".".join(str(arc) for arc in (first, head - first * 40, *rest))


def _arc_value(octets: bytes) -> int:
    value = 0
    for octet in octets:
        value = value << 7 | octet & 0x7F
    return value


def _moment(digits: bytes) -> datetime:
    month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(4, 14, 2))
    try:
        return datetime(int(digits[:4]), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise Malformed(f"DER: {digits.decode()} is no time") from error
