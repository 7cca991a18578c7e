"""Reads back what `keep.sh` left of a run.

Layer: scanners, dynamic. Reads files of a room of ours.
Trust: the documents are written by programs of ours; what they quote is hostile. What is cut short is said to be.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from typing import TYPE_CHECKING

from .errors import NoIsolation, RecordMalformed
from .sandbox import After, Record

if TYPE_CHECKING:
    from pathlib import Path

_KILLED = 137  # 128 + SIGKILL, as `timeout --signal=KILL` ends
_NOT_LAUNCHED = frozenset({124, 125, 126, 127})
MAX_TRACE = 96 * 1024 * 1024
MAX_OUTPUT = 32 * 1024 * 1024


def read(room: Path, *, seconds: float, shifted: str) -> Record:
    """Put the record together; `RecordMalformed` when a part of it is missing."""
    try:
        code = int((room / "code").read_text())
        after = json.loads((room / "after.json").read_bytes())
        rows = tuple(_after(row) for row in after["rows"])
        causes = base64.b64decode(after["causes"], validate=True)
        trace, stdout, stderr = ((room / name).read_bytes() for name in ("trace", "command.stdout", "command.stderr"))
    except (OSError, ValueError, KeyError, TypeError, binascii.Error) as error:
        raise RecordMalformed(f"sandbox: expected a whole record, found {type(error).__name__}: {error}") from error
    if code in _NOT_LAUNCHED and not trace:
        raise NoIsolation(f"sandbox: {stderr[-400:].decode('utf-8', 'replace').strip()}")
    timed_out = code == _KILLED
    reasons = [after["incomplete"], _cut("trace", trace, MAX_TRACE)]
    reasons += [_cut("standard output", stdout, MAX_OUTPUT), _cut("standard error", stderr, MAX_OUTPUT)]
    reasons += ["the command did not end within its time"] if timed_out else []
    incomplete = "; ".join(reason for reason in reasons if reason)
    cut = (stdout[:MAX_OUTPUT], stderr[:MAX_OUTPUT], trace[:MAX_TRACE])
    return Record(code, timed_out, *cut, causes, rows, incomplete, shifted, seconds)


def _cut(name: str, raw: bytes, most: int) -> str:
    return f"{name} is longer than {most} bytes" if len(raw) > most else ""


def _after(row: dict[str, str | bool | None]) -> After:
    content = row.get("content")
    return After(
        path=_name(row["path"]),
        kind=str(row["kind"]),
        executable=row["executable"] is True,
        setuid=row["setuid"] is True,
        sha256=str(row.get("sha256") or ""),
        target=_name(row["target"]) if "target" in row else "",
        content=None if content is None else base64.b64decode(str(content), validate=True),
    )


def _name(spelled: str | bool | None) -> str:  # noqa: FBT001  # a JSON value
    return os.fsdecode(bytes.fromhex(str(spelled)))
