"""2,000 landings, each with its verdict, in a repository of 1,000 files: the whole audit, beside `git log`."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import scenery

from countermark_ledger.authority.issuing import Request
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Kind
from countermark_ledger.predicates.verdict import Binding, Outcome, Verdict
from countermark_service.checkout import Checkout
from countermark_service.embedded import Embedded, opened

LANDINGS, FILES, BATCH = 2_000, 1_000, 500


def measure() -> Iterator[str]:
    """Land changes to one file after another, sign a verdict for each, and time auditing them all."""
    with scenery.repository(FILES) as root:
        scenery.git("checkout", "-q", "main")
        scenery.git("tag", "start")
        _land(LANDINGS)
        _decide(root)
        argv = ["-I", "-m", "countermark_service", "audit", "--since", "start", "--json"]
        walked, _, _ = scenery.process(["git", "log", "--first-parent", "--raw", "--format=%H %T", "start..main"])
        wall, cpu, memory = scenery.process([scenery.sys.executable, *argv])
    yield f"git log --first-parent --raw   {walked:6.2f} s"
    yield f"ours, audit of {LANDINGS:,}        {wall:6.2f} s   {cpu:.2f} s of CPU, {memory:.0f} MB"


def _land(count: int) -> None:
    """Write commits faster than a work tree could."""
    words = ["feature done\n"]
    for number in range(count):
        content = f"value = {number}\n"
        words.append(
            f"commit refs/heads/main\ncommitter b <b@example.com> {1_700_000_000 + number} +0000\n"
            f"data 6\nlanded{'from refs/heads/main^0' + chr(10) if number == 0 else ''}"
            f"M 100644 inline folder{number % 10}/file{number % FILES}.py\ndata {len(content)}\n{content}\n"
        )
    subprocess.run(["git", "fast-import", "--quiet", "--force"], input="".join([*words, "done\n"]).encode(), check=True)


def _decide(root: Path) -> None:
    with Repository.open(root) as repository, opened(Checkout.find(root).home()) as embedded:
        line = repository.first_parents(repository.resolve("refs/heads/main"), LANDINGS + 1)
        raw = (root / ".countermark" / "policy.json").read_bytes()
        policy = hashlib.sha256(raw).hexdigest()
        verdicts = [_verdict(repository, embedded, policy, *pair) for pair in pairwise(line)]
        gate = embedded.identity(Kind.GATE, "local")
        for start in range(0, len(verdicts), BATCH):
            embedded.sign([Request(gate, one.statement()) for one in verdicts[start : start + BATCH]])


def _verdict(repository: Repository, embedded: Embedded, policy: str, head: str, tip: str) -> Verdict:
    tree = repository.commit(head).tree
    binding = Binding(
        repository_id=embedded.config.repository_id,
        protected_ref=embedded.config.protected_ref,
        tip=tip,
        head=head,
        landing_tree=tree,
        listing_sha256=repository.listing_sha256(tree),
        merge_method="merge",
        consumed=(),
    )
    gate, now = embedded.identity(Kind.GATE, "local"), datetime.now(UTC)
    return Verdict(gate, "0", now, Outcome.PASSED, 0, 100, (), policy, (), binding)
