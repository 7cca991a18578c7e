"""From a bare machine to a locked environment: Python 3.11+, this repository and a network are enough.

Layer: outside the house; standard library only, because nothing else is there yet.
Trust: `uv.lock` pins the installer (group `tools`) and everything it installs by sha256; the network, an
index and a mirror can withhold bytes, but not replace them.

It needs no pip, no ensurepip and no certificate store, and it is instant when `.venv` is up to date.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "uv.lock"
VENV = ROOT / ".venv"
STAMP = VENV / "countermark-stamp"
NEWEST_FIRST = ("python3.14", "python3.13", "python3.12", "python3.11")
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
ATTEMPTS = 3


class Wheel(TypedDict):
    """A wheel's row in uv.lock; the hash reads `sha256:<hex>`."""

    url: str
    hash: str


class Package(TypedDict):
    """A package's row in uv.lock, as far as it matters here."""

    name: str
    version: str
    wheels: list[Wheel]


class NoBootstrapError(Exception):
    """The machine lacks something; the message says what and what to do."""


def main() -> int:
    """Make `.venv` what `uv.lock` says, for the Python that runs this file."""
    if sys.version_info < (3, 11):  # noqa: UP036  # an older Python must get as far as its message
        return _with_a_newer_python()
    try:
        if not _up_to_date():
            _synchronise()
    except NoBootstrapError as error:
        _say(str(error))
        return 1
    return 0


def installer() -> Path:
    """Return the pinned uv, fetched on first use into `.tools/`."""
    version, wheels = _pinned()
    program = ROOT / ".tools" / f"uv-{version}" / "uv"
    if not program.exists():
        _say(f"fetching uv {version}, pinned in uv.lock")
        _unpack(_fetch(version, wheels), program)
    return program


def environment() -> dict[str, str]:
    """Return what uv runs in: this `.venv`, no downloaded Python, and the certificates there are."""
    left_out = {"VIRTUAL_ENV"} if _has_certificates() else {"VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    if _has_certificates():
        kept["UV_SYSTEM_CERTS"] = "true"  # else uv's own
    return {**kept, "UV_PROJECT_ENVIRONMENT": str(VENV), "UV_PYTHON_DOWNLOADS": "never"}


def _has_certificates() -> bool:
    store = ssl.get_default_verify_paths()
    return bool(store.cafile or (store.capath and any(Path(store.capath).iterdir())))


def _with_a_newer_python() -> int:
    new_enough = ["-I", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    for name in NEWEST_FIRST:
        found = shutil.which(name)
        if found and _run([found, *new_enough], {**os.environ}, stderr=subprocess.DEVNULL) == 0:
            return _run([found, "-I", __file__], {**os.environ})
    _say(f"Python 3.11 or newer is needed; {sys.executable} is {platform.python_version()}")
    _say("hint: install one and run `make PYTHON=python3.11 setup`")
    return 1


def _interpreter() -> str:
    """Return the Python itself, also when an activated environment runs us: one answer, one stamp."""
    return os.path.realpath(sys.executable)


def _wanted() -> str:
    facts = "\0".join((sys.version, _interpreter(), str(ROOT))).encode()
    return hashlib.sha256(facts + LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()


def _up_to_date() -> bool:
    return (VENV / "bin" / "python").exists() and STAMP.is_file() and STAMP.read_text() == _wanted()


def _synchronise() -> None:
    began = time.monotonic()
    program = installer()
    STAMP.unlink(missing_ok=True)
    argv = [str(program), "sync", "--quiet", "--frozen", "--group", "dev", "--python", _interpreter()]
    if not _installs([*argv, "--project", str(ROOT)]):
        raise NoBootstrapError(
            "uv could not make .venv from uv.lock (see above)\n"
            "hint: behind a proxy with certificates of its own, set SSL_CERT_FILE to them"
        )
    STAMP.write_text(_wanted())
    seconds = round(time.monotonic() - began)
    _say(f".venv is what uv.lock says, for Python {platform.python_version()} ({seconds} s)")


def _installs(argv: list[str]) -> bool:
    """Run uv; where neither it nor the machine knows the server, the sha256 of each package still does."""
    if _run(argv, environment()) == 0:
        return True
    if _has_certificates():
        return False
    _say("no certificate store here; once more, trusting the sha256 pinned in uv.lock for each package alone")
    hosts = {urlsplit(wheel["url"]).netloc for package in _locked() for wheel in package.get("wheels", ())}
    return _run([*argv, *(f"--allow-insecure-host={host}" for host in sorted(hosts))], environment()) == 0


def _locked() -> list[Package]:
    import tomllib  # noqa: PLC0415  # 3.11+: an older Python must get as far as its message

    packages: list[Package] = tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]
    return packages


def _pinned() -> tuple[str, dict[str, str]]:
    """Return uv's version and its wheels (address -> sha256) as the lock pins them."""
    uv = next(package for package in _locked() if package["name"] == "uv")
    return uv["version"], {wheel["url"]: wheel["hash"].removeprefix("sha256:") for wheel in uv["wheels"]}


def _fetch(version: str, wheels: dict[str, str]) -> bytes:
    if importlib.util.find_spec("pip"):
        found = _fetch_with_pip(version, sorted(wheels.values()))
        if found:
            return found
        _say("pip could not fetch it; trying the address in uv.lock")
    url = _wheel_for_this_machine(list(wheels))
    raw = _download(url)
    if hashlib.sha256(raw).hexdigest() != wheels[url]:
        raise NoBootstrapError(f"uv: expected sha256 {wheels[url]}, found {hashlib.sha256(raw).hexdigest()}")
    return raw


def _fetch_with_pip(version: str, hashes: list[str]) -> bytes | None:
    """Let pip fetch it, so that the user's own index, proxy and certificates are honoured."""
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder, "uv.txt")
        pins = " ".join(f"--hash=sha256:{pin}" for pin in hashes)
        requirement.write_text(f"uv=={version} {pins}\n")
        argv = [sys.executable, "-I", "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        argv += ["--only-binary=:all:", "--dest", folder, "--requirement", str(requirement)]
        failed = _run(argv, {**os.environ}) != 0
        return None if failed else next(Path(folder).glob("*.whl")).read_bytes()


def _wheel_for_this_machine(urls: list[str]) -> str:
    machine = MACHINES.get(platform.machine(), platform.machine())
    if sys.platform == "darwin":
        tags = [f"macosx_{least}_{machine.replace('aarch64', 'arm64')}" for least in ("11_0", "10_12")]
    else:
        libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
        tags = [f"{libc}_{least}_{machine}." for least in ("2_17", "2_28", "1_1", "1_2")]
        tags += [f"{libc}_{least}_{machine}.whl" for least in ("2_17", "2_28", "1_1", "1_2")]
    for tag in tags:
        for url in urls:
            if tag in url:
                return url
    raise NoBootstrapError(f"uv.lock has no uv for {sys.platform} {machine}: install pip and try again")


def _download(url: str) -> bytes:
    trusting = ssl.create_default_context()
    for attempt in range(ATTEMPTS):
        try:
            return _read(url, trusting)
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                _say("no certificate store here vouches for the server; the sha256 pinned in uv.lock does")
                trusting.check_hostname = False
                trusting.verify_mode = ssl.CERT_NONE
            elif attempt == ATTEMPTS - 1:
                raise NoBootstrapError(f"{url}: {error.reason}") from error
        except OSError as error:
            _say(f"attempt {attempt + 1} of {ATTEMPTS}: {error}")
    raise NoBootstrapError(f"{url}: could not be fetched in {ATTEMPTS} attempts")


def _read(url: str, trusting: ssl.SSLContext) -> bytes:
    if not url.startswith("https://"):
        raise NoBootstrapError(f"expected an https address in uv.lock, found {url}")
    with urllib.request.urlopen(url, timeout=60, context=trusting) as answer:  # noqa: S310  # https, as checked
        raw: bytes = answer.read()
    return raw


def _unpack(wheel: bytes, program: Path) -> None:
    """Write the binary beside its place and rename it, so that a broken run leaves no half of it."""
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        archive = Path(folder, "uv.whl")
        archive.write_bytes(wheel)
        with zipfile.ZipFile(archive) as members:
            name = next(name for name in members.namelist() if name.endswith("/scripts/uv"))
            binary = Path(folder, "uv")
            binary.write_bytes(members.read(name))
        binary.chmod(0o755)
        binary.replace(program)


def _run(argv: list[str], env: dict[str, str], *, stderr: int | None = None) -> int:
    return subprocess.run(argv, env=env, cwd=ROOT, stderr=stderr, check=False).returncode  # noqa: S603  # no shell


def _say(line: str) -> None:
    sys.stderr.write(f"setup: {line}\n")


if __name__ == "__main__":
    sys.exit(main())
