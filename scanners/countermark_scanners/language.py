"""What a file is: by content and shebang first, by name second.

Layer: scanners. Imports `inert`; does no I/O.
Trust: contents and names are hostile. A file is Python when anything would run it as Python: its name, its
shebang, or (asked of the parser for text no other language claims) that it parses and does something.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from . import inert

PYTHON = "python"
UNKNOWN = "unknown-text"
BINARY = "binary"
DOCKERFILE = "dockerfile"
ACTIONS = "github-actions"
DISPUTED = "language-disputed"

_LFS = b"version https://git-lfs.github.com/spec/"
_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")
_PYTHON_SUFFIXES = frozenset({".py", ".pyw", ".pyi", ".py3"})
_INTERPRETERS = (
    (re.compile(rb"\b(ts-node|tsx)\b"), "typescript"),
    (re.compile(rb"python|pypy|\buv\b|pipx"), PYTHON),
    (re.compile(rb"\b(ba|da|z|k|a|fi)?sh\b"), "shell"),
    (re.compile(rb"\b(node|deno|bun)\b"), "javascript"),
)
_NAMES = (
    (re.compile(r"(requirements|constraints)[^/]*\.(txt|in)"), "dependency-manifest"),
    (re.compile(r"pyproject\.toml|setup\.cfg|pipfile|package(-lock)?\.json|go\.(mod|sum)"), "dependency-manifest"),
    (re.compile(r".*\.lock|pnpm-lock\.yaml|environment\.ya?ml|gemfile|cargo\.toml"), "dependency-manifest"),
    (re.compile(r"(agents|claude|gemini|skill|copilot-instructions)\.md|\.cursorrules"), "agent-instructions"),
    (re.compile(r"(.*[._-])?(docker|container)file([._-].*)?"), DOCKERFILE),
    (re.compile(r"action\.ya?ml"), ACTIONS),
    (re.compile(r"\.?(bashrc|bash_profile|bash_aliases|profile|zshrc|zshenv|envrc)"), "shell"),
    (re.compile(r"(gnu)?makefile|.*\.mk|cmakelists\.txt|justfile|meson\.build"), "build-script"),
)
_SUFFIXES = {
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), "javascript"),
    **dict.fromkeys((".ts", ".mts", ".cts"), "typescript"),
    **dict.fromkeys((".sh", ".bash", ".zsh", ".ksh", ".fish"), "shell"),
    **dict.fromkeys((".yml", ".yaml"), "yaml"),
    **dict.fromkeys((".html", ".htm", ".xhtml", ".jinja", ".jinja2", ".j2", ".mako"), "html"),
    **dict.fromkeys((".pyx", ".pxd", ".pxi"), "cython"),
    **dict.fromkeys((".c", ".h", ".cc", ".cpp", ".hpp"), "c"),
    **dict.fromkeys((".tf", ".tfvars", ".tofu", ".hcl"), "terraform"),
    ".css": "css",
    ".go": "go",
    ".ini": "ini",
    ".ipynb": "notebook",
    ".java": "java",
    ".json": "json",
    ".kt": "kotlin",
    ".php": "php",
    ".pth": "python-path-file",
    ".rb": "ruby",
    ".rs": "rust",
    ".sql": "sql",
    ".svg": "svg",
    ".toml": "toml",
    ".tsx": "tsx",
    ".xml": "xml",
}
_NOTEBOOK = re.compile(rb'"nbformat"\s*:')
_FAMILY = {"typescript": "javascript", "tsx": "javascript"}
_LOADED_BY_NAME = frozenset({"javascript", "go", "java", "terraform", "yaml", ACTIONS, DOCKERFILE})
_WORKFLOW_FOLDER = re.compile(r"(.*/)?\.github/(workflows|actions)/.*", re.IGNORECASE | re.DOTALL)
_WORKFLOW = (re.compile(rb"""^(on|"on"|'on'|true)[ \t]*:""", re.MULTILINE), re.compile(rb"^jobs[ \t]*:", re.MULTILINE))
_ACTION = (re.compile(rb"^runs[ \t]*:", re.MULTILINE), re.compile(rb"^[ \t]+using[ \t]*:", re.MULTILINE))
_IMAGE = (
    re.compile(rb"\A([ \t]*(#[^\n]*|ARG[ \t][^\n]*)?\r?\n)*[ \t]*FROM[ \t]+\S+[^\n.,;]*\n", re.IGNORECASE),
    re.compile(rb"^(RUN|COPY|ADD|CMD|ENTRYPOINT|USER|WORKDIR|ENV)[ \t]+\S", re.MULTILINE | re.IGNORECASE),
)


def file_type(path: str, content: bytes) -> str:
    """Name the file's type; `UNKNOWN` and `inert.PROSE` are text that may still turn out to be Python."""
    if content.startswith(_LFS):
        return "lfs-pointer"
    pure = PurePosixPath(path)
    if pure.suffix.lower() in _PYTHON_SUFFIXES:
        return PYTHON
    named = _by_name(pure) or _SUFFIXES.get(pure.suffix.lower())
    if content.startswith(b"#!"):
        return _agreed(_interpreter(content), named)
    found = _by_name(pure) or inert.inert_type(path, content) or _by_content(pure, content)
    return _looked_into(path, content, found)


def _agreed(interpreter: str, named: str | None) -> str:
    """Take the interpreter's word, unless others load the file by its name as another language."""
    family = _FAMILY.get(named or "", named)
    if family not in _LOADED_BY_NAME:
        return interpreter
    return str(named) if family == _FAMILY.get(interpreter, interpreter) else DISPUTED


def _looked_into(path: str, content: bytes, found: str) -> str:
    """Tell workflows from other YAML, and see a recipe for an image under any name that no language claims."""
    if found in {UNKNOWN, inert.PROSE} and all(pattern.search(content) for pattern in _IMAGE):
        return DOCKERFILE
    if found != "yaml":
        return found
    is_one = any(all(pattern.search(content) for pattern in patterns) for patterns in (_WORKFLOW, _ACTION))
    return ACTIONS if is_one or _WORKFLOW_FOLDER.fullmatch(path) else found


def may_be_python(found: str) -> bool:
    """Say whether only the parser can tell that this text is not a program."""
    return found in {UNKNOWN, inert.PROSE}


def _interpreter(content: bytes) -> str:
    line = content.split(b"\n", 1)[0]
    return next((name for pattern, name in _INTERPRETERS if pattern.search(line)), "script")


def _by_name(pure: PurePosixPath) -> str | None:
    name = pure.name.lower()
    if pure.parent.name.lower().startswith("requirements") and pure.suffix in {".txt", ".in"}:
        return "dependency-manifest"
    kind = next((kind for pattern, kind in _NAMES if pattern.fullmatch(name)), None)
    return None if kind == DOCKERFILE and pure.suffix.lower() in _SUFFIXES else kind


def _by_content(pure: PurePosixPath, content: bytes) -> str:
    if content.startswith(_ARCHIVES):
        return "archive"
    if b"\x00" in content or not _is_utf8(content):
        return BINARY
    if _NOTEBOOK.search(content):
        return "notebook"
    return _SUFFIXES.get(pure.suffix.lower(), UNKNOWN)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
