"""Secrets that open nothing: laid out where real ones lie, new for every run, and watched.

Layer: scanners, dynamic. Reads the rules' data; draws random values.
Trust: whoever reads one had no business there; whoever carries one anywhere gives itself away. The values are never
printed: what is said names the decoy.
"""

from __future__ import annotations

import base64
import os
import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ALPHABET = string.ascii_letters + string.digits
_LENGTH, _MARK = 40, 14
_GLUE = b" \t\r\n.\\"  # labels of a name, wrapped lines
PART = "a part of one"


@dataclass(frozen=True, slots=True)
class Decoy:
    """One fake secret: where it lies (`~/...` or `$NAME`), the file's or variable's text, and the secret in it."""

    place: str
    content: bytes
    value: bytes


def bait(templates: Mapping[str, str]) -> tuple[Decoy, ...]:
    """Fill each template with a value of its own; all begin with the same mark, so that one search finds any."""
    mark = _drawn(_MARK)
    return tuple(_decoy(place, template, mark) for place, template in templates.items())


def _decoy(place: str, template: str, mark: str) -> Decoy:
    value = mark + _drawn(_LENGTH - _MARK)
    text = template.replace("{secret}", value).replace("{upper}", value[:16].upper())
    return Decoy(place, text.encode(), value.encode())


def _drawn(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class Needles:
    """Every spelling in which a decoy's value is looked for."""

    def __init__(self, decoys: Iterable[Decoy]) -> None:
        every = tuple(decoys)
        self._marks = tuple({spelling for decoy in every for spelling in _spellings(decoy.value[:_MARK])})
        self._spellings = [(spelling, decoy.place) for decoy in every for spelling in _spellings(decoy.value)]

    def found(self, blob: bytes) -> tuple[str, ...]:
        """Name the places of the decoys whose value, in any spelling, is in the bytes; `PART` for its beginning."""
        folded = blob.lower()
        joined = folded.translate(None, _GLUE)
        if not any(mark in folded or mark in joined for mark in self._marks):
            return ()
        whole = {place for spelling, place in self._spellings if spelling in folded or spelling in joined}
        return tuple(sorted(whole)) or (PART,)

    def veil(self, text: str) -> str:
        """Leave a text that holds no decoy; otherwise say which, and nothing else: values differ in every run."""
        held = self.found(os.fsencode(text))
        return f"a name that holds the decoy {', '.join(held)}" if held else text


def _spellings(value: bytes) -> set[bytes]:
    """Spell a value as it is, reversed, hexadecimal, percent-encoded, and in base64, base32 and base85, lower-cased.

    What stands before it decides how base64 and base32 fall, so each shift is taken, without the ends that depend on
    the neighbours. Lower case on both sides costs nothing: forty characters don't meet by chance.
    """
    found: set[bytes] = set()
    for one in (value, value[::-1]):
        found |= {one, one.hex().encode(), base64.b85encode(one), base64.a85encode(one)}
        found |= {"".join(f"%{byte:02x}" for byte in one).encode(), quote(one).encode()}
        found |= {" ".join(str(byte) for byte in one).encode(), ",".join(str(byte) for byte in one).encode()}
        found |= {bytes(_rot13(byte) for byte in one)}
        for encode, size in ((base64.b64encode, 3), (base64.urlsafe_b64encode, 3), (base64.b32encode, 5)):
            found |= {encode(_whole(one, shift, size)) for shift in range(size)}
    return {spelling.lower() for spelling in found} | {spelling.lower()[::-1] for spelling in found}


def _whole(value: bytes, shift: int, size: int) -> bytes:
    """Cut off the ends that would be encoded together with their neighbours, `shift` bytes into a group."""
    usable = value[(size - shift) % size :]
    return usable[: len(usable) // size * size]


def _rot13(byte: int) -> int:
    for first in (65, 97):
        if first <= byte < first + 26:
            return first + (byte - first + 13) % 26
    return byte
