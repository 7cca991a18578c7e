"""The parts themselves: they are there when a release is checked, and their scripts say what they could not do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def script(name: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    argv = ["sh", str(ROOT / "parts" / name), *arguments]
    inherited = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(argv, env=inherited | env, capture_output=True, text=True, check=False)


def pretend(folder: Path, program: str, output: str) -> str:
    """Return a PATH on which a program answers as on another machine."""
    (folder / program).write_text(f"#!/bin/sh\necho {output}\n")
    (folder / program).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


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
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("dirname", "mkdir", "date", "mktemp", "rm", "sh"):
        (tools / name).symlink_to(f"/usr/bin/{name}" if Path(f"/usr/bin/{name}").exists() else f"/bin/{name}")
    absent = script("cosign.sh", str(tmp_path / "parts"), PATH=str(tools))
    assert absent.returncode == 1
    assert "NOT HERE" in absent.stderr


@pytest.mark.parametrize(("env", "code"), [({}, 0), ({"CI": "true"}, 1)])
def test_a_newcomers_machine_that_could_not_be_made_is_a_failure_in_ci_only(
    tmp_path: Path, env: dict[str, str], code: int
) -> None:
    done = script("fresh_root.sh", str(tmp_path / "root"), PATH=pretend(tmp_path, "id", "1000"), **env)
    assert done.returncode == code
    assert "NOT RUN: chroot needs root" in done.stderr
    assert not (tmp_path / "root").exists()
