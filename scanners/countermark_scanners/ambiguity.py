"""Bytes that two readers take for two programs: what a tool must not be shown, for it would answer for another one.

Layer: scanners. Imports nothing of ours; does no I/O.
Trust: contents are hostile.
"""

from __future__ import annotations

import re

_SCRIPT_LINE_ENDS = re.compile("[\u2028\u2029]")
_JAVA_ESCAPE = re.compile(r"\\u+(?:000[ad]|002[2af]|005[cf]|00[46][1-9a-f]|00[57][0-9a])", re.IGNORECASE)
_BY_LANGUAGE = {
    **dict.fromkeys(
        ("javascript", "typescript", "tsx"), (_SCRIPT_LINE_ENDS, "a line end of JavaScript that no editor shows")
    ),
    "java": (_JAVA_ESCAPE, "an escape that Java reads as code, and nobody else does"),
}


def unclear(content: bytes) -> str | None:
    """Give the reason why these bytes are not one text to every reader."""
    if b"\x00" in content:
        return "a NUL byte"
    if re.search(rb"\r(?!\n)", content):
        return "a lone carriage return: a line end to some readers, not to every tool"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start}"
    return None


def unclear_in(language: str, content: bytes) -> str | None:
    """Give the reason why these bytes are not one program of this language to every reader."""
    if reason := unclear(content):
        return reason
    pattern, why = _BY_LANGUAGE.get(language, (None, ""))
    return why if pattern is not None and pattern.search(content.decode("utf-8")) else None
