"""What calls about files mean.

Layer: scanners, dynamic. Does no I/O.
Trust: arguments are hostile text. A path that strace decoded from the open descriptor is believed before the one that
the program wrote, because it is what was opened, whatever links led there.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from . import strace
from .behaviour import Behaviour, said
from .places import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .places import Places
    from .strace import Call

_ON_PATH = "creat unlink rmdir mkdir truncate chmod mknod chown lchown setxattr lsetxattr"
_AT_DIRECTORY = "unlinkat mkdirat mknodat fchmodat fchmodat2 fchownat"
_ONE_PATH = {"symlink": 1, **dict.fromkeys(_ON_PATH.split(), 0)}  # call: index of the path
_AT_PATH = {"symlinkat": 1, **dict.fromkeys(_AT_DIRECTORY.split(), 0)}  # call: index of the directory; the path follows
_TWO_PATHS = {"rename": (0, 1), "link": (0, 1), "renameat": (1, 3), "renameat2": (1, 3), "linkat": (1, 3)}
_OPENING = {"open": 1, "openat": 2, "openat2": 2}
_DESCRIPTORS = frozenset({"fchmod", "fchown"})
CALLS = frozenset({*_ONE_PATH, *_AT_PATH, *_TWO_PATHS, *_OPENING, *_DESCRIPTORS})

_WRITING = re.compile(rb"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)|__O_TMPFILE|O_TMPFILE")
_SETUID = re.compile(rb"0[4567]\d{3}")
_DEVICE = re.compile(rb"S_IF(BLK|CHR)")
_NOTHING_THERE = frozenset({"ENOENT", "ENOTDIR"})
_CREATES = frozenset({"creat", "mkdir", "mkdirat", "mknod", "mknodat", "symlink", "symlinkat"})


def judge(call: Call, cwd: str, places: Places) -> Iterator[Behaviour]:
    """Yield what one call about files did."""
    arguments = call.split()
    if call.name in _OPENING:
        yield from _opened(call, arguments, cwd, places)
    elif call.name in _TWO_PATHS:
        yield from _moved(call, arguments, cwd, places)
    else:
        yield from _changed(call, arguments, cwd, places)


def directory(call: Call) -> str | None:
    """Return the working directory that strace decoded, where the call names it."""
    for argument in call.arguments.split(b">", 2)[:2]:
        _, mark, path = argument.rpartition(b"AT_FDCWD<")
        if mark and b'"' not in argument:
            return os.fsdecode(strace.unescaped(path))
    return None


def _opened(call: Call, arguments: list[bytes], cwd: str, places: Places) -> Iterator[Behaviour]:
    flags_at = _OPENING[call.name]
    if len(arguments) <= flags_at:
        return
    spelled = _text(arguments[flags_at - 1])
    path = os.fsdecode(call.made) or _path(arguments, flags_at - 1, cwd)
    rule = places.opened(path, spelled=spelled)
    writes = _WRITING.search(arguments[flags_at])
    if rule is None and writes and (b"O_CREAT" in arguments[flags_at] or call.failed not in _NOTHING_THERE):
        rule = places.changed(path)
    if rule is None and path.startswith("/memfd:"):
        rule = "run-memory-execution"  # opened anew by a name of /proc: the way a library or program is loaded from it
    if rule:
        yield Behaviour(rule, places.shown(path))


def _moved(call: Call, arguments: list[bytes], cwd: str, places: Places) -> Iterator[Behaviour]:
    for index in _TWO_PATHS[call.name]:
        path = _path(arguments, index, cwd)
        source = index == _TWO_PATHS[call.name][0]
        kept = source and (call.name.startswith("link") or call.failed in _NOTHING_THERE)
        if rule := places.opened(path) or (None if kept else places.changed(path)):
            yield Behaviour(rule, places.shown(path))


def _changed(call: Call, arguments: list[bytes], cwd: str, places: Places) -> Iterator[Behaviour]:
    path = _changed_path(call, arguments, cwd)
    mode = b" ".join(arguments[1:4])
    if call.name.startswith(("chmod", "fchmod")) and _SETUID.search(mode):
        yield Behaviour("run-privilege", said(f"a set-user-id program, {path}"))
    if call.name.startswith("mknod") and _DEVICE.search(mode):
        yield Behaviour("run-kernel-surface", said(f"a device file, {path}"))
    there = call.name in _CREATES or call.failed not in _NOTHING_THERE
    made_before = call.name.startswith("mkdir") and call.failed in {"EEXIST", "EISDIR"}
    if there and not made_before and (rule := places.changed(path)):
        yield Behaviour(rule, places.shown(path))
    if call.name.startswith("symlink") and (target := places.opened(resolve(cwd, _text(arguments[0])))):
        yield Behaviour(target, said(f"a link to {_text(arguments[0])}"))


def _changed_path(call: Call, arguments: list[bytes], cwd: str) -> str:
    if call.name in _DESCRIPTORS:
        return os.fsdecode(strace.descriptor(arguments[0])[1])
    return _path(arguments, _ONE_PATH.get(call.name, _AT_PATH.get(call.name, 0) + 1), cwd)


def _path(arguments: list[bytes], index: int, cwd: str) -> str:
    """Resolve the path at an index against the directory before it, where that is one."""
    if index >= len(arguments):
        return cwd
    base = strace.descriptor(arguments[index - 1])[1] if index else b""
    return resolve(os.fsdecode(base) if base.startswith(b"/") else cwd, _text(arguments[index]))


def _text(argument: bytes) -> str:
    return os.fsdecode(strace.string(argument) or b"")
