"""`countermark blame`: who accounts for each line of a file, from signed evidence only."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.chain import Edge
from countermark_ledger.collection import Candidate, Collection
from countermark_ledger.display import safe
from countermark_ledger.evidence import Evidence, Question, judge, verify_candidate
from countermark_ledger.git.change import nodes_at
from countermark_ledger.git.reader import Repository
from countermark_ledger.node import Mode, Node
from countermark_ledger.predicates.generation import Generation
from countermark_service import blame
from countermark_service.blame import Hop, Line
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import Exit, UsageError
from countermark_service.history import contents_of, nodes_of
from countermark_service.sources import Source, from_directory, from_ledger, from_ref

UNACCOUNTED = "unaccounted"
CLAIMED = "claimed"
_TAB = 8


@dataclass(frozen=True, slots=True)
class Origin:
    """Who brought a line, in words: columns for people, fields for programs."""

    signer: str | None
    short: str
    evidence: str
    signed: datetime | None
    statement: str | None
    note: str | None


NOBODY = Origin(None, "-", UNACCOUNTED, None, None, None)


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `blame`."""
    parser.add_argument("path", metavar="PATH", help="a file of the repository")
    parser.add_argument("--rev", default="HEAD", metavar="REV", help="as it is at REV (default: HEAD)")
    parser.add_argument("--bundles", type=Path, metavar="DIR", help="read bundles from a directory as well")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Verify the evidence for one path, lay it along the path's history, and give each line to its signer."""
    checkout = Checkout.find(Path.cwd())
    path = checkout.inside(args.path, Path.cwd())
    with Repository.open(checkout.root) as repository, opened(checkout.home()) as embedded:
        with console.progress():
            commit = repository.resolve(args.rev)
            _refuse_unreadable(repository, path, commit, args.rev)
            console.step("verifying evidence")
            collection = Collection.of(chain.from_iterable(s({path}) for s in _sources(args, repository, embedded)))
            evidence = judge(
                collection, Question({path}, embedded.config.repository_id, embedded.clock()), embedded.trust
            )
            lines = _lines(repository, path, commit, evidence.edges.get(path, []))
        origins = _origins(lines, collection, evidence, embedded)
    _show(lines, origins, console)
    for refusal in evidence.refusals.get(path, []):
        console.say(f"not counted: {safe(refusal.message)}")
    return Exit.PASS


def _sources(args: argparse.Namespace, repository: Repository, embedded: Embedded) -> Iterator[Source]:
    yield from_ledger(embedded)
    yield from_ref(repository)
    if args.bundles:
        yield from_directory(args.bundles)


def _refuse_unreadable(repository: Repository, path: str, commit: str, rev: str) -> None:
    node = nodes_at(repository, commit, [path])[path] if path else None
    if node is None:
        raise UsageError(f"{path or '.'}: expected a file at {rev}, found none", hint="git ls-files")
    if not isinstance(node, Node) or node.mode not in {Mode.FILE, Mode.EXECUTABLE}:
        raise UsageError(
            f"{path}: expected a regular file of at most 100 MB, found something else", hint="git ls-files"
        )
    if blame.is_binary(contents_of(repository, [node])[node]):
        raise UsageError(f"{path}: expected text, found a binary file, which has no lines", hint="git ls-files --eol")


def _lines(repository: Repository, path: str, commit: str, edges: list[Edge]) -> list[Line]:
    nodes = nodes_of(repository, path, commit)
    named = {node for edge in edges for node in (edge.before, edge.after)}
    contents = contents_of(repository, (node for node in {*nodes, *named} if node is not None))
    return blame.attribute(blame.hops(nodes, edges, contents))


def _origins(lines: list[Line], collection: Collection, evidence: Evidence, embedded: Embedded) -> dict[Hop, Origin]:
    names = {row.id: row.name for row in embedded.store.identities()}
    candidates = {found: one for one in collection.candidates.values() if (found := _statement(one)) is not None}

    def short(edge: Edge) -> str:
        return names.get(str(edge.signer)) or edge.signer.name

    def origin(hop: Hop) -> Origin:
        edge = hop.edge
        if edge is None:
            return NOBODY
        account = evidence.accounts[edge.source]
        level = account.evidence.value if isinstance(account, Generation) else CLAIMED
        verified = verify_candidate(candidates[edge.source, edge.index], embedded.trust)
        others = ", ".join(dict.fromkeys(short(one) for one in hop.merged))
        note = f"the content in between was never committed: may also be of {others}" if others else None
        return Origin(str(edge.signer), short(edge), level, verified.signed, verified.name, note)

    return {hop: origin(hop) for hop in {line.hop for line in lines}}


def _statement(candidate: Candidate) -> tuple[str, int | None] | None:
    """Name a statement as an edge does: what was signed, and where it stands in the log."""
    bundle = candidate.bundle
    if bundle is None:
        return None
    return hashlib.sha256(bundle.envelope.pae()).hexdigest(), bundle.entry.log_index


def _show(lines: list[Line], origins: Mapping[Hop, Origin], console: Console) -> None:
    if console.json:
        console.document([_row(number, line, origins[line.hop]) for number, line in enumerate(lines, start=1)])
        return
    wide = max((len(safe(one.short)) for one in origins.values()), default=0)
    count = len(str(len(lines)))
    for number, line in enumerate(lines, start=1):
        one = origins[line.hop]
        date = f"{one.signed:%Y-%m-%d}" if one.signed else "-"
        mark = "*" if one.note else " "
        text = safe(line.text.decode("utf-8", "replace").expandtabs(_TAB))
        console.data(f"{number:>{count}} {safe(one.short):<{wide}} {one.evidence:<11}{mark}{date:<10} {text}".rstrip())
    for note in sorted({one.note for one in origins.values() if one.note}):
        console.say(f"* {safe(note)}")


def _row(number: int, line: Line, one: Origin) -> dict[str, Json]:
    return {
        "line": number,
        "signer": one.signer,
        "evidence": one.evidence,
        "signed": shape.spell_time(one.signed) if one.signed else None,
        "statement": one.statement,
        "note": one.note,
        "text": line.text.decode("utf-8", "replace"),
    }
