"""Reads back what `keep.py` left of a run.

Layer: scanners, dynamic. Reads files of a room of ours.
Trust: the documents are written by programs of ours; what they quote is hostile. What is cut short is said to be.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING

from .errors import NoIsolation, RecordMalformed
from .keep import CANNOT_START, TIMED_OUT
from .sandbox import After, Record

if TYPE_CHECKING:
    from pathlib import Path

MAX_TRACE = 96 * 1024 * 1024
MAX_OUTPUT = 32 * 1024 * 1024
_QUOTED = 400


def read(room: Path, collected: bytes, *, seconds: float, shifted: str) -> Record:
    """Put the record together; `RecordMalformed` when a part of it is missing."""
    try:
        code = int((room / "code").read_text())
        after = json.loads(collected)
        rows, home = (tuple(_after(row) for row in after[name]) for name in ("rows", "home"))
        causes = base64.b64decode(after["causes"], validate=True)
        trace, stdout, stderr = ((room / name).read_bytes() for name in ("trace", "command.stdout", "command.stderr"))
        incomplete = str(after["incomplete"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordMalformed(f"sandbox: expected a whole record, found {type(error).__name__}: {error}") from error
    if code == CANNOT_START and not trace:
        raise NoIsolation(f"sandbox: {stderr[-_QUOTED:].decode('utf-8', 'replace').strip()}")
    timed_out = code == TIMED_OUT
    reasons = [incomplete, _cut("the trace", trace, MAX_TRACE)]
    reasons += [_cut("standard output", stdout, MAX_OUTPUT), _cut("standard error", stderr, MAX_OUTPUT)]
    reasons += ["the command did not end within its time"] if timed_out else []
    return Record(
        code=code,
        timed_out=timed_out,
        stdout=stdout[:MAX_OUTPUT],
        stderr=stderr[:MAX_OUTPUT],
        trace=trace[:MAX_TRACE],
        causes=causes,
        after=rows,
        home=home,
        incomplete="; ".join(reason for reason in reasons if reason),
        shifted=shifted,
        seconds=seconds,
    )


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
