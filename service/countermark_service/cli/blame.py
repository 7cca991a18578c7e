"""`countermark blame`: who accounts for each line of a file, from signed evidence only."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Mapping, Sequence
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
from countermark_service.blame import Hop, Line, Step
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import Exit, UsageError
from countermark_service.gate.people import Person
from countermark_service.gate.policy import POLICY_PATH, Policy
from countermark_service.history import COMMIT, committed, contents_of, steps_of
from countermark_service.sources import Source, from_directory, from_ledger, from_ref

UNACCOUNTED = "unaccounted"
CLAIMED = "claimed"
COMMITTED = "committed"
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
    with Repository.open(checkout.root) as repository, opened(checkout.home()) as embedded, console.progress():
        commit = repository.resolve(args.rev)
        _refuse_unreadable(repository, path, commit, args.rev)
        console.step("verifying evidence")
        collection = Collection.of(chain.from_iterable(s({path}) for s in _sources(args, repository, embedded)))
        question = Question({path}, embedded.config.repository_id, embedded.clock())
        evidence = judge(collection, question, embedded.trust)
        console.step("reading the history")
        steps = steps_of(repository, path, commit, _people(repository, embedded.config.protected_ref))
        lines = _lines(repository, steps, evidence.edges.get(path, []))
        named = _Naming(repository, embedded, collection, evidence)
        origins = {hop: named.origin(hop) for hop in {line.hop for line in lines}}
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


def _lines(repository: Repository, steps: Sequence[Step], edges: Sequence[Edge]) -> list[Line]:
    nodes = {step.node for step in steps} | {node for edge in edges for node in (edge.before, edge.after)}
    contents = contents_of(repository, (node for node in nodes if node is not None))
    return blame.attribute(blame.hops(steps, edges, contents))


def _people(repository: Repository, protected_ref: str) -> tuple[Person, ...]:
    """Name the people of the policy at the protected tip, as the gate would; none where there is no policy yet."""
    entry = repository.entries(repository.resolve(protected_ref), [POLICY_PATH])[POLICY_PATH]
    content = b"" if entry is None else dict(repository.blobs([entry.blob]))[entry.blob]
    return Policy.parse(content).people if isinstance(content, bytes) and content else ()


class _Naming:
    """Puts hops into words; only evidence that was used is verified a second time, for its date."""

    def __init__(self, repository: Repository, embedded: Embedded, collection: Collection, evidence: Evidence) -> None:
        self._repository = repository
        self._trust = embedded.trust
        self._accounts = evidence.accounts
        self._names = {row.id: row.name for row in embedded.store.identities()}
        self._candidates = {_statement(one): one for one in collection.candidates.values()}

    def origin(self, hop: Hop) -> Origin:
        """Say who brought the lines of a hop."""
        edge = hop.edge
        if edge is None:
            return NOBODY
        short, who = self._short(edge), str(edge.signer)
        if edge.index is None:
            at = committed(self._repository, edge.source.removeprefix(COMMIT))
            return Origin(who, short, COMMITTED, at, edge.source, None)
        account = self._accounts[edge.source]
        level = account.evidence.value if isinstance(account, Generation) else CLAIMED
        verified = verify_candidate(self._candidates[edge.source, edge.index], self._trust)
        others = ", ".join(dict.fromkeys(self._short(one) for one in hop.merged))
        note = f"the content in between was never committed: may also be of {others}" if others else None
        return Origin(who, short, level, verified.signed, verified.name, note)

    def _short(self, edge: Edge) -> str:
        return self._names.get(str(edge.signer)) or edge.signer.name


def _statement(candidate: Candidate) -> tuple[str, int]:
    """Name a statement as an edge does: what was signed, and where it stands in the log."""
    bundle = candidate.bundle
    if bundle is None:
        return candidate.name, -1
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
