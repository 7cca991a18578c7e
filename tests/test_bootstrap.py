"""From a bare machine: the right uv for each platform, nothing unpinned, nothing done twice."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import platform
import shutil
import ssl
import subprocess
import sys
import urllib.error
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bootstrap.py, with its own folder to write into."""
    specification = importlib.util.spec_from_file_location("bootstrap_under_test", ROOT / "bootstrap.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    for name in ("uv.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    places = {"ROOT": tmp_path, "LOCK": tmp_path / "uv.lock", "VENV": tmp_path / ".venv"}
    for name, place in (places | {"STAMP": tmp_path / ".venv" / "stamp"}).items():
        monkeypatch.setattr(module, name, place)
    return module


def pretend(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: (libc, "2.36" if libc else ""))


@pytest.mark.parametrize(
    ("system", "machine", "libc", "tag"),
    [
        ("linux", "x86_64", "glibc", "manylinux2014_x86_64"),
        ("linux", "aarch64", "glibc", "manylinux2014_aarch64"),
        ("linux", "x86_64", "", "musllinux_1_1_x86_64"),
        ("linux", "aarch64", "", "musllinux_1_1_aarch64"),
        ("darwin", "arm64", "", "macosx_11_0_arm64"),
        ("darwin", "x86_64", "", "macosx_10_12_x86_64"),
    ],
)
def test_each_platform_gets_the_uv_that_runs_there(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    *,
    system: str,
    machine: str,
    libc: str,
    tag: str,
) -> None:
    pretend(monkeypatch, system, machine, libc)
    _, wheels = bootstrap._pinned()
    assert tag in bootstrap._wheel_for_this_machine(list(wheels))


def test_a_platform_without_a_uv_is_told_what_to_do(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "linux", "sparc64", "glibc")
    _, wheels = bootstrap._pinned()
    with pytest.raises(bootstrap.NoBootstrapError, match="sparc64: install pip"):
        bootstrap._wheel_for_this_machine(list(wheels))


def without_pip(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda _: None)


def test_bytes_that_are_not_the_pinned_ones_are_refused(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    without_pip(bootstrap, monkeypatch)
    monkeypatch.setattr(bootstrap, "_read", lambda *_: b"something else")
    with pytest.raises(bootstrap.NoBootstrapError, match="expected sha256"):
        bootstrap.installer()
    assert not (bootstrap.ROOT / ".tools").exists()


def a_wheel() -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("uv-1.data/scripts/uv", "#!/bin/sh\n")
    return raw.getvalue()


def test_the_installer_is_fetched_once(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    without_pip(bootstrap, monkeypatch)
    pinned = {"https://host/uv-1-py3-none-any.whl": hashlib.sha256(a_wheel()).hexdigest()}
    fetched: list[str] = []
    monkeypatch.setattr(bootstrap, "_pinned", lambda: ("1", pinned))
    monkeypatch.setattr(bootstrap, "_wheel_for_this_machine", lambda urls: urls[0])
    monkeypatch.setattr(bootstrap, "_read", lambda url, _: fetched.append(url) or a_wheel())
    first = bootstrap.installer()
    assert os.access(first, os.X_OK)
    assert [path.name for path in first.parent.iterdir()] == ["uv"]
    assert bootstrap.installer() == first
    assert fetched == list(pinned)


def test_without_a_certificate_store_the_pinned_hash_decides_and_a_line_says_so(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reading(_: str, trusting: ssl.SSLContext) -> bytes:
        if trusting.verify_mode is not ssl.CERT_NONE:
            raise urllib.error.URLError(ssl.SSLCertVerificationError())
        return b"wheel"

    monkeypatch.setattr(bootstrap, "_read", reading)
    assert bootstrap._download("https://host/uv.whl") == b"wheel"
    assert "no certificate store here vouches for the server" in capsys.readouterr().err


@pytest.mark.parametrize("error", [urllib.error.URLError(OSError("no route")), OSError("reset")])
def test_a_server_that_cannot_be_reached_ends_in_a_sentence(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def reading(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(bootstrap, "_read", reading)
    with pytest.raises(bootstrap.NoBootstrapError, match=r"https://host/uv\.whl"):
        bootstrap._download("https://host/uv.whl")


def test_an_address_that_is_not_https_is_refused(bootstrap: ModuleType) -> None:
    with pytest.raises(bootstrap.NoBootstrapError, match="expected an https address"):
        bootstrap._read("http://host/uv.whl", ssl.create_default_context())


def test_a_second_set_up_does_nothing_and_a_changed_lock_does_it_again(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[list[str]] = []

    def run(argv: list[str], _: dict[str, str]) -> int:
        runs.append(argv)
        (bootstrap.VENV / "bin").mkdir(parents=True, exist_ok=True)
        (bootstrap.VENV / "bin" / "python").touch()
        return 0

    monkeypatch.setattr(bootstrap, "_run", run)
    monkeypatch.setattr(bootstrap, "installer", lambda: Path("uv"))
    assert [bootstrap.main(), bootstrap.main(), len(runs)] == [0, 0, 1]
    assert {"--frozen", "sync"} <= set(runs[0])
    bootstrap.LOCK.write_text(bootstrap.LOCK.read_text() + "\n")
    assert [bootstrap.main(), len(runs)] == [0, 2]


def test_a_set_up_that_failed_is_not_taken_for_done(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap.VENV.mkdir()
    bootstrap.STAMP.write_text("old")
    monkeypatch.setattr(bootstrap, "_run", lambda *_: 1)
    monkeypatch.setattr(bootstrap, "installer", lambda: Path("uv"))
    assert bootstrap.main() == 1
    assert "hint: " in capsys.readouterr().err
    assert not bootstrap.STAMP.exists()


@pytest.mark.parametrize("has", [True, False])
def test_packages_are_taken_on_their_hash_alone_only_where_there_are_no_certificates(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, *, has: bool
) -> None:
    runs: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "_has_certificates", lambda: has)
    monkeypatch.setattr(bootstrap, "_run", lambda argv, _: runs.append(argv) or 1)
    assert not bootstrap._installs(["uv"])
    assert [any("insecure" in word for word in argv) for argv in runs] == ([False] if has else [False, True])


def test_certificates_that_are_named_but_not_there_are_left_out(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "absent"))
    found = bootstrap.environment()
    assert found.keys().isdisjoint({"SSL_CERT_FILE", "SSL_CERT_DIR", "UV_SYSTEM_CERTS", "VIRTUAL_ENV"})


def test_an_older_python_looks_for_a_newer_one_or_says_what_is_needed(tmp_path: Path) -> None:
    """The file must still be readable by a Python that is too old to run it."""
    code = "import runpy, sys; sys.version_info = (3, 8); runpy.run_path(sys.argv[1], run_name='__main__')"
    argv = [sys.executable, "-I", "-c", code, str(ROOT / "bootstrap.py")]
    done = subprocess.run(argv, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
