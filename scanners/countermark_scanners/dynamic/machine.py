"""The file system and the options with which a command finds itself on a machine that is not this one.

Layer: scanners, dynamic. Writes below a directory of ours; lists the image's top level.
Trust: of the host only `/usr` and the few tables below are seen, read-only; names of the change never become options,
and the command follows `--`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import causes, clock
from .errors import NoIsolation
from .keep import FILTER_DESCRIPTOR
from .plan import HOST
from .sandbox import WORKSPACE
from .workspace import write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sandbox import Job

_HOOK = "/run/countermark/causes"
_SINK = "/run/countermark/said"
_USER = "1000"
_LINKED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_OURS = frozenset({"dev", "home", "media", "mnt", "proc", "root", "run", "srv", "sys", "tmp", "work"})
_TABLES_NAMES = (
    "alternatives ca-certificates.conf debian_version fonts ld.so.cache ld.so.conf ld.so.conf.d localtime magic "
    "mime.types os-release perl protocols services ssl/certs ssl/openssl.cnf timezone"
)
_TABLES = tuple(_TABLES_NAMES.split())


def lay_out(lay: Path, job: Job, program: bytes) -> None:
    """Write the home, the tables of `/etc`, the hook and the filter that the options name."""
    machine = job.surroundings
    for name in ("work", "tmp", "home", "etc"):
        (lay / name).mkdir(parents=True, exist_ok=True)
    for path, content in machine.files.items():
        write(lay / "home" / path, content)
    for name, text in _etc(machine.user, machine.host, machine.home).items():
        write(lay / "etc" / name, text.encode())
    write(lay / "hook" / "countermark_causes.py", Path(causes.__file__).read_bytes())
    write(lay / "hook" / "sitecustomize.py", _sitecustomize(job).encode())
    for name, text in clock.programs(machine.shift_days).items():
        write(lay / "hook" / name, text.encode(), 0o755)
    write(lay / "filter", program)


def shifted(job: Job) -> str:
    """Say by which means the clock of the job is moved, and how far that reaches."""
    return clock.REACH if job.surroundings.shift_days else ""


def options(job: Job) -> list[str]:
    """Spell what bubblewrap is told, the command included."""
    machine = job.surroundings
    isolation = ["--unshare-all", "--unshare-user", "--disable-userns", "--uid", _USER, "--gid", _USER, "--new-session"]
    isolation += ["--die-with-parent", "--cap-drop", "ALL", "--hostname", machine.host]
    isolation += ["--seccomp", str(FILTER_DESCRIPTOR)]
    files = [*_image(job.image), "--proc", "/proc", "--dev", "/dev", "--bind", "/mnt/tmp", "/tmp"]  # noqa: S108  # a private one, inside
    files += [part for name in sorted(_etc("", "", "")) for part in ("--ro-bind", f"/mnt/etc/{name}", f"/etc/{name}")]
    files += ["--bind", "/mnt/home", machine.home, "--ro-bind", "/mnt/hook", _HOOK, "--bind", "/mnt/causes", _SINK]
    files += [part for path in sorted(machine.files) for part in _fixed(f"/mnt/home/{path}", f"{machine.home}/{path}")]
    files += ["--bind", "/mnt/work", WORKSPACE, "--remount-ro", "/", "--chdir", WORKSPACE, "--clearenv"]
    variables = [part for name, value in sorted(_environment(job).items()) for part in ("--setenv", name, value)]
    return [*isolation, *files, *variables, "--", *job.command]


def _fixed(source: str, target: str) -> tuple[str, str, str]:
    """Mount a single file, which can then be neither moved, linked nor replaced."""
    return "--ro-bind", source, target


def _environment(job: Job) -> dict[str, str]:
    machine = job.surroundings
    found = {**machine.environment, "PYTHONPATH": _HOOK, "PWD": WORKSPACE}
    if machine.shift_days:
        found |= {"PATH": f"{_HOOK}/bin:{found['PATH']}", "NODE_OPTIONS": f"--require={_HOOK}/clock.cjs"}
    return found


def _image(image: str) -> Iterator[str]:
    """Mount what the image holds, entry by entry, so that the places of ours can lie beside it."""
    root = Path("/" if image == HOST else image)
    names = ("usr", *_LINKED) if image == HOST else sorted(_listed(root) - {*_OURS, "etc"})
    for name in names:
        yield from _entry(root, name)
    tables = _TABLES if image == HOST else sorted(_listed(root / "etc") - set(_etc("", "", "")))
    for name in tables:
        yield from ("--ro-bind-try", str(root / "etc" / name), f"/etc/{name}")


def _listed(directory: Path) -> set[str]:
    try:
        return {entry.name for entry in directory.iterdir()}
    except OSError as error:
        raise NoIsolation(f"dynamic.image: expected a root file system, found {error.strerror}: {directory}") from error


def _entry(root: Path, name: str) -> Iterator[str]:
    place = root / name
    if place.is_symlink():
        yield from ("--symlink", str(place.readlink()), f"/{name}")
    elif place.exists():
        yield from ("--ro-bind", str(place), f"/{name}")


def _etc(user: str, host: str, home: str) -> dict[str, str]:
    """Spell the tables that would otherwise tell of this machine.

    Names are asked of 127.0.0.53, where nobody answers: so the question is sent, and seen with the name in it.
    """
    return {
        "passwd": f"root:x:0:0:root:/root:/bin/sh\n{user}:x:{_USER}:{_USER}:{user}:{home}:/bin/bash\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "group": f"root:x:0:\n{user}:x:{_USER}:\nnogroup:x:65534:\n",
        "hosts": f"127.0.0.1 localhost {host}\n::1 localhost ip6-localhost\n",
        "hostname": f"{host}\n",
        "resolv.conf": "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\n",
    }


def _sitecustomize(job: Job) -> str:
    machine = job.surroundings
    lines = ["import countermark_causes"]
    lines += [f"countermark_causes.install({WORKSPACE!r}, {machine.home!r}, {_SINK!r})"]
    lines += [f"countermark_causes.move_clock({machine.shift_days * 86400})"] if machine.shift_days else []
    return "\n".join([*lines, ""])
