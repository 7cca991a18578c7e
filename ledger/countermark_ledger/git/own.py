"""Writing in the user's own checkout: a commit of signed rows, and the ref that carries bundles.

Layer: ledger git. Imports nothing of ours but its own room, `node` and `errors`.
Trust: for commands that a person gave in their own checkout. Blobs are written without filters, so that what
is committed is byte for byte what was signed; refs move by compare-and-swap, so that nobody's work is lost.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..errors import GitError, RefMoved
from ..node import Change, Mode, Node
from .place import read_regular
from .process import Finished, run_own

MAX_FILE = 1024 * 1024 * 1024
_REMOTE_HINT = "git remote -v"
_AGAIN_HINT = "run the command again"
_SIGN_HINT = "countermark sign --agent NAME"
_MOVED = (
    "fetch first",
    "non-fast-forward",
    "stale info",
    "cannot lock ref",
    "failed to lock",
    "failed to update ref",
    "incorrect old value",
    "reference already exists",
)
_ALONE = ("--no-recurse-submodules",)
_NO_SIDE_EFFECTS = ("-c", "gc.auto=0", "-c", "maintenance.auto=false")

Entry = tuple[Mode, str]


@dataclass(frozen=True, slots=True)
class Author:
    """Who a commit says it is from."""

    name: str
    address: str

    def settings(self) -> list[str]:
        """Spell it as settings that outweigh the user's own."""
        roles = ("user", "author", "committer")
        names = [
            f"{role}.{key}={value}" for role in roles for key, value in (("name", self.name), ("email", self.address))
        ]
        return [word for setting in (*names, "i18n.commitEncoding=UTF-8") for word in ("-c", setting)]


COUNTERMARK = Author("countermark", "countermark@localhost")


def commit_rows(checkout: Path, change: Change, *, message: str, author: Author) -> str | None:
    """Commit exactly the rows of a change on the current branch; return its id, None when HEAD has them already.

    The user's index gets the same entries; other changes in it and in the work tree stay as they are. Raises
    `GitError` when a file no longer is what was signed, `RefMoved` when the branch moved meanwhile.
    """
    entries = {row.path: _write(checkout, row.path, row.after) for row in change.transitions}
    head = _text(_git(checkout, "rev-parse", "--verify", "HEAD^{commit}"))
    tree = tree_with(checkout, head, entries)
    if tree == _text(_git(checkout, "rev-parse", "--verify", "HEAD^{tree}")):
        return None
    commit = commit_tree(checkout, tree, [head], message=message, author=author)
    move_ref(checkout, "HEAD", commit, head, reason="countermark record")
    _follow(checkout, commit, _index_info(entries, len(head)))
    return commit


def write_blobs(checkout: Path, contents: Sequence[bytes]) -> list[str]:
    """Store contents as blobs, byte for byte; return their names in the same order."""
    with tempfile.TemporaryDirectory(prefix="countermark-blobs-") as scratch:
        files = [Path(scratch, str(number)) for number in range(len(contents))]
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
        listed = "".join(f"{file}\n" for file in files).encode()
        return _text(_git(checkout, "hash-object", "-w", "--no-filters", "--stdin-paths", stdin=listed)).split()


def write_tree(checkout: Path, files: Mapping[str, str]) -> str:
    """Store a tree of regular files, given as path and blob name; return its name."""
    entries = {path: (Mode.FILE, blob) for path, blob in files.items()}
    with tempfile.TemporaryDirectory(prefix="countermark-index-") as scratch:
        index = Path(scratch, "index")
        _git(checkout, "update-index", "-z", "--index-info", stdin=_index_info(entries, 0), index=index)
        return _text(_git(checkout, "write-tree", index=index))


def commit_tree(
    checkout: Path, tree: str, parents: Iterable[str], *, message: str, author: Author, at: datetime | None = None
) -> str:
    """Store a commit; return its name. With a time (UTC) instead of now, equal commits have equal names."""
    lines = [argument for parent in parents for argument in ("-p", parent)]
    stdin = message.encode("utf-8", "replace")
    return _text(_git(checkout, *author.settings(), "commit-tree", tree, *lines, stdin=stdin, at=at))


def init_bare(place: Path, object_format: str) -> None:
    """Make an empty bare repository with a branch `main` to be born."""
    quiet = ("--quiet", "--bare", "--template=", "--initial-branch=main", f"--object-format={object_format}")
    _git(place.parent, "init", *quiet, "--", str(place))


def stage(checkout: Path, entries: Mapping[str, Entry]) -> None:
    """Put entries into the user's index, whatever lies in the work tree: what the next commit will hold."""
    _git(checkout, "update-index", "-z", "--index-info", stdin=_index_info(entries, 0))


def configure_submodule(checkout: Path, path: str, url: str) -> bytes:
    """Name a submodule of this path and URL in `.gitmodules`, as `git submodule add` does; return the file.

    Nothing is cloned and no setting of the checkout's own changes. Raises `GitError` for a link in its place, through
    which git would write.
    """
    read_regular(checkout / ".gitmodules", MAX_FILE)
    for key, value in (("path", path), ("url", url)):
        _git(checkout, "config", "--file", ".gitmodules", f"submodule.{path}.{key}", value)
    return read_regular(checkout / ".gitmodules", MAX_FILE) or b""


def move_ref(checkout: Path, ref: str, new: str, old: str | None, *, reason: str) -> None:
    """Move a ref from `old` (None: it must not exist) to `new`; raise `RefMoved` when it is elsewhere by now."""
    expected = old or "0" * len(new)
    done = run_own(checkout, *COUNTERMARK.settings(), "update-ref", "-m", reason, ref, new, expected)
    if done.code:
        raise RefMoved(f"{ref}: expected to move it to {new[:12]}: {_reason(done)}", hint=_AGAIN_HINT)


def push(checkout: Path, remote: str, ref: str, commit: str) -> None:
    """Push a commit to a remote's ref; raise `RefMoved` when the remote has moved on, so that one can join it."""
    quiet = ("--porcelain", "--no-verify", "--no-follow-tags", "--no-signed", *_ALONE)
    done = run_own(checkout, *_NO_SIDE_EFFECTS, "push", *quiet, "--", remote, f"{commit}:{ref}")
    if done.code == 0:
        return
    said = done.output.decode("utf-8", "replace") + done.complaint
    if any(words in said for words in _MOVED):
        raise RefMoved(f"{remote}: {ref} was moved by others meanwhile", hint=_AGAIN_HINT)
    raise GitError(f"git push to {remote}: {_rejection(said) or _reason(done)}", hint=_REMOTE_HINT)


def fetch(checkout: Path, remote: str, ref: str, into: str) -> str | None:
    """Fetch a remote's ref into a ref of our own and return its commit; None when the remote has no such ref."""
    quiet = ("--quiet", "--no-tags", "--no-write-fetch-head", *_ALONE)
    done = run_own(checkout, *_NO_SIDE_EFFECTS, "fetch", *quiet, "--", remote, f"+{ref}:{into}")
    if done.code == 0:
        return _text(_git(checkout, "rev-parse", "--verify", f"{into}^{{commit}}"))
    if "couldn't find remote ref" in done.complaint:
        return None
    if any(words in done.complaint for words in _MOVED):
        raise RefMoved(f"{into} was moved by another command meanwhile", hint=_AGAIN_HINT)
    raise GitError(f"git fetch from {remote}: {_reason(done)}", hint=_REMOTE_HINT)


def _follow(checkout: Path, commit: str, entries: bytes) -> None:
    """Give the user's index what was committed."""
    done = run_own(checkout, "update-index", "-z", "--index-info", stdin=entries)
    if done.code:
        raise GitError(f"committed {commit[:12]}, but not the index: {_reason(done)}", hint="git reset --mixed HEAD")


def _write(checkout: Path, path: str, node: Node | None) -> Entry | None:
    """Store what lies at a path as a blob, unfiltered, and insist that it is what was signed."""
    if node is None:
        return None
    content = _content(checkout / path, node.mode)
    if content is None or Node.of_blob(node.mode, content) != node:
        raise GitError(f"{path}: expected the content that was signed, found another", hint=_SIGN_HINT)
    return node.mode, _text(_git(checkout, "hash-object", "-w", "--stdin", "--no-filters", stdin=content))


def _content(place: Path, mode: Mode) -> bytes | None:
    """Read what lies there if it is of that kind; a FIFO that took the place of a file must not hang us."""
    if mode is not Mode.SYMLINK:
        return read_regular(place, MAX_FILE)
    return os.fsencode(place.readlink()) if place.is_symlink() else None


def tree_with(checkout: Path, head: str, entries: Mapping[str, Entry | None]) -> str:
    """Store the tree of a commit with some entries put in or taken out (None); return its name."""
    with tempfile.TemporaryDirectory(prefix="countermark-index-") as scratch:
        index = Path(scratch, "index")
        _git(checkout, "read-tree", head, index=index)
        _git(checkout, "update-index", "-z", "--index-info", stdin=_index_info(entries, len(head)), index=index)
        return _text(_git(checkout, "write-tree", index=index))


def _index_info(entries: Mapping[str, Entry | None], width: int) -> bytes:
    """Spell entries for `git update-index --index-info`; mode 0 (and a name of `width` zeros) removes a path."""
    gone = f"0 {'0' * width}"
    lines = (f"{f'{entry[0].value} {entry[1]}' if entry else gone}\t{path}\0" for path, entry in entries.items())
    return "".join(lines).encode("utf-8", "surrogateescape")


def _git(
    checkout: Path, *arguments: str, stdin: bytes = b"", index: Path | None = None, at: datetime | None = None
) -> Finished:
    done = run_own(checkout, *arguments, stdin=stdin, index=index, at=at)
    if done.code:
        words = next((word for word in arguments if not word.startswith("-") and "=" not in word), "")
        raise GitError(f"git {words}: {_reason(done)}")
    return done


def _text(done: Finished) -> str:
    return done.output.decode("ascii").strip()


def _rejection(said: str) -> str:
    """Find what the remote said of our ref (git-push(1), porcelain: `!`, the refs and a summary)."""
    return next((line.rpartition("\t")[2] for line in said.splitlines() if line.startswith("!\t")), "")


def _reason(done: Finished) -> str:
    """Find what git says the matter is: advice may follow it, and come last."""
    lines = done.complaint.strip().splitlines()
    fatal = next((line for line in lines if line.startswith("fatal: ")), None)
    return fatal or (lines[-1] if lines else f"exit code {done.code}")
