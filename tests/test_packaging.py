"""What people install: the wheel holds everything it needs, and its base install is enough to verify."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("ledger", "scanners", "agents", "service", "policies")
BASE_INSTALL = {"countermark", "cryptography", "rfc8785", "cffi", "pycparser"}


def build(folder: Path) -> Path:
    """Build the wheel with the locked backend: no network, no second environment."""
    argv = [sys.executable, "-I", "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("countermark-*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def in_the_checkout() -> set[str]:
    """Every file of the five packages, as an installation should have it."""
    folders = [ROOT / package / f"countermark_{package}" for package in PACKAGES]
    paths = [(path, folder.parent) for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(top).as_posix() for path, top in paths if "__pycache__" not in path.parts}


def test_the_wheel_holds_the_five_packages_and_nothing_else(names: set[str]) -> None:
    assert names == in_the_checkout()


def test_policies_and_type_marks_are_inside(names: set[str]) -> None:
    assert {f"countermark_{package}/py.typed" for package in PACKAGES} <= names
    assert "countermark_policies/gate/default.json" in names
    assert any(name.startswith("countermark_policies/rules/") for name in names)


def test_two_builds_are_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    assert build(tmp_path).read_bytes() == wheel.read_bytes()


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the locked base dependencies and the wheel, without extras."""
    specification = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
    assert specification is not None
    assert specification.loader is not None
    bootstrap = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(bootstrap)
    venv = tmp_path_factory.mktemp("base") / "venv"
    env = bootstrap.environment() | {"UV_PROJECT_ENVIRONMENT": str(venv)}

    def uv(*arguments: str) -> None:
        subprocess.run([bootstrap.installer(), "--quiet", *arguments], cwd=ROOT, env=env, check=True)

    uv("sync", "--frozen", "--no-dev", "--no-install-project", "--python", sys.executable)
    uv("pip", "install", "--offline", "--no-deps", "--python", str(venv), str(wheel))
    uv("pip", "check", "--python", str(venv))
    return venv / "bin" / "python"


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(python: Path, tmp_path: Path) -> Run:
    """Run the installed Python, isolated, far from the checkout."""

    def isolated(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        argv = [str(python), "-I", *arguments]
        return subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    return isolated


def test_the_base_install_is_two_libraries_and_what_they_are_made_of(run: Run) -> None:
    listed = run("-c", "import importlib.metadata as m; print(*(d.name for d in m.distributions()), sep='\\n')")
    installed = set(listed.stdout.split())
    assert {"countermark", "cryptography", "rfc8785"} <= installed <= BASE_INSTALL


def test_the_verifier_runs_in_the_base_install(run: Run) -> None:
    done = run("-m", "countermark_ledger", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "verify" in done.stdout


def test_the_command_itself_answers_in_the_base_install(run: Run) -> None:
    done = run("-m", "countermark_service", "--help")
    assert (done.returncode, done.stderr) == (0, "")
