"""What the measurements are made of: a repository, a ledger and bundles in a temporary folder."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

QUIET = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
WHO = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "b"), ("EMAIL", "b@example.com"))
}
RUNS = 7


@contextmanager
def repository(files: int = 3, size: int = 4096) -> Iterator[Path]:
    """Make a set-up repository with one landed commit, and go there; the private folder lies beside it."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="countermark-bench-") as scratch:
        os.environ |= {**QUIET, **WHO, "XDG_DATA_HOME": f"{scratch}/private"}
        root = Path(scratch, "repository")
        root.mkdir()
        os.chdir(root)
        try:
            git("init", "-q", "-b", "main")
            write(files, size, "a")
            commit("base")
            countermark("init", "--mode", "default")
            _accept_asserted(root / ".countermark" / "policy.json")
            commit("set up")
            countermark("agent", "add", "coder")
            git("checkout", "-q", "-b", "work")
            yield root
        finally:
            os.chdir(here)


def _accept_asserted(policy: Path) -> None:
    """Let what `sign` signs count: a refusal looks up lines for people, which is not what is measured."""
    policy.write_text(policy.read_text().replace('"observed"', '"asserted"'))


def write(files: int, size: int, letter: str) -> None:
    """Write files of text, ten folders of them."""
    for number in range(files):
        place = Path(f"folder{number % 10}", f"file{number}.py")
        place.parent.mkdir(exist_ok=True)
        line = f"value_{number} = '{letter * 50}'\n"
        place.write_text((line * (size // len(line) + 1))[:size].rsplit("\n", 1)[0] + "\n")


def git(*words: str) -> str:
    """Run git here."""
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout.strip()


def commit(message: str) -> None:
    """Commit everything here."""
    git("add", "-A")
    git("commit", "-q", "-m", message)


def countermark(*words: str) -> str:
    """Run our command line in a process of its own."""
    argv = [sys.executable, "-I", "-m", "countermark_service", *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def best(run: Callable[[], object], runs: int = RUNS) -> float:
    """Return the median time of a few runs, in seconds, after one that does not count."""
    run()
    return statistics.median(_timed(run) for _ in range(runs))


def process(argv: Sequence[str]) -> tuple[float, float, float]:
    """Run a program; return its wall seconds, its CPU seconds and its peak memory in MB."""
    began = time.perf_counter()
    child = subprocess.Popen(list(argv), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    complaint = child.stderr.read() if child.stderr else b""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{argv[0]}: exit code {child.returncode}: {complaint.decode()[-300:]}")
    scale = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / 1e6


def side_by_side(commands: Mapping[str, Sequence[str]], runs: int = 15) -> dict[str, tuple[float, float, float]]:
    """Run commands in turns, so that noise meets them all; give median wall and CPU seconds and the largest memory."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, argv in commands.items():
            figures = process(argv)
            if turn:
                found[name].append(figures)
    return {name: _summary(figures) for name, figures in found.items()}


def _summary(figures: list[tuple[float, float, float]]) -> tuple[float, float, float]:
    wall, cpu, memory = zip(*figures, strict=True)
    return statistics.median(wall), statistics.median(cpu), max(memory)


def _timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
