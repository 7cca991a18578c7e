"""Step 6, SCAN: the blobs that would land, against the blobs at the tip.

Trust: blobs come from the object store, never from the work tree; names never reach a tool (`materialise`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from countermark_ledger.git.change import LandingChange
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.git.trees import Entry
from countermark_ledger.node import Mode
from countermark_scanners import inert, language, registry
from countermark_scanners.cache import AnswerCache
from countermark_scanners.demands import NOTHING, Demands, Wanted, Whole
from countermark_scanners.result import ScanResult
from countermark_scanners.scan import Means, scan
from countermark_scanners.third_party import ThirdParty

if TYPE_CHECKING:
    from countermark_scanners.mutants.detection import Confidence as Found

EVERYTHING = Wanted(registry.NAMES)
Scan = Callable[[Repository, LandingChange, Wanted], ScanResult]

SUBMODULE = "submodule"
_SPECIAL = {Mode.SYMLINK: "symlink", Mode.GITLINK: SUBMODULE}


def scan_landing(
    progress: Callable[[str], None], cache: AnswerCache | None = None, others: Sequence[ThirdParty] = ()
) -> Scan:
    """Return the real port: the wanted scanners over what differs between the tip and the landing tree.

    What the cache knows of their answers they are not asked again, on either side. `others` are reports that join.
    """

    def run(repository: Repository, change: LandingChange, wanted: Wanted) -> ScanResult:
        after, contents, before = _sides(repository, change)
        special = _executable(after, contents) | _special(repository, after)
        means = Means(registry.named(wanted.scanners), cache=cache, others=others)
        result = scan(contents, before, means=means, progress=progress, special=special)
        if wanted.demands == NOTHING:
            return result
        trees = (lambda: _tree(repository, change.tree)), (lambda: _tree(repository, change.tip))
        return _go_on(result, Whole(contents, before, special, *trees), wanted.demands, means, progress)

    return run


def _go_on(
    result: ScanResult, whole: Whole, demands: Demands, means: Means, progress: Callable[[str], None]
) -> ScanResult:
    from countermark_scanners import stages  # noqa: PLC0415  # few policies demand what these bring
    from countermark_scanners.dynamic.bubblewrap import Bubblewrap  # noqa: PLC0415  # as above

    return stages.go_on(result, whole, demands, stages.Tools(means, Bubblewrap.found, progress))


def _tree(repository: Repository, name: str) -> dict[str, tuple[Mode, bytes]]:
    """Read all of a tree that is files and links, for a machine that has nothing else of the checkout."""
    entries = repository.tree(name)
    files = {path: entry for path, entry in entries.items() if entry.mode is not Mode.GITLINK}
    return {path: (files[path].mode, content) for path, content in _contents(repository, files).items()}


def detect_landing(
    repository: Repository, change: LandingChange, *, progress: Callable[[str], None], cache: AnswerCache | None
) -> Found:
    """Put flaws into what differs between the tip and the landing tree; say which of them a scanner would notice."""
    from countermark_scanners.mutants.judging import Trial, detect  # noqa: PLC0415  # few ask for it

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
