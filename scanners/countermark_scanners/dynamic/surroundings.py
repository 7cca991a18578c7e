"""The two machines that the command is run on: a CI runner now, and a developer's laptop on another day.

Layer: scanners, dynamic. Does no I/O.
Trust: nothing of the real environment, user, host or home is in either. Code that waits for one of them, or for a
date, wakes up in the other; what it does then is told apart by comparing both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .sandbox import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .decoys import Decoy

CI = "CI-like"
DEVELOPER = "developer-like"
_SHIFT_DAYS = 1001  # another year, another month and another day of the week
_BOTH = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
    "LANG": "C.UTF-8",
    "SHELL": "/bin/bash",
}
_RUNNER = {
    "CI": "true",
    "CONTINUOUS_INTEGRATION": "true",
    "GITHUB_ACTIONS": "true",
    "GITLAB_CI": "true",
    "TERM": "dumb",
    "TZ": "UTC",
}
_LAPTOP = {
    "TERM": "xterm-256color",
    "COLORTERM": "truecolor",
    "EDITOR": "vim",
    "TZ": "Europe/Zurich",
}


def both(decoys: Iterable[Decoy], quiet: Mapping[str, str]) -> tuple[Surroundings, Surroundings]:
    """Describe both machines; `quiet` are variables that keep honest programs away from the decoys."""
    every = tuple(decoys)
    files = {decoy.place.removeprefix("~/"): decoy.content for decoy in every if decoy.place.startswith("~/")}
    values = {decoy.place[1:]: decoy.content.decode() for decoy in every if decoy.place.startswith("$")}
    shared = {**_BOTH, **quiet, **values}
    return (
        _machine(CI, "runner", "fv-az1042-771", {**shared, **_RUNNER}, 0, files),
        _machine(DEVELOPER, "alex", "alex-laptop", {**shared, **_LAPTOP}, _SHIFT_DAYS, files),
    )


def _machine(
    name: str, user: str, host: str, environment: Mapping[str, str], shift_days: int, files: Mapping[str, bytes]
) -> Surroundings:
    own = {"USER": user, "LOGNAME": user, "HOME": f"/home/{user}"}
    return Surroundings(name, user, host, {**environment, **own}, shift_days, files)
