"""`countermark mirror`: this repository's evidence as a git repository of its own, to be added as a submodule.

Without Countermark the mirror is fetched by: git fetch MIRROR '+refs/heads/*:refs/countermark/mirror/*'
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from countermark_ledger.authority.issuing import Signed
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.git import own, place
from countermark_ledger.git.change import nodes_at
from countermark_ledger.git.reader import Repository, node_of
from countermark_ledger.git.trees import Entry
from countermark_ledger.identity import Identity
from countermark_ledger.node import Change, Mode, Node, Transition
from countermark_service import mirroring, signing
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.collecting import tip_of
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import Exit, UsageError
from countermark_service.gate.mirror_store import MIRROR_REF, pinned_at
from countermark_service.gate.root import policy_at
from countermark_service.mirroring import Updated

MODULES = ".gitmodules"
CREATE_HINT = "countermark mirror create PATH-OR-URL"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/:]+:[^/]")
"""`scheme://...`, or what ssh takes: `host:path`."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `mirror`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make the mirror at a path, or fill an empty repository at an URL")
    create.add_argument("place", metavar="PATH-OR-URL", help="a path that becomes a bare repository, or an URL")
    update = actions.add_parser("update", help="commit what the ledger has by now on top of the mirror")
    update.add_argument("--push", action="store_true", help="join it with the mirror's own state, and push it there")
    add = actions.add_parser("add", help="stage the mirror as a submodule, or the newest commit of it")
    add.add_argument("path", nargs="?", metavar="PATH", help="default: the path that the policy at the tip names")
    add.add_argument("--url", metavar="URL", help="where readers clone it from (default: where it was created)")
    for action in (create, update, add):
        action.add_argument("--json", action="store_true", help="print data as one JSON document")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Do one of the three."""
    checkout = Checkout.find(Path.cwd())
    with opened(checkout.home()) as embedded, console.progress():
        if args.action == "add":
            staged = _add(args, checkout, embedded)
            _show_staged(staged, console)
        else:
            where = _created(args.place, checkout) if args.action == "create" else _known(args, checkout)
            console.step("writing the mirror")
            updated = mirroring.update(checkout.root, embedded, where)
            _remember(checkout, where)
            _show_updated(updated, where, console)
    return Exit.PASS


def _created(given: str, checkout: Checkout) -> str:
    """Spell the place for every directory that it will be used from; make a repository where there is nothing."""
    if _URL.match(given):
        return given
    where = Path(os.path.abspath(given))  # noqa: PTH100  # a link on the way stays the user's own
    if not where.exists():
        where.parent.mkdir(parents=True, exist_ok=True)
        own.init_bare(where, place.find(checkout.root).object_format)
    return str(where)


def _known(args: argparse.Namespace, checkout: Checkout) -> str | None:
    if not args.push:
        return None
    known = checkout.home().mirror()
    if known is None:
        raise UsageError("--push: expected a mirror to push to, found none", hint=CREATE_HINT)
    return known


def _remember(checkout: Checkout, where: str | None) -> None:
    if where is not None and where != checkout.home().mirror():
        checkout.home().write_mirror(where)


@dataclass(frozen=True, slots=True)
class _Staged:
    """What `add` put into the index, and the claim that a person signed with it."""

    path: str
    commit: str
    url: str | None
    files: tuple[str, ...]
    signed: tuple[Signed, ...] = ()


def _add(args: argparse.Namespace, checkout: Checkout, embedded: Embedded) -> _Staged:
    """Stage the gitlink, and the first time `.gitmodules`; both are a person's to answer for, so they are claimed."""
    with Repository.open(checkout.root) as repository:
        path = _path(args.path, checkout, repository, embedded)
        commit = tip_of(repository, MIRROR_REF)
        if commit is None:
            raise UsageError("expected a mirror in this checkout, found none", hint=CREATE_HINT)
        head = repository.resolve("HEAD")
        there = pinned_at(repository, head, path) is not None
        url = None if there and args.url is None else (args.url or checkout.home().mirror())
        if url is None and not there:
            raise UsageError("--url: expected where readers clone the mirror from, found nothing", hint=CREATE_HINT)
        _refuse_occupied(checkout, path, there=there)
        entries = {path: Entry(Mode.GITLINK, commit)} | _modules(checkout, path, url)
        own.stage(checkout.root, entries)
        (checkout.root / path).mkdir(parents=True, exist_ok=True)
        where = signing.target(embedded, repository, head)
        mine = [name for name in entries if name != path or pinned_at(repository, where.base_commit, path) is None]
        change = _rows(repository, where.base_commit, {name: entries[name] for name in mine})
        person = Identity.parse(embedded.config.person)
        signed = signing.sign_claim(embedded, person, change, where) if change.transitions else ()
    return _Staged(path, commit, url, tuple(sorted(entries)), signed)


def _path(given: str | None, checkout: Checkout, repository: Repository, embedded: Embedded) -> str:
    """Return the path that the policy at the tip names: no gate lets a submodule land anywhere else."""
    policy = policy_at(repository, embedded.config.protected_ref)
    named = policy.mirror if policy else None
    asked = checkout.inside(given, Path.cwd()) if given else named
    if named is None or asked != named:
        wanted = asked or "PATH"
        message = f'expected a policy at the tip with "mirror": "{wanted}", found {named or "none"}'
        raise UsageError(f"{message}: write it to .countermark/policy.json and land it", hint="countermark claim")
    return named


def _refuse_occupied(checkout: Checkout, path: str, *, there: bool) -> None:
    folder = checkout.root / path
    occupied = os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir() or any(folder.iterdir()))
    if occupied and not there:
        raise UsageError(f"{path}: expected nothing there, found something", hint=f"git status {path}")


def _modules(checkout: Checkout, path: str, url: str | None) -> dict[str, Entry]:
    if url is None:
        return {}
    (blob,) = own.write_blobs(checkout.root, [own.configure_submodule(checkout.root, path, url)])
    return {MODULES: Entry(Mode.FILE, blob)}


def _rows(repository: Repository, base: str, entries: dict[str, Entry]) -> Change:
    before, blobs = nodes_at(repository, base, list(entries)), [e.blob for e in entries.values() if e.mode is Mode.FILE]
    digests = repository.digests(blobs)
    after = {path: node_of(entry, digests) for path, entry in entries.items()}
    return Change.of(
        Transition(path, old, new)
        for path, new in after.items()
        if (old := before[path]) != new and isinstance(new, Node) and (old is None or isinstance(old, Node))
    )


def _show_updated(updated: Updated, where: str | None, console: Console) -> None:
    if console.json:
        document: dict[str, Json] = {
            "ref": MIRROR_REF,
            "commit": updated.commit,
            "size": updated.size,
            "added": updated.added,
            "leftOut": updated.left_out,
            "pushedTo": where,
        }
        console.document(document)
        return
    pushed = f", pushed to {safe(where)}" if where else ""
    console.data(f"mirror {updated.commit[:12]} of {updated.size} entries, {updated.added} new files{pushed}")
    if updated.left_out:
        console.say(f"left out {updated.left_out} files that the log does not vouch for")
    console.say("To land it: countermark mirror add   then commit on a branch")


def _show_staged(staged: _Staged, console: Console) -> None:
    statements: list[Json] = [{"bundle": one.name, "logIndex": one.log_index} for one in staged.signed]
    files: Sequence[str] = staged.files
    if console.json:
        document: dict[str, Json] = {"path": staged.path, "commit": staged.commit, "url": staged.url}
        console.document({**document, "staged": [*files], "statements": statements})
        return
    for name in files:
        console.data(f"staged {safe(name)}")
    console.say(f"{safe(staged.path)} is at mirror commit {staged.commit[:12]}")
    for one in staged.signed:
        console.say(f"claimed as yours: {one.name[:16]} at log index {one.log_index}")
    console.say("Commit it on a branch: git commit -m 'Pin the evidence'")
