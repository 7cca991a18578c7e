"""A repository, read without trusting anything in it.

Layer: ledger git. Imports nothing of ours but its own room, `node`, `leftovers` and `errors`.
Trust: the checkout is hostile in every file. What leaves here was re-hashed (commits, trees, blobs). Merge
bases and merges are git's own walk over the same store; a store that lies to that walk can only move the
landing tree, whose id the verdict binds and the landing check recomputes.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from .. import leftovers
from ..errors import GitError, Malformed, MergeConflict, MissingHistory, TooLarge, UnknownRevision
from ..node import Mode, Node
from . import place, refs, renames, trees
from .commits import Commit
from .listings import Listings
from .objects import MAX_COMMIT, MAX_TREE, Hashed, Objects, Oversized
from .place import Place
from .process import Batch, Finished, Git
from .trees import Difference, Directory, Entry, Tree

MAX_DIFFERENCES = 100_000
MAX_LISTING = 2_000_000
MAX_TAGS = 8
MAX_HISTORY = 20_000
FEW = 64
AHEAD = 1024

_REVISION = re.compile(r"(.+?)((?:~[0-9]{0,5}|\^[0-9]{0,2})*)", re.DOTALL)
_STEP = re.compile(r"([~^])([0-9]*)")
_TAGGED = re.compile(rb"object ([0-9a-f]{40}|[0-9a-f]{64})\n")
_MISSING = re.compile(r"could not read|unable to (?:read|find)|missing|bad (?:object|file)|not a valid", re.IGNORECASE)


class Repository:
    """Commits, trees and blobs of one repository. Make one with `open`."""

    def __init__(self, where: Place, git: Git, objects: Objects, hint: str) -> None:
        """Keep the parts; `hint` is the command that would bring missing history."""
        self._place = where
        self._git = git
        self._objects = objects
        self._hint = hint
        self._commits: dict[str, Commit] = {}
        self._trees: dict[str, Tree] = {}
        self._walks: dict[tuple[str, str], list[Directory]] = {}
        self._listings = Listings(self._load, MAX_LISTING)
        self._bases: dict[tuple[str, str], list[str]] = {}

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Repository]:
        """Read the repository at (or above) `path` through a bare directory of ours, removed at the end."""
        where = place.find(path)
        hint = "git fetch --unshallow" if where.shallow else "git fetch --refetch --no-filter"
        with leftovers.folder("countermark-git-") as scratch:
            git = Git.over(where.objects, object_format=where.object_format, directory=scratch)
            with closing(Batch(git)) as batch:
                yield cls(where, git, Objects(batch, hint), hint)

    @property
    def git_version(self) -> str:
        """Return the version of the git that merges: another one may merge otherwise."""
        return self._git.version

    def resolve(self, revision: str) -> str:
        """Return the commit id of a full id, `HEAD`, a ref, or one of these with `~N` and `^N` after it."""
        found = _REVISION.fullmatch(revision)
        if found is None:
            raise UnknownRevision("revision: expected a name, found an empty one")
        commit = self._peel(refs.find(self._place, found[1]))
        for step, number in _STEP.findall(found[2]):
            commit = self._step(commit, step, int(number or "1"))
        return commit

    def commit(self, name: str) -> Commit:
        """Read a commit whose bytes hash to its name."""
        if name not in self._commits:
            self._commits[name] = Commit.parse(self._objects.bodies([name], "commit", MAX_COMMIT)[name])
        return self._commits[name]

    def line(self, name: str) -> Iterator[str]:
        """Walk a commit and its first-parent ancestors, newest first; each was read when it comes out."""
        walked = 0
        while True:
            parents = self.commit(name).parents
            yield name
            if not parents:
                return
            name = parents[0]
            walked += 1
            if walked % AHEAD == FEW:
                self._read_ahead(name)

    def first_parents(self, name: str, limit: int) -> list[str]:
        """List a commit and its first-parent ancestors, newest first, at most `limit`."""
        return list(itertools.islice(self.line(name), limit))

    def merge_bases(self, one: str, other: str) -> list[str]:
        """List the best common ancestors of two commits; none when their histories never met."""
        pair = (one, other)
        if pair not in self._bases:
            self._bases[pair] = self._ask_bases(*pair)
        return self._bases[pair]

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether one commit is reachable from another, or is the same."""
        return older in self.merge_bases(older, newer)

    def between(self, older: str, newer: str, limit: int) -> list[str]:
        """List commits that `newer` reaches and `older` does not, parents last; raise `TooLarge` beyond the limit."""
        found = self._git.run("rev-list", "--topo-order", f"--max-count={limit + 1}", newer, f"^{older}")
        self._succeeded("rev-list", found)
        commits = found.output.decode("ascii").split()
        if len(commits) > limit:
            raise TooLarge(f"history from {older} to {newer}: expected at most {limit} commits, found more")
        return commits

    def goes_on_from(self, older: str, newer: str) -> bool:
        """Tell whether a commit is an older one, or has it among its first-parent ancestors.

        Walks at most `MAX_HISTORY` commits (`TooLarge`), and leaves the line where the older one could reach it.
        """
        since = set() if older == newer else set(self.between(older, newer, MAX_HISTORY))
        here = newer
        while here in since and (parents := self.commit(here).parents):
            here = parents[0]
        return here == older

    def tree(self, commit_or_tree: str) -> dict[str, Entry]:
        """List every file, in git's order, by path (UTF-8 with surrogate escapes)."""
        found = trees.files(self._load, self._root(commit_or_tree), limit=MAX_LISTING)
        return {path.decode("utf-8", "surrogateescape"): Entry(mode, raw_id.hex()) for path, mode, raw_id in found}

    def read_below(self, trees_: Iterable[str]) -> None:
        """Read many trees (by id) and all that is below them at once, for whoever is going to list them."""
        trees.load_all(self._load, trees_)

    def forget_trees(self) -> None:
        """Drop the trees read so far, so that a long walk holds no more than a part of it needs."""
        self._trees.clear()
        self._walks.clear()

    def listing_sha256(self, commit_or_tree: str) -> str:
        """Hash (sha256, hex) what `git ls-tree -r -z` spells: every file, byte for byte."""
        return self._listings.sha256(self._root(commit_or_tree))

    def entries(self, commit_or_tree: str, paths: Sequence[str]) -> dict[str, Entry | None]:
        """Look up a few paths; None is absent or a directory."""
        root = self._root(commit_or_tree)
        return trees.select(self._load, [root], paths)[root]

    def entries_of(self, trees_: Iterable[str], paths: Sequence[str]) -> dict[str, dict[str, Entry | None]]:
        """Look up a few paths in many trees (by id) at once."""
        return trees.select(self._load, trees_, paths)

    def moved(
        self, pairs: Mapping[str, tuple[str | None, str]], paths: Iterable[str]
    ) -> dict[str, dict[str, Entry | None]]:
        """Look up, of a few paths, those that differ within each pair of trees (by id; None is the empty one)."""
        return trees.moved(self._load, pairs, paths)

    def directories(self, before: str, after: str) -> list[Directory]:
        """List the directories that differ between two commits or trees."""
        pair = (self._root(before), self._root(after))
        if pair not in self._walks:
            self._walks[pair] = list(trees.directories(self._load, *pair, limit=MAX_DIFFERENCES))
        return self._walks[pair]

    def diff(self, before: str, after: str) -> list[Difference]:
        """List the files that differ between two commits or trees, in git's order; renames are two rows."""
        return trees.differences(self.directories(before, after))

    def blobs(self, names: Iterable[str]) -> Iterator[tuple[str, bytes | Oversized]]:
        """Read blobs, each once; one beyond 100 MB answers with its size only."""
        return self._objects.blobs(names)

    def digests(self, names: Iterable[str]) -> dict[str, Hashed | Oversized]:
        """Hash blobs as they stream by; one beyond 100 MB answers with its size only."""
        return self._objects.digests(names)

    def nodes(self, entries: Iterable[Entry]) -> dict[Entry, Node | Oversized]:
        """Hash the content of entries."""
        wanted = set(entries)
        digests = self.digests(content_names(wanted))
        return {entry: node_of(entry, digests) for entry in wanted}

    def landing_tree(self, tip: str, head: str) -> str:
        """Merge two commits as git's ort does, without renames or attributes; the objects land in OUR store.

        Before git unfolds anything, what the head changed is counted: a bomb is `TooLarge` here.
        """
        bases = self.merge_bases(tip, head)
        if not bases:
            raise MergeConflict(f"{tip} and {head}: expected a common ancestor, found none")
        offered = [self.diff(base, head) for base in bases]
        merged = self._git.run("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", tip, head)
        tree, *conflicts = merged.output.decode("utf-8", "surrogateescape").split("\0")[:-1] or [""]
        if merged.code == 1 and tree and not merged.complaint:
            raise _conflict(tip, conflicts, "changed on both sides")
        self._succeeded("merge-tree", merged)
        landed = self.diff(tip, tree)
        followed = [renames.followed(rows, self.entries(tip, [row.path for row in rows]), landed) for rows in offered]
        if set.intersection(*followed):
            raise _conflict(tip, sorted(set.intersection(*followed)), "renamed on one side and changed on the other")
        return tree

    def _read_ahead(self, name: str) -> None:
        """Read a part of a line in one go. git only says which commits to read: whoever walks it, checks it."""
        named = self._git.run("rev-list", "--first-parent", f"--max-count={AHEAD}", name)
        if named.code == 0:  # otherwise something is missing, and the walk will say what
            missing = [one for one in named.output.decode("ascii").split() if one not in self._commits]
            bodies = self._objects.bodies(missing, "commit", MAX_COMMIT)
            self._commits |= {one: Commit.parse(raw) for one, raw in bodies.items()}

    def _ask_bases(self, one: str, other: str) -> list[str]:
        self.commit(one)
        self.commit(other)
        found = self._git.run("merge-base", "--all", one, other)
        if found.code == 1 and not found.complaint:
            return []
        self._succeeded("merge-base", found)
        return found.output.decode("ascii").split()

    def _succeeded(self, command: str, done: Finished) -> None:
        if _MISSING.search(done.complaint):
            raise MissingHistory(f"git {command}: {done.complaint.splitlines()[0]}", hint=self._hint)
        if done.code or done.complaint:
            raise GitError(f"git {command} ended with {done.code}: {done.complaint.strip()}")

    def _peel(self, name: str) -> str:
        for _ in range(MAX_TAGS):
            kind = self._objects.info([name])[0].kind
            if kind != "tag":
                self.commit(name)
                return name
            target = _TAGGED.match(self._objects.bodies([name], "tag", MAX_COMMIT)[name])
            if target is None:
                raise Malformed(f"tag {name}: expected it to name an object first, found otherwise")
            name = target[1].decode("ascii")
        raise Malformed(f"tag: expected at most {MAX_TAGS} tags in a row, found more")

    def _step(self, commit: str, step: str, number: int) -> str:
        if step == "~":
            line = self.first_parents(commit, number + 1)
            if len(line) <= number:
                raise UnknownRevision(f"{commit}~{number}: expected so many ancestors, found {len(line) - 1}")
            return line[-1]
        parents = (commit, *self.commit(commit).parents)
        if number >= len(parents):
            raise UnknownRevision(f"{commit}^{number}: expected so many parents, found {len(parents) - 1}")
        self.commit(parents[number])
        return parents[number]

    def _root(self, commit_or_tree: str) -> str:
        known = commit_or_tree in self._commits or commit_or_tree in self._trees
        if not known and self._objects.info([commit_or_tree])[0].kind == "tree":
            self._load([commit_or_tree])
        return commit_or_tree if commit_or_tree in self._trees else self.commit(commit_or_tree).tree

    def _load(self, names: Iterable[str]) -> Mapping[str, Tree]:
        wanted = [name for name in names if name not in self._trees]
        for name, raw in self._objects.bodies(wanted, "tree", MAX_TREE).items():
            self._trees[name] = trees.parse(raw, id_bytes=len(name) // 2)
        return self._trees


def _conflict(tip: str, paths: Sequence[str], how: str) -> MergeConflict:
    message = f"expected tip and head to merge, found paths {how}: {', '.join(paths)}"
    return MergeConflict(message, paths=tuple(paths), hint=f"git fetch --all && git merge {tip}")


def content_names(entries: Iterable[Entry]) -> list[str]:
    """Name the blobs among the entries, in their order: a gitlink pins a commit, and has no content here."""
    return [entry.blob for entry in entries if entry.mode is not Mode.GITLINK]


def node_of(entry: Entry, digests: Mapping[str, Hashed | Oversized]) -> Node | Oversized:
    """Make an entry's node; a gitlink's sha256 is that of the commit id it pins, spelled in hex."""
    if entry.mode is Mode.GITLINK:
        return Node(entry.mode, hashlib.sha256(entry.blob.encode("ascii")).hexdigest(), entry.blob)
    digest = digests[entry.blob]
    return digest if isinstance(digest, Oversized) else Node(entry.mode, digest.sha256, entry.blob)
