"""`countermark blame`: who accounts for each line of a file, from signed evidence only, and what others claim.

Trust: a claim of another tool is unsigned. It stands beside what the ledger knows and changes none of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.git.change import nodes_at
from countermark_ledger.git.reader import Repository
from countermark_ledger.node import Mode, Node
from countermark_service import blame
from countermark_service.attribution.claims import Contributor, Known
from countermark_service.attribution.lines import Origin, Reading
from countermark_service.attribution.placing import claimed
from countermark_service.blame import Hop, Line
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import Exit, UsageError
from countermark_service.history import contents_of
from countermark_service.sources import Source, from_directory, from_ledger, from_ref
from countermark_service.store.claims import MAX_OF_PATH

_TAB = 8
_WIDEST_CLAIM = 60


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
        console.step("verifying evidence and reading the history")
        reading = Reading.of(repository, embedded, commit, [path], _sources(args, repository, embedded))
        lines = reading.lines(path)
        origins = {hop: reading.origin(hop) for hop in {line.hop for line in lines}}
        known = embedded.store.claims(embedded.config.repository_id, path)
        claims = claimed(repository, path, commit, known)
    _show(lines, origins, claims, console)
    if len(known) == MAX_OF_PATH:
        console.say(f"claims: {MAX_OF_PATH} were read, and there may be more")
    for refusal in reading.not_counted(path):
        console.say(f"not counted: {safe(refusal.message)}")
        if refusal.hint:
            console.say(f"hint: {safe(refusal.hint)}")
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


def _show(
    lines: list[Line], origins: Mapping[Hop, Origin], claims: Mapping[int, Sequence[Known]], console: Console
) -> None:
    if console.json:
        rows = enumerate(lines, start=1)
        console.document([_row(number, line, origins[line.hop], claims.get(number, ())) for number, line in rows])
        return
    wide = max((len(safe(one.short)) for one in origins.values()), default=0)
    said = {number: _claim_text(known) for number, known in claims.items()}
    widest = min(max(map(len, said.values()), default=0), _WIDEST_CLAIM)
    count = len(str(len(lines)))
    for number, line in enumerate(lines, start=1):
        one = origins[line.hop]
        date = f"{one.signed:%Y-%m-%d}" if one.signed else "-"
        mark = "*" if one.note else " "
        text = safe(line.text.decode("utf-8", "replace").expandtabs(_TAB))
        beside = f"{said.get(number, ''):<{widest}.{widest}} " if said else ""
        columns = f"{number:>{count}} {safe(one.short):<{wide}} {one.evidence:<11}{mark}{date:<10}"
        console.data(f"{columns} {beside}{text}".rstrip())
    for note in sorted({one.note for one in origins.values() if one.note}):
        console.say(f"* {safe(note)}")


def _claim_text(known: Sequence[Known]) -> str:
    """Say what others claim of a line, and that nobody signed it."""
    makers = dict.fromkeys(_maker(one) for one in known)
    return f"claimed (unsigned) by {', '.join(makers)}"


def _maker(known: Known) -> str:
    claim = known.claim
    if claim.contributor is Contributor.HUMAN:
        return "a person"
    return safe(" ".join(filter(None, (claim.tool, claim.model))) or f"somebody unknown ({claim.contributor.value})")


def _row(number: int, line: Line, one: Origin, claims: Sequence[Known]) -> dict[str, Json]:
    return {
        "line": number,
        "signer": one.signer,
        "evidence": one.evidence,
        "signed": shape.spell_time(one.signed) if one.signed else None,
        "statement": one.statement,
        "note": one.note,
        "tags": list(one.tags),
        "claims": [_claim_row(known) for known in claims],
        "text": line.text.decode("utf-8", "replace"),
    }


def _claim_row(known: Known) -> Json:
    claim, source = known.claim, known.source
    return {
        "signed": False,
        "contributor": claim.contributor.value,
        "tool": claim.tool,
        "model": claim.model,
        "format": source.format.value,
        "sourceSha256": source.sha256,
    }
