"""Step 6, SCAN: the blobs that would land, against the blobs at the tip.

Trust: blobs come from the object store, never from the work tree; names never reach a tool (`materialise`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from countermark_ledger.git.change import LandingChange
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.git.trees import Entry
from countermark_ledger.node import Mode
from countermark_scanners import inert, language, registry
from countermark_scanners.cache import AnswerCache
from countermark_scanners.mutants.detection import Confidence as Found
from countermark_scanners.mutants.judging import Trial, detect
from countermark_scanners.result import ScanResult
from countermark_scanners.scan import Means, scan
from countermark_scanners.third_party import ThirdParty

Scan = Callable[[Repository, LandingChange, Sequence[str]], ScanResult]

SUBMODULE = "submodule"
_SPECIAL = {Mode.SYMLINK: "symlink", Mode.GITLINK: SUBMODULE}


def scan_landing(
    progress: Callable[[str], None], cache: AnswerCache | None = None, others: Sequence[ThirdParty] = ()
) -> Scan:
    """Return the real port: the named scanners over what differs between the tip and the landing tree.

    What the cache knows of their answers they are not asked again, on either side. `others` are reports that join.
    """

    def run(repository: Repository, change: LandingChange, names: Sequence[str]) -> ScanResult:
        after, contents, before = _sides(repository, change)
        return scan(
            contents,
            before,
            means=Means(registry.named(names), cache=cache, others=others),
            progress=progress,
            special=_executable(after, contents) | _special(repository, after),
        )

    return run


def detect_landing(
    repository: Repository, change: LandingChange, *, progress: Callable[[str], None], cache: AnswerCache | None
) -> Found:
    """Put flaws into what differs between the tip and the landing tree; say which of them a scanner would notice."""
    after, contents, before = _sides(repository, change)
    means = Means(registry.DEFAULT, cache=cache)
    special = _special(repository, after)
    return detect(contents, before, means=means, trial=Trial(), progress=progress, special=special)


def _sides(
    repository: Repository, change: LandingChange
) -> tuple[dict[str, Entry], dict[str, bytes], dict[str, bytes]]:
    """Give what lands by path, its contents, and those at the tip."""
    rows = repository.diff(change.tip, change.tree)
    after = {row.path: row.after for row in rows if row.after is not None}
    before = {row.path: row.before for row in rows if row.before is not None}
    return after, _contents(repository, after), _contents(repository, before)


def _contents(repository: Repository, entries: dict[str, Entry]) -> dict[str, bytes]:
    """Read what can be read; a submodule has no content here, and one too large to read has none either."""
    blobs = dict(repository.blobs({entry.blob for entry in entries.values() if entry.mode is not Mode.GITLINK}))
    return {path: _bytes(blobs.get(entry.blob)) for path, entry in entries.items()}


def _bytes(content: bytes | Oversized | None) -> bytes:
    return content if isinstance(content, bytes) else b""


def _executable(entries: dict[str, Entry], contents: dict[str, bytes]) -> dict[str, str]:
    """Name what cannot act by its type and was made executable: the kernel leaves it to a shell, line by line."""
    kinds = {
        path: language.file_type(path, contents[path])
        for path, entry in entries.items()
        if entry.mode is Mode.EXECUTABLE and contents[path]
    }
    return {path: f"executable {kind}" for path, kind in kinds.items() if kind in inert.TYPES}


def _special(repository: Repository, entries: dict[str, Entry]) -> dict[str, str]:
    blobs = {entry.blob for entry in entries.values() if entry.mode is not Mode.GITLINK}
    large = {name for name, answer in repository.digests(blobs).items() if isinstance(answer, Oversized)}
    special = {path: _SPECIAL[entry.mode] for path, entry in entries.items() if entry.mode in _SPECIAL}
    return special | {path: "too large to read" for path, entry in entries.items() if entry.blob in large}
