"""strace's text as calls.

Layer: scanners, dynamic. Does no I/O.
Trust: strings in it are hostile, but strace escapes them: a newline, a quote or a bracket that a program chose never
stands for one of strace's own. A line that is not understood is counted, and enough of them make a trace unread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import RecordMalformed

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE = re.compile(rb"(\d+) +(.*)", re.DOTALL)
_NAME = re.compile(rb"([a-z_0-9]+)\(")
_RESULT = re.compile(rb"\) += (-?\d+|0x[0-9a-f]+|\?)(.*)", re.DOTALL)
_CLOSE = re.compile(rb"\) += ")
_PLAIN_READ = re.compile(
    rb"O_(WRONLY|RDWR|CREAT|TRUNC)|/home/|/proc/|/root|/run/|/etc/(g?shadow|sudoers)|memfd|unfinished|<\.\.\."
)
_RESUMED = re.compile(rb"<\.\.\. ([a-z_0-9]+) resumed>(.*)", re.DOTALL)
_UNFINISHED = b" <unfinished ...>"
_SIGNAL = re.compile(rb"--- SIGSYS \{.*si_syscall=__NR_(\w+)")
_ENDED = re.compile(rb"\+\+\+ (exited with \d+|killed by (SIG\w+).*) \+\+\+")
_ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|[0-7]{1,3}|.)", re.DOTALL)
_NAMED = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b'"': b'"', b"\\": b"\\"}
_DESCRIPTOR = re.compile(rb"(AT_FDCWD|-?\d+)(?:<(.*)>(?:\(deleted\))?)?", re.DOTALL)
_OPENING, _CLOSING = b"([{", b")]}"
_TRANSLATED = re.compile(rb"/\* (\d+) in strace's PID NS \*/")
_MAX_STRANGE = 100

TRAPPED = "trapped"  # the filter stopped the call that `arguments` names
KILLED = "killed"  # the filter ended the process, as it does for calls of another architecture
ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Call:
    """One call: `arguments` as strace wrote them, `result` a number or None, `more` the rest (errno, decoded path)."""

    process: int
    name: str
    arguments: bytes
    result: int | None
    more: bytes

    @property
    def made(self) -> bytes:
        """What the descriptor stands for that the call returned, where strace decoded it: a path or `socket:[7]`."""
        ends = self.result is not None and self.result >= 0 and self.more.startswith(b"<")
        return unescaped(self.more[1 : self.more.rindex(b">")]) if ends and b">" in self.more else b""

    @property
    def child(self) -> int | None:
        """The process that the call made, under the number that the trace's lines have; None when it made none."""
        translated = _TRANSLATED.search(self.more)
        return int(translated[1]) if translated else self.result if self.result and self.result > 0 else None

    @property
    def failed(self) -> str:
        """The errno's name, or nothing."""
        return self.more.split()[0].decode("ascii", "replace") if self.result is not None and self.result < 0 else ""

    def split(self) -> list[bytes]:
        """Split the arguments at the commas of their own level."""
        return split(self.arguments)


def calls(trace: bytes) -> Iterator[Call]:
    """Yield every call in the order in which it ended; `RecordMalformed` when the text is not strace's."""
    pending: dict[int, bytes] = {}
    strange = 0
    for line in trace.split(b"\n")[:-1]:  # a last line without its end was cut off
        if b" openat(" in line and not _PLAIN_READ.search(line):
            continue  # a file of the image or the workspace is read, which says nothing: most lines are that
        found = _LINE.fullmatch(line)
        if found is None:
            strange += 1
            continue
        process, text = int(found[1]), found[2]
        if text.endswith(_UNFINISHED):
            pending[process] = text[: -len(_UNFINISHED)]
            continue
        if resumed := _RESUMED.fullmatch(text):
            text = pending.pop(process, resumed[1] + b"(") + resumed[2]
        call = _parsed(process, text)
        strange += call is None
        if call is not None:
            yield call
        if strange > _MAX_STRANGE:
            raise RecordMalformed("trace: expected the lines that strace writes, found others")
    for process, text in pending.items():  # asked for, and then the process was no more
        name, _, arguments = text.partition(b"(")
        yield Call(process, name.decode("ascii", "replace"), arguments, None, b"")


def _parsed(process: int, text: bytes) -> Call | None:
    if (name := _NAME.match(text)) and (found := _RESULT.fullmatch(text, _close(text, name.end()))):
        result = None if found[1] == b"?" else int(found[1], 0)
        return Call(process, name[1].decode(), text[name.end() : found.start()], result, found[2].strip())
    if found := _SIGNAL.match(text):
        return Call(process, TRAPPED, found[1], None, b"")
    if found := _ENDED.fullmatch(text):
        return Call(process, KILLED if found[2] == b"SIGSYS" else ENDED, found[1], None, b"")
    return Call(process, "signal", text, None, b"") if text.startswith(b"--- ") else None


def _close(text: bytes, start: int) -> int:
    """Find the bracket that closes the arguments; a name may hold what looks like it, so then every byte is read."""
    found = [one.start() for one in _CLOSE.finditer(text, start)]
    if len(found) <= 1:
        return found[0] if found else len(text)
    return next((at for at, depth in _outside(text, start) if depth < 0), len(text))


def split(text: bytes) -> list[bytes]:
    """Split at the commas outside of strings, brackets and decoded paths."""
    commas = [at for at, depth in _outside(text, 0) if depth == 0 and text[at] == ord(",")]
    return [text[a:b].strip() for a, b in zip([0, *(at + 1 for at in commas)], [*commas, len(text)], strict=True)]


def _outside(text: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield position and depth of each byte that is neither in a string nor in a decoded path."""
    depth, position = 0, start
    while position < len(text):
        byte = text[position]
        if byte == ord('"'):
            position = _string_end(text, position)
        elif byte == ord("<") and (text[position - 1 : position].isdigit() or text[:position].endswith(b"AT_FDCWD")):
            position = max(text.find(b">", position), position)
        else:
            depth += (byte in _OPENING) - (byte in _CLOSING)
            yield position, depth
        position += 1


def _string_end(text: bytes, position: int) -> int:
    """Find the quote that ends the string which starts here; the end of the text when there is none."""
    at = position + 1
    while at < len(text):
        if text[at] == ord("\\"):
            at += 1
        elif text[at] == ord('"'):
            return at
        at += 1
    return len(text)


def string(quoted: bytes) -> bytes | None:
    """Undo strace's quoting; None for what is no string (a pointer, NULL)."""
    body = quoted.removesuffix(b"...")
    if len(body) < 2 or body[:1] != b'"' or body[-1:] != b'"':  # noqa: PLR2004  # two quotes
        return None
    return unescaped(body[1:-1])


def unescaped(body: bytes) -> bytes:
    """Undo C escapes."""

    def plain(found: re.Match[bytes]) -> bytes:
        code = found[1]
        if code[:1] == b"x" and len(code) > 1:
            return bytes([int(code[1:], 16)])
        if code[:1].isdigit():
            return bytes([int(code, 8) & 0xFF])
        return _NAMED.get(code, code)

    return _ESCAPE.sub(plain, body)


def strings(text: bytes) -> Iterator[bytes]:
    """Yield every string in a text, wherever it stands."""
    position = text.find(b'"')
    while position >= 0:
        end = _string_end(text, position)
        yield unescaped(text[position + 1 : end])
        position = text.find(b'"', end + 1)


def descriptor(argument: bytes) -> tuple[bytes, bytes]:
    """Split `3</a/path>` into number and unescaped path; the path is empty when strace did not know it."""
    found = _DESCRIPTOR.fullmatch(argument)
    return (b"", b"") if found is None else (found[1], unescaped(found[2] or b""))
