"""`countermark score explain`: where the points went, who wrote those lines, and what mends them."""

from __future__ import annotations

import argparse
from pathlib import Path

from countermark_ledger.display import safe
from countermark_ledger.git.change import LandingChange, landing_change
from countermark_ledger.git.reader import Repository
from countermark_scanners.result import ScanResult
from countermark_service import scoring
from countermark_service.attribution.lines import Origin, Reading
from countermark_service.cli import detecting, pinning
from countermark_service.cli.console import Console
from countermark_service.cli.scan import EXIT_OF, configure_change
from countermark_service.embedded import Embedded
from countermark_service.exits import Exit
from countermark_service.gate import added_sarif, scan_cache
from countermark_service.gate.scanning import EVERYTHING, scan_landing
from countermark_service.home import home_here
from countermark_service.scoring import Explanation, Loss
from countermark_service.sources import Source, from_directory, from_ledger, from_ref


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `score`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    explain = actions.add_parser("explain", help="name the finding, the line, its author and the fix of every point")
    configure_change(explain)
    explain.add_argument("--bundles", type=Path, metavar="DIR", help="read bundles from a directory as well")
    explain.add_argument("--json", action="store_true", help="print data as one JSON document")
    detecting.configure(actions)


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Scan as the gate would, and lay the score open; or put flaws into the change."""
    if args.action == "detect":
        return detecting.run(args, console)
    home = home_here()
    with (
        Repository.open(Path.cwd()) as repository,
        pinning.ledger_of(home) as embedded,
        scan_cache.opened(scan_cache.chosen(args, home), console.say) as cache,
        console.progress(),
    ):
        change = landing_change(repository, repository.resolve(args.base), repository.resolve(args.head))
        result = scan_landing(console.step, cache, added_sarif.read(args))(repository, change, EVERYTHING)
        console.step("verifying who wrote the lines")
        explanation = scoring.explain(result, _authors(args, repository, change, result, embedded))
    if console.json:
        console.document(explanation.json())
    else:
        _show(explanation, console)
    return EXIT_OF[result.score.verdict()]


def _authors(
    args: argparse.Namespace,
    repository: Repository,
    change: LandingChange,
    result: ScanResult,
    embedded: Embedded | None,
) -> dict[str, Origin | str]:
    paths = sorted({finding.path for finding in result.new_findings})
    if embedded is None or not paths:
        return {}
    sources: list[Source] = [from_ledger(embedded), from_ref(repository)]
    sources += [from_directory(args.bundles)] if args.bundles else []
    reading = Reading.of(repository, embedded, change.head, paths, sources)
    return scoring.authors(repository, change, result.new_findings, reading)


def _show(explanation: Explanation, console: Console) -> None:
    console.data("100")
    for loss in explanation.losses:
        _show_loss(loss, console)
    for cap in explanation.caps:
        where = ", ".join(safe(place) for place in cap.places)
        console.data(f"at most {cap.at_most}: {cap.reason}" + (f" ({where})" if where else ""))
    for name in explanation.missing:
        console.data(f"nothing counts: {safe(name)} did not run to the end")
    console.data(f"score {explanation.value} of 100")


def _show_loss(loss: Loss, console: Console) -> None:
    finding = loss.finding
    cwe = "" if finding.cwe is None else f" CWE-{finding.cwe}"
    level = f"{finding.severity.word}, {finding.confidence.word} confidence"
    console.data(f"{-loss.points:>4}  {safe(finding.path)}:{finding.line}  {level}  {safe(finding.rule)}{cwe}")
    console.data(f"      {safe(finding.message)}")
    console.data(f"      written by {_author(loss)}")
    console.data(f"      fix: {safe(finding.remediation)}")


def _author(loss: Loss) -> str:
    one = loss.origin
    if one is None:
        return f"nobody known: {loss.unknown}"
    return f"{safe(one.short)} ({one.evidence})" if one.signer else "nobody who accounts for it"
