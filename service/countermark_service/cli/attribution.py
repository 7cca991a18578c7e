"""`countermark attribution`: line attribution out to other tools, and theirs in, as claims that nobody signed."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.git.place import read_regular
from countermark_ledger.git.reader import Repository
from countermark_service.attribution import agent_trace, git_ai, taking
from countermark_service.attribution.agent_trace import Version
from countermark_service.attribution.claims import Format
from countermark_service.attribution.contributions import Contributions, contributions
from countermark_service.attribution.giving import join_note
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import Exit, UsageError
from countermark_service.sources import Source, from_ledger, from_ref

MAX_NAMED = 5
"""So many passed over notes are named."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `attribution`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    export = actions.add_parser("export", help="write what the ledger knows of a commit's own lines")
    export.add_argument("--format", required=True, choices=[one.value for one in Format], help="for which tool")
    export.add_argument("--commit", default="HEAD", metavar="REV", help="the commit that brought them (default: HEAD)")
    export.add_argument(
        "--spec-version",
        choices=[one.value for one in Version],
        default=Version.TWO_NUMBERS.value,
        help="of agent-trace: its first schema wants 0.1 (the default), its text 0.1.0",
    )
    where = export.add_mutually_exclusive_group()
    where.add_argument("--output", type=Path, metavar="PATH", help="write to a file (default: standard output)")
    where.add_argument("--notes", action="store_true", help=f"join it to the commit's note under {git_ai.REF}")
    take = actions.add_parser("import", help="keep what another tool says of lines, as unsigned claims")
    source = take.add_mutually_exclusive_group(required=True)
    source.add_argument("file", nargs="?", type=Path, metavar="FILE", help="agent-trace records, or one git-ai note")
    source.add_argument("--notes", action="store_true", help=f"every note under {git_ai.REF}")
    for action in (export, take):
        action.add_argument("--json", action="store_true", help="print what was done as one JSON document")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Export or import."""
    checkout = Checkout.find(Path.cwd())
    with Repository.open(checkout.root) as repository, opened(checkout.home()) as embedded, console.progress():
        here = _Here(checkout, repository, embedded, console)
        if args.action == "export":
            _export(args, here)
        else:
            _import(args, here)
    return Exit.PASS


@dataclass(frozen=True, slots=True)
class _Here:
    checkout: Checkout
    repository: Repository
    embedded: Embedded
    console: Console


def _export(args: argparse.Namespace, here: _Here) -> None:
    if args.notes and args.format != Format.GIT_AI:
        raise UsageError("--notes: expected --format git-ai", hint="countermark attribution export --help")
    here.console.step("verifying evidence and reading the history")
    commit = here.repository.resolve(args.commit)
    sources: list[Source] = [from_ledger(here.embedded), from_ref(here.repository)]
    found = contributions(here.repository, here.embedded, commit, sources)
    done = _written(args, here, found)
    left_out = git_ai.left_out(found) if args.format == Format.GIT_AI else list(found.unnamed)
    if here.console.json:
        ranges = sum(len(row.ranges) for row in found.rows)
        here.console.document(
            {"commit": commit, "format": args.format, "ranges": ranges, "leftOut": [*left_out], **done}
        )
    for path in left_out:
        here.console.say(f"left out, because the format can't name it: {safe(path)}")


def _written(args: argparse.Namespace, here: _Here, found: Contributions) -> dict[str, Json]:
    """Put the record where it was asked for, and say where that is."""
    console = here.console
    if args.notes:
        new = join_note(here.checkout.root, here.repository, found.commit, git_ai.note_of(found))
        if not console.json:
            console.data(f"{git_ai.REF}: {'wrote' if new else 'nothing new for'} the note of {found.commit[:12]}")
        return {"notes": git_ai.REF, "written": new}
    spelled = _spelled(args, found)
    if args.output:
        try:
            args.output.write_bytes(spelled)
        except OSError as error:
            raise UsageError(
                f"{args.output}: {error.strerror}", hint="countermark attribution export --help"
            ) from error
        if not console.json:
            console.data(f"wrote {safe(str(args.output))}")
        return {"output": str(args.output), "written": True}
    if not console.json:
        console.data(spelled.decode().rstrip("\n"))
    return {"record": spelled.decode()}


def _spelled(args: argparse.Namespace, found: Contributions) -> bytes:
    if args.format == Format.GIT_AI:
        return git_ai.note_of(found).encode() + b"\n"
    return agent_trace.encode(found, Version(args.spec_version))


def _import(args: argparse.Namespace, here: _Here) -> None:
    console = here.console
    taken = taking.from_notes(here.repository) if args.notes else taking.from_file(_content(args.file))
    new = here.embedded.store.add_claims(here.embedded.config.repository_id, taken.known)
    for commit, error in taken.passed_over[:MAX_NAMED]:
        console.say(f"passed over the note of {commit[:12]}: {safe(error.message)}")
    if len(taken.passed_over) > MAX_NAMED:
        console.say(f"and {len(taken.passed_over) - MAX_NAMED} more notes")
    if console.json:
        console.document({"claims": len(taken.known), "new": new, "passedOver": len(taken.passed_over)})
    else:
        console.data(
            f"{new} new claims of {len(taken.known)}, unsigned: shown by `countermark blame`, counted by nothing"
        )


def _content(file: Path) -> bytes:
    raw = read_regular(file, taking.MAX_BYTES)
    if raw is None:
        raise UsageError(f"{file}: expected a file, found none", hint="countermark attribution import --help")
    return raw
