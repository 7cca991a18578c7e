"""Code that does not stand in the file as people read it: decoded, spelled in escapes, on endless lines.

Layer: scanners. Imports nothing of ours; does no I/O.
Trust: the text is hostile. Patterns start with fixed words and repeat within bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_RUNS = re.compile(
    r"(?<![\w.])(?:eval|exec|execfile|new Function|Function|setTimeout|setInterval|create_function"
    r"|Invoke-Expression|iex|instance_eval|class_eval|loadstring|load)\b"
)
_DECODES = re.compile(
    r"(?:\batob|\b(?:b64|b32|b16|a85|b85|standard_b64|urlsafe_b64)decode|base64_decode|\bfromhex|unhexlify|\bunescape\(|fromCharCode"
    r"|\bdecompress|gzinflate|gzuncompress|str_rot13|marshal\.loads|FromBase64String|Base64\.decode\w*|Buffer\.from\("
    r"|codecs\.decode\(|decode\(\s{0,3}[\"'](?:rot|base64|hex|zlib|bz2)|hex2bin|\bpack\(\s?[\"']H)"
)
_PATTERNS = (
    (
        re.compile(
            r"\b(?:base64|openssl base64|openssl enc|xxd)\b[^\n|;]{0,100}\| ?(?:sudo )?(?:/\w+/){0,4}(?:ba|z|da|k)?sh\b"
            r"|\b(?:base64|xxd)\b[^\n|;]{0,100}\| ?(?:sudo )?(?:python[\d.]*|perl|ruby|node|php)\b"
            r"|\b(?:ba|z|da|k)?sh -c [\"']?\$\(\s?(?:echo|printf)[^\n]{0,2000}?\b(?:base64|xxd)\b"
        ),
        "decoded and given to a shell",
    ),
    (
        re.compile(r"(?i)\bpowershell(?:\.exe)?\b[^\n]{0,200}?\s-e(?:nc|ncodedcommand)?\s{1,3}[a-z0-9+/=]{16}"),
        "encoded for a shell",
    ),
    (re.compile(r"(?:_0x[0-9a-f]{4,6}\b[^\n]{0,200}?){12}"), "renamed by a program"),
    (re.compile(r"[\[\]()!+]{200}"), "spelled with six characters"),
    (
        re.compile(
            r"\bgetattr\([^\n,]{1,80},\s{0,3}(?:bytes\.fromhex|[\"'][^\"'\n]{0,40}[\"']\[::-1\]|\"\"\.join|''\.join)"
        ),
        "called by a name that is put together",
    ),
)
_WITHIN = 200  # characters between what runs and what it decodes
_ESCAPES = re.compile(r"(?:\\x[0-9a-fA-F]{2}|\\u00[0-9a-fA-F]{2}|\\u\{[0-9a-fA-F]{2}\}|\\[0-3][0-7]{2}){16,}")
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\u00([0-9a-fA-F]{2})|\\u\{([0-9a-fA-F]{2})\}|\\([0-3][0-7]{2})")
_PRINTABLE = frozenset(range(32, 127)) | {9, 10, 13}
_TEXTUAL = 0.9  # the share of printable characters of which escapes hide a text, not bytes


@dataclass(frozen=True, slots=True)
class Place:
    """An offset of the text, what is there, and how much of it."""

    at: int
    what: str
    size: int = 0


def decoded(text: str) -> Iterator[Place]:
    """Find code that is made while it runs."""
    for match in _DECODES.finditer(text):
        start = max(text.rfind("\n", max(0, match.start() - _WITHIN), match.start()) + 1, match.start() - _WITHIN)
        statement = text.rfind(";", start, match.start()) + 1 or start
        if _RUNS.search(text[statement : match.start()]):
            yield Place(match.start(), "decoded and run")
    for pattern, what in _PATTERNS:
        for match in pattern.finditer(text):
            yield Place(match.start(), what)


def escaped(text: str, least: int) -> Iterator[Place]:
    """Find text of at least so many characters that is spelled in escape sequences."""
    for match in _ESCAPES.finditer(text):
        codes = [int(octal, 8) if octal else int(x or u or b, 16) for x, u, b, octal in _ESCAPE.findall(match[0])]
        if len(codes) >= least and sum(code in _PRINTABLE for code in codes) >= _TEXTUAL * len(codes):
            yield Place(match.start(), "escapes", len(codes))


def endless(text: str, least: int) -> Iterator[Place]:
    """Find lines of at least so many characters."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - start >= least:
            yield Place(start, "line", end - start)
        start = end + 1
