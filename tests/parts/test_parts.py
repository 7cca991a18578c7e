"""The parts themselves: they are there when a release is checked, and their scripts say what they could not do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def script(name: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    argv = ["sh", str(ROOT / "parts" / name), *arguments]
    inherited = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(argv, env=inherited | env, capture_output=True, text=True, check=False)


def pretend(folder: Path, **programs: str) -> str:
    """Return a PATH on which programs do as on another machine."""
    for program, does in programs.items():
        (folder / program).write_text(f"#!/bin/sh\n{does}\n")
        (folder / program).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def bare(folder: Path, *programs: str) -> str:
    """Return a PATH on which there is nothing but these programs of this machine."""
    folder.mkdir()
    for name in programs:
        (folder / name).symlink_to(f"/usr/bin/{name}" if Path(f"/usr/bin/{name}").exists() else f"/bin/{name}")
    return str(folder)


def test_every_part_is_in_the_guide_and_the_guide_names_no_other() -> None:
    guide = (ROOT / "docs" / "guides" / "parts.md").read_text()
    rows = re.findall(r"^\| [^|]+ \| `sh parts/(\w+\.sh) [^|]+ \|.*\|$", guide, re.MULTILINE)
    assert sorted(rows) == sorted(path.name for path in (ROOT / "parts").iterdir())


@pytest.mark.parts
def test_the_stock_verifier_is_cosign_3() -> None:
    """Fails loudly where it is absent: a release is not checked without it."""
    cosign = Path(os.environ["COUNTERMARK_PARTS"], "bin", "cosign")
    done = subprocess.run([cosign, "version"], capture_output=True, text=True, check=True)
    assert "A tool for Container Signing, Verification" in done.stdout
    assert cosign.with_name("cosign.version").read_text().startswith("3.")


def test_parts_are_never_unpacked_into_the_repository() -> None:
    refused = script("cosign.sh", str(ROOT / ".parts"))
    assert refused.returncode == 1
    assert "expected a path outside the repository" in refused.stderr
    assert not (ROOT / ".parts").exists()


def test_without_any_source_the_stock_verifier_is_said_to_be_absent(tmp_path: Path) -> None:
    tools = bare(tmp_path / "tools", "dirname", "mkdir", "date", "mktemp", "rm", "sh")
    absent = script("cosign.sh", str(tmp_path / "parts"), PATH=tools)
    assert absent.returncode == 1
    assert "NOT HERE" in absent.stderr


def test_programs_that_hold_and_watch_are_never_unpacked_into_the_repository() -> None:
    refused = script("bubblewrap.sh", str(ROOT / ".parts"))
    assert refused.returncode == 1
    assert "expected a path outside the repository" in refused.stderr
    assert not (ROOT / ".parts").exists()


def test_without_any_source_the_sandbox_is_said_to_be_absent(tmp_path: Path) -> None:
    tools = bare(tmp_path / "tools", "dirname", "mkdir", "mktemp", "rm", "sh")
    env = {"PATH": tools, "COUNTERMARK_SYSTEM_PROGRAMS": str(tmp_path)}
    absent = script("bubblewrap.sh", str(tmp_path / "parts"), **env)
    assert absent.returncode == 1
    assert "NOT HERE" in absent.stderr


def test_a_bubblewrap_that_starts_nothing_is_no_sandbox(tmp_path: Path) -> None:
    programs = {
        "bwrap": "echo bubblewrap 0.9; exit 1",
        "strace": 'shift 3; exec "$@"',
        "apt-get": "exit 1",
        "id": "echo 0",
    }
    env = {"PATH": pretend(tmp_path, **programs), "COUNTERMARK_SYSTEM_PROGRAMS": str(tmp_path)}
    absent = script("bubblewrap.sh", str(tmp_path / "parts"), **env)
    assert absent.returncode == 1
    assert "starts no sandbox here" in absent.stderr
    assert "NOT HERE" in absent.stderr


@pytest.mark.parametrize(("env", "code"), [({}, 0), ({"CI": "true"}, 1)])
def test_a_newcomers_machine_that_could_not_be_made_is_a_failure_in_ci_only(
    tmp_path: Path, env: dict[str, str], code: int
) -> None:
    done = script("fresh_root.sh", str(tmp_path / "root"), PATH=pretend(tmp_path, id="echo 1000"), **env)
    assert done.returncode == code
    assert "NOT RUN: chroot needs root" in done.stderr
    assert not (tmp_path / "root").exists()


# --- PostgreSQL -------------------------------------------------------------------------------------

INITDB = 'for word; do case $word in --pgdata=*) mkdir "${word#*=}" ;; esac; done'
PG_CTL = """
for word; do case $word in --pgdata=*) data=${word#*=} ;; esac; done
case $word in start) touch "$data/postmaster.pid" ;; stop) echo "stopped $data" ;; esac
"""
PRINT_URL = ("sh", "-c", 'echo "$COUNTERMARK_TEST_POSTGRESQL"; exit 7')


def servers(folder: Path, **other: str) -> dict[str, str]:
    """Return the environment of an ordinary user whose PATH has a PostgreSQL that only pretends."""
    programs = {"id": "echo 1000", "initdb": INITDB, "pg_ctl": PG_CTL, "postgres": "echo pretended", **other}
    (folder / "temporary").mkdir()
    return {"PATH": pretend(folder, **programs), "SERVERS": str(folder), "TMPDIR": str(folder / "temporary")}


def test_a_command_gets_a_server_of_its_own_and_its_exit_code_is_the_answer(tmp_path: Path) -> None:
    done = script("postgresql.sh", *PRINT_URL, **servers(tmp_path))
    assert done.returncode == 7
    url = done.stdout.strip()
    assert url.startswith(f"postgresql+psycopg://countermark@/postgres?host={tmp_path}/temporary/")
    assert f"stopped {url.partition('host=')[2]}/data" in done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("broken", ["initdb", "pg_ctl"])
def test_a_server_that_does_not_start_is_a_failure_and_starts_no_command(tmp_path: Path, broken: str) -> None:
    env = servers(tmp_path, **{broken: "echo no space left; exit 3"})
    done = script("postgresql.sh", *PRINT_URL, **env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no space left" in done.stderr
    assert "FAILED" in done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(("env", "code"), [({}, 0), ({"CI": "true"}, 1)])
def test_a_postgresql_that_could_not_be_had_is_a_failure_in_ci_only(
    tmp_path: Path, env: dict[str, str], code: int
) -> None:
    tools = bare(tmp_path / "tools", "sh", "ls", "sort", "dirname")
    pretend(tmp_path / "tools", id="echo 1000")
    done = script("postgresql.sh", *PRINT_URL, PATH=tools, SERVERS=str(tmp_path), **env)
    assert (done.returncode, done.stdout) == (code, "")
    assert "NOT RUN: there is no server here, and only root can install one" in done.stderr


@pytest.mark.parts
def test_the_server_of_the_tests_keeps_no_port_and_leaves_nothing(tmp_path: Path) -> None:
    """Skips with the script's own reason where it says NOT RUN; with CI set that is a failure."""
    query = "import os, psycopg; url = os.environ['COUNTERMARK_TEST_POSTGRESQL'].replace('+psycopg', '')\n"
    query += "print(*psycopg.connect(url).execute('show listen_addresses').fetchone(), url.partition('host=')[2])"
    done = script("postgresql.sh", sys.executable, "-c", query, CI=os.environ.get("CI", ""))
    if done.returncode == 0 and "NOT RUN" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    listens, folder = done.stdout.rstrip("\n").split(" ")
    assert listens == ""
    assert not Path(folder).exists()
