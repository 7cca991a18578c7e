"""Our own reader of Python source: does it parse, as what its author's eyes would see?

Layer: scanners. One member of the family in `registry`, and the door to the others: a file it cannot read is
given to no tool, so that no tool can crash, skip or guess on it.
Trust: contents are hostile; the parser runs in a process of its own (`parse_child`).

The text checks refuse what makes two readers see two programs: NUL bytes, other encodings, lone carriage
returns (a line end to Python, not to every tool), nesting that exhausts parsers.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

from . import ambiguity, canary, catalogue, output, suppressions, tool, unicode
from .errors import OutputMalformed, ScannerBlind, ToolFailed
from .finding import Hit
from .materialise import fresh_room, materialise
from .report import Unscanned
from .scanner import Answers, Scanner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .output import Value
    from .question import Question
    from .tool import ToolLimits

NAME = "source"
_BROKEN = "~broken"  # planted beside the canary: a parser that accepts it parses nothing
_CHILD = "countermark_scanners.parse_child"
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263
_UTF8 = frozenset({"utf8", "utf8sig", "ascii", "usascii"})
_ASCII_SUPERSETS = frozenset({"latin1", "iso88591", "iso885915", "cp1252"})


def unreadable(content: bytes) -> str | None:
    """Give the reason why these bytes are not the one text that every reader would see."""
    return ambiguity.unclear(content) or _odd_cookie(content)


def _odd_cookie(content: bytes) -> str | None:
    for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n", 2)[:2]:
        if cookie := _COOKIE.match(line):
            name = re.sub(r"[^a-z0-9]", "", cookie[1].decode("ascii", "replace").lower())
            harmless = name in _UTF8 or (name in _ASCII_SUPERSETS and content.isascii())
            return None if harmless else f"a coding cookie other than UTF-8: {cookie[1].decode('ascii', 'replace')}"
    return None


def programs(contents: Mapping[str, bytes], limits: ToolLimits) -> frozenset[str]:
    """Tell which of these texts, that no other language claims, Python would run as a program."""
    rows = _parsed({key: content for key, content in contents.items() if unreadable(content) is None}, limits)
    return frozenset(key for key, row in rows.items() if row.get("program") is True)


def run(questions: Mapping[str, Question], limits: ToolLimits) -> Answers:
    """Answer for every question: what its text hides, or why it cannot be read."""
    contents = {key: question.content for key, question in questions.items()}
    answers: Answers = {key: Unscanned(why) for key in contents if (why := unreadable(contents[key]))}
    readable = {key: content for key, content in contents.items() if key not in answers}
    for key, row in _parsed(readable, limits).items():
        reason = row.get("reason")
        answers[key] = _hits(readable[key], row) if reason is None else Unscanned(f"does not parse: {reason}")
    return answers


def _parsed(contents: Mapping[str, bytes], limits: ToolLimits) -> dict[str, dict[str, Value]]:
    planted = {canary.KEY: canary.SOURCE, _BROKEN: canary.SOURCE + b"(\n"}
    with fresh_room() as room:
        names = materialise(room, {**contents, **planted})
        argv = [tool.interpreter(), "-I", "-m", _CHILD, "."]
        done = tool.run(argv, room=room, limits=limits)
    if done.code != 0:
        raise ToolFailed(f"source: expected exit code 0 of the parser, found {done.code}")
    rows = {names.get(output.text(row, "name"), ""): row for row in map(_row, done.stdout.splitlines())}
    if set(rows) != set(names.values()):
        raise OutputMalformed(f"source: expected {len(names)} files parsed, found {len(rows)}")
    if rows.pop(canary.KEY).get("reason") is not None or rows.pop(_BROKEN).get("reason") is None:
        raise ScannerBlind("source: expected the planted files to parse and to fail, found otherwise")
    return rows


def _row(line: bytes) -> dict[str, Value]:
    try:
        return output.table(json.loads(line), NAME)
    except ValueError as error:
        raise OutputMalformed(f"source: expected JSON of the parser, found {line[:80]!r}") from error


def _hits(content: bytes, row: dict[str, Value]) -> tuple[Hit, ...]:
    text = content.decode("utf-8")
    return (*suppressions.markers(text), *unicode.bidi(text), *unicode.confusable(_names(row.get("names"))))


def _names(names: Value) -> list[tuple[int, int, str]]:
    if not isinstance(names, list):
        raise OutputMalformed("source: expected a list of names")
    return [(line, column, name) for line, column, name in names]


def _version() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"


def _rules_sha256() -> str:
    digest = hashlib.sha256(canary.SOURCE + catalogue.sha256("unicode").encode())
    for module in ("source.py", "parse_child.py", "fstrings.py", "suppressions.py", "unicode.py"):
        digest.update(hashlib.sha256(Path(__file__).with_name(module).read_bytes()).digest())
    return digest.hexdigest()


SCANNER = Scanner(NAME, _version, _rules_sha256, run, covers=frozenset())
