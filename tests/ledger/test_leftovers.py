"""What ends with this process: programs with all that they started, and scratch folders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from countermark_ledger import leftovers

SLEEPS = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]
FORKS = [
    *(sys.executable, "-I", "-S", "-c"),
    "import os, time\nif os.fork() == 0:\n    print(os.getpid(), flush=True)\ntime.sleep(60)\n",
]


@pytest.fixture(autouse=True)
def not_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process goes on after the test."""
    monkeypatch.setattr(leftovers, "_ending", False)


def gone(pid: int) -> bool:
    """A killed process may take a moment to die; one that was not killed sleeps for a minute."""
    for _ in range(500):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in {"Z", "X"}:
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.01)
    return False


def test_a_program_that_runs_is_killed_with_what_it_started() -> None:
    with (
        subprocess.Popen(FORKS, process_group=0, stdout=subprocess.PIPE) as child,
        leftovers.program(child.pid),
    ):
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        leftovers.kill_programs()
        assert child.wait() == -signal.SIGKILL
    assert gone(grandchild)


def test_a_program_that_starts_while_this_process_ends_is_killed_at_once() -> None:
    leftovers.kill_programs()
    with subprocess.Popen(SLEEPS, process_group=0) as child, leftovers.program(child.pid):
        assert child.wait() == -signal.SIGKILL


def test_a_program_that_ended_is_none_of_ours_any_more() -> None:
    with subprocess.Popen(SLEEPS, process_group=0) as child:
        with leftovers.program(child.pid):
            pass
        leftovers.kill_programs()
        assert child.poll() is None
        leftovers.kill_group(child.pid)
    leftovers.kill_group(child.pid)  # nobody is left, and nobody minds


def test_a_scratch_folder_is_private_and_goes_after_its_block() -> None:
    with leftovers.folder("countermark-test-") as scratch:
        assert scratch.stat().st_mode & 0o777 == 0o700
        (scratch / "file").write_text("something")
    assert not scratch.exists()


def test_a_scratch_folder_goes_with_this_process_and_all_that_is_in_it() -> None:
    with leftovers.folder("countermark-test-") as gone_already:
        pass
    with leftovers.folder("countermark-test-") as scratch:
        (scratch / "inner").mkdir()
        gone_already.mkdir()
        leftovers.remove_folders()
        assert (scratch.exists(), gone_already.exists()) == (False, True)
    gone_already.rmdir()


def test_a_scratch_folder_goes_when_its_block_fails() -> None:
    with pytest.raises(KeyError), leftovers.folder("countermark-test-") as scratch:
        raise KeyError
    assert not scratch.exists()
