"""A change of 1,000 files signed by 10 statements: the gate's steps 1 to 5, beside `git cat-file --batch`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import scenery

from countermark_ledger.coverage import Answer
from countermark_ledger.git.reader import Repository
from countermark_scanners import registry
from countermark_scanners.report import ScannerReport
from countermark_scanners.result import ScanResult
from countermark_scanners.score import score
from countermark_service.checkout import Checkout
from countermark_service.gate import steps
from countermark_service.gate.root import Pin
from countermark_service.sources import from_directory

FILES, STATEMENTS, SIZE = 1000, 10, 4096
RAN = tuple(ScannerReport(name, "0", "0" * 64, {}, None) for name in registry.NAMES)
CLEAN = ScanResult(RAN, (), (), (), (), score(()), None)


def measure() -> Iterator[str]:
    """Sign 1,000 changed files in ten statements, then time reading, verifying and binding them."""
    with scenery.repository(FILES, SIZE) as root:
        scenery.write(FILES, SIZE, "b")
        for number in range(STATEMENTS):
            scenery.countermark("sign", "--agent", "coder", f"folder{number}")
        scenery.commit("work")
        scenery.countermark("log", "export", "../evidence")
        ours = scenery.best(lambda: _gate(root, root.parent / "evidence"))
        names = _blobs()
        gits = scenery.best(lambda: _cat_file(names))
    bar = 2 * gits + 0.15
    yield f"git cat-file --batch, {len(names)} blobs   {gits * 1000:7.0f} ms"
    yield f"ours, steps 1 to 5                {ours * 1000:7.0f} ms   bar {bar * 1000:.0f} ms (2 x git + 150 ms)"


def _gate(root: Path, bundles: Path) -> None:
    config = Checkout.find(root).home().config()
    ports = steps.Ports((from_directory(bundles),), lambda *_: CLEAN, lambda _: None)
    pin = Pin(config.repository_id, config.trust_root, config.protected_ref)
    with Repository.open(root) as repository:
        decision = steps.run(repository, pin, head="work", at=datetime.now(UTC), seen_status=0, ports=ports)
    covered = sum(row.answer is Answer.COVERED for row in decision.facts.rows)
    if covered != FILES:
        raise RuntimeError(f"expected {FILES} covered files, found {covered}: {decision.reasons[:2]}")


def _blobs() -> list[str]:
    """Name the blobs on both sides of the change."""
    rows = scenery.git("diff-tree", "-r", "--no-renames", "main", "work").splitlines()
    return sorted({name for row in rows for name in row.split()[2:4]})


def _cat_file(names: list[str]) -> None:
    subprocess.run(
        ["git", "cat-file", "--batch"], input="\n".join(names).encode(), stdout=subprocess.DEVNULL, check=True
    )
