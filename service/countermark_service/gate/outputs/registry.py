"""Every format there is, and writing it: the one table.

Trust: a path is the operator's, but what lies there may be the change's. No link is followed, neither at the path
nor in the checkout on the way to it, and what was there before is gone before anything is decided.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from countermark_service.exits import UsageError
from countermark_service.gate.outputs import (
    codequality,
    comment,
    document,
    junit,
    sarif,
    sast,
    seen,
    step_outputs,
    summary,
    text,
    vsa,
    workflow_commands,
)
from countermark_service.gate.outputs.setting import Setting
from countermark_service.gate.speaking.report import Report

Spell = Callable[[Report, Setting], bytes]


@dataclass(frozen=True, slots=True)
class Format:
    """How a format is spelled. One that `appends` shares its file with others; any other owns it."""

    spell: Spell
    about: str
    appends: bool = False


FORMATS: Mapping[str, Format] = {
    "text": Format(text.spell, "what a terminal shows"),
    "json": Format(document.spell, "the decision, for programs"),
    "input": Format(seen.spell, "what the rules saw, to try another policy on"),
    "sarif": Format(sarif.spell, "SARIF 2.1.0, for code scanning and editors"),
    "junit": Format(junit.spell, "JUnit XML"),
    "vsa": Format(vsa.spell, "the verdict: its signed bundle, or what nobody signed"),
    "codequality": Format(codequality.spell, "GitLab code quality"),
    "sast": Format(sast.spell, "GitLab SAST"),
    "comment": Format(comment.spell, "the body of a sticky comment"),
    "summary": Format(summary.spell, "GitHub step summary", appends=True),
    "annotations": Format(workflow_commands.spell, "GitHub workflow commands", appends=True),
    "outputs": Format(step_outputs.spell, "GitHub step outputs", appends=True),
}


@dataclass(frozen=True, slots=True)
class Output:
    """One format to write to one path."""

    name: str
    path: Path

    @classmethod
    def parse(cls, spelled: str) -> Output:
        """Read `FORMAT=PATH`."""
        name, equals, path = spelled.partition("=")
        if not equals or not path or name not in FORMATS:
            known = ", ".join(FORMATS)
            raise UsageError(f"--output {spelled!r:.80}: expected FORMAT=PATH, FORMAT one of {known}", hint=HINT)
        return cls(name, Path(path))


HINT = "countermark ci --output json=countermark.json"


def clear(wanted: Iterable[Output], checkouts: Sequence[Path]) -> None:
    """Remove what an earlier run left, so that it is never taken for this one's; refuse paths that lead elsewhere.

    `checkouts` are the folders that the change's author may have filled.
    """
    seen: set[str] = set()
    for output in wanted:
        place = os.path.abspath(output.path)  # noqa: PTH100  # no link is followed
        if place in seen:
            raise UsageError(f"--output {output.path}: expected one format for a path, found two", hint=HINT)
        seen.add(place)
        for folder in checkouts:
            _refuse_links(Path(place), folder)
        _refuse_special(Path(place))
        if not FORMATS[output.name].appends:
            _remove(Path(place))


def write(report: Report, wanted: Iterable[Output], setting: Setting) -> None:
    """Spell each format and write it; what can't be written is a refusal, whatever was decided."""
    for output in wanted:
        chosen = FORMATS[output.name]
        content = chosen.spell(report, setting)
        try:
            _append(output.path, content) if chosen.appends else _replace(output.path, content)
        except OSError as error:
            raise _unwritable(output.path, error) from error


def _refuse_links(place: Path, checkout: Path) -> None:
    """A folder of the checkout may be a link that the change brought, to wherever its author likes."""
    root = Path(os.path.realpath(checkout))
    inside = place.is_relative_to(os.path.abspath(checkout)) or place.is_relative_to(root)  # noqa: PTH100  # as above
    if inside and not Path(os.path.realpath(place.parent)).is_relative_to(root):
        raise UsageError(f"--output {place}: expected a folder of the checkout, found a link out of it", hint=HINT)


def _refuse_special(place: Path) -> None:
    """Refuse a device, a pipe or a folder, also behind a link such as `/dev/stdout`: to replace one destroys it."""
    if place.exists() and not place.is_file():
        raise UsageError(f"--output {place}: expected a file or nothing there, found another kind", hint=HINT)


def _remove(place: Path) -> None:
    try:
        place.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(place, error) from error


def _replace(path: Path, content: bytes) -> None:
    """Write beside the path and rename: nobody reads a half, and a link at the path is replaced, not followed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".countermark-", delete=False) as file:
        file.write(content)
        file.flush()
        Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def _append(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o644), "ab") as file:
        file.write(content)


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"--output {path}: expected to write it, found {error.strerror}", hint=HINT)
