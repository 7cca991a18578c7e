"""The platforms, in one table, and which of them this process runs on.

Trust: a marker variable chooses who is asked; two markers at once are refused rather than ranked, for a change
must not choose the platform that says the least.
"""

from __future__ import annotations

from collections.abc import Callable

from countermark_service.ci import github, gitlab, jenkins, pre_commit
from countermark_service.ci.job import HELP, Job, Platform
from countermark_service.ci.reading import Environ
from countermark_service.exits import UsageError

_READERS: dict[Platform, tuple[tuple[str, str | None], Callable[[Environ], Job]]] = {
    Platform.GITHUB: (github.MARK, github.read),
    Platform.GITLAB: (gitlab.MARK, gitlab.read),
    Platform.JENKINS: (jenkins.MARK, jenkins.read),
    Platform.PRE_COMMIT: (pre_commit.MARK, pre_commit.read),
}

MARKERS = frozenset(name for (name, _), _ in _READERS.values())
"""The variables by which platforms are known."""


def detect(environ: Environ) -> Platform:
    """Return the one platform whose marker is set; none at all is a plain command line."""
    found = [platform for platform, (mark, _) in _READERS.items() if _is_set(environ, *mark)]
    if len(found) > 1:
        names = " and ".join(found)
        raise UsageError(f"platform: expected one, found {names}", hint=HELP)
    return found[0] if found else Platform.PLAIN


def read(platform: Platform, environ: Environ) -> Job:
    """Ask the platform; a plain command line is about the checkout's HEAD until options say otherwise."""
    if platform is Platform.PLAIN:
        return Job(platform, "command line", None, "HEAD")
    return _READERS[platform][1](environ)


def _is_set(environ: Environ, name: str, value: str | None) -> bool:
    found = environ.get(name)
    return bool(found) if value is None else found == value
