"""Writing in the user's own checkout: a commit of signed rows, and the ref that carries bundles.

Layer: ledger git. Imports nothing of ours but its own room, `node` and `errors`.
Trust: for commands that a person gave in their own checkout. Blobs are written without filters, so that what
is committed is byte for byte what was signed; refs move by compare-and-swap, so that nobody's work is lost.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import GitError
from ..node import Change, Mode, Node
from .process import Finished, run_own

REMOTE_TIMEOUT_HINT = "git remote -v"


def commit_rows(checkout: Path, change: Change, *, message: str, author: str) -> str:
    """Commit exactly the rows of a change on the current branch, as `author` ("Name <address>"); return its id.

    The user's index gets the same entries; other changes in it and in the work tree stay as they are. Raises
    `GitError` when a file no longer is what was signed, or the branch moved meanwhile.
    """
    entries = {row.path: _write(checkout, row.path, row.after) for row in change.transitions}
    head = _text(_git(checkout, "rev-parse", "--verify", "HEAD"))
    tree = _tree_with(checkout, head, entries)
    commit = _commit_tree(checkout, tree, [head], message=message, author=author)
    _git(checkout, "update-ref", "-m", "countermark record", "HEAD", commit, head)
    _git(checkout, "update-index", "-z", "--index-info", stdin=_index_info(entries))
    return commit


def add_files(checkout: Path, ref: str, files: Mapping[str, bytes], *, parents: Iterable[str] = ()) -> str:
    """Commit files into the tree of a ref (union with what is there); return the new commit id.

    `parents` are further commits to join (a remote's state); their files are kept as well.
    """
    old = _resolve(checkout, ref)
    joined = [commit for commit in (old, *parents) if commit is not None]
    entries = {path: (Mode.FILE, _hash(checkout, content)) for path, content in files.items()}
    with tempfile.TemporaryDirectory(prefix="countermark-index-") as scratch:
        index = Path(scratch, "index")
        for commit in joined:
            listing = _git(checkout, "ls-tree", "-r", "-z", "--full-tree", commit).output
            _git(checkout, "update-index", "-z", "--index-info", stdin=listing, index=index)
        _git(checkout, "update-index", "-z", "--index-info", stdin=_index_info(entries), index=index)
        tree = _text(_git(checkout, "write-tree", index=index))
    commit = _commit_tree(checkout, tree, joined, message="Add bundles\n", author="countermark <countermark@localhost>")
    _git(checkout, "update-ref", "-m", "countermark bundles", ref, commit, old or "0" * len(commit))
    return commit


def push(checkout: Path, remote: str, ref: str) -> bool:
    """Push a ref to the same name; False when the remote has moved on, so that the caller can join and retry."""
    done = run_own(checkout, "push", "--quiet", "--", remote, f"{ref}:{ref}")
    if done.code == 0:
        return True
    if "fetch first" in done.complaint or "non-fast-forward" in done.complaint or "stale info" in done.complaint:
        return False
    raise GitError(f"git push to {remote}: {_reason(done)}", hint=REMOTE_TIMEOUT_HINT)


def fetch(checkout: Path, remote: str, ref: str, into: str) -> str | None:
    """Fetch a remote's ref into a ref of our own; None when the remote has none."""
    done = run_own(checkout, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", remote, f"+{ref}:{into}")
    if done.code == 0:
        return _resolve(checkout, into)
    if "couldn't find remote ref" in done.complaint:
        return None
    raise GitError(f"git fetch from {remote}: {_reason(done)}", hint=REMOTE_TIMEOUT_HINT)


def _write(checkout: Path, path: str, node: Node | None) -> tuple[Mode, str] | None:
    """Store what lies at a path as a blob, unfiltered, and insist that it is what was signed."""
    if node is None:
        return None
    place = checkout / path
    content = os.fsencode(place.readlink()) if node.mode is Mode.SYMLINK else place.read_bytes()
    if Node.of_blob(node.mode, content) != node:
        raise GitError(f"{path}: expected the content that was signed, found another", hint="countermark record again")
    return node.mode, _hash(checkout, content)


def _hash(checkout: Path, content: bytes) -> str:
    return _text(_git(checkout, "hash-object", "-w", "--stdin", "--no-filters", stdin=content))


def _tree_with(checkout: Path, head: str, entries: Mapping[str, tuple[Mode, str] | None]) -> str:
    with tempfile.TemporaryDirectory(prefix="countermark-index-") as scratch:
        index = Path(scratch, "index")
        _git(checkout, "read-tree", head, index=index)
        _git(checkout, "update-index", "-z", "--index-info", stdin=_index_info(entries), index=index)
        return _text(_git(checkout, "write-tree", index=index))


def _commit_tree(checkout: Path, tree: str, parents: Iterable[str], *, message: str, author: str) -> str:
    name, _, address = author.removesuffix(">").partition(" <")
    identity = ["-c", f"user.name={name}", "-c", f"user.email={address}", "-c", "commit.gpgSign=false"]
    lines = [argument for parent in parents for argument in ("-p", parent)]
    return _text(_git(checkout, *identity, "commit-tree", tree, *lines, stdin=message.encode()))


def _index_info(entries: Mapping[str, tuple[Mode, str] | None]) -> bytes:
    """Spell entries for `git update-index --index-info`; mode 0 removes a path."""
    gone = f"0 {'0' * 40}"
    lines = (f"{f'{entry[0].value} {entry[1]}' if entry else gone}\t{path}\0" for path, entry in entries.items())
    return "".join(lines).encode("utf-8", "surrogateescape")


def _resolve(checkout: Path, ref: str) -> str | None:
    done = run_own(checkout, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    return _text(done) if done.code == 0 else None


def _git(checkout: Path, *arguments: str, stdin: bytes = b"", index: Path | None = None) -> Finished:
    done = run_own(checkout, *arguments, stdin=stdin, index=index)
    if done.code:
        words = next((word for word in arguments if not word.startswith("-") and "=" not in word), "")
        raise GitError(f"git {words}: {_reason(done)}")
    return done


def _text(done: Finished) -> str:
    return done.output.decode("ascii").strip()


def _reason(done: Finished) -> str:
    return done.complaint.strip().splitlines()[-1] if done.complaint.strip() else f"exit code {done.code}"
