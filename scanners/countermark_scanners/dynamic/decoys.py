"""Secrets that open nothing: laid out where real ones lie, new for every run, and watched.

Layer: scanners, dynamic. Reads the rules' data; draws random values.
Trust: whoever reads one had no business there; whoever carries one anywhere gives itself away. The values are never
printed: what is said names the decoy.
"""

from __future__ import annotations

import base64
import re
import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 40
_PLACEHOLDER = re.compile(r"\{(secret|upper)\}")
_SHORTEST = 12


@dataclass(frozen=True, slots=True)
class Decoy:
    """One fake secret: where it lies (`~/...` or `$NAME`), the file's or variable's text, and the secret in it."""

    place: str
    content: bytes
    value: bytes


def bait(templates: Mapping[str, str]) -> tuple[Decoy, ...]:
    """Fill each template with a value of its own."""
    return tuple(_decoy(place, template) for place, template in templates.items())


def _decoy(place: str, template: str) -> Decoy:
    value = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    upper = "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))
    text = _PLACEHOLDER.sub(lambda found: value if found[1] == "secret" else upper, template)
    return Decoy(place, text.encode(), value.encode())


class Needles:
    """Every spelling in which a decoy's value is looked for."""

    def __init__(self, decoys: Iterable[Decoy]) -> None:
        self._spellings = [(spelling, decoy.place) for decoy in decoys for spelling in _spellings(decoy.value)]

    def found(self, blob: bytes) -> tuple[str, ...]:
        """Name the places of the decoys whose value, in any spelling, is in the bytes."""
        if len(blob) < _SHORTEST:
            return ()
        folded = blob.lower()
        joined = re.sub(rb"[\s.\\]+", b"", folded)  # labels of a name, wrapped lines
        return tuple(sorted({place for spelling, place in self._spellings if spelling in folded or spelling in joined}))


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
