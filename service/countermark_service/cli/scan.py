"""`countermark scan`: what the scanners say of a change, and the score that the gate would use."""

from __future__ import annotations

import argparse
from pathlib import Path

from countermark_ledger import canonical
from countermark_ledger.display import safe
from countermark_ledger.git.change import landing_change
from countermark_ledger.git.reader import Repository
from countermark_scanners import sarif
from countermark_scanners.report import Unscanned, outcome
from countermark_scanners.result import ScanResult
from countermark_scanners.score import Verdict
from countermark_service.cli.console import Console
from countermark_service.exits import Exit
from countermark_service.gate import added_sarif, scan_cache
from countermark_service.gate.scanning import EVERYTHING, scan_landing
from countermark_service.home import home_here


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `scan`."""
    configure_change(parser)
    parser.add_argument("--sarif", metavar="FILE", type=Path, help="also write SARIF 2.1.0")


def configure_change(parser: argparse.ArgumentParser) -> None:
    """Describe which change is scanned, and what is known of it: what `scan` and `score` share."""
    parser.add_argument("--base", default="HEAD~1", metavar="REV", help="what counts as old (default: HEAD~1)")
    parser.add_argument("--head", default="HEAD", metavar="REV", help="the change (default: HEAD)")
    added_sarif.configure(parser)
    scan_cache.configure(parser)


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Scan what merging the head into the base would land, with every scanner."""
    kept = scan_cache.chosen(args, home_here())
    with (
        Repository.open(Path.cwd()) as repository,
        scan_cache.opened(kept, console.say) as cache,
        console.progress(),
    ):
        change = landing_change(repository, repository.resolve(args.base), repository.resolve(args.head))
        result = scan_landing(console.step, cache, added_sarif.read(args))(repository, change, EVERYTHING)
    if args.sarif:
        args.sarif.write_bytes(canonical.dumps(sarif.to_sarif(result)) + b"\n")
    if console.json:
        console.document(result.to_json())
    else:
        _show(result, console)
    return EXIT_OF[result.score.verdict()]


EXIT_OF = {
    Verdict.PASSED: Exit.PASS,
    Verdict.FAILED: Exit.POLICY,
    Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
}


def _show(result: ScanResult, console: Console) -> None:
    for row in result.coverage:
        why = f": {safe(row.report.reason)}" if isinstance(row.report, Unscanned) else ""
        console.data(f"{outcome(row.report)['outcome']!s:<12} {safe(row.path)} ({row.language}){why}")
    for finding in result.new_findings:
        where = f"{safe(finding.path)}:{finding.line}"
        console.data(f"{finding.severity.word:<8} {where} {finding.rule} {safe(finding.message)}")
        console.data(f"         fix: {safe(finding.remediation)}")
    for finding in result.nearby:
        where = f"{safe(finding.path)}:{finding.line}"
        console.data(f"old      {where} {finding.rule} {safe(finding.message)}")
    console.data(f"score {result.score.value} of 100" + (f" ({result.error})" if result.error else ""))
