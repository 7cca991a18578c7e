"""Git plumbing as a child process: the only subprocess of the ledger.

Layer: ledger git. Imports nothing of ours but `errors` and `leftovers`.
Trust: git obeys the configuration, hooks, attributes, grafts and replacements of the repository it runs in,
and a checkout is hostile. So it never runs in theirs. It runs in a bare GIT_DIR that we made, with an
environment built from nothing, and reaches their objects through one alternate. The one exception is
`run_own`: what a person asked for in their own checkout, by which nothing is ever decided.

What a hostile object store can still do to git itself is bounded: time, silence, and the size of one allocation.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple, Protocol, cast

from .. import leftovers
from ..errors import GitError

MIN_VERSION = (2, 38)
TIME_LIMIT = 120.0
STALL_LIMIT = 20.0
COMPLAINT_BYTES = 2000
STREAM_BUFFER = 1 << 18
ALLOCATION_LIMIT = "512m"

_VERSION = re.compile(r"git version (([0-9]+)\.([0-9]+)[^\s]*)")
_INHERITED = ("TMPDIR", "DEVELOPER_DIR")
_ALTERNATE = b"../theirs\n"
_CONFIG = """\
[core]
	repositoryformatversion = 1
	bare = true
	attributesFile = /dev/null
	hooksPath = /dev/null
	fsmonitor = false
	commitGraph = false
	multiPackIndex = false
	looseCompression = 0
	fsync = none
[extensions]
	objectFormat = {object_format}
[gc]
	auto = 0
[merge]
	renames = false
	directoryRenames = false
	renameLimit = 1
[protocol]
	allow = never
"""


class Finished(NamedTuple):
    """A child that ran to its end: exit code, standard output, and what it complained about."""

    code: int
    output: bytes
    complaint: str


@dataclass(frozen=True, slots=True)
class Git:
    """The git program, bound to a bare directory of ours."""

    program: str
    directory: Path
    version: str

    @classmethod
    def over(cls, objects: Path, *, object_format: str, directory: Path) -> Git:
        """Make the bare directory over an object store that was already checked."""
        for folder in ("refs", "objects/info"):
            (directory / folder).mkdir(parents=True)
        (directory / "HEAD").write_bytes(b"ref: refs/heads/none\n")
        (directory / "config").write_text(_CONFIG.format(object_format=object_format), encoding="ascii")
        # A link of ours spares us the quoting rules of the alternates file for a hostile directory name.
        (directory / "theirs").symlink_to(objects)
        (directory / "objects" / "info" / "alternates").write_bytes(_ALTERNATE)
        program = _program()
        return cls(program, directory, _version(program, directory))

    def run(self, *arguments: str) -> Finished:
        """Run one plumbing command to its end; the caller judges the exit code."""
        return _run([self.program, *arguments], self.directory)


class Batch:
    """One `git cat-file --batch-command`, started at the first question and asked many times."""

    def __init__(self, git: Git) -> None:
        """Start nothing yet."""
        self._git = git
        self._child: _Child | None = None

    @contextmanager
    def ask(self, commands: bytes) -> Iterator[Answers]:
        """Send whole command lines and lend the stream their answers arrive on.

        With `--buffer` git takes every command before it answers any, so neither side can wait for the
        other. A reader that leaves early ends the child: the next question finds a fresh stream.
        """
        child = self._child = self._child or _Child(self._git)
        try:
            child.send(commands + b"flush\n")
            yield child
        except BaseException:  # whatever left the stream half read; raised again
            self.close()
            raise

    def close(self) -> None:
        """End the child, if one runs."""
        child, self._child = self._child, None
        if child is not None:
            child.end()


class Answers(Protocol):
    """A stream that ends in `GitError`, never in silence."""

    def line(self) -> bytes:
        """Read one line, without its end."""
        ...

    def exactly(self, size: int) -> bytes:
        """Read so many bytes."""
        ...


class _Child:
    def __init__(self, git: Git) -> None:
        self._errors = tempfile.TemporaryFile(dir=git.directory)  # noqa: SIM115  # closed by `end`
        self._process = subprocess.Popen(  # noqa: S603  # an absolute program, arguments of ours
            [git.program, "cat-file", "--batch-command", "--buffer"],
            cwd=git.directory,
            env=_environment(git.directory),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            process_group=0,
        )
        self._known = ExitStack()
        self._known.enter_context(leftovers.program(self._process.pid))
        self._questions = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._ready = select.poll()
        self._ready.register(self._answers, select.POLLIN)
        self._read = bytearray()

    def send(self, commands: bytes) -> None:
        left = memoryview(commands)
        try:
            while left:
                left = left[os.write(self._questions.fileno(), left) :]
        except OSError as error:
            raise self._stopped() from error

    def line(self) -> bytes:
        end = self._read.find(b"\n")
        while end < 0:
            self._more()
            end = self._read.find(b"\n")
        return self._take(end + 1)[:-1]

    def exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            self._more()
        return self._take(size)

    def end(self) -> None:
        with self._known:
            leftovers.kill_group(self._process.pid)
            self._questions.close()
            self._answers.close()
            self._errors.close()
            self._process.wait()

    def _take(self, size: int) -> bytes:
        taken = bytes(self._read[:size])
        del self._read[:size]
        return taken

    def _more(self) -> None:
        """Read what there is. git answers a damaged object with too few bytes and then waits: so don't we."""
        if not self._ready.poll(STALL_LIMIT * 1000):
            raise GitError(f"git cat-file: expected an answer within {STALL_LIMIT} s, found none")
        piece = os.read(self._answers.fileno(), STREAM_BUFFER)
        if not piece:
            raise self._stopped()
        self._read += piece

    def _stopped(self) -> GitError:
        self._errors.seek(0)
        return GitError(f"git cat-file stopped before it answered: {_last_line(self._errors.read(COMPLAINT_BYTES))}")


def _run(command: list[str], directory: Path) -> Finished:
    child = subprocess.Popen(  # noqa: S603  # an absolute program, arguments of ours
        command,
        cwd=directory,
        env=_environment(directory),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    with child, leftovers.program(child.pid):
        try:
            output, complaint = child.communicate(timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired as error:
            raise GitError(f"git {command[1]}: expected an answer within {TIME_LIMIT} s, found none") from error
        finally:
            if child.returncode is None:
                leftovers.kill_group(child.pid)
    return Finished(child.returncode, output, complaint[:COMPLAINT_BYTES].decode("utf-8", "replace"))


def _environment(directory: Path) -> dict[str, str]:
    """Build the whole environment: nothing of the caller's but where programs and scratch space are."""
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        "PATH": _search_path(),
        "LC_ALL": "C",
        "HOME": str(directory),
        "XDG_CONFIG_HOME": str(directory),
        "GIT_DIR": str(directory),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOC_LIMIT": ALLOCATION_LIMIT,
    }


def _search_path() -> str:
    """PATH without its relative entries, through which a checkout could offer its own git."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if Path(entry).is_absolute())


def _program() -> str:
    program = shutil.which("git", path=_search_path())
    if program is None:
        raise GitError("git: expected the program on PATH, found none", hint="install git 2.38 or newer")
    return program


def _version(program: str, directory: Path) -> str:
    said = _run([program, "version"], directory).output.decode("utf-8", "replace")
    found = _VERSION.match(said)
    if found is None or (int(found[2]), int(found[3])) < MIN_VERSION:
        raise GitError(
            f"git: expected version {MIN_VERSION[0]}.{MIN_VERSION[1]} or newer, found {said.strip()!r:.80}",
            hint="install git 2.38 or newer (it brings `git merge-tree --write-tree`)",
        )
    return found[1]


def _last_line(complaint: bytes) -> str:
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no reason given"


def run_own(
    checkout: Path, *arguments: str, stdin: bytes = b"", index: Path | None = None, at: datetime | None = None
) -> Finished:
    """Run git in the user's OWN checkout, with the user's own configuration; the caller judges the exit code.

    Only for what a person asked for there (a commit, a push, a fetch): reading never goes this way. Hooks and
    file system monitors are off; the caller's `GIT_*` variables are dropped, so that nothing redirects it. `at` is
    the time (UTC) that a commit bears instead of now.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1"}
    if index is not None:
        environment["GIT_INDEX_FILE"] = str(index)
    if at is not None:
        date = f"@{int(at.timestamp())} +0000"
        environment |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    try:
        done = subprocess.run(  # noqa: S603  # an absolute program, arguments of ours
            [_program(), "-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", *arguments],
            cwd=checkout,
            env=environment,
            input=stdin,
            capture_output=True,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {arguments[0]}: expected an answer within {TIME_LIMIT} s, found none") from error
    return Finished(done.returncode, done.stdout, done.stderr[:COMPLAINT_BYTES].decode("utf-8", "replace"))
