"""The landing change: what will be different on the protected branch, and which of it nobody can sign.

Layer: ledger git. Imports nothing of ours but its own room, `errors` and `node`.
Trust: everything is recomputed from git's blobs; names, links and pointers in the head are hostile.

DESIGN.md section 2, step 2. Every path that differs is in `change`, in `refused`, or in both; a change is
accounted for when each of its rows is covered AND nothing is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import Rewritten
from ..node import Change, Mode, Node, Transition
from . import names, trees
from .objects import Hashed, Oversized
from .reader import Repository, content_names, node_of
from .trees import Difference, Directory, Entry

SUBMODULE = "a submodule: its content is in another repository"
_POINTERS = tuple(
    b"version %s" % version
    for version in (b"https://git-lfs.github.com/spec/", b"https://hawser.github.com/spec/", b"http://git-media.io/v/")
)
"""How a Git LFS pointer begins, behind any white space; what comes behind its first 1,024 bytes git-lfs ignores."""
_READ_BY_GIT = {".gitmodules", ".gitattributes", ".gitignore", ".mailmap"}


@dataclass(frozen=True, slots=True)
class LandingChange:
    """What merging `head` into `tip` does, or did where it has `landed`: then nothing was merged to find out.

    `listing_sha256` is the sha256 of `git ls-tree -r -z <tree>`, hex. `refused` gives a reason for each path
    that can't be covered; such a path is in `change` too, unless it has no node (beyond the size cap) or no
    spelling (not UTF-8). `git_version` is the git that merged.
    """

    tip: str
    head: str
    merge_bases: tuple[str, ...]
    tree: str
    listing_sha256: str
    change: Change
    refused: Mapping[str, str]
    git_version: str
    landed: bool


def landing_change(repository: Repository, tip: str, head: str, *, landed: bool = False) -> LandingChange:
    """Compute the change from the tip's tree to the landing tree, both ids of commits.

    `landed` says that the head is what the protected ref became: its own tree is the landing tree. Raises
    `MergeConflict` (no landing tree), `Rewritten` (landed, and not from that tip on), `MissingHistory`, `TooLarge`
    and the errors of the reader.
    """
    tree = _landed(repository, tip, head) if landed else repository.landing_tree(tip, head)
    directories = repository.directories(tip, tree)
    rows = trees.differences(directories)
    digests = repository.digests(content_names(_sides(rows)))
    return LandingChange(
        tip=tip,
        head=head,
        merge_bases=tuple(repository.merge_bases(tip, head)),
        tree=tree,
        listing_sha256=repository.listing_sha256(tree),
        change=Change.of(_transitions(rows, digests)),
        refused=_refused(rows, digests, _twins(directories)),
        git_version=repository.git_version,
        landed=landed,
    )


def _landed(repository: Repository, tip: str, head: str) -> str:
    if not repository.goes_on_from(tip, head):
        message = f"expected {head}, which landed, to go on from {tip}: history was rewritten"
        raise Rewritten(message, hint=f"git fetch --all && git rebase {tip}")
    return repository.commit(head).tree


def nodes_at(repository: Repository, commit: str, paths: Sequence[str]) -> dict[str, Node | Oversized | None]:
    """Give the node of each path at a commit (a merge base, a head, a person's commit); None is absent."""
    entries = repository.entries(commit, paths)
    nodes = repository.nodes(entry for entry in entries.values() if entry is not None)
    return {path: None if entry is None else nodes[entry] for path, entry in entries.items()}


def _sides(rows: Iterable[Difference]) -> list[Entry]:
    return [entry for row in rows for entry in (row.before, row.after) if entry is not None]


def _transitions(rows: Iterable[Difference], digests: Mapping[str, Hashed | Oversized]) -> list[Transition]:
    found: list[Transition] = []
    for row in rows:
        before, after = (None if entry is None else node_of(entry, digests) for entry in (row.before, row.after))
        if isinstance(before, Oversized) or isinstance(after, Oversized) or not names.expressible(row.path):
            continue
        found.append(Transition(row.path, before, after))
    return found


def _refused(
    rows: Iterable[Difference], digests: Mapping[str, Hashed | Oversized], twins: Mapping[str, str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows:
        reason = _unspeakable(row, digests) or (row.after and _reason(row.path, row.after, digests, twins))
        if reason:
            found[row.path] = reason
    return found


def _unspeakable(row: Difference, digests: Mapping[str, Hashed | Oversized]) -> str | None:
    """Say why there is no row for this path, be it a deletion."""
    if not names.expressible(row.path):
        return names.refusal(row.path)
    for entry in _sides([row]):
        digest = digests.get(entry.blob)
        if isinstance(digest, Oversized):
            return f"a file of {digest.size} bytes, more than are read"
    return None


def _reason(path: str, entry: Entry, digests: Mapping[str, Hashed | Oversized], twins: Mapping[str, str]) -> str | None:
    """Say why what lands at this path can't be covered; a deletion always can."""
    return names.refusal(path) or _twin_above(path, twins) or _kind(path, entry, digests)


def _kind(path: str, entry: Entry, digests: Mapping[str, Hashed | Oversized]) -> str | None:
    if entry.mode is Mode.GITLINK:
        return SUBMODULE
    if entry.mode is Mode.SYMLINK and names.fold(path.rpartition("/")[2]) in _READ_BY_GIT:
        return "a symbolic link in place of a file that git reads"
    digest = digests[entry.blob]
    if isinstance(digest, Hashed) and digest.opening.startswith(_POINTERS):
        return "a Git LFS pointer: its content is in another store"
    return None


def _twins(directories: Iterable[Directory]) -> dict[str, str]:
    """Find landing paths (files or directories) that collide with a sibling and did not at the tip.

    Two paths can only collide where their first unequal parts are siblings, so the directories that differ
    are all there is to look at.
    """
    found: dict[str, str] = {}
    for here in directories:
        prefix = _text(here.prefix)
        for name, other in names.twins(map(_text, here.after)).items():
            if not {_bytes(name), _bytes(other)} <= here.before.keys():
                found[prefix + name] = prefix + other
    return found


def _twin_above(path: str, twins: Mapping[str, str]) -> str | None:
    if not twins:
        return None
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        other = twins.get("/".join(parts[:count]))
        if other is not None:
            return f"a name that some file systems or readers take for {other!r}"
    return None


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
