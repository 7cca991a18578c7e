"""What a run did that the policy has a word for.

Layer: scanners, dynamic. Does no I/O.
Trust: `subject` and `said` may quote hostile text; `said` is what a developer reads, already shortened and escaped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MAX_SAID = 160
_NUMBERS = re.compile(r"(/proc/|/task/|/fd/)\d+")


@dataclass(frozen=True, slots=True, order=True)
class Behaviour:
    """`rule` is the catalogue's id; `subject` is what it was done to, equal for the same deed in another run."""

    rule: str
    subject: str


def said(raw: bytes | str) -> str:
    """Make a text of hostile bytes that can be shown in one line."""
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
    text = _NUMBERS.sub(r"\1N", text)  # another run has others
    shown = "".join(one if one.isprintable() and one.isascii() else "?" for one in text)
    return shown if len(shown) <= _MAX_SAID else shown[: _MAX_SAID - 3] + "..."
