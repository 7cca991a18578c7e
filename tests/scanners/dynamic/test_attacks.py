"""Ways to run unseen, to blind the tracer, to get out, or to outlast: each held, or at least said."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from countermark_ledger.node import Mode
from countermark_scanners.dynamic import stage
from countermark_scanners.dynamic.bubblewrap import Bubblewrap
from countermark_scanners.dynamic.errors import NoIsolation
from countermark_scanners.dynamic.plan import Plan
from countermark_scanners.dynamic.sandbox import Sandbox
from countermark_scanners.dynamic.stage import Outcome

pytestmark = pytest.mark.parts

Run = Callable[..., Outcome]
REACH = "import socket; socket.socket().connect_ex(('192.0.2.1', 80))\n"


@pytest.fixture
def run(sandbox: Sandbox) -> Run:
    """Run one Python text on both machines."""

    def run_it(source: str, *, seconds: int = 60, more: dict[str, bytes] | None = None) -> Outcome:
        tree = {"main.py": source.encode(), **(more or {})}
        plan = Plan("host", ("python3", "main.py"), seconds)
        outcome = stage.run(plan, {path: (Mode.FILE, content) for path, content in tree.items()}, sandbox)
        assert isinstance(outcome, Outcome)
        return outcome

    return run_it


def rules(outcome: Outcome) -> set[str]:
    return {hit.rule.removeprefix("countermark/") for hits in outcome.hits.values() for hit in hits}


def test_a_command_can_not_starve_the_tracer_of_room_to_write(run: Run) -> None:
    fill = """
try:
    for number in range(100):
        with open(f"/tmp/{number}", "wb") as stream:
            for _ in range(60):
                stream.write(bytes(1 << 20))
except OSError as error:
    print("full", error.errno)
"""
    outcome = run(fill + REACH)
    assert "run-network" in rules(outcome)


def test_a_trace_that_is_flooded_is_not_the_whole_answer(run: Run) -> None:
    outcome = run(
        "import os\nwhile True:\n    try:\n        os.mkdir('/tmp/' + 'x' * 200)\n    except OSError: pass\n",
        seconds=20,
    )
    assert outcome.unscanned is not None
    assert "the trace" in outcome.unscanned or "within its time" in outcome.unscanned


def test_what_hangs_ends_in_time_with_what_it_did_before_and_is_not_the_whole_answer(run: Run) -> None:
    began = time.monotonic()
    outcome = run(REACH + "import time; time.sleep(1000)\n", seconds=4)
    assert time.monotonic() - began < 60
    assert "run-network" in rules(outcome)
    assert outcome.unscanned is not None
    assert "did not end within its time" in outcome.unscanned


def test_what_detaches_itself_is_dead_before_the_workspace_is_read(run: Run, tmp_path: Path) -> None:
    source = """
import os, time
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        while True:
            open(f"late-{os.getpid()}-{time.time_ns()}", "w").close()
"""
    assert run(source).unscanned is None
    mine = str(Path(f"/proc/{os.getpid()}/ns/user").readlink())
    others = [place for place in Path("/proc").glob("[0-9]*/ns/user") if readable(place) not in {mine, ""}]
    assert [place for place in others if "main.py" in command_line(place.parents[1])] == []


def readable(place: Path) -> str:
    try:
        return str(place.readlink())
    except OSError:
        return ""


def command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def test_too_much_output_is_not_the_whole_answer(run: Run) -> None:
    outcome = run("import sys\nfor _ in range(40):\n    sys.stdout.write('x' * (1 << 20))\n")
    assert outcome.unscanned is not None
    assert "standard output" in outcome.unscanned


def test_too_much_left_behind_is_not_the_whole_answer(run: Run) -> None:
    outcome = run("for number in range(60):\n    open(f'f{number}', 'wb').write(bytes(1 << 20))\n")
    assert outcome.unscanned is not None
    assert "new files hold more than" in outcome.unscanned


def test_a_directory_that_nobody_may_enter_hides_nothing(run: Run) -> None:
    outcome = run("import os\nos.makedirs('a/.git')\nopen('a/.git/config', 'w')\nos.chmod('a', 0)\n")
    assert "run-git-change" in rules(outcome)


def test_a_deep_directory_is_not_the_whole_answer(run: Run) -> None:
    outcome = run("import os\nfor _ in range(300):\n    os.mkdir('d')\n    os.chdir('d')\n")
    assert outcome.unscanned is not None
    assert "deeper than" in outcome.unscanned


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow.d/x",
        "/countermark",
        "/run/countermark/causes/sitecustomize.py",
        "/proc/sys/kernel/core_pattern",
        "/usr/x",
    ],
)
def test_nothing_outside_can_be_written(run: Run, path: str) -> None:
    source = f"""
try:
    open({path!r}, 'w').write('x')
except OSError as error:
    raise SystemExit(0)
raise SystemExit(3)
"""
    assert [one.code for one in run(source).runs] == [0, 0]


def test_the_machine_is_not_this_one(run: Run) -> None:
    source = f"""
import os, socket
assert os.getuid() == 1000 and socket.gethostname() != {os.uname().nodename!r}
assert {str(Path(__file__).parent)!r} and not os.path.exists({str(Path(__file__).parent)!r})
assert max(int(name) for name in os.listdir("/proc") if name.isdigit()) < 50
assert "CapEff:\\t0000000000000000" in open("/proc/self/status").read()
assert open("/proc/net/dev").read().count(":") == 1
"""
    assert [one.code for one in run(source).runs] == [0, 0]


@pytest.mark.parametrize(
    "call", ["unshare 272 0x10000000", "clone 56 0x10000011", "mount 165 0", "bpf 321 0", "keyctl 250 0"]
)
def test_a_call_that_leads_out_is_stopped_and_seen(run: Run, call: str) -> None:
    _, number, first = call.split()
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers are of x86-64")
    outcome = run(f"import ctypes\nprint(ctypes.CDLL(None).syscall({number}, {first}, 0, 0, 0, 0))\nprint('after')\n")
    assert "run-kernel-surface" in rules(outcome)
    assert {one.code for one in outcome.runs} == {128 + 31}  # SIGSYS


@pytest.mark.parametrize("number", [425, 435, 298])
def test_a_call_that_programs_only_probe_for_is_absent_and_nothing_is_said(run: Run, number: int) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers are of x86-64")
    source = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert libc.syscall({number}, 0, 0, 0, 0) == -1
assert ctypes.get_errno() == 38
"""
    outcome = run(source)
    assert rules(outcome) == set()
    assert [one.code for one in outcome.runs] == [0, 0]


def test_a_filter_of_the_commands_own_hides_no_call(run: Run) -> None:
    errno = "struct.pack('<HBBI', 0x20, 0, 0, 0) + struct.pack('<HBBI', 0x06, 0, 0, 0x7fff0000)"
    source = f"""
import ctypes, struct
code = ctypes.create_string_buffer({errno})
program = struct.pack("<HxxxxxxQ", 2, ctypes.addressof(code))
libc = ctypes.CDLL(None)
libc.prctl(22, 2, ctypes.create_string_buffer(program))
"""
    assert "run-network" in rules(run(source + REACH))


def test_blinding_the_hook_and_forging_causes_acquits_nobody(run: Run) -> None:
    source = """
import glob, os
place = "/run/countermark/said/"
for pid in range(1, 60):
    with open(place + str(pid), "w") as stream:
        stream.write("socket.connect\\t'192.0.2.1'\\tinnocent.py\\t1\\n" * 50)
reach = "import socket; socket.socket().connect_ex(('192.0.2.1', 80))"
os.execv("/usr/bin/python3", ["python3", "-I", "-S", "-c", reach])
"""
    outcome = run(source, more={"innocent.py": b"x = 1\n"})
    assert "run-network" in rules(outcome)


def test_a_secret_sent_in_pieces_is_put_together(run: Run) -> None:
    source = """
import os, socket, threading
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
for byte in os.environ["GITHUB_TOKEN"].encode():
    client.send(bytes([byte]))
"""
    assert rules(run(source)) == {"run-secret-leak"}


def test_a_program_that_is_not_in_the_image_is_no_pass(sandbox: Sandbox) -> None:
    with pytest.raises(NoIsolation, match="expected 'no-such-program' to start"):
        stage.run(Plan("host", ("no-such-program",), 20), {"a": (Mode.FILE, b"")}, sandbox)


def test_a_sandbox_that_does_not_start_is_no_pass(sandbox: Sandbox, tmp_path: Path) -> None:
    assert isinstance(sandbox, Bubblewrap)
    broken = tmp_path / "bwrap"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 0.9.0 && exit 0\nexit 1\n')
    broken.chmod(0o755)
    with pytest.raises(NoIsolation):
        stage.run(Plan("host", ("true",), 20), {"a": (Mode.FILE, b"")}, Bubblewrap(broken, sandbox.strace))


def test_an_older_bubblewrap_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    assert isinstance(sandbox, Bubblewrap)
    older = tmp_path / "bwrap"
    older.write_text("#!/bin/sh\necho bubblewrap 0.4.1\n")
    older.chmod(0o755)
    with pytest.raises(NoIsolation, match=r"expected 0\.8 or newer, found 0\.4\.1"):
        stage.run(Plan("host", ("true",), 20), {"a": (Mode.FILE, b"")}, Bubblewrap(older, sandbox.strace))


def test_what_the_base_does_as_well_is_not_new(sandbox: Sandbox) -> None:
    base = {"main.py": (Mode.FILE, REACH.encode())}
    head = {"main.py": (Mode.FILE, (REACH + "open('conftest.py', 'w')\n").encode())}
    outcome = stage.run(Plan("host", ("python3", "main.py"), 60), head, sandbox, base=base)
    assert isinstance(outcome, Outcome)
    assert rules(outcome) == {"run-start-up-file"}
    assert [hit.rule for hits in outcome.standing.values() for hit in hits] == ["countermark/run-network"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a root file system of a shell, `cat` and what they are linked with, where every user can read it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        for program in ("/bin/dash", "/bin/cat"):
            linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
            for name in (program, *re.findall(r"(/\S+) \(0x", linked)):
                (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(name, root / name[1:])
        (root / "etc").mkdir()
        (root / "etc" / "release").write_text("a small one\n")
        yield root


def test_an_image_is_a_machine_of_its_own(sandbox: Sandbox, image: Path) -> None:
    script = "[ ! -e /usr/bin/python3 ] && cat /etc/release && cat /etc/passwd > copy && ! echo x > /etc/release"
    tree = {"a": (Mode.FILE, b"")}
    outcome = stage.run(Plan(str(image), ("dash", "-c", script), 30), tree, sandbox)
    assert isinstance(outcome, Outcome)
    assert [one.code for one in outcome.runs] == [0, 0]
    assert rules(outcome) == {"run-write-outside"}


@pytest.mark.parametrize("name", ["absent", "file"])
def test_an_image_that_is_none_is_no_pass(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NoIsolation, match="expected a root file system"):
        stage.run(Plan(str(tmp_path / name), ("true",), 20), {"a": (Mode.FILE, b"")}, sandbox)
