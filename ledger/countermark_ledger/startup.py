"""Start-up: may this process have loaded the checkout's code in place of ours?

Layer: ledger core, the floor. Imports `os` and `sys`, which Python itself has loaded, so that nothing that was
planted is imported before this has spoken.
Trust: code that already ran (a planted package of our own name, `sitecustomize`) could silence this. Only the
documented line keeps such code out: `<venv outside the checkout>/bin/python -I -m MODULE ...`. This refuses the
other lines where it can, so that nobody comes to rely on them (DESIGN.md section 3).
"""

from __future__ import annotations

import os
import sys

USAGE = 2
INHERITED = ("PYTHON", "GIT_", "LD_", "DYLD_")
"""Prefixes of what programs that we start must not inherit."""
HARMLESS = frozenset(
    {
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONFAULTHANDLER",
        "PYTHONHASHSEED",
        "PYTHONIOENCODING",
        "PYTHONNOUSERSITE",
        "PYTHONSAFEPATH",
        "PYTHONUNBUFFERED",
        "PYTHONUTF8",
    }
)
"""Choose no code. Names with an underscore, like `PYTHON_VERSION`, are images' and not Python's."""


def check(module: str) -> None:
    """Scrub the environment; leave with 2 and the documented line when this start could load a checkout's code."""
    reason = _outside_code(os.environ, sys.path, os.getcwd())  # noqa: PTH109 - pathlib is not loaded yet
    for name in [name for name in os.environ if name.startswith(INHERITED)]:
        del os.environ[name]
    if reason:
        sys.stderr.write(f"countermark: start-up: {reason}\nhint: {_documented_line(module)}\n")
        raise SystemExit(USAGE)


def _outside_code(environ: os._Environ[str], path: list[str], directory: str) -> str:
    """Say in what way code from outside of the installation could be loaded; an empty text means in none."""
    here = os.path.realpath(directory)
    held = [entry for entry in path if _holds(os.path.realpath(entry), here)]
    if held:
        return f"Python looks for modules in {held[0] or '.'!a}, so a checkout could bring its own"
    if sys.flags.ignore_environment:
        return ""
    chosen = sorted(name for name in environ if name.startswith("PYTHON") and _chooses_code(name))
    return f"{ascii(chosen[0])[1:-1]} is set, which can make Python load other code" if chosen else ""


def _chooses_code(name: str) -> bool:
    return name not in HARMLESS and not name.startswith("PYTHON_")


def _holds(folder: str, here: str) -> bool:
    return here == folder or here.startswith(folder.rstrip(os.sep) + os.sep)


def _documented_line(module: str) -> str:
    if sys.flags.isolated:
        return "install countermark into an environment outside of the checkout, and without it on its path"
    return f"{sys.executable} -I -m {module} {' '.join(map(ascii, sys.argv[1:2]))[1:-1]} ..."
