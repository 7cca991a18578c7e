"""What is planted for semgrep: of each language one file whose flaws must be seen, under every marker that hides one.

Layer: scanners. Imports `canary`.
Trust: the files are ours and go through the same door, under the same kind of name, as the change's files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import canary
from .canary import Planted
from .question import Question

if TYPE_CHECKING:
    from collections.abc import Mapping

_SLASHES = b"// nosemgrep // nosec #nosec //nolint // NOSONAR // eslint-disable-line // deepcode ignore"
_HASH = (
    b"# nosemgrep # nosec # NOSONAR # hadolint ignore=all # shellcheck disable=all # tfsec:ignore:* checkov:skip=all"
)


def _planted(language: str, text: bytes, *flaws: str) -> Planted:
    """Take a text in which `MARKER` stands behind each flaw, and before its line."""
    lines = text.split(b"\n")
    marked = [number for number, line in enumerate(lines, start=1) if b"MARKER" in line]
    found = frozenset(zip(flaws, marked, strict=True))
    sign = _HASH if b"# MARKER" in text else _SLASHES
    return Planted(Question(language, text.replace(b"# MARKER", sign).replace(b"// MARKER", sign)), found)


_SCRIPT = b"""\
const { exec } = require("child_process");
function canary(requestTYPE) {
  exec("ls " + request.query.name); // MARKER
  eval(request.query.code); // MARKER
}
"""

PLANTED: Mapping[str, Planted] = {
    "python": canary.PYTHON,
    "javascript": _planted("javascript", _SCRIPT.replace(b"TYPE", b""), "CWE-78", "CWE-94"),
    "typescript": _planted("typescript", _SCRIPT.replace(b"TYPE", b": Request"), "CWE-78", "CWE-94"),
    "tsx": _planted(
        "tsx",
        _SCRIPT.replace(b"TYPE", b": Request").replace(b"(request.query.code)", b"(request.query.code, <p>{1}</p>)"),
        "CWE-78",
        "CWE-94",
    ),
}
