"""A program is run as a shell would run it, and nothing of it outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from countermark_agents import process
from countermark_agents.errors import ProgramMissing

RUNNER = """
import os, pathlib, sys
from countermark_agents import process
sys.exit(process.run(sys.argv[1:], pathlib.Path.cwd(), os.environ))
"""


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pass", 0),
        ("raise SystemExit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143),
    ],
)
def test_the_exit_code_is_the_one_a_shell_would_give(tmp_path: Path, code: str, expected: int) -> None:
    assert process.run(python(code), tmp_path, {}) == expected


def test_the_program_runs_where_it_is_told_with_exactly_the_environment_it_is_given(tmp_path: Path) -> None:
    code = "import json, os; open('seen', 'w').write(json.dumps([os.getcwd(), os.environ['A'], 'HOME' in os.environ]))"
    assert process.run(python(code), tmp_path, {"A": "b"}) == 0
    assert (tmp_path / "seen").read_text() == f'["{tmp_path.resolve()}", "b", false]'


def test_the_standard_streams_are_ours() -> None:
    shout = python("import sys; sys.stdout.write(sys.stdin.read().upper()); sys.stderr.write('err')")
    done = subprocess.run([*python(RUNNER), *shout], input=b"abc", capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"ABC", b"err")


@pytest.mark.parametrize("program", ["no-such-program", "."])
def test_a_program_that_cannot_start_is_told_by_name(tmp_path: Path, program: str) -> None:
    with pytest.raises(ProgramMissing, match=f"'{program}'"):
        process.run([program], tmp_path, {"PATH": os.environ["PATH"]})


@pytest.mark.parametrize("leftover", ["sleep 600 &", "(trap '' TERM HUP INT; sleep 600) & exit 3"])
def test_what_a_program_leaves_running_in_its_group_is_killed(leftover: str) -> None:
    """The leftover holds our standard output: while it lives, reading does not come to an end."""
    done = subprocess.run([*python(RUNNER), "sh", "-c", leftover], capture_output=True, check=False, timeout=60)
    assert done.returncode == (3 if "exit 3" in leftover else 0)


@pytest.mark.parametrize("number", process.FORWARDED)
def test_a_signal_that_asks_us_to_stop_reaches_the_program(number: signal.Signals, tmp_path: Path) -> None:
    code = "import signal, sys; signal.signal(int(sys.argv[1]), lambda *_: sys.exit(42)); print('ready', flush=True)"
    program = python(f"{code}\nwhile True: signal.pause()", str(int(number)))
    with subprocess.Popen([*python(RUNNER), *program], stdout=subprocess.PIPE, cwd=tmp_path) as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == b"ready\n"
        ours.send_signal(number)
        assert ours.wait() == 42


def test_a_signal_that_comes_before_the_program_has_started_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = subprocess.Popen

    def starting(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        os.kill(os.getpid(), signal.SIGTERM)
        return really(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", starting)
    assert process.run(["sleep", "600"], tmp_path, {"PATH": os.environ["PATH"]}) == 128 + signal.SIGTERM


def test_the_former_signal_handlers_come_back(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in process.FORWARDED]
    process.run(python("pass"), tmp_path, {})
    assert [signal.getsignal(number) for number in process.FORWARDED] == before


IN_A_TERMINAL = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"


def in_a_terminal(code: str) -> subprocess.CompletedProcess[bytes]:
    argv = [*python(IN_A_TERMINAL), *python(RUNNER), *python(code)]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)


def test_a_program_in_a_terminal_may_read_it_and_gives_it_back() -> None:
    """A background group that reads its terminal is stopped; so ours must be the foreground one."""
    done = in_a_terminal("import os; print(os.tcgetpgrp(0) == os.getpgrp())")
    assert (done.returncode, done.stdout) == (0, b"True\r\n")


STOPPED = """
import os, pathlib, signal, sys
from countermark_agents import process
watcher = os.fork()
if not watcher:
    ours = os.getppid()
    os.setpgid(0, 0)
    print("watching", flush=True)
    while True:
        state = pathlib.Path(f"/proc/{ours}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "T":
            os.kill(ours, signal.SIGCONT)
            os._exit(0)
code = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); raise SystemExit(9)"
found = process.run([sys.executable, "-c", code], pathlib.Path.cwd(), os.environ)
os.waitpid(watcher, 0)
sys.exit(found)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the test watches the process state in /proc")
def test_a_program_that_is_stopped_stops_us_and_goes_on_with_us() -> None:
    assert subprocess.run(python(STOPPED), capture_output=True, check=False, timeout=60).returncode == 9
