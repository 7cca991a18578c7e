"""Reading what a platform says: variables and event files, each value in its one accepted spelling or refused.

Trust: hostile. A file is read with a cap and never through a link; JSON is strict; an id is 40 or 64 hex digits;
a branch is a name that git accepts; no text leaves here that a shell, a refspec or an address could trip over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from countermark_ledger import canonical, shape
from countermark_ledger.canonical import Json
from countermark_ledger.errors import LedgerError
from countermark_ledger.git.place import read_regular
from countermark_ledger.git.refs import OBJECT_ID
from countermark_service.ci.job import HELP
from countermark_service.exits import UsageError

Environ = Mapping[str, str]
MAX_EVENT = 32 * 1024 * 1024
"""GitHub caps a webhook's payload at 25 MB."""
NO_COMMIT = frozenset({"0" * 40, "0" * 64})
"""What platforms and git say for the commit before the first one."""

_BRANCH_BYTES = 1024
# What git-check-ref-format(1) forbids in a name.
_BAD_BRANCH = re.compile(r"^-|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|(?:^|/)\.|(?:\.lock|\.)(?:/|$)|//|^/|/$|^@$|^$")
_PART = r"[A-Za-z0-9_.-]{1,255}"
_NAMED = re.compile(rf"(?!.*(?:^|/)\.\.?(?:/|$)){_PART}(?:/{_PART}){{1,20}}")
_SERVER = re.compile(r"(?:https?://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?|file://)(?:/[A-Za-z0-9_./-]{0,1024})?")


def variable(environ: Environ, name: str) -> str | None:
    """Return a variable; an empty one is none, as every platform sets them."""
    return environ.get(name) or None


def required(environ: Environ, name: str) -> str:
    """Return a variable that the platform always sets."""
    found = variable(environ, name)
    if found is None:
        raise UsageError(f"{name}: expected the platform to set it, found nothing", hint=HELP)
    return found


def event(environ: Environ, name: str) -> Json:
    """Read the event file that a variable names."""
    path = Path(required(environ, name))
    try:
        return canonical.loads(read_regular(path, MAX_EVENT) or b"", max_bytes=MAX_EVENT)
    except LedgerError as error:
        raise UsageError(f"{name}: expected an event at {path}: {error.message}", hint=HELP) from error


def field(value: Json, path: str) -> Json:
    """Walk into nested objects by a dotted path; what is missing on the way is the caller's to refuse."""
    for name in path.split("."):
        try:
            value = shape.member(value, name)
        except LedgerError as error:
            raise UsageError(f"event: {path}: {error.message}", hint=HELP) from error
    return value


def commit(value: Json, where: str) -> str:
    """Accept a full commit id; all zeros, a platform's word for none, is not one."""
    if not isinstance(value, str) or not OBJECT_ID.fullmatch(value):
        raise UsageError(f"{where}: expected a full commit id, found {value!r:.80}", hint=HELP)
    if value in NO_COMMIT:
        raise UsageError(f"{where}: expected a commit, found the id that stands for none", hint=HELP)
    return value


def branch(value: Json, where: str) -> str:
    """Accept the name of a branch, short or full, and return the short one; a tag is none."""
    name = value.removeprefix("refs/heads/") if isinstance(value, str) else ""
    long = len(name.encode("utf-8", "surrogatepass")) > _BRANCH_BYTES
    if long or name.startswith("refs/") or not name.isprintable() or _BAD_BRANCH.search(name):
        raise UsageError(f"{where}: expected the name of a branch, found {value!r:.80}", hint=HELP)
    return name


def number(value: Json, where: str) -> int:
    """Accept a positive whole number, as JSON has it or as a variable spells it."""
    if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,14}", value):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{where}: expected a positive number, found {value!r:.40}", hint=HELP)
    return value


def truth(value: Json, where: str) -> bool:
    """Accept true or false."""
    if not isinstance(value, bool):
        raise UsageError(f"{where}: expected true or false, found {value!r:.40}", hint=HELP)
    return value


def server(environ: Environ, name: str) -> str:
    """Accept the address of the platform's own server, without a trailing slash."""
    found = required(environ, name).rstrip("/")
    if not _SERVER.fullmatch(found):
        raise UsageError(f"{name}: expected the address of a server, found {found!r:.80}", hint=HELP)
    return found


def repository_name(value: Json, where: str) -> str:
    """Accept `owner/name`, or GitLab's longer paths; no part of it climbs or looks like an option."""
    if not isinstance(value, str) or not _NAMED.fullmatch(value) or value.startswith("-") or "/-" in value:
        raise UsageError(f"{where}: expected the name of a repository, found {value!r:.80}", hint=HELP)
    return value
