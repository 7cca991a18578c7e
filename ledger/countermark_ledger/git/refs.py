"""Names of commits: refs and revisions, read from their files by hand.

Layer: ledger git. Imports nothing of ours but `place` and `errors`.
Trust: refs are hostile; they choose WHICH commit is looked at, and the caller says by full name which ref it
means. A short name that fits two refs is refused: git would warn and take the tag.
"""

from __future__ import annotations

import re

from ..errors import GitError, UnbornBranch, UnknownRevision
from .place import MAX_LIST, MAX_POINTER, Place, read_regular

MAX_SYMREFS = 5

OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# git-check-ref-format(1): what no part of a ref's name may hold.
_BAD_NAME = re.compile(r"^-|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|(?:^|/)\.|(?:\.lock|\.)(?:/|$)|//|^/|/$|^@$|^$")
_OF_A_WORK_TREE = ("refs/worktree/", "refs/bisect/", "refs/rewritten/")
_SHORT_FOR = ("refs/{}", "refs/heads/{}", "refs/tags/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")


def find(place: Place, name: str) -> str:
    """Return the object id that a full id, `HEAD`, a full ref or an unambiguous short name leads to."""
    if OBJECT_ID.fullmatch(name):
        return name
    if _BAD_NAME.search(name):
        raise UnknownRevision(f"revision {name!r:.200}: expected an id or the name of a ref, found neither")
    full = [name] if name == "HEAD" or name.startswith("refs/") else [short.format(name) for short in _SHORT_FOR]
    found = {ref: target for ref in full if (target := _read(place, ref)) is not None}
    if len(found) > 1:
        raise UnknownRevision(f"{name}: expected one ref, found {', '.join(found)}", hint=f"say {next(iter(found))}")
    for target in found.values():
        return target
    raise _missing(place, name)


def _missing(place: Place, name: str) -> GitError:
    unborn = _symref(read_regular(place.git_dir / "HEAD", MAX_POINTER) or b"")
    if name == "HEAD" or unborn in {name, f"refs/heads/{name}"}:
        return UnbornBranch(f"{unborn}: expected a commit, found a branch without one", hint="git commit")
    return UnknownRevision(f"{name}: expected a ref of this name, found none", hint="git fetch origin")


def _read(place: Place, ref: str, depth: int = 0) -> str | None:
    """Read a ref where its kind of ref lives; None when it does not exist."""
    if depth > MAX_SYMREFS:
        raise GitError(f"{ref}: expected a ref, found symbolic refs nested deeper than {MAX_SYMREFS}")
    private = ref == "HEAD" or ref.startswith(_OF_A_WORK_TREE)
    content = read_regular((place.git_dir if private else place.common_dir) / ref, MAX_POINTER)
    if content is None:
        return _packed(place, ref)
    target = _symref(content)
    if target is not None:
        return _read(place, target, depth + 1)
    found = content.removesuffix(b"\n").decode("ascii", "replace")
    if not OBJECT_ID.fullmatch(found):
        raise GitError(f"{ref}: expected an object id, found something else")
    return found


def _symref(content: bytes) -> str | None:
    if not content.startswith(b"ref:"):
        return None
    target = content[4:].strip(b" \t\r\n").decode("utf-8", "surrogateescape")
    if _BAD_NAME.search(target) or not target.startswith("refs/"):
        raise GitError("symbolic ref: expected it to name a ref, found something else")
    return target


def _packed(place: Place, ref: str) -> str | None:
    packed = read_regular(place.common_dir / "packed-refs", MAX_LIST) or b""
    line = rb"^([0-9a-f]{40}|[0-9a-f]{64}) %s$" % re.escape(ref.encode("utf-8", "surrogateescape"))
    found = re.findall(line, packed, re.MULTILINE)
    if len(found) > 1:
        raise GitError(f"{ref}: expected one line in packed-refs, found {len(found)}")
    return found[0].decode("ascii") if found else None
