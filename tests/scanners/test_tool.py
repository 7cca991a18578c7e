"""The one place that starts programs: what reaches them, what holds them, what is left of them."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from countermark_scanners import tool
from countermark_scanners.errors import ToolFailed, ToolMissing, ToolTimedOut
from countermark_scanners.materialise import fresh_room, materialise
from countermark_scanners.tool import Completed, ToolLimits


def python(code: str, room: Path, **limits: int) -> Completed:
    return tool.run([sys.executable, "-I", "-S", "-c", code], room=room, limits=ToolLimits(**limits))


@pytest.fixture
def room() -> Path:
    with fresh_room() as path:
        yield path


def test_exit_code_and_both_outputs_come_back(room: Path) -> None:
    done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)", room)
    assert (done.code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_nothing_of_our_environment_reaches_a_tool(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "PYTHONSTARTUP", "GIT_DIR", "LD_PRELOAD", "SEMGREP_RULES", "RUFF_SELECT", "SECRET"):
        monkeypatch.setenv(name, "/nowhere")
    done = python("import os, json; print(json.dumps(dict(os.environ, CWD=os.getcwd())))", room)
    seen = json.loads(done.stdout)
    assert set(seen) == {"HOME", "TMPDIR", "PATH", "LC_ALL", "PYTHONDONTWRITEBYTECODE", "SSL_CERT_FILE", "CWD"}
    assert all(Path(seen[name]).is_relative_to(room) for name in ("HOME", "TMPDIR", "CWD"))


def test_a_tool_is_given_a_certificate_store_also_where_the_machine_has_none(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    store = Path(python("import os; print(os.environ['SSL_CERT_FILE'], end='')", room).stdout.decode())
    assert store.read_text().count("BEGIN CERTIFICATE") > 100


def test_a_tool_reads_nothing_from_our_terminal(room: Path) -> None:
    assert python("import sys; print(repr(sys.stdin.read()))", room).stdout == b"''\n"


def test_a_time_out_kills_the_whole_group_even_when_a_grandchild_holds_the_output(room: Path) -> None:
    code = "import os, time\nif os.fork() == 0:\n    print(os.getpid(), flush=True)\ntime.sleep(60)\n"
    with pytest.raises(ToolTimedOut, match="within 1 s"):
        python(code, room, wall_seconds=1)
    _assert_dead(int((room / "stdout").read_text()))


def test_a_grandchild_left_behind_neither_delays_nor_survives(room: Path) -> None:
    code = "import os, time\nchild = os.fork()\nif child == 0:\n    time.sleep(60)\nprint(child)\n"
    _assert_dead(int(python(code, room).stdout))


def _assert_dead(pid: int) -> None:
    """A killed process may take a moment to die; one that was not killed sleeps for a minute."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state in {"Z", "X"}:
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} is still in state {state}")


def test_endless_output_is_cut_and_never_taken_for_an_answer(room: Path) -> None:
    code = "import sys\nwhile True: sys.stdout.buffer.write(b'x' * 65536)"
    with pytest.raises(ToolFailed, match="expected less than"):
        python(code, room, output_bytes=1_000_000)


def test_memory_is_limited(room: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("RLIMIT_AS holds on Linux only")
    assert python("x = bytearray(10**10)", room, memory_bytes=512 * 1024 * 1024).code != 0


def test_processor_time_is_limited(room: Path) -> None:
    assert python("while True: pass", room, cpu_seconds=1).code < 0


def test_a_program_that_is_not_beside_the_interpreter_is_missing_whatever_the_path_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "countermark-no-such-tool").write_text("#!/bin/sh\n")
    (tmp_path / "countermark-no-such-tool").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing) as caught:
        tool.program("countermark-no-such-tool")
    assert caught.value.hint == "pip install 'countermark[scanners]'"


def test_a_program_that_cannot_start_is_an_exit_code_and_not_an_answer(room: Path) -> None:
    done = tool.run(["/nowhere/at/all"], room=room, limits=ToolLimits())
    assert done.code == 125
    assert done.stderr.startswith(b"limited: ")


def test_names_of_the_tree_never_reach_a_tool() -> None:
    with fresh_room() as room:
        names = materialise(room, {"b": b"two", "a": b"one"})
        assert names == {"f000001.py": "a", "f000002.py": "b"}
        assert sorted(path.name for path in (room / "files").iterdir()) == ["f000001.py", "f000002.py"]
        assert (room / "files" / "f000001.py").read_bytes() == b"one"
    assert not room.exists()
