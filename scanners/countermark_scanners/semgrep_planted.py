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
    """Take a text in which `MARKER` stands behind each flaw, or on the line before where none may stand behind."""
    lines = enumerate(text.split(b"\n"), start=1)
    marked = [number + line.startswith(b"# MARKER") for number, line in lines if b"MARKER" in line]
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
_GO = b"""\
package canary

import (
	"crypto/tls"
	"net/http"
	"os/exec"
)

func canary(w http.ResponseWriter, r *http.Request) {
	exec.Command("sh", "-c", "ls "+r.FormValue("name")).Run() // MARKER
	_ = &tls.Config{InsecureSkipVerify: true} // MARKER
}
"""
_JAVA = b"""\
class Canary {
    void canary(HttpServletRequest request, Statement statement) throws Exception {
        Runtime.getRuntime().exec("ls " + request.getParameter("name")); // MARKER
        statement.executeQuery("SELECT a FROM b WHERE c = '" + request.getParameter("c") + "'"); // MARKER
    }
}
"""
_SHELL = b"""\
#!/bin/sh
eval "$1" # MARKER
curl https://example.com/install | sh # MARKER
"""
_IMAGE = b"""\
FROM debian:12
# MARKER
RUN curl https://example.com/install | sh
# MARKER
USER root
"""
_WORKFLOW = b"""\
on: issues
permissions: write-all # MARKER
jobs:
  canary:
    steps:
      - run: echo ${{ github.event.issue.title }} # MARKER
"""
_INFRASTRUCTURE = b"""\
resource "aws_ebs_volume" "canary" {
  encrypted = false # MARKER
}
resource "aws_s3_bucket_acl" "canary" {
  acl = "public-read" # MARKER
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
    "go": _planted("go", _GO, "CWE-78", "CWE-295"),
    "java": _planted("java", _JAVA, "CWE-78", "CWE-89"),
    "shell": _planted("shell", _SHELL, "CWE-78", "CWE-494"),
    "dockerfile": _planted("dockerfile", _IMAGE, "CWE-494", "CWE-250"),
    "github-actions": _planted("github-actions", _WORKFLOW, "CWE-250", "CWE-78"),
    "terraform": _planted("terraform", _INFRASTRUCTURE, "CWE-311", "CWE-284"),
}
