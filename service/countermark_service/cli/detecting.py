"""`countermark score detect`: flaws are put into a change, and those that no scanner would notice are named."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from countermark_ledger.display import safe
from countermark_ledger.git.change import landing_change
from countermark_ledger.git.reader import Repository
from countermark_scanners.mutants.detection import WHOLE, Confidence, Detection, NotRun
from countermark_service.cli.console import Console
from countermark_service.exits import Exit
from countermark_service.gate import scan_cache
from countermark_service.gate.scanning import detect_landing
from countermark_service.home import home_here

if TYPE_CHECKING:
    Actions = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse has no public name for it


def configure(actions: Actions) -> None:
    """Describe `score detect`."""
    detect = actions.add_parser("detect", help="put flaws into the change, and name those that nobody would notice")
    detect.add_argument("--base", default="HEAD~1", metavar="REV", help="what counts as old (default: HEAD~1)")
    detect.add_argument("--head", default="HEAD", metavar="REV", help="the change (default: HEAD)")
    scan_cache.configure(detect)
    detect.add_argument("--json", action="store_true", help="print data as one JSON document")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Weaken what merging the head into the base would land, a flaw at a time, and ask every scanner."""
    kept = scan_cache.chosen(args, home_here())
    with (
        Repository.open(Path.cwd()) as repository,
        scan_cache.opened(kept, console.say) as cache,
        console.progress(),
    ):
        change = landing_change(repository, repository.resolve(args.base), repository.resolve(args.head))
        found = detect_landing(repository, change, progress=console.step, cache=cache)
    if console.json:
        console.document(found.to_json())
    else:
        _show(found, console)
    return Exit.INCONCLUSIVE if isinstance(found, NotRun) else Exit.PASS


def _show(found: Confidence, console: Console) -> None:
    match found:
        case Detection():
            _show_measured(found, console)
        case NotRun(reason):
            console.data(f"not run: {safe(reason)}")
        case _:
            console.data("nothing to inject: no changed line of Python can be weakened in a way that is known")


def _show_measured(found: Detection, console: Console) -> None:
    for row in found.unnoticed:
        console.data(safe(row.sentence))
        console.data(f"      {safe(row.diff)}  CWE-{row.cwe} {safe(row.by)}".rstrip())
    for path, why in found.unread:
        console.data(f"nothing was tried in {safe(path)}: {safe(why)}")
    console.data(f"tests: {found.tests.value}")
    console.data(f"noticed {found.noticed} of {found.total} injected flaws, {found.per_mille} in {WHOLE}")
