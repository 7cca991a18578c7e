"""Which line of Python did it: an audit hook that writes down causes, and a clock that can be moved.

Layer: scanners, dynamic. Copied into the sandbox as a module and installed by its `sitecustomize`. Standard library
only; imports nothing of ours.
Trust: it runs beside hostile code, which can blind it, feed it lies or leave it out (`python -I -S`, other languages,
`ctypes`). What it writes explains what strace saw; it never acquits anybody.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_TOLD_NAMES = (
    "socket.connect socket.getaddrinfo socket.gethostbyname socket.sendto socket.sendmsg subprocess.Popen os.exec "
    "os.system os.posix_spawn os.fork os.symlink os.link os.rename os.mkdir os.chmod os.remove os.rmdir pty.spawn "
    "ctypes.dlopen ctypes.dlsym"
)
_TOLD = frozenset(_TOLD_NAMES.split())
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_MAX_TEXT = 600
_MAX_TOLD = 2000


def install(workspace: str, home: str, sink: str) -> None:
    """Write one line for each telling event that code of the workspace is behind."""
    left = [_MAX_TOLD]
    busy: set[int] = set()

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        telling = _opens(arguments, home) if event == "open" else event in _TOLD
        thread = get_ident()
        if not telling or left[0] <= 0 or thread in busy:
            return
        left[0] -= 1
        busy.add(thread)  # writing a line down opens a file, which is an event again
        try:
            _tell(event, arguments, workspace, sink)
        except Exception:  # noqa: BLE001, S110  # an explanation that fails must not change what the program does
            pass
        finally:
            busy.discard(thread)

    sys.addaudithook(hook)


def _opens(arguments: tuple[object, ...], home: str) -> bool:
    path, _, flags = arguments
    writes = isinstance(flags, int) and bool(flags & _WRITING)
    return writes or (isinstance(path, str) and (path.startswith(home) or "/proc/" in path))


def _tell(event: str, arguments: tuple[object, ...], workspace: str, sink: str) -> None:
    """Write event, arguments, file and line, each on its own side of a tab, which `ascii` never leaves in a text."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  # the one way to the caller's line
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(workspace) or not name.startswith(("/", "<")):
            place = name.removeprefix(workspace).lstrip("/")
            line = "\t".join((event, ascii(arguments)[:_MAX_TEXT], ascii(place)[1:-1], str(frame.f_lineno)))
            _append(f"{sink}/{os.getpid()}", f"{line}\n".encode())
            return
        frame = frame.f_back


def _append(path: str, line: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def move_clock(seconds: int) -> None:
    """Move what Python's own calls say about the date. Waits, `monotonic` and the age of files stay as they are."""
    _move_time(seconds)
    import datetime as dt  # noqa: PLC0415  # every Python process in the sandbox would pay for it

    of_datetime: dict[str, object] = {
        "now": classmethod(lambda cls, tz=None: cls.fromtimestamp(time.time(), tz)),
        "today": classmethod(lambda cls: cls.fromtimestamp(time.time())),
        "utcnow": classmethod(lambda cls: cls.fromtimestamp(time.time(), dt.UTC).replace(tzinfo=None)),
    }
    of_date: dict[str, object] = {"today": classmethod(lambda cls: cls.fromtimestamp(time.time()))}
    for name, methods in (("datetime", of_datetime), ("date", of_date)):
        setattr(dt, name, _alike(getattr(dt, name), methods))


def _alike(real: type, methods: dict[str, object]) -> type:
    """Make a class that stands in for another, under its name, and recognises what C code still makes of that one."""

    class Alike(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real)

    return Alike(real.__name__, (real,), {**methods, "__module__": real.__module__, "__doc__": real.__doc__})


def _move_time(seconds: int) -> None:
    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + seconds
    time.time_ns = lambda: now_ns() + seconds * 1_000_000_000
    for name in ("gmtime", "localtime", "ctime"):
        setattr(time, name, _moved(getattr(time, name)))
    strftime, localtime = time.strftime, time.localtime
    time.strftime = lambda form, *at: strftime(form, *(at or (localtime(),)))


def _moved(real: Callable[[float], object]) -> Callable[..., object]:
    def moved(at: float | None = None) -> object:
        return real(time.time() if at is None else at)

    return moved
