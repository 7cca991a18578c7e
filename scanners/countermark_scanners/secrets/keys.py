"""Private keys: armoured blocks that really hold one.

Layer: scanners. Imports `credible`; does no I/O.
Trust: the text is hostile. A bounded window after each header is looked at, once.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..finding import Confidence, Severity
from . import credible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .views import View

_ARMOUR = re.compile(r"-----BEGIN[ _]([A-Z0-9 _]{0,40})PRIVATE[ _]KEY(?:[ _]BLOCK)?-----")
_PUTTY = re.compile(r"PuTTY-User-Key-File-[23]: [\s\S]{0,3000}?Private-Lines: \d{1,3}")
_BODY = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_WINDOW = 1200  # characters; the start of a body says enough
_LEAST = 40  # base64 digits; an Ed25519 key in its shortest wrapping has 64


@dataclass(frozen=True, slots=True)
class Key:
    """A private key at an offset of the text."""

    at: int
    kind: str
    severity: Severity
    confidence: Confidence


def find(view: View) -> Iterator[Key]:
    """Give every private key of the view."""
    if "private" not in view.lower:
        return
    for match in _ARMOUR.finditer(view.text):
        window = view.text[match.end() : match.end() + _WINDOW]
        end = window.find("-----END")
        found = _key(match.start(), match[1].strip(), window[:end] if end >= 0 else window)
        if found is not None:
            yield found
    for match in _PUTTY.finditer(view.text):
        locked = "Encryption: none" not in match[0]
        yield Key(match.start(), "a PuTTY private key", Severity.MEDIUM if locked else Severity.HIGH, Confidence.HIGH)


def _key(at: int, kind: str, body: str) -> Key | None:
    digits = "".join(_BODY.findall(body))
    if len(digits) < _LEAST or credible.is_placeholder(digits[:64].replace("A", "")):
        return None
    locked = "ENCRYPTED" in kind or "ENCRYPTED" in body[:400]
    confidence = Confidence.HIGH if _is_encoded_key(digits) or kind == "PGP" else Confidence.MEDIUM
    name = "an encrypted private key" if locked else "a private key"
    return Key(at, name, Severity.MEDIUM if locked else Severity.HIGH, confidence)


def _is_encoded_key(digits: str) -> bool:
    """Say whether the body starts as DER or OpenSSH keys start: a sequence, or the magic word."""
    start = base64.b64decode(digits[:40])
    return start.startswith((b"\x30", b"openssh-key-v1"))
