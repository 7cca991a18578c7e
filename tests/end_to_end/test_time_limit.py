"""The hard limit: whatever hangs, and wherever, the gate ends with 20, says so, and leaves no program behind.

Each test is a process of its own, because the limit ends the process. What is to hang is put into a port before the
command line starts; the clock is set to come when it hangs, so that no machine is too slow for the test.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from countermark_service.gate.limit import GRACE_SECONDS, Limit

from .conftest import Scene

FAR_OFF = 600
"""Seconds: a limit that a test never waits for."""

WHEN_IT_HANGS = """
import time
from pathlib import Path
from countermark_service.gate import limit

class WhenItHangs:
    def wait(self, seconds):
        while not Path(MARK).exists():
            time.sleep(0.01)
        return False

    def set(self):
        pass

started = limit.Limit.__init__

def starts(self, *arguments):
    started(self, *arguments)
    self._done = WhenItHangs()

limit.Limit.__init__ = starts
"""
HANGING_PROGRAM = """#!/bin/sh
sleep 1000 &
echo $! > {mark}.new
echo $$ >> {mark}.new
mv {mark}.new {mark}
sleep 1000
"""
SCAN = """
from countermark_service.cli import deciding

def hang(*_):
    Path(MARK).write_text(str(os.getpid()))
    {hang}

deciding.scan_landing = lambda *_: hang
"""


DECIDED = """
from countermark_service.gate import speaking, steps
steps._scan = lambda _, facts, *more: facts
speak = speaking.speak
speaking.speak = lambda *said: hang() or speak(*said)
"""


class Hung:
    """A scene in which something will hang. `mark` appears when it does, and names processes that must go too."""

    def __init__(self, scene: Scene, place: Path) -> None:
        self.scene = scene
        self.mark = place / "hangs"
        self.scratch = place / "scratch"
        self.scratch.mkdir()
        scene.change({"app.py": "two = 2\n"})

    def program(self, path: Path) -> Path:
        """Write a program that hangs, and whose own child holds its pipes."""
        path.parent.mkdir(exist_ok=True)
        path.write_text(HANGING_PROGRAM.format(mark=self.mark))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def start(self, before: str, *words: str, when_it_hangs: bool = True, **more: object) -> subprocess.Popen[bytes]:
        """Start the gate with something done before."""
        code = "\n".join(
            [
                f"import os, sys\nMARK = {str(self.mark)!r}",
                WHEN_IT_HANGS if when_it_hangs else "from pathlib import Path",
                before,
                "from countermark_service.cli import main\nsys.exit(main(sys.argv[1:]))",
            ]
        )
        limited = () if "--time-limit" in words else ("--time-limit", str(FAR_OFF))
        argv = [sys.executable, "-I", "-c", code, "gate", *limited, *words]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        env = {**os.environ, "TMPDIR": str(self.scratch)}
        return subprocess.Popen(argv, cwd=self.scene.root, **{"env": env, **streams, **more})

    def gate(self, before: str, *words: str, **more: object) -> tuple[int, str, str]:
        """Run the gate to its end; nothing of it is left but what it said."""
        with self.start(before, *words, **more) as process:
            out, err = process.communicate(timeout=120)
        assert list(self.scratch.iterdir()) == []
        return process.returncode, out.decode(), err.decode()

    def assert_nobody_left(self) -> None:
        pids = [int(word) for word in self.mark.read_text().split()]
        assert pids
        assert [pid for pid in pids if not gone(pid)] == []


def gone(pid: int) -> bool:
    """A killed process may take a moment to die; one that was not killed sleeps for a quarter of an hour."""
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def hung(scene: Scene, tmp_path: Path) -> Hung:
    return Hung(scene, tmp_path)


@pytest.fixture
def recorded(scene: Scene) -> Iterator[None]:
    """Nothing was signed meanwhile."""
    scene.must("log", "export", "../before")
    before = scene.must("log", "checkpoint").splitlines()[1]
    yield
    assert scene.must("log", "checkpoint").splitlines()[1] == before


def fake_git(hung: Hung, command: str) -> dict[str, str]:
    """Put a git before the real one that hangs at one of its commands."""
    real = next(p for p in (Path(d, "git") for d in os.environ["PATH"].split(os.pathsep)) if p.is_file())
    hanging = hung.program(hung.mark.parent / "bin" / "hang")
    fake = hanging.with_name("git")
    fake.write_text(f'#!/bin/sh\n[ "$1" = {command} ] && exec {hanging}\nexec {real} "$@"\n')
    fake.chmod(0o755)
    return {**os.environ, "PATH": f"{fake.parent}{os.pathsep}{os.environ['PATH']}", "TMPDIR": str(hung.scratch)}


@pytest.mark.parametrize(("command", "step"), [("merge-tree", "2/8"), ("merge-base", "2/8"), ("version", "0/8")])
def test_a_git_process_that_hangs(command: str, step: str, hung: Hung) -> None:
    code, out, _ = hung.gate("", "--json", env=fake_git(hung, command))
    assert code == 20
    (reason,) = json.loads(out)["reasons"]
    assert f"came during step {step}" in reason["message"]
    hung.assert_nobody_left()


def test_a_git_that_is_asked_many_things_and_hangs_before_the_policy_is_read(hung: Hung) -> None:
    code, out, _ = hung.gate("", "--json", env=fake_git(hung, "cat-file"))
    said = json.loads(out)
    assert (code, said["verdict"], said["enforcing"]) == (20, "INCONCLUSIVE", True)
    assert "came during step 1/8 reading policy" in said["reasons"][0]["message"]
    hung.assert_nobody_left()


def test_a_scanner_that_hangs_is_killed_with_the_child_that_holds_its_pipes(hung: Hung) -> None:
    hanging = hung.program(hung.mark.parent / "bin" / "hang")
    before = f"from countermark_scanners import tool\ntool.interpreter = tool.program = lambda *_: {str(hanging)!r}\n"
    code, out, err = hung.gate(before)
    assert (code, out.splitlines()[0].split()[0]) == (20, "INCONCLUSIVE")
    assert "came during step 6/8 scanning what would land" in out
    assert "hint:        countermark gate --time-limit 3600" in out
    assert "PASSED" not in out + err
    hung.assert_nobody_left()


@pytest.mark.parametrize(
    "hang",
    [
        pytest.param("while True: pass", id="our-own-loop"),
        pytest.param("time.sleep(1000)", id="a-call-that-waits"),
        pytest.param(
            "threading.Lock().acquire() and (lock := threading.Lock()).acquire() and lock.acquire()", id="lock"
        ),
        pytest.param("swallow()", id="a-loop-that-swallows-every-exception"),
        pytest.param("os.read(os.pipe()[0], 1)", id="a-pipe-that-nobody-writes-to"),
    ],
)
def test_what_hangs_in_our_own_process_in_any_way(hang: str, hung: Hung, recorded: None) -> None:
    swallow = """
import threading

def swallow():
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            continue
"""
    code, out, _ = hung.gate(swallow + SCAN.format(hang=hang), "--json")
    said = json.loads(out)
    assert (code, said["verdict"], said["code"], said["exitCode"]) == (20, "INCONCLUSIVE", 20, 20)
    assert (said["preliminary"], said["verdictBundle"]) == (True, None)
    assert "came during step 6/8" in said["reasons"][0]["message"]


def test_the_clock_is_a_real_one(hung: Hung) -> None:
    code, out, _ = hung.gate(SCAN.format(hang="while True: pass"), "--json", "--time-limit", "1", when_it_hangs=False)
    assert (code, json.loads(out)["verdict"]) == (20, "INCONCLUSIVE")


def test_a_regular_expression_that_never_lets_go_of_the_interpreter(hung: Hung) -> None:
    hang = "import re, signal; signal.setitimer(signal.ITIMER_REAL, 0.5); re.match('(a+)+$', 'a' * 60 + 'b')"
    code, out, _ = hung.gate(SCAN.format(hang=hang), "--json")
    assert (code, json.loads(out)["verdict"]) == (20, "INCONCLUSIVE")
    assert hung.mark.exists()


def test_code_that_looks_at_no_signal_either_is_ended_as_an_internal_error(hung: Hung) -> None:
    last = "import faulthandler, itertools; faulthandler.dump_traceback_later(1, exit=True, file=2)"
    before = SCAN.format(hang=f"{last}; all(itertools.repeat(True))")
    with hung.start(before, "--json", when_it_hangs=False) as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, b"")
    assert b"Timeout" in err


def test_what_ends_a_process_that_nothing_else_ends_comes_after_the_limit(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    armed = []
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda after, **how: armed.append((after, how)))
    scene.run("gate", "--time-limit", "100")
    assert armed == [(100 + 4 * GRACE_SECONDS, {"exit": True, "file": 2})]


def test_while_the_policy_observes_the_limit_is_said_and_not_enforced(hung: Hung) -> None:
    scene = hung.scene
    scene.git("checkout", "-q", "main")
    policy = json.loads((scene.root / ".countermark" / "policy.json").read_text())
    scene.write({".countermark/policy.json": json.dumps({**policy, "mode": "observe"})})
    scene.commit("observe")
    scene.git("checkout", "-q", "work")
    code, out, _ = hung.gate(SCAN.format(hang="while True: pass"), "--json")
    said = json.loads(out)
    assert (code, said["verdict"], said["code"], said["enforcing"]) == (0, "INCONCLUSIVE", 20, False)
    hung.mark.unlink()
    code, out, _ = hung.gate(SCAN.format(hang="while True: pass"))
    assert (code, "NOT ENFORCING" in out) == (0, True)
    hung.mark.unlink()
    code, out, _ = hung.gate("", "--json", env=fake_git(hung, "cat-file"))
    assert (code, json.loads(out)["enforcing"]) == (20, True)


@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_saying_it_may_hang_as_well_and_then_nothing_is_green(mode: str, hung: Hung) -> None:
    before = "from countermark_service.gate import limit\nlimit.GRACE_SECONDS = 0.5\n"
    before += "from countermark_service.gate import speaking\nspeaking.speak = lambda *_: time.sleep(1000)\n"
    code, out, _ = hung.gate(before + SCAN.format(hang="while True: pass"), "--json")
    assert (code, out) == (20, "")


@pytest.mark.parametrize("hang", ["pass", "while True: pass"], ids=["decided", "not-decided"])
def test_a_reader_that_stops_reading_holds_nobody(hang: str, hung: Hung) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while os.write(writer, b" " * 512):
            continue
    os.set_blocking(writer, True)
    before = "from countermark_service.gate import limit\nlimit.GRACE_SECONDS = 0.5\n" + SCAN.format(hang=hang)
    if hang == "pass":
        before += DECIDED
    try:
        with hung.start(before, "--record", "never", stdout=writer) as process:
            process.communicate(timeout=120)
    finally:
        os.close(reader)
        os.close(writer)
    assert process.returncode == 20
    assert hung.mark.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_job_that_is_cancelled_leaves_no_program_and_no_folder_behind(number: signal.Signals, hung: Hung) -> None:
    hanging = hung.program(hung.mark.parent / "bin" / "hang")
    before = f"from countermark_scanners import tool\ntool.interpreter = tool.program = lambda *_: {str(hanging)!r}\n"
    with hung.start(before, when_it_hangs=False) as process:
        while not hung.mark.exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        process.communicate(timeout=120)
    assert process.returncode == -number
    assert list(hung.scratch.iterdir()) == []
    hung.assert_nobody_left()


def test_a_decision_in_time_is_not_touched_and_nothing_is_left_running(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    handlers = [signal.getsignal(one) for one in (signal.SIGALRM, signal.SIGTERM, signal.SIGHUP)]
    assert scene.code("--time-limit", str(FAR_OFF)) == 0
    assert [signal.getsignal(one) for one in (signal.SIGALRM, signal.SIGTERM, signal.SIGHUP)] == handlers
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert not [thread for thread in threading.enumerate() if thread.name == "time-limit" and alive(thread)]


def alive(thread: threading.Thread) -> bool:
    thread.join(10)
    return thread.is_alive()


def test_a_refusal_in_time_is_not_touched_either(scene: Scene) -> None:
    assert scene.run("gate", "--head", "no-such-revision") == 2
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_caller_within_python_may_run_it_in_any_thread() -> None:
    seen = []

    def call() -> None:
        watch = Limit(FAR_OFF, print)
        with watch.running(print):
            watch.step("1/8 something")
            seen.append(signal.getitimer(signal.ITIMER_REAL))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert seen == [(0.0, 0.0)]


@pytest.mark.parametrize("seconds", ["0", "-1", "1.5", "86401", "a minute", "", "9" * 30, "\u0661"])
def test_a_limit_that_is_none_is_refused(seconds: str, scene: Scene) -> None:
    assert scene.run("gate", "--time-limit", seconds) == 2
