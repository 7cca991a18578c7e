"""The provenance mirror, from the operator's side: this repository's evidence as a git repository of its own.

Each update is one commit whose tree is a bundle collection and nothing else, on top of the one before. It is kept in
the checkout as `refs/countermark/mirror/main`, where the gate can read it, and pushed to `refs/heads/main` of the
mirror. Two machines with the same ledger make the same commit of the same state.

Trust: the mirror's host is hostile. What it holds is joined as `joining` does, and what our own ledger did not offer
is left out unless the pinned log vouches for it, for the gate would refuse the whole mirror (`vouching`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from countermark_ledger.errors import LogDiverged, RefMoved
from countermark_ledger.git import own
from countermark_ledger.git.reader import Repository
from countermark_service import offering, vouching
from countermark_service.collecting import commit_union, reader_of, state_of, tip_of, unite
from countermark_service.embedded import Embedded
from countermark_service.gate.mirror_store import MIRROR_REF
from countermark_service.joining import Joined, Kind, Offer, State, kind_of

BRANCH = "refs/heads/main"
_REMOTE_REF = "refs/countermark/remote/mirror"
_ATTEMPTS = 16


@dataclass(frozen=True, slots=True)
class Updated:
    """Where the mirror is now, of how many entries its checkpoint is, how many files came and were left out."""

    commit: str
    size: int
    added: int
    left_out: int


def update(root: Path, embedded: Embedded, place: str | None) -> Updated:
    """Bring the mirror to the ledger's newest head; with a place (a path or an URL), join and push it there.

    Raises `BadConsistency` when either side holds a fork of this log, and `RefMoved` when others keep pushing.
    """
    for _ in range(_ATTEMPTS - 1):
        with suppress(RefMoved):  # others moved it meanwhile: join what they did
            return _update(root, embedded, place)
    return _update(root, embedded, place)


def _update(root: Path, embedded: Embedded, place: str | None) -> Updated:
    theirs = own.fetch(root, place, BRANCH, _REMOTE_REF) if place else None
    with Repository.open(root) as repository:
        ours = tip_of(repository, MIRROR_REF)
        tips = list(dict.fromkeys(tip for tip in (theirs, ours) if tip is not None))
        states = [state_of(repository, tip) for tip in tips]
        joined = _joined(repository, states, embedded)
        commit = commit_union(root, repository, joined, tips, message=_message(embedded), at=_time(embedded))
        there = {path for tip in tips for path in repository.tree(tip)}
    if commit is None:
        raise RuntimeError("a ledger always offers its checkpoint")
    _publish(root, commit, ours, theirs, place)
    files, before = joined.kept.keys() | joined.new.keys(), {path for state in states for path in state}
    return Updated(commit, embedded.log.head.size, len(files - before), len(there - files))


def _joined(repository: Repository, states: Sequence[State], embedded: Embedded) -> Joined:
    """Unite, and leave out what neither our own ledger offered nor the pinned log vouches for.

    Our ledger names every bundle there is, and every link. Others prove the same entries, and only take up room.
    """
    offered: set[str] = set()
    united = unite(repository, states, embedded, _noting(offering.offers(embedded), offered))
    read = reader_of(repository)

    def content(path: str) -> bytes | None:
        if path in united.kept:
            return read([united.kept[path]])[united.kept[path]]
        return united.new.get(path)

    head = vouching.head_of(content, embedded.trust)
    if head.size != embedded.log.head.size:
        message = f"the mirror has a checkpoint of {head.size} entries, this ledger only {embedded.log.head.size}"
        raise LogDiverged(f"{message}: was it restored from an old backup?", hint="countermark log fsck")
    strange = (united.kept.keys() | united.new.keys()) - offered
    left_out = {path for path in strange if kind_of(path) in {Kind.BUNDLE, Kind.LINK}}
    left_out |= vouching.judge(sorted(strange - left_out), content, head, embedded.trust).refused.keys()
    return Joined(
        {path: blob for path, blob in united.kept.items() if path not in left_out},
        {path: raw for path, raw in united.new.items() if path not in left_out},
    )


def _noting(offers: Iterable[Offer], paths: set[str]) -> Iterator[Offer]:
    for offer in offers:
        paths.add(offer.path)
        yield offer


def _time(embedded: Embedded) -> datetime:
    """Say when the head was signed, by the log's own clock: then whoever commits it makes the same commit."""
    return datetime.fromtimestamp(embedded.log.head.time_ms // 1000, UTC)


def _publish(root: Path, commit: str, ours: str | None, theirs: str | None, place: str | None) -> None:
    if commit != ours:
        own.move_ref(root, MIRROR_REF, commit, ours, reason="countermark mirror")
    if place is not None and commit != theirs:
        own.push(root, place, BRANCH, commit)


def _message(embedded: Embedded) -> str:
    """Tell a person who meets the mirror what it is; the tree has no room for a page of prose."""
    head, trust = embedded.log.head, embedded.trust
    return f"""\
Evidence up to entry {head.size} of {embedded.log.origin}

Signed statements about repository {trust.repository_id}: who generated, claimed and
decided what. Nothing here is to be believed for being here: verify it against the
trust root with digest {trust.digest}.

  countermark verify BUNDLE --trust-root trust-root.json
  countermark gate --bundles DIRECTORY
"""
